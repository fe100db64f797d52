"""Distributions of noisy programs, calculated without the emulator's own code: `scheduled`, `Exact`, `stim_circuit`.

Relaxation times and depolarization probabilities of gates are the emulator's, which other tests compare with Qiskit's.
"""

from __future__ import annotations

import cmath
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import stim

from oqtopus_client.emulator.noise import relaxation_and_depolarization

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tests.support.corpus import Step

_CLOCK_NS = 2


def scheduled(
    steps: Sequence[Step], calibration: Mapping[str, Any], *, schedule: str = "gateway", idle_noise: bool = True
) -> list[Step]:
    """Return the gates of a program, and between them what goes wrong: `relax` and `depolarize`.

    The rule of a real gateway: gates follow each other as closely as possible, and every `rz` and `barrier` waits for
    all qubits. Qubits relax from their first gate until all are read together; a qubit in the ground state does not
    change, so its wait before the first gate is included.

    Args:
        steps: The program's steps, in its order.
        calibration: The device's qubits and couplings.
        schedule: `gateway`; `alap` is the same in reversed time.
        idle_noise: Whether qubits relax between gates.
    """
    gates = {(c["control"], c["target"]): c for c in calibration["couplings"]}
    places = [gates[on] if name == "cx" else calibration["qubits"][on[0]] for name, on, _ in steps]
    durations = [_duration(step, place) for step, place in zip(steps, places, strict=True)]
    n_qubits = len(calibration["qubits"])
    if schedule == "alap":
        reverse = _starts(steps[::-1], durations[::-1], n_qubits)
        end = max((start + duration for start, duration in zip(reverse, durations[::-1], strict=True)), default=0.0)
        starts = [end - start - duration for start, duration in zip(reverse, durations[::-1], strict=True)][::-1]
    else:
        starts = _starts(steps, durations, n_qubits)
        end = max((start + duration for start, duration in zip(starts, durations, strict=True)), default=0.0)
    found: list[Step] = []
    ended = [0.0] * n_qubits
    for (name, on, value), place, start, duration in zip(steps, places, starts, durations, strict=True):
        if name == "barrier":
            continue
        if name == "rz":
            found.append((name, on, value))
            continue
        for qubit in on:
            if idle_noise:
                found.append(("relax", (qubit,), start - ended[qubit]))
            ended[qubit] = start + duration
        if name == "delay":
            found.append(("relax", on, duration))
            continue
        found.append((name, on, value))
        times = [_lifetimes(calibration, qubit) for qubit in on]
        relaxed, probability = relaxation_and_depolarization(place["fidelity"], duration, times)
        found += [("relax", (qubit,), relaxed) for qubit in on]
        found.append(("depolarize", on, probability))
    if idle_noise:
        found += [("relax", (qubit,), end - ended[qubit]) for qubit in range(n_qubits) if ended[qubit] > 0]
    return [step for step in found if step[0] not in ("relax", "depolarize") or step[2] > 0]


def _starts(steps: Sequence[Step], durations: Sequence[float], n_qubits: int) -> list[float]:
    """Return when each step starts if all start as early as possible."""
    free, starts = [0.0] * n_qubits, []
    for (name, on, _), duration in zip(steps, durations, strict=True):
        aligned = range(n_qubits) if name in ("rz", "barrier") else on
        start = max(free[qubit] for qubit in aligned)
        for qubit in aligned:
            free[qubit] = start + duration
        starts.append(start)
    return starts


def _duration(step: Step, place: Mapping[str, Any]) -> float:
    name, _, value = step
    if name == "delay":
        return math.ceil(value / _CLOCK_NS) * _CLOCK_NS
    return 0.0 if name in ("rz", "barrier") else float(place["gate_duration"][name])


def _lifetimes(calibration: Mapping[str, Any], qubit: int) -> tuple[float, float]:
    lifetime = calibration["qubits"][qubit]["qubit_lifetime"]
    return lifetime["t1"], lifetime["t2"]


def light_cone(steps: Sequence[Step], qubits: Sequence[int]) -> tuple[list[Step], set[int]]:
    """Return the steps that measurements of some qubits depend on, and all qubits of these steps."""
    cone, kept = set(qubits), []
    for step in reversed(steps):
        if not cone.isdisjoint(step[1]):
            # Noise does not depend on other qubits, and none of it matters on qubits that are not measured.
            kept.append(step)
            if step[0] == "cx":
                cone.update(step[1])
    return kept[::-1], cone


