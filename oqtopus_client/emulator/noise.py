"""The noise of a device, from its calibration, as Qiskit Aer simulates it.

A circuit here is one of a device's own gates (`x`, `sx`, `rz`, `cx`, `measure`, `barrier`, `delay`) on the `k` qubits
that it uses. `qubits` gives the device's qubit for each of them, so a five-qubit program costs the same on a chip of
five qubits as on one of a thousand::

    model = circuit_noise_model(circuit, device.calibration, qubits)
    counts = AerSimulator(noise_model=model).run(with_delays(circuit, device.calibration, qubits)).result().get_counts()

Clifford circuits too wide for that are sampled in `clifford.py`.
"""

from __future__ import annotations

import math
from functools import cache, reduce
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import PauliGate
from qiskit.utils.units import apply_prefix
from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError, thermal_relaxation_error

from oqtopus_client.physics import CLOCK_NS, relaxation_fidelity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qiskit.circuit import Delay

_LONGEST = 1e300
"""Of all delays, in steps of the clock."""

_TILT = 1e-8
"""By what share of its weight a Pauli error of a depolarization may differ from the others."""


def circuit_noise_model(circuit: QuantumCircuit, calibration: Mapping[str, Any], qubits: Sequence[int]) -> NoiseModel:
    """The noise of the gates and measurements that a circuit has.

    `x`, `sx` and `cx` each have the average fidelity of the calibration (see `gate_error`). `rz` is a change of frame,
    so it has no noise. Each measured qubit has its own readout error, in general not the same for both outcomes.

    Args:
        circuit: The circuit, on its active qubits.
        calibration: The device's qubits and couplings, as `EmulatedDevice.calibration` has them.
        qubits: The device's qubit for each of the circuit's.

    Raises:
        ValueError: There is a `cx` where the device has no coupling in that direction.
    """
    model = NoiseModel()
    couplings = by_direction(calibration)
    used = {(item.name, *(circuit.find_bit(qubit).index for qubit in item.qubits)) for item in circuit.data}
    for name, *indices in sorted(used):
        places = [calibration["qubits"][qubits[index]] for index in indices]
        if name == "measure":
            error = places[0]["meas_error"]
            model.add_readout_error(readout_error(error["prob_meas1_prep0"], error["prob_meas0_prep1"]), indices)
            continue
        if name in ("x", "sx"):
            gate = places[0]
        elif name == "cx":
            gate = coupling(couplings, *(place["id"] for place in places))
        else:
            continue
        times = [lifetimes(place) for place in places]
        error = gate_error(gate["fidelity"], gate["gate_duration"][name], times)
        model.add_quantum_error(error, name, indices, warnings=False)
    return model


def with_delays(circuit: QuantumCircuit, calibration: Mapping[str, Any], qubits: Sequence[int]) -> QuantumCircuit:
    """The circuit with its delays replaced by the relaxation that happens meanwhile.

    As on devices, a delay is rounded up to whole steps of a clock of 2 ns, which is also what `dt` means. Aer knows
    errors by the names of instructions, hence not by how long a delay is; so these stand in the circuit.

    Args:
        circuit: The circuit, on its active qubits.
        calibration: The device's qubits and couplings, as `EmulatedDevice.calibration` has them.
        qubits: The device's qubit for each of the circuit's.

    Raises:
        ValueError: A delay is not longer than zero.
    """
    relaxing = circuit.copy_empty_like()
    for item in circuit.data:
        if item.name != "delay":
            relaxing.append(item)
            continue
        place = calibration["qubits"][qubits[circuit.find_bit(item.qubits[0]).index]]
        relaxing.append(delay_error(item.operation, lifetimes(place)).to_instruction(), item.qubits)
    return relaxing


