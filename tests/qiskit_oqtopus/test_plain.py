"""Subclasses of `QuantumCircuit`, everywhere that circuits are modified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Clbit, Parameter, Qubit
from qiskit.circuit.library import (
    EfficientSU2,
    EvolvedOperatorAnsatz,
    NLocal,
    PauliFeatureMap,
    QAOAAnsatz,
    RealAmplitudes,
    TwoLocal,
    ZZFeatureMap,
)
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator

from qiskit_oqtopus import OqtopusEstimator, OqtopusJob, OqtopusSampler
from qiskit_oqtopus.plain import plain, without_layout
from tests.support.circuits import bell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qiskit.providers import BackendV2

    from qiskit_oqtopus import OqtopusBackend

OBSERVABLE = SparsePauliOp(["ZZ", "XI", "IY"], [1.0, 0.5, -0.25])
SHOTS = 20_000

# Qiskit has functions in place of these classes, which are what this is about.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:The class ``qiskit:{category}")
    for category in ("DeprecationWarning", "PendingDeprecationWarning")
]


class Backwards(QuantumCircuit):
    """A circuit class with another signature and its own order of parameters."""

    def __init__(self, angle_names: str) -> None:
        super().__init__(QuantumRegister(1, "a"), QuantumRegister(1, "b"))
        for qubit, name in enumerate(angle_names):
            self.ry(Parameter(name), qubit)
        self.cx(0, 1)
        self.global_phase = 0.25

    @property
    def parameters(self) -> Any:
        """The parameters in reverse order."""
        return list(reversed(list(super().parameters)))


CIRCUITS: dict[str, Callable[[], QuantumCircuit]] = {
    "TwoLocal": lambda: TwoLocal(2, ["ry", "rz"], "cx", reps=1),
    "NLocal": lambda: NLocal(2, TwoLocal(1, "ry", reps=0), TwoLocal(2, "ry", "cz", reps=1), reps=1),
    "RealAmplitudes": lambda: RealAmplitudes(2, reps=1),
    "EfficientSU2": lambda: EfficientSU2(2, reps=1),
    "ZZFeatureMap": lambda: ZZFeatureMap(2, reps=1),
    "PauliFeatureMap": lambda: PauliFeatureMap(2, paulis=["Z", "XX"]),
    "QAOAAnsatz": lambda: QAOAAnsatz(SparsePauliOp(["ZZ", "IZ"], [1.0, 0.5]), reps=2),
    "EvolvedOperatorAnsatz": lambda: EvolvedOperatorAnsatz(SparsePauliOp(["XY", "ZI"], [1.0, 0.5])),
    "own": lambda: Backwards("xy"),
}


def exact(circuit: QuantumCircuit, values: Any) -> tuple[float, dict[str, float]]:
    """Return the expectation value and distribution of a plain circuit, with parameters bound by name."""
    bound = plain(circuit).assign_parameters(dict(zip(circuit.parameters, values, strict=True)))
    state = Statevector(transpile(bound, basis_gates=["rz", "sx", "x", "cx"], optimization_level=0))
    return float(state.expectation_value(OBSERVABLE).real), state.probabilities_dict()


@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_estimator(backend: OqtopusBackend, name: str, *, elsewhere: bool) -> None:
    """Both routes and other backends return the exact value."""
    circuit = CIRCUITS[name]()
    values = np.linspace(0.3, 1.4, len(circuit.parameters))
    simulator = AerSimulator(basis_gates=["rz", "sx", "x", "cx"])
    where: BackendV2 = simulator if elsewhere else backend
    if elsewhere:
        circuit = _translated(circuit)
    expected = exact(circuit, values)[0]
    for route in ["sampling"] if elsewhere else ["sampling", "estimation"]:
        estimator = OqtopusEstimator(where, route=route, seed=3)
        data = estimator.run([(circuit, OBSERVABLE, values)], shots=SHOTS).result()[0].data

        assert abs(float(data.evs) - expected) < 5 * float(data.stds) + 1e-6


def _translated(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit as it is for a class defined here, else transpiled to a simulator's gates."""
    return circuit if isinstance(circuit, Backwards) else transpile(plain(circuit), basis_gates=["rz", "sx", "x", "cx"])


