"""Circuits on regions of chips: as many as fit, on good qubits, apart from each other."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit, transpile

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator.device_files import built_in_devices
from qiskit_oqtopus.parallel.assignment import Request, assign, best_place
from qiskit_oqtopus.parallel.chip import Chip
from qiskit_oqtopus.parallel.load import Load
from qiskit_oqtopus.target import target_from_device

DEVICE = OqtopusDevice(built_in_devices()["lattice64"].info(n_pending_jobs=0))
CHIP = Chip.of(DEVICE, target_from_device(DEVICE))


def line(n_qubits: int) -> Load:
    """The load of a GHZ state on a line."""
    circuit = QuantumCircuit(n_qubits)
    circuit.h(0)
    for qubit in range(n_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return Load.of(transpile(circuit, basis_gates=["rz", "sx", "x", "cx"], optimization_level=1))


def test_pairs_fill_the_chip() -> None:
    """At a spacing of 1, a pair takes at least four qubits: 32 pairs need two programs of 16."""
    pair = line(2)
    programs = assign(CHIP, [Request(pair, "pair", i) for i in range(32)], spacing=1)
    highest = best_place(CHIP, pair)

    assert [len(program) for program in programs] == [16, 16]
    assert sorted(index for program in programs for index in program) == list(range(32))
    assert highest is not None
    for program in programs:
        places = [set(place.qubits) for place in program.values()]
        near = [set().union(*(CHIP.near[i].nonzero()[0] for i in place)) | place for place in places]
        assert all(near[i].isdisjoint(places[k]) for i in range(16) for k in range(16) if i != k)
        for place in program.values():
            assert 0.9 * highest.fidelity <= place.fidelity <= highest.fidelity
            assert place.fidelity == pytest.approx(CHIP.fidelity(pair, place.qubits))