def relaxation_and_depolarization(
    fidelity: float | None, duration: float, times: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """How long a gate's qubits relax, and how likely they are fully depolarized, to give its average fidelity.

    Full depolarization with probability `p` turns an average fidelity `F_r` into
    `F = (1 - p) F_r + p / d`, for any channel before it, so `p = (F_r - F) / (F_r - 1/d)`; without relaxation that is
    the well-known `F = 1 - p (d-1)/d`. `F_r` is `physics.relaxation_fidelity`. Qiskit Aer's
    `basic_device_gate_errors` solves the same equation. Two cases are not solvable:

    - Relaxation alone is worse than the gate is said to be: it acts for a shorter time, and nothing is added.
    - The fidelity is below `1/d`: it is taken for that, which leaves nothing of the state.

    Args:
        fidelity: Average gate fidelity, 0 to 1; None where it is not known, so that nothing is added to relaxation.
        duration: Of the gate, in nanoseconds.
        times: `(t1, t2)` of each qubit, in microseconds; `t2` up to `2 * t1`.

    Returns:
        A time in nanoseconds, and a probability.
    """
    dimension = 2 ** len(times)
    ceiling = relaxation_fidelity(duration, times)
    if fidelity is None:
        return duration, 0.0
    if fidelity > ceiling:
        return _duration_for(fidelity, duration, times), 0.0
    missing = ceiling - max(fidelity, 1 / dimension)
    # Qubits that relax completely have a fidelity of 1/d already.
    return duration, missing / (ceiling - 1 / dimension) if missing > 0 else 0.0


def gate_error(fidelity: float | None, duration: float, times: Sequence[tuple[float, float]]) -> QuantumError:
    """A channel of a given average gate fidelity: qubits relax, then depolarize.

    The arguments are those of `relaxation_and_depolarization`.
    """
    duration, p = relaxation_and_depolarization(fidelity, duration, times)
    relaxation = _relaxation(duration, times)
    paulis = _paulis(len(times))
    # No two alike: of a channel with equal eigenvalues, Aer's decomposition into Kraus operators may find none, and its
    # threads then end the process. The identity, on which alone the fidelity depends, keeps its weight.
    tilts = [*np.linspace(-_TILT, _TILT, len(paulis) - 1).tolist(), 0.0]
    # Relaxing first makes no difference to what is then fully depolarized: a mixture, with no product of the two.
    return QuantumError(
        [(pauli, p / len(paulis) * (1 + tilt)) for pauli, tilt in zip(paulis, tilts, strict=True)]
        + [
            (terms, (1 - p) * weight)
            for terms, weight in zip(relaxation.circuits, relaxation.probabilities, strict=True)
        ]
    )


def readout_error(prob_meas1_prep0: float, prob_meas0_prep1: float) -> ReadoutError:
    """What a measurement misreads."""
    return ReadoutError([[1 - prob_meas1_prep0, prob_meas1_prep0], [prob_meas0_prep1, 1 - prob_meas0_prep1]])


def delay_error(delay: Delay, times: tuple[float, float]) -> QuantumError:
    """The relaxation of a qubit with lifetimes `(t1, t2)`, in microseconds, while it waits.

    Raises:
        ValueError: The delay is not longer than zero.
    """
    return _relaxation(delay_nanoseconds(delay), [times])


@cache
def _paulis(n_qubits: int) -> list[QuantumCircuit]:
    """All Pauli gates, the identity last: Aer asks each error if it does anything, and reads on until a term does."""
    circuits = []
    for letters in product("XYZI", repeat=n_qubits):
        circuit = QuantumCircuit(n_qubits)
        circuit.append(PauliGate("".join(letters)), range(n_qubits))
        circuits.append(circuit)
    return circuits


def _relaxation(duration: float, times: Sequence[tuple[float, float]]) -> QuantumError:
    """Qubits that relax next to each other, for a time in nanoseconds."""
    return reduce(
        lambda error, other: error.expand(other),
        [thermal_relaxation_error(t1, t2, duration * 1e-3) for t1, t2 in times],
    )


def _duration_for(fidelity: float, longest: float, times: Sequence[tuple[float, float]]) -> float:
    """How long qubits may relax at that fidelity, in nanoseconds: bisection of what falls with time."""
    shortest = 0.0
    for _ in range(60):
        middle = (shortest + longest) / 2
        if relaxation_fidelity(middle, times) > fidelity:
            shortest = middle
        else:
            longest = middle
    return shortest


def by_direction(calibration: Mapping[str, Any]) -> dict[tuple[int, int], Mapping[str, Any]]:
    """A device's couplings by their control and target: its chips have thousands."""
    return {(coupling["control"], coupling["target"]): coupling for coupling in calibration["couplings"]}


def coupling(couplings: Mapping[tuple[int, int], Mapping[str, Any]], control: int, target: int) -> Mapping[str, Any]:
    """The coupling of two of the device's qubits in that direction.

    Raises:
        ValueError: There is none.
    """
    if (control, target) not in couplings:
        raise ValueError(f"the device has no cx from qubit {control} to qubit {target}")
    return couplings[control, target]


def lifetimes(qubit: Mapping[str, Any]) -> tuple[float, float]:
    """A qubit's t1 and t2, in microseconds."""
    return qubit["qubit_lifetime"]["t1"], qubit["qubit_lifetime"]["t2"]


def delay_nanoseconds(delay: Delay) -> float:
    """How long a device waits: the delay in whole steps of its clock.

    Raises:
        ValueError: It is not longer than zero.
    """
    duration, unit = delay.duration, delay.unit
    steps = duration if unit == "dt" else apply_prefix(float(duration), unit) * 1e9 / CLOCK_NS
    if not steps > 0:
        raise ValueError(f"a delay of {duration} {unit} is not longer than zero")
    # Less than a millionth of a step is a rounding error of the unit; in nanoseconds, the longest is beyond all floats.
    return float(math.ceil(min(steps, _LONGEST) - 1e-6) * CLOCK_NS)