class Exact:
    """A density matrix, of qubits with any indices.

    Args:
        qubits: The qubits, all of them in state 0.
        calibration: The device's qubits, for their lifetimes; None for a program without noise.
    """

    def __init__(self, qubits: Sequence[int], calibration: Mapping[str, Any] | None = None) -> None:
        self._axis = {qubit: axis for axis, qubit in enumerate(qubits)}
        self._n = len(qubits)
        self._calibration = calibration
        self._rho = np.zeros((2,) * (2 * self._n), complex)
        self._rho[(0,) * (2 * self._n)] = 1

    def run(self, steps: Sequence[Step]) -> Exact:
        """Apply steps; return the object."""
        for name, on, value in steps:
            if name == "relax":
                assert self._calibration is not None
                self._relax(self._axis[on[0]], value * 1e-3, *_lifetimes(self._calibration, on[0]))
            elif name == "depolarize":
                self._depolarize([self._axis[qubit] for qubit in on], value)
            elif name not in ("barrier", "delay"):
                self._apply(_unitary(name, value), [self._axis[qubit] for qubit in on])
        return self

    def probabilities(self, qubits: Sequence[int]) -> NDArray[np.float64]:
        """Return the probability of each outcome of some qubits, the first one the lowest bit of the index."""
        diagonal = np.einsum(self._rho, [*range(self._n)] * 2, [*range(self._n)]).real
        others = tuple(axis for qubit, axis in self._axis.items() if qubit not in qubits)
        kept = [axis for axis in range(self._n) if axis not in others]
        order = [kept.index(self._axis[qubit]) for qubit in reversed(qubits)]
        found: NDArray[np.float64] = diagonal.sum(axis=others).transpose(order).reshape(-1)
        return np.clip(found, 0, None)

    def _apply(self, unitary: NDArray[np.complex128], axes: Sequence[int]) -> None:
        k = len(axes)
        for sides, matrix in (([*axes], unitary), ([self._n + axis for axis in axes], unitary.conj())):
            gate = matrix.reshape((2,) * (2 * k))
            self._rho = np.moveaxis(np.tensordot(gate, self._rho, (range(k, 2 * k), sides)), range(k), sides)

    def _relax(self, axis: int, microseconds: float, t1: float, t2: float) -> None:
        rho = np.moveaxis(self._rho, (axis, self._n + axis), (0, 1)).copy()
        stays, coherent = math.exp(-microseconds / t1), math.exp(-microseconds / t2)
        rho[0, 0] += (1 - stays) * rho[1, 1]
        rho[1, 1] *= stays
        rho[0, 1] *= coherent
        rho[1, 0] *= coherent
        self._rho = np.moveaxis(rho, (0, 1), (axis, self._n + axis))

    def _depolarize(self, axes: Sequence[int], probability: float) -> None:
        k = len(axes)
        sides = [*axes, *(self._n + axis for axis in axes)]
        rho = np.moveaxis(self._rho, sides, range(2 * k)).reshape(2**k, 2**k, *(2,) * (2 * self._n - 2 * k))
        mixed = np.einsum("ii...->...", rho) / 2**k
        rho = (1 - probability) * rho + probability * np.eye(2**k).reshape(2**k, 2**k, *(1,) * (rho.ndim - 2)) * mixed
        self._rho = np.moveaxis(rho.reshape((2,) * (2 * self._n)), range(2 * k), sides)


def misread(
    probabilities: NDArray[np.float64], qubits: Sequence[int], calibration: Mapping[str, Any]
) -> NDArray[np.float64]:
    """Return the probabilities of outcomes that are misread, each qubit independently."""
    found = probabilities.reshape((2,) * len(qubits))
    for index, qubit in enumerate(reversed(qubits)):
        error = calibration["qubits"][qubit]["meas_error"]
        p10, p01 = error["prob_meas1_prep0"], error["prob_meas0_prep1"]
        matrix = np.array([[1 - p10, p01], [p10, 1 - p01]])
        found = np.moveaxis(np.tensordot(matrix, found, (1, index)), 0, index)
    return found.reshape(-1)


def stim_circuit(steps: Sequence[Step], calibration: Mapping[str, Any]) -> stim.Circuit:
    """Return scheduled steps that Stim can simulate: quarter turns, and qubits that do not relax but lose phase."""
    circuit = stim.Circuit()
    for name, on, value in steps:
        if name == "rz":
            turns = round(value / (math.pi / 2))
            assert turns * math.pi / 2 == value
            circuit.append(("I", "S", "Z", "S_DAG")[turns % 4], on)
        elif name == "relax":
            t1, t2 = _lifetimes(calibration, on[0])
            assert t1 == math.inf
            circuit.append("Z_ERROR", on, -math.expm1(-value * 1e-3 / t2) / 2)
        elif name == "depolarize":
            # Stim's probability excludes the identity.
            circuit.append(f"DEPOLARIZE{len(on)}", on, value * (1 - 0.25 ** len(on)))
        else:
            circuit.append({"sx": "SQRT_X"}.get(name, name.upper()), on)
    return circuit


def _unitary(name: str, angle: float) -> NDArray[np.complex128]:
    """Return a gate's matrix; the first qubit is the first factor."""
    match name:
        case "rz":
            # Mathematical libraries reduce angles of any size exactly; half of a float is exact, too.
            return np.diag([cmath.rect(1, -angle / 2), cmath.rect(1, angle / 2)])
        case "x":
            return np.array([[0, 1], [1, 0]], complex)
        case "sx":
            return np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2
        case "cx":
            return np.eye(4, dtype=complex)[[0, 1, 3, 2]]
        case _:
            raise ValueError(name)
