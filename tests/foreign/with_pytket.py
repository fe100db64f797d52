"""Compiles with pytket for a device; the environment says which cloud.

Its own backends are IBM's. What it makes of a circuit, and of a device's calibration, is for any backend of Qiskit's.
"""

from __future__ import annotations

import math

import numpy as np
from pytket.circuit import OpType
from pytket.extensions.qiskit import process_characterisation, qiskit_to_tk, tk_to_qiskit
from pytket.extensions.qiskit.qiskit_convert import get_avg_characterisation
from pytket.passes import (
    AutoRebase,
    CXMappingPass,
    DecomposeBoxes,
    FullPeepholeOptimise,
    NaivePlacementPass,
    SequencePass,
)
from pytket.placement import NoiseAwarePlacement
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

from qiskit_oqtopus import OqtopusBackend, OqtopusProvider

SHOTS = 20_000


def main() -> None:
    """Convert, compile by the device's calibration, and run."""
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ry(0.7, 1)
    circuit.cx(1, 2)
    circuit.ccx(2, 1, 0)
    circuit.rz(0.3, 2)
    circuit.ry(1.4, 2)
    exact = Statevector(circuit).probabilities_dict()
    circuit.measure_all()
    with OqtopusProvider() as provider:
        there_and_back(circuit, exact, provider.get_backend("qulacs"))
        compiled(circuit, exact, provider.get_backend("lattice64"))


def there_and_back(circuit: QuantumCircuit, exact: dict[str, float], backend: OqtopusBackend) -> None:
    """Without noise, what was converted twice has the distribution it had, within six standard errors."""
    converted = qiskit_to_tk(circuit)
    FullPeepholeOptimise().apply(converted)
    counts = backend.run(tk_to_qiskit(converted), shots=SHOTS).result().get_counts()
    shares = {key.replace(" ", ""): count / SHOTS for key, count in counts.items()}
    worst = max(abs(shares.get(key, 0) - exact.get(key, 0)) for key in shares.keys() | exact.keys())
    print("worst share of", len(exact), "is off by", worst)
    assert worst < 3 / math.sqrt(SHOTS), (shares, exact)


def compiled(circuit: QuantumCircuit, exact: dict[str, float], backend: OqtopusBackend) -> None:
    """Placed by errors and routed, a circuit is one of the device's own, and is not disturbed more than they say."""
    known = process_characterisation(backend)
    target = backend.target
    lifetimes = [(1e6 * qubit.t1, 1e6 * qubit.t2) for qubit in target.qubit_properties]
    assert np.allclose(
        [(t1, t2) for (_, t1), (_, t2) in zip(known["t1times"], known["t2times"], strict=True)], lifetimes
    )
    errors = get_avg_characterisation(known)
    assert len(errors["node_errors"]) == target.num_qubits
    for (node, error), (place, readout) in zip(
        errors["readout_errors"].items(), target["measure"].items(), strict=True
    ):
        assert math.isclose(error, readout.error), (node, place)
    for pair, properties in target["cx"].items():
        nodes = tuple(known["Architecture"].nodes[qubit] for qubit in pair)
        assert math.isclose(errors["edge_errors"][nodes], properties.error), pair
    converted = qiskit_to_tk(circuit)
    placement = NoiseAwarePlacement(known["Architecture"], *errors.values())
    SequencePass(
        [
            DecomposeBoxes(),
            FullPeepholeOptimise(),
            CXMappingPass(known["Architecture"], placement, directed_cx=True),
            NaivePlacementPass(known["Architecture"]),
            AutoRebase({OpType.CX, OpType.X, OpType.SX, OpType.Rz}),
        ]
    ).apply(converted)
    isa = tk_to_qiskit(converted)
    (program,) = backend.programs(isa)
    assert program.is_isa, isa
    counts = backend.run(isa, shots=SHOTS).result().get_counts()
    shares = {key.replace(" ", ""): count / SHOTS for key, count in counts.items()}
    away = sum(abs(shares.get(key, 0) - exact.get(key, 0)) for key in shares.keys() | exact.keys()) / 2
    print("on", backend.name, "with", isa.count_ops(), "distance", away)
    assert away < 0.1, (shares, exact)


if __name__ == "__main__":
    main()
