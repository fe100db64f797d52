"""Cuts gates and wires with Qiskit's addon for circuit cutting; the environment says which cloud."""

from __future__ import annotations

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import PauliList, SparsePauliOp, Statevector
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_addon_cutting import (
    cut_wires,
    expand_observables,
    generate_cutting_experiments,
    partition_problem,
    reconstruct_expectation_values,
)
from qiskit_addon_cutting.instructions import CutWire

from qiskit_oqtopus import OqtopusProvider, OqtopusSampler

SHOTS = 20_000
OBSERVABLE = SparsePauliOp(["ZZII", "IZZI", "IIZZ", "XIXI", "ZIZZ", "IXIX"])


def main() -> None:
    """Do what its tutorials do, one after the other."""
    with OqtopusProvider() as provider:
        sampler = OqtopusSampler(provider.get_backend("qulacs"), default_shots=SHOTS, defer_measurements=True)
        gates(sampler)
        wires(sampler)


def gates(sampler: OqtopusSampler) -> None:
    """The first tutorial: two halves of an ansatz, of which the gate between them is cut."""
    circuit = efficient_su2(4, entanglement="linear", reps=2).decompose()
    circuit.assign_parameters([0.4] * len(circuit.parameters), inplace=True)
    problem = partition_problem(circuit, "AABB", OBSERVABLE.paulis)
    check(sampler, "gates", circuit, problem.subcircuits, problem.subobservables)


def wires(sampler: OqtopusSampler) -> None:
    """The third tutorial: a wire in the middle of a circuit is cut."""
    circuit = QuantumCircuit(4)
    for qubit in range(4):
        circuit.ry(0.4 + 0.3 * qubit, qubit)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    uncut = circuit.copy()
    circuit.append(CutWire(), [2])
    for part in (uncut, circuit):
        part.ry(0.6, 2)
        part.cx(2, 3)
    widened = cut_wires(circuit)
    observables = expand_observables(OBSERVABLE.paulis, circuit, widened)
    problem = partition_problem(widened, observables=observables)
    check(sampler, "wires", uncut, problem.subcircuits, problem.subobservables)


def check(
    sampler: OqtopusSampler,
    what: str,
    circuit: QuantumCircuit,
    parts: dict[str, QuantumCircuit],
    observables: dict[str, PauliList],
) -> None:
    """The values that are put together again are those of the whole circuit; they vary by less than 0.01."""
    experiments, coefficients = generate_cutting_experiments(parts, observables, num_samples=np.inf)
    manager = generate_preset_pass_manager(1, backend=sampler.backend)
    results = {label: sampler.run(manager.run(experiments[label])).result() for label in experiments}
    terms = reconstruct_expectation_values(results, coefficients, observables)
    state = Statevector(circuit)
    exact = [state.expectation_value(pauli).real for pauli in OBSERVABLE.paulis]
    print(
        what, np.round(terms, 3), np.round(exact, 3), "jobs", {label: len(each) for label, each in experiments.items()}
    )
    assert np.allclose(terms, exact, rtol=0, atol=0.06), (terms, exact)


if __name__ == "__main__":
    main()
