"""The choice of a method by its cost, and what none can simulate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from oqtopus_client.emulator.simulation import methods
from oqtopus_client.emulator.simulation.operations import Operation, Part

INFINITE = math.inf, math.inf


def part(n_qubits: int, layers: int, noise: bool, angle: float = 0.3, t1: float = 30.0) -> Part:
    """Return layers of rotations and `cx` along a line of qubits."""
    operations = []
    for _ in range(layers):
        operations += [Operation("sx", (qubit,)) for qubit in range(n_qubits)]
        operations += [Operation("rz", (qubit,), angle) for qubit in range(n_qubits)]
        for first in (0, 1):
            for qubit in range(first, n_qubits - 1, 2):
                operations.append(Operation("cx", (qubit, qubit + 1)))
                if noise:
                    operations += [Operation("relax", (q,), 200.0) for q in (qubit, qubit + 1)]
                    operations.append(Operation("depolarize", (qubit, qubit + 1), 0.01))
    return Part(operations, range(n_qubits), [(t1, 20.0) if noise else INFINITE] * n_qubits)


@pytest.mark.parametrize(
    ("one", "shots", "name"),
    [
        (part(12, 3, noise=False), 1000, "state vector"),
        (part(4, 3, noise=True), 1000, "density matrix"),
        (part(14, 30, noise=True), 300, "trajectories"),
        (part(40, 1, noise=True), 300, "matrix product states"),
        (part(40, 30, noise=False, angle=math.pi / 2), 1000, "Clifford"),
        (part(40, 30, noise=True, angle=math.pi / 2, t1=math.inf), 1000, "Clifford"),
        (part(40, 30, noise=True, angle=math.pi / 2), 1000, "twirled Clifford"),
        (part(1200, 1, noise=False, angle=math.pi / 2), 1000, "Clifford"),
        (part(1200, 1, noise=True, angle=math.pi / 2, t1=math.inf), 1000, "Clifford"),
    ],
)
def test_choice(one: Part, shots: int, name: str) -> None:
    """The fastest exact method is chosen, and an approximation only where no exact one is feasible."""
    chosen = methods.choose(one, shots)

    assert chosen.method.name == name
    assert bool(chosen.method.approximation) == (name == "twirled Clifford")


def test_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how much memory is missing, what else was tried, and what to do."""
    monkeypatch.setattr(methods, "available_megabytes", lambda: 8 << 10)
    with pytest.raises(methods.TooLargeError) as caught:
        methods.choose(part(40, 30, noise=True), 1000)

    assert str(caught.value) == (
        "the 40 qubits that its gates connect are too many: to simulate them takes 96 TiB of memory, and a simulation "
        "may use 8 GiB; they are too entangled for matrix product states, and their gates are not a Clifford circuit. "
        "Connect fewer qubits, or entangle them with fewer gates."
    )


def test_memory_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that does not fit into memory is not chosen, however fast it is."""
    wide = part(12, 3, noise=False)
    monkeypatch.setattr(methods, "available_megabytes", lambda: 0)
    with pytest.raises(methods.TooLargeError, match=r"takes 0\.0625 MiB of memory"):
        methods.choose(wide, 1000)


def test_outcomes_of_a_chosen_method() -> None:
    """What is chosen can be prepared once and sampled in portions."""
    chosen, one = methods.choose(part(12, 3, noise=True), 10), part(12, 3, noise=True)
    sampler = chosen.method.sampler(one, np.random.default_rng(1))
    bits = np.concatenate([sampler(3), sampler(4)])

    assert bits.shape == (7, 12)
    assert bits.dtype == bool
