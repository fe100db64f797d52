"""Clifford circuits of any width on a noisy device, sampled with Stim.

Stim tracks Pauli errors through a circuit in milliseconds, even where a state vector does not fit into memory. Other
noise must be converted to Pauli errors: relaxation is twirled, so a qubit is as likely to be excited as to decay.
Twirling does not change the average fidelity of a gate; readout errors keep their asymmetry.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import stim

from oqtopus_client.emulator.noise import (
    by_direction,
    coupling,
    delay_nanoseconds,
    lifetimes,
    relaxation_and_depolarization,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from qiskit import QuantumCircuit
    from qiskit.circuit import Instruction

_TOLERANCE = 1e-6
"""Maximum sum of the deviations of a circuit's angles from quarter turns, in radians.

The probability of wrong outcomes is then at most half of it, a hundredth of the statistical error of 10^8 shots.
"""

_QUARTER_TURNS = ("I", "S", "Z", "S_DAG")
_GATES = {"x": "X", "sx": "SQRT_X", "cx": "CX"}


def is_clifford(circuit: QuantumCircuit) -> bool:
    """Whether all `rz` of a circuit of device gates are quarter turns, apart from compilers' rounding errors."""
    return sum(_quarter_turns(item.params[0])[1] for item in circuit.data if item.name == "rz") <= _TOLERANCE


def _quarter_turns(angle: float) -> tuple[int, float]:
    """Return the number of quarter turns, 0 to 3, nearest to an angle, and the deviation from it."""
    # Division would round large angles to the wrong quarter turns.
    small = math.atan2(math.sin(angle), math.cos(angle))
    quarters = round(small / (math.pi / 2))
    return quarters % 4, abs(small - quarters * (math.pi / 2))


def clifford_sampler(
    circuit: QuantumCircuit,
    calibration: Mapping[str, Any] | None,
    qubits: Sequence[int],
    measured: Sequence[int],
    random: np.random.Generator | None = None,
) -> Callable[[int], NDArray[np.bool_]]:
    """Return a function that samples a Clifford circuit with the device's noise.

    Args:
        circuit: A circuit of device gates for which `is_clifford` is true, on its active qubits, without measurements.
        calibration: The device's qubits and couplings, in the form of `EmulatedDevice.calibration`; None for no noise.
        qubits: The device's qubit for each of the circuit's.
        measured: The circuit's qubits to measure at the end.
        random: The source of all random numbers; a new one by default.

    Returns:
        A function of the number of shots that returns new outcomes of shape (shots, len(measured)) at each call.

    Raises:
        ValueError: A `cx` acts where the device has no coupling in that direction, or a delay is not positive.
    """
    program = stim.Circuit()
    couplings = by_direction(calibration) if calibration is not None else {}
    for item in circuit.data:
        indices = [circuit.find_bit(qubit).index for qubit in item.qubits]
        if item.name == "rz":
            program.append(_QUARTER_TURNS[_quarter_turns(item.params[0])[0]], indices)
        elif item.name in _GATES:
            program.append(_GATES[item.name], indices)
        if calibration is not None:
            places = [qubits[index] for index in indices]
            _add_noise(program, item.operation, indices, calibration["qubits"], couplings, places)
    program.append("M", measured)
    random = random or np.random.default_rng()
    sampler = program.compile_sampler(seed=int(random.integers(1 << 63, dtype=np.uint64)))
    errors = [calibration["qubits"][qubits[index]]["meas_error"] for index in measured] if calibration else []
    p10, p01 = (np.array([e[name] for e in errors]) for name in ("prob_meas1_prep0", "prob_meas0_prep1"))

    def sample(shots: int) -> NDArray[np.bool_]:
        outcomes: NDArray[np.bool_] = sampler.sample(shots)
        return outcomes ^ (random.random(outcomes.shape) < np.where(outcomes, p01, p10)) if errors else outcomes

    return sample


def _add_noise(
    program: stim.Circuit,
    gate: Instruction,
    indices: list[int],
    chip: Sequence[Mapping[str, Any]],
    couplings: Mapping[tuple[int, int], Mapping[str, Any]],
    places: list[int],
) -> None:
    """Add the noise of a gate on qubits of the device; `rz` is a change of frame and has none."""
    times = [lifetimes(chip[place]) for place in places]
    if gate.name == "delay":
        _relax(program, indices, delay_nanoseconds(gate), times)
    elif gate.name in _GATES:
        calibrated = coupling(couplings, *places) if gate.name == "cx" else chip[places[0]]
        duration, p = relaxation_and_depolarization(
            calibrated["fidelity"], calibrated["gate_duration"][gate.name], times
        )
        _relax(program, indices, duration, times)
        # Stim's probability excludes the identity, which is one term of full depolarization.
        program.append(f"DEPOLARIZE{len(indices)}", indices, p * (1 - 1 / 4 ** len(indices)))


def _relax(
    program: stim.Circuit, indices: Sequence[int], nanoseconds: float, times: Sequence[tuple[float, float]]
) -> None:
    """Add twirled relaxation: X and Y with (1 - exp(-t/t1))/4 each, and Z such that phases shrink by exp(-t/t2)."""
    for index, (t1, t2) in zip(indices, times, strict=True):
        flip = -math.expm1(-nanoseconds * 1e-3 / t1) / 4
        phase = max(0.0, -math.expm1(-nanoseconds * 1e-3 / t2) / 2 - flip)
        program.append("PAULI_CHANNEL_1", [index], [flip, flip, phase])
