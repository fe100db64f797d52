"""The order of gates that lets a QPU play many at the same time."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator.lattice import square_lattice
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.primitives.suppression.folding import fold
from qiskit_oqtopus.primitives.suppression.schedule import in_rounds
from qiskit_oqtopus.primitives.suppression.twirling import twirlable
from qiskit_oqtopus.qasm import to_template
from qiskit_oqtopus.target import target_from_device
from tests.support.gateway import played
from tests.support.native_circuits import THETA, native

LATTICE = target_from_device(OqtopusDevice(square_lattice("grid", 2, 4, seed=1).info(n_pending_jobs=0)))


@pytest.mark.parametrize("seed", range(40))
def test_order_on_each_qubit_is_unchanged(seed: int) -> None:
    """Only gates on different qubits change their order, and no barrier is crossed; measurements are last."""
    circuit = native(seed, steps=60, delays=True)
    ordered = in_rounds(circuit)

    used = {qubit for item in circuit.data if item.name not in {"barrier", "delay", "measure"} for qubit in item.qubits}
    for qubit in circuit.qubits:
        before, after = (
            [
                (item.name, item.qubits, item.params)
                for item in each.data
                if qubit in item.qubits and item.name != "measure" and (item.name != "delay" or qubit in used)
            ]
            for each in (circuit, ordered)
        )
        assert after == before
    measured, still_measured = (
        [(item.qubits, item.clbits) for item in each.data if item.name == "measure"] for each in (circuit, ordered)
    )
    assert still_measured == measured
    assert (ordered.cregs, ordered.name) == (circuit.cregs, circuit.name)


@pytest.mark.parametrize("factor", [1, 3, 5])
def test_layers_take_the_time_of_their_longest_gates(factor: int) -> None:
    """A layer of cx gates, folded and twirled, is played side by side, and not one gate after the other."""
    pairs = [pair for pair in LATTICE["cx"] if set(pair) in ({0, 1}, {2, 3}, {4, 5}, {6, 7})]
    circuit = QuantumCircuit(8, 1)
    for control, target in pairs:
        circuit.rz(THETA, control)
        circuit.sx(control)
        circuit.rz(0.2, control)
        circuit.cx(control, target)
        circuit.rz(0.3, target)
    circuit.measure(0, 0)
    folded, _ = fold(circuit, factor, np.random.default_rng(1))
    prepared = twirlable(folded, gates=True, measure=False)
    ends = [
        max(played(to_template(each, LATTICE).program.body.replace("%s", "1"), LATTICE)[1].values())
        for each in (prepared, in_rounds(prepared))
    ]
    longest = max(round(LATTICE["cx"][pair].duration / LATTICE.dt) for pair in pairs)
    x = max(round(LATTICE["x"][q,].duration / LATTICE.dt) for q in range(8))

    assert len(pairs) == 4
    assert ends[1] <= factor * (longest + 2 * x) < ends[0] / 2


def test_barriers_hold_gates_in_place() -> None:
    """A gate after a barrier stays after it, even if its qubit idles."""
    circuit = QuantumCircuit(2, 1)
    circuit.sx(0)
    circuit.barrier()
    circuit.cx(0, 1)
    circuit.sx(0)
    circuit.measure(0, 0)

    assert [item.name for item in in_rounds(circuit).data] == ["sx", "barrier", "cx", "sx", "measure"]


def test_other_gates_are_refused() -> None:
    """A circuit has to be native."""
    circuit = QuantumCircuit(1)
    circuit.h(0)
    with pytest.raises(CircuitError, match="has the instruction 'h'"):
        in_rounds(circuit)


def test_transpiled_circuit() -> None:
    """A Trotter circuit, which Qiskit writes one gate after the other, takes less than half of the time."""
    circuit = QuantumCircuit(8)
    for _ in range(2):
        for start in (0, 1):
            for qubit in range(start, 7, 2):
                circuit.rzz(0.3, qubit, qubit + 1)
        circuit.rx(0.4, range(8))
    circuit.measure_all()
    isa = transpile(circuit, target=LATTICE, seed_transpiler=1, optimization_level=1)
    ends = [max(played(to_template(each, LATTICE).program.body, LATTICE)[1].values()) for each in (isa, in_rounds(isa))]

    assert ends[1] < ends[0] / 2
