"""A device's noise, built from its calibration, for Qiskit Aer.

A circuit here consists of the device's gates (`x`, `sx`, `rz`, `cx`, `measure`, `barrier`, `delay`) on only the qubits
that it uses. `qubits` lists the device's qubit for each of them, so a five-qubit program costs the same on a chip of
five qubits as on one of a thousand::

    model = circuit_noise_model(circuit, device.calibration, qubits)
    counts = AerSimulator(noise_model=model).run(with_delays(circuit, device.calibration, qubits)).result().get_counts()

`clifford.py` samples Clifford circuits that are too wide for Aer.
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
"""The longest delay, in clock steps."""

_TILT = 1e-8
"""Relative difference between the weights of the Pauli errors of a depolarization."""


def circuit_noise_model(circuit: QuantumCircuit, calibration: Mapping[str, Any], qubits: Sequence[int]) -> NoiseModel:
    """Return the noise model for a circuit's gates and measurements.

    `x`, `sx` and `cx` have the average fidelities of the calibration (see `gate_error`). `rz` is a change of frame and
    has no noise. Each measured qubit has its own readout error, in general different for the two outcomes.

    Args:
        circuit: The circuit, on its active qubits.
        calibration: The device's qubits and couplings, in the form of `EmulatedDevice.calibration`.
        qubits: The device's qubit for each of the circuit's.

    Raises:
        ValueError: A `cx` acts where the device has no coupling in that direction.
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
    """Return the circuit with its delays replaced by the relaxation that takes place during them.

    As on devices, a delay is rounded up to whole steps of a 2 ns clock, which is also the unit `dt`. Aer selects errors
    by instruction name, regardless of a delay's duration, so these errors are part of the circuit.

    Args:
        circuit: The circuit, on its active qubits.
        calibration: The device's qubits and couplings, in the form of `EmulatedDevice.calibration`.
        qubits: The device's qubit for each of the circuit's.

    Raises:
        ValueError: A delay is not positive.
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
    """Return the relaxation time and the depolarization probability that give a gate its average fidelity.

    Full depolarization with probability `p` turns an average fidelity `F_r` into
    `F = (1 - p) F_r + p / d`, for any channel before it, so `p = (F_r - F) / (F_r - 1/d)`; without relaxation that is
    the well-known `F = 1 - p (d-1)/d`. `F_r` is `physics.relaxation_fidelity`. Qiskit Aer's
    `basic_device_gate_errors` solves the same equation. Two cases have no solution:

    - Relaxation alone gives a lower fidelity: the relaxation time is shortened, without depolarization.
    - The fidelity is below `1/d`: it is raised to `1/d`, which fully depolarizes the state.

    Args:
        fidelity: Average gate fidelity, 0 to 1; None if unknown, for relaxation without depolarization.
        duration: Duration of the gate, in nanoseconds.
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
    """Return a channel of a given average gate fidelity: relaxation, then depolarization.

    The arguments are those of `relaxation_and_depolarization`.
    """
    duration, p = relaxation_and_depolarization(fidelity, duration, times)
    relaxation = _relaxation(duration, times)
    paulis = _paulis(len(times))
    # All weights differ: Aer's decomposition into Kraus operators may fail for a channel with equal eigenvalues, and
    # its threads then end the process. The identity, which alone determines the fidelity, keeps its weight.
    tilts = [*np.linspace(-_TILT, _TILT, len(paulis) - 1).tolist(), 0.0]
    # Relaxation before full depolarization has no effect, so this is a mixture rather than a product of the two.
    return QuantumError(
        [(pauli, p / len(paulis) * (1 + tilt)) for pauli, tilt in zip(paulis, tilts, strict=True)]
        + [
            (terms, (1 - p) * weight)
            for terms, weight in zip(relaxation.circuits, relaxation.probabilities, strict=True)
        ]
    )


def readout_error(prob_meas1_prep0: float, prob_meas0_prep1: float) -> ReadoutError:
    """Return the readout error of a measurement."""
    return ReadoutError([[1 - prob_meas1_prep0, prob_meas1_prep0], [prob_meas0_prep1, 1 - prob_meas0_prep1]])


def delay_error(delay: Delay, times: tuple[float, float]) -> QuantumError:
    """Return the relaxation during a delay of a qubit with lifetimes `(t1, t2)`, in microseconds.

    Raises:
        ValueError: The delay is not positive.
    """
    return _relaxation(delay_nanoseconds(delay), [times])


@cache
def _paulis(n_qubits: int) -> list[QuantumCircuit]:
    """Return all Pauli gates, the identity last, as Aer searches an error for the first term that has an effect."""
    circuits = []
    for letters in product("XYZI", repeat=n_qubits):
        circuit = QuantumCircuit(n_qubits)
        circuit.append(PauliGate("".join(letters)), range(n_qubits))
        circuits.append(circuit)
    return circuits


def _relaxation(duration: float, times: Sequence[tuple[float, float]]) -> QuantumError:
    """Return the independent relaxation of several qubits for a time in nanoseconds."""
    return reduce(
        lambda error, other: error.expand(other),
        [thermal_relaxation_error(t1, t2, duration * 1e-3) for t1, t2 in times],
    )


def _duration_for(fidelity: float, longest: float, times: Sequence[tuple[float, float]]) -> float:
    """Return the time in nanoseconds after which relaxation reaches a fidelity, by bisection."""
    shortest = 0.0
    for _ in range(60):
        middle = (shortest + longest) / 2
        if relaxation_fidelity(middle, times) > fidelity:
            shortest = middle
        else:
            longest = middle
    return shortest


def by_direction(calibration: Mapping[str, Any]) -> dict[tuple[int, int], Mapping[str, Any]]:
    """Return a device's couplings by control and target, as chips have thousands."""
    return {(coupling["control"], coupling["target"]): coupling for coupling in calibration["couplings"]}


def coupling(couplings: Mapping[tuple[int, int], Mapping[str, Any]], control: int, target: int) -> Mapping[str, Any]:
    """Return the coupling of two of the device's qubits in that direction.

    Raises:
        ValueError: The coupling does not exist.
    """
    if (control, target) not in couplings:
        raise ValueError(f"the device has no cx from qubit {control} to qubit {target}")
    return couplings[control, target]


def lifetimes(qubit: Mapping[str, Any]) -> tuple[float, float]:
    """Return a qubit's t1 and t2, in microseconds."""
    return qubit["qubit_lifetime"]["t1"], qubit["qubit_lifetime"]["t2"]


def delay_nanoseconds(delay: Delay) -> float:
    """Return a delay's duration on the device in nanoseconds, rounded up to whole clock steps.

    Raises:
        ValueError: The delay is not positive.
    """
    duration, unit = delay.duration, delay.unit
    steps = duration if unit == "dt" else apply_prefix(float(duration), unit) * 1e9 / CLOCK_NS
    if not steps > 0:
        raise ValueError(f"a delay of {duration} {unit} is not longer than zero")
    # Less than a millionth of a step is a rounding error of the unit. Longer delays would overflow in nanoseconds.
    return float(math.ceil(min(steps, _LONGEST) - 1e-6) * CLOCK_NS)
