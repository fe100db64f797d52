"""The errors and neighbours of a chip's qubits, as arrays: `Chip`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from qiskit.transpiler import Target

from qiskit_oqtopus.errors import CircuitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from oqtopus_client import OqtopusDevice, QubitCalibration
    from qiskit_oqtopus.parallel.load import Load

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.intp]
    Mask = npt.NDArray[np.bool_]

BROKEN = 0.5
"""Error from which on a qubit or a coupling is never used."""

_CERTAIN = 1 - 1e-12
"""Largest error, of finite cost."""
_TOUCHING = 1.01
"""Distance, as a multiple of the smallest one, up to which qubits are neighbours without a published coupling."""


@dataclass(frozen=True, eq=False)
class Chip:
    """The costs of gates, each -log(1 - error), so that costs of gates add up to that of a circuit.

    Attributes:
        name: The device's id.
        gates: Cost of an `sx` or `x` on each qubit.
        readouts: Cost of a measurement of each qubit.
        couplings: Cost of a `cx` with this control and target, of shape (qubits, qubits). Against the direction of the
            coupling, it includes four `sx`; infinite for qubits that are not coupled.
        directed: Whether the device has this `cx` itself, of shape (qubits, qubits).
        usable: Whether each qubit is calibrated, with errors below 0.5.
        joined: Whether a coupling can be used, in either direction, of shape (qubits, qubits).
        near: Whether qubits are neighbours, which disturb each other, of shape (qubits, qubits).
        is_complete: Whether all pairs of qubits are coupled and the same, as on simulators without calibration.
    """

    name: str
    gates: Floats
    readouts: Floats
    couplings: Floats
    directed: Mask
    usable: Mask
    joined: Mask
    near: Mask
    is_complete: bool

    @classmethod
    def of(cls, device: OqtopusDevice, target: Target) -> Self:
        """Read the errors of a device.

        Missing errors are those of the target, the worst of the others; qubits and couplings that lack them are not
        usable. An error that the device publishes for no qubit or no coupling at all counts as zero, and all as usable.

        Args:
            device: The device; only its own calibration distinguishes missing errors.
            target: Its target, from `target_from_device`.

        Raises:
            CircuitError: The device does not publish how many qubits it has.
        """
        n, qubits = target.num_qubits, device.calibration.qubits
        if n is None:
            raise CircuitError(f"{device.device_id} does not publish its number of qubits; pass parallel=False.")
        if not qubits:
            same, every = np.zeros(n), ~np.eye(n, dtype=bool)
            pairs = np.where(every, 0.0, np.inf)
            none = np.zeros_like(every)
            return cls(device.device_id, same, same, pairs, every, np.ones(n, dtype=bool), every, none, True)
        usable = _calibrated([qubit.gate_error for qubit in qubits])
        usable &= _calibrated([qubit.readout_error for qubit in qubits])
        gates, readouts = (_costs(target, name, [(i,) for i in range(n)]) for name in ("sx", "measure"))
        ends = [(coupling.control, coupling.target) for coupling in device.calibration.couplings]
        indices = tuple(np.array(ends, dtype=np.intp).reshape(-1, 2).T)
        directed, broken, near = (np.zeros((n, n), dtype=bool) for _ in range(3))
        directed[indices] = near[indices] = True
        broken[indices] = ~_calibrated([coupling.gate_error for coupling in device.calibration.couplings])
        broken |= ~(usable & usable[:, None])
        couplings = np.full((n, n), np.inf)
        couplings[indices] = _costs(target, "cx", ends)
        turned = couplings.T + 2 * (gates + gates[:, None])
        couplings = np.where(directed, couplings, turned)
        joined = (directed | directed.T) & ~(broken | broken.T)
        near |= near.T | _close(qubits)
        return cls(device.device_id, gates, readouts, couplings, directed, usable, joined, near, False)

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return len(self.usable)

    @cached_property
    def neighbours(self) -> Integers:
        """The qubits that usable couplings join to each, of shape (qubits, most), filled up with `num_qubits`."""
        return listed(self.joined)

    @cached_property
    def searches(self) -> dict[object, dict[Any, Any]]:
        """Results of searches by their options, kept for further ones; empty at first."""
        return {}

    def within(self, steps: int) -> Mask:
        """Return which qubits are at most this number of couplings apart, of shape (qubits, qubits)."""
        known: dict[int, Mask] = self.searches.setdefault("within", {0: np.eye(self.num_qubits, dtype=bool)})
        if steps not in known:
            before = self.within(steps - 1)
            known[steps] = before | (before.astype(np.float32) @ self.near.astype(np.float32) > 0)
        return known[steps]

    def costs(self, load: Load, rows: Integers) -> Floats:
        """Return the cost of a load at places of shape (places, qubits of the load)."""
        costs = self.gates[rows] @ np.array(load.singles) + self.readouts[rows] @ np.array(load.measured)
        for control, target, count in load.pairs:
            if count:
                costs += count * self.couplings[rows[:, control], rows[:, target]]
        found: Floats = costs
        return found

    def fidelity(self, load: Load, qubits: Sequence[int]) -> float:
        """Estimate the probability that no error occurs: the product of one minus the error of each gate."""
        return float(np.exp(-self.costs(load, np.array([qubits], dtype=np.intp))[0]))

    def broken(self, load: Load, qubits: Sequence[int]) -> list[tuple[int, ...]]:
        """Return those qubits and couplings that a load would use at a place although they are not usable."""
        pairs = sorted((qubits[a], qubits[b]) for a, b in load.edges)
        return [(i,) for i in qubits if not self.usable[i]] + [pair for pair in pairs if not self.joined[pair]]


def target_of(target: Target, qubits: Sequence[int]) -> Target:
    """Return the target of some of a device's qubits, renumbered in this order.

    Args:
        target: The device's target.
        qubits: The qubits, each once.
    """
    local = {qubit: i for i, qubit in enumerate(qubits)}
    part = Target(description=target.description, num_qubits=len(local), dt=target.dt)
    if target.qubit_properties is not None:
        part.qubit_properties = [target.qubit_properties[qubit] for qubit in qubits]
    for name in target.operation_names:
        operation, places = target.operation_from_name(name), target[name]
        if None in places:
            part.add_instruction(operation, name=name)
            continue
        kept = {tuple(local[i] for i in place): each for place, each in places.items() if local.keys() >= set(place)}
        if kept:
            part.add_instruction(operation, kept, name=name)
    return part


def listed(mask: Mask) -> Integers:
    """Return the indices of the true values of each row, of shape (rows, most), filled up with the row's length."""
    numbers = np.where(mask, np.arange(mask.shape[1]), mask.shape[1])
    return np.sort(numbers, axis=1)[:, : mask.sum(axis=1).max(initial=1)]


def _calibrated(errors: Sequence[float | None]) -> Mask:
    """Return which errors are known and below 0.5; all, if none is known."""
    if all(error is None for error in errors):
        return np.ones(len(errors), dtype=bool)
    return np.array([error is not None and error < BROKEN for error in errors], dtype=bool)


def _costs(target: Target, name: str, places: Iterable[tuple[int, ...]]) -> Floats:
    properties = [target[name][place] for place in places]
    errors = np.array([0.0 if each is None or each.error is None else each.error for each in properties])
    costs: Floats = -np.log1p(-np.minimum(errors, _CERTAIN))
    return costs


def _close(qubits: Sequence[QubitCalibration]) -> Mask:
    """Return which qubits lie next to each other in pictures of the chip."""
    positions = {qubit.position for qubit in qubits}
    if len(qubits) == 1 or None in positions or len(positions) < len(qubits):
        return np.zeros((len(qubits), len(qubits)), dtype=bool)
    points = np.array([qubit.position for qubit in qubits])
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    near: Mask = distances <= _TOUCHING * distances.min()
    return near
