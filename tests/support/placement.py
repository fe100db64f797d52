"""Chips and loads to place, and checks of places that share no code with the search."""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import rustworkx
from qiskit import QuantumCircuit, transpile

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.lattice import square_lattice
from qiskit_oqtopus.parallel.assignment import Request, assign
from qiskit_oqtopus.parallel.chip import Chip
from qiskit_oqtopus.parallel.load import Load
from qiskit_oqtopus.target import target_from_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oqtopus_client import Calibration
    from qiskit_oqtopus.parallel.places import Place

LATTICES = ("lattice64", "lattice144")


@cache
def emulated(name: str) -> OqtopusDevice:
    """An emulated device; `lattice1000` is not one of the built-in ones."""
    device = square_lattice(name, 25, 40, seed=7) if name == "lattice1000" else built_in_devices()[name]
    return OqtopusDevice(device.info(n_pending_jobs=0))


@cache
def calibration(name: str) -> Calibration:
    """The calibration of an emulated device."""
    return emulated(name).calibration


@cache
def chip(name: str) -> Chip:
    """The chip of an emulated device."""
    return chip_of(emulated(name))


def chip_of(device: OqtopusDevice) -> Chip:
    """The chip of a device."""
    return Chip.of(device, target_from_device(device))


def native(circuit: QuantumCircuit) -> QuantumCircuit:
    """A circuit in the gates of OQTOPUS devices, on qubits of its own."""
    translated: QuantumCircuit = transpile(circuit, basis_gates=["rz", "sx", "x", "cx"], optimization_level=1)
    return translated


def layered(n_qubits: int, layers: int = 1, *, is_ring: bool = False) -> QuantumCircuit:
    """Rotations and a line or ring of `cx` gates in each layer, all qubits measured."""
    circuit = QuantumCircuit(n_qubits)
    for _ in range(layers):
        for qubit in range(n_qubits):
            circuit.ry(0.3, qubit)
        for qubit in range(n_qubits - 1):
            circuit.cx(qubit, qubit + 1)
        if is_ring:
            circuit.cx(n_qubits - 1, 0)
    circuit.measure_all()
    return circuit


@cache
def line(n_qubits: int, layers: int = 1) -> Load:
    """The load of a line of qubits."""
    return Load.of(native(layered(n_qubits, layers)))


@cache
def ring(n_qubits: int, layers: int = 1) -> Load:
    """The load of a ring of qubits."""
    return Load.of(native(layered(n_qubits, layers, is_ring=True)))


def plain_load(n_qubits: int, edges: Iterable[tuple[int, int]]) -> Load:
    """A load with one `cx` on each of these pairs, one `sx` and a measurement on each qubit."""
    return Load(n_qubits, (1,) * n_qubits, (1,) * n_qubits, tuple(sorted((a, b, 1) for a, b in edges)))


def assigned(chip: Chip, loads: Sequence[Load], **options: object) -> list[dict[int, Place]]:
    """The places of circuits with these loads, numbered in this order."""
    requests = [Request(load, f"circuit {i}", i) for i, load in enumerate(loads)]
    return assign(chip, requests, **options)  # type: ignore[arg-type]


def check(chip: Calibration, loads: Sequence[Load], programs: Sequence[Mapping[int, Place]], spacing: int) -> None:
    """Check that each circuit is placed once on coupled, usable qubits, far enough from others, with its fidelity."""
    assert sorted(index for program in programs for index in program) == list(range(len(loads)))
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(len(chip.qubits)))
    graph.add_edges_from_no_data([(each.control, each.target) for each in chip.couplings])
    distances = rustworkx.distance_matrix(graph, null_value=math.inf)
    for program in programs:
        for index, place in program.items():
            assert len(set(place.qubits)) == loads[index].num_qubits == len(place.qubits)
            assert math.isclose(place.fidelity, fidelity(chip, loads[index], place.qubits), rel_tol=1e-9)
        for one, other in combinations(program.values(), 2):
            assert min(distances[a, b] for a in one.qubits for b in other.qubits) > spacing


def fidelity(chip: Calibration, load: Load, qubits: Sequence[int]) -> float:
    """The product of one minus the error of each gate, on usable qubits and couplings only."""
    product = 1.0

    def count(error: float | None, times: int) -> None:
        nonlocal product
        assert error is not None
        assert error < 0.5
        product *= (1 - error) ** times

    for local, qubit in enumerate(qubits):
        count(chip.qubits[qubit].gate_error, load.singles[local])
        count(chip.qubits[qubit].readout_error, load.measured[local])
    for a, b, times in load.pairs:
        pair = qubits[a], qubits[b]
        coupling = next(each for each in chip.couplings if {each.control, each.target} == set(pair))
        count(coupling.gate_error, times)
        if pair[0] != coupling.control:  # two more sx on each qubit
            for qubit in pair:
                count(chip.qubits[qubit].gate_error, 2 * times)
    return product
