"""The jobs of the simulation benchmark: circuits, devices, shots and goals.

All circuits consist of native gates, so servers run them as they are.
"""

from __future__ import annotations

import math
import random
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import MCXGate
from qiskit.transpiler import CouplingMap

from oqtopus_client.emulator.device_files import built_in_devices

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET = "quiet64"
"""The id of `lattice64` without noise."""

_MPS = "matrix_product_state"
_BASIS = ["rz", "sx", "x", "cx"]


class BenchmarkJob(NamedTuple):
    """A job to measure.

    Attributes:
        name: What it is.
        circuit: Creates its circuit, the same each time.
        device_id: The device to run on.
        shots: Number of shots.
        goal: Seconds that a round trip may take on two cores; None without a goal.
        by_hand: The method with which Aer runs it by hand; None if it cannot.
    """

    name: str
    circuit: Callable[[], QuantumCircuit]
    device_id: str
    shots: int
    goal: float | None
    by_hand: str | None = "automatic"


def random_gates(qubits: int, gates: int, *, neighbours: bool = False, seed: int = 1) -> QuantumCircuit:
    """Return random native gates: half of them `rz`, a quarter `sx`, a quarter `cx`, all qubits measured.

    Args:
        qubits: Number of qubits.
        gates: Number of gates.
        neighbours: Whether `cx` act only along couplings of `lattice64`, whose first qubits are two rows.
        seed: Seed of the gates.
    """
    chosen = random.Random(seed)
    line = _line(qubits)
    circuit = QuantumCircuit(64 if neighbours else qubits, qubits)
    for index in range(gates):
        if index % 4 < 2:
            circuit.rz(chosen.uniform(-math.pi, math.pi), line[chosen.randrange(qubits)])
        elif index % 4 == 2:
            circuit.sx(line[chosen.randrange(qubits)])
        else:
            first = chosen.randrange(qubits - 1)
            circuit.cx(*_directed(line[first], line[first + 1]))
    circuit.measure(line[:qubits], range(qubits))
    return circuit


def grover() -> QuantumCircuit:
    """Return 29 Grover iterations on eleven qubits in 49,246 native gates, as Qiskit's level 1 decomposes them."""
    size, iterations = 11, 29
    circuit = QuantumCircuit(size)
    circuit.h(range(size))
    for _ in range(iterations):
        _phase_flip(circuit)
        circuit.h(range(size))
        circuit.x(range(size))
        _phase_flip(circuit)
        circuit.x(range(size))
        circuit.h(range(size))
    circuit.measure_all()
    return transpile(circuit, basis_gates=_BASIS, optimization_level=1, seed_transpiler=1)


def _phase_flip(circuit: QuantumCircuit) -> None:
    """Flip the sign of the state in which all qubits are 1."""
    last = circuit.num_qubits - 1
    circuit.h(last)
    circuit.append(MCXGate(last), range(circuit.num_qubits))
    circuit.h(last)


def bell_among_idle() -> QuantumCircuit:
    """Return a Bell pair on `lattice64` with all 64 qubits measured."""
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    placed = transpile(bell, coupling_map=CouplingMap(_couplings()), basis_gates=_BASIS, seed_transpiler=1)
    placed.measure_all()
    return placed


def ghz(qubits: int, level: int) -> QuantumCircuit:
    """Return a GHZ state, transpiled for `lattice64` at a level of optimization."""
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    chip = CouplingMap(_couplings())
    return transpile(circuit, coupling_map=chip, basis_gates=_BASIS, optimization_level=level, seed_transpiler=1)


@cache
def _couplings() -> list[tuple[int, int]]:
    couplings = built_in_devices()["lattice64"].calibration["couplings"]
    return [(coupling["control"], coupling["target"]) for coupling in couplings]


def _directed(first: int, second: int) -> tuple[int, int]:
    """Return two coupled qubits as control and target; in the given order if they are not coupled."""
    return (second, first) if (second, first) in _couplings() else (first, second)


def _line(qubits: int) -> list[int]:
    """Return the first qubits of a line of neighbours on `lattice64`: its rows, every second one backwards."""
    rows = [list(range(8 * row, 8 * row + 8)) for row in range(8)]
    return [qubit for row, places in enumerate(rows) for qubit in (places[::-1] if row % 2 else places)][:qubits]


JOBS = [
    BenchmarkJob("21,008 statements on 3 qubits", partial(random_gates, 3, 21_001), "qulacs", 1000, 1.0),
    BenchmarkJob("Grover, 11 qubits, 49,246 gates", grover, "qulacs", 1000, 5.0),
    BenchmarkJob("100,000 gates on 8 qubits", partial(random_gates, 8, 100_000), "qulacs", 1000, 5.0),
    BenchmarkJob("Bell pair, 62 idle measured qubits", bell_among_idle, "lattice64", 1000, 0.3, None),
    *(
        BenchmarkJob(f"GHZ-{qubits}, level {level}, {kind}", partial(ghz, qubits, level), device_id, 1000, goal, method)
        # With noise, Aer takes seconds or minutes for each shot.
        for kind, device_id, goal, method in (("noiseless", QUIET, 1.0, _MPS), ("noisy", "lattice64", 5.0, None))
        for qubits in (30, 64)
        for level in range(4)
    ),
    BenchmarkJob(
        "14 qubits, 950 gates, noisy", partial(random_gates, 14, 950, neighbours=True), "lattice64", 300, None
    ),
]
