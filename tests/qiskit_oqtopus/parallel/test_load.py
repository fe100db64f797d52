"""The gates of circuits, counted."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus import CircuitError
from qiskit_oqtopus.parallel.load import Load
from tests.support.placement import line, plain_load, ring


def test_counts() -> None:
    """`sx` and `x` count, each direction of `cx` apart; `rz`, delays, barriers and first resets are free."""
    circuit = QuantumCircuit(3, 2)
    circuit.reset(0)
    circuit.sx(0)
    circuit.x(0)
    circuit.rz(1, 0)
    circuit.cx(0, 2)
    circuit.cx(0, 2)
    circuit.delay(100, 1)
    circuit.cx(2, 0)
    circuit.barrier()
    circuit.measure([2, 0], [0, 1])
    load = Load.of(circuit)

    assert load == Load(3, (2, 0, 0), (1, 0, 1), ((0, 2, 2), (2, 0, 1)))
    assert load.counts == {(0, 2): 2, (2, 0): 1}
    assert load.edges == {(0, 2)}
    assert load.components == ((0, 2), (1,))
    assert load.on((2, 0)) == Load(2, (0, 2), (1, 1), ((0, 1, 1), (1, 0, 2)))


def test_other_instructions_are_refused() -> None:
    """A gate without a published error cannot be counted."""
    circuit = QuantumCircuit(1, name="mine")
    circuit.h(0)

    with pytest.raises(CircuitError, match=r"'mine' has the instruction 'h', which is not native"):
        Load.of(circuit)


@pytest.mark.parametrize("load", [line(6), ring(6), plain_load(7, [(3, i) for i in (0, 1, 2, 4, 5, 6)])])
def test_growth_stays_connected(load: Load) -> None:
    """Each qubit but the first has a gate with an earlier one."""
    order = load.growth

    assert sorted(order) == list(range(load.num_qubits))
    assert all(any(load.are_joined(order[i], other) for other in order[:i]) for i in range(1, len(order)))