@pytest.mark.parametrize("name", CIRCUITS)
def test_sampler_and_run(backend: OqtopusBackend, name: str) -> None:
    """A subclass runs inside another circuit, and by itself with parameter values in its order."""
    ansatz = CIRCUITS[name]()
    values = np.linspace(0.3, 1.4, len(ansatz.parameters))
    expected = exact(ansatz, values)[1]
    circuit = QuantumCircuit(2)
    circuit.compose(ansatz, inplace=True)
    circuit.measure_all()
    named = {parameter.name: value for parameter, value in zip(ansatz.parameters, values, strict=True)}
    counts = OqtopusSampler(backend, seed=1).run([(circuit, named)], shots=SHOTS).result()[0].data.meas.get_counts()

    assert all(abs(counts.get(key, 0) / SHOTS - p) < 0.025 for key, p in expected.items())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_own_order_of_parameters(backend: OqtopusBackend, *, elsewhere: bool) -> None:
    """Parameter values are in the order of `circuit.parameters`, as defined by the class."""
    circuit = Backwards("xy")
    circuit.add_register(ClassicalRegister(2, "c"))
    circuit.measure([0, 1], [0, 1])
    values = [np.pi, 0.0]  # of y and x: qubit 1 is turned
    where: BackendV2 = AerSimulator() if elsewhere else backend
    sampled = OqtopusSampler(where).run([(circuit, values)], shots=5).result()[0].data.c.get_counts()
    assert sampled == {"10": 5}
    if not elsewhere:
        assert backend.run(circuit, parameter_values=values, shots=5).result().get_counts() == {"10": 5}


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("options", [{}, {"enable_measure": True}, {"enable_gates": True}])
def test_own_order_of_parameters_with_twirling(
    backend: OqtopusBackend, options: dict[str, Any], *, elsewhere: bool
) -> None:
    """Twirled circuits get the values in the order of the class, too."""

    class Reversed(QuantumCircuit):
        @property
        def parameters(self) -> Any:
            return list(reversed(list(super().parameters)))

    circuit = Reversed(QuantumRegister(2), ClassicalRegister(2, "c"))
    for qubit, name in enumerate("xy"):
        circuit.sx(qubit)
        circuit.rz(Parameter(name), qubit)
        circuit.sx(qubit)
    circuit.cx(0, 1)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    values = [np.pi, 0.0]  # of y and x: qubit 0 is turned
    where: BackendV2 = AerSimulator() if elsewhere else backend
    sampler = OqtopusSampler(where, twirling=options, seed=3)
    assert sampler.run([(circuit, values)], shots=128).result()[0].data.c.get_counts() == {"01": 128}
    estimated = OqtopusEstimator(where, twirling=options, seed=3).run([(circuit, ["IZ", "ZI"], values)], precision=0.1)
    assert estimated.result()[0].data.evs == pytest.approx([-1, 1])


def test_plain_circuits() -> None:
    """Bits, registers, phase, name, metadata and instructions are equal; a plain circuit is returned unchanged."""
    original = Backwards("xy")
    original.add_bits([Qubit(), Clbit()])
    shared = ClassicalRegister(bits=[original.clbits[0], Clbit()], name="shared")
    original.add_register(shared)
    original.metadata, original.name = {"a": 1}, "named"
    original.measure(2, shared[1])
    found = plain(original)

    assert type(found) is QuantumCircuit
    assert (found.qubits, found.clbits) == (original.qubits, original.clbits)
    assert (found.qregs, found.cregs) == (original.qregs, original.cregs)
    assert [item.name for item in found.data] == [item.name for item in original.data]
    assert (found.global_phase, found.metadata, found.name) == (0.25, {"a": 1}, "named")
    assert plain(found) is without_layout(found) is found


@pytest.mark.parametrize("route", ["sampling", "estimation"])
def test_no_warning_of_layouts(backend: OqtopusBackend, route: str) -> None:
    """Circuits with a layout can be widened without a warning in any version of Qiskit."""
    isa = transpile(bell(), backend, seed_transpiler=1)
    narrow = transpile(bell(), coupling_map=[[0, 1]], initial_layout=[1, 0])
    pubs = [(circuit, SparsePauliOp("ZZ").apply_layout(circuit.layout)) for circuit in (isa, narrow)]
    for result in OqtopusEstimator(backend, route=route).run(pubs, shots=100).result():
        assert result.data.evs == pytest.approx(1.0)

    assert isa.layout is not None
    assert isa.num_clbits == bell().num_clbits


@pytest.mark.parametrize("name", CIRCUITS)
def test_saved(backend: OqtopusBackend, tmp_path: Path, name: str) -> None:
    """Circuits loaded from saved jobs are plain."""
    circuit = CIRCUITS[name]()
    bound = plain(circuit).assign_parameters([0.1] * len(circuit.parameters))
    if name == "own":
        circuit.add_register(ClassicalRegister(1))
        circuit.measure(0, 0)
        job = backend.run(circuit, parameter_values=[0.1, 0.2], shots=5)
    else:
        bound.measure_all()
        job = backend.run(bound, shots=5)
    job.save(tmp_path / "job.json")

    assert type(OqtopusJob.load(tmp_path / "job.json").circuits()[0]) is QuantumCircuit
