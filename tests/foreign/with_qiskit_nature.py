"""Finds the ground state of hydrogen with Qiskit Nature; the environment says which cloud."""

from __future__ import annotations

import numpy as np
from qiskit.quantum_info import Statevector
from qiskit_algorithms import VQE, NumPyMinimumEigensolver
from qiskit_algorithms.optimizers import SPSA
from qiskit_algorithms.utils import algorithm_globals
from qiskit_nature.second_q.algorithms import GroundStateEigensolver
from qiskit_nature.second_q.circuit.library import UCCSD, HartreeFock
from qiskit_nature.second_q.drivers import PySCFDriver
from qiskit_nature.second_q.mappers import JordanWignerMapper, ParityMapper, QubitMapper
from qiskit_nature.second_q.problems import ElectronicStructureProblem
from qiskit_nature.units import DistanceUnit

from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider

PRECISION = 0.01


def main() -> None:
    """Do what its tutorials do, with two mappers."""
    algorithm_globals.random_seed = 5
    problem = PySCFDriver("H 0 0 0; H 0 0 0.735", unit=DistanceUnit.ANGSTROM, basis="sto3g").run()
    with OqtopusProvider() as provider:
        estimator = OqtopusEstimator(provider.get_backend("qulacs"), default_precision=PRECISION)
        for mapper in (JordanWignerMapper(), ParityMapper(num_particles=problem.num_particles)):
            ground_state(problem, mapper, estimator)


def ground_state(problem: ElectronicStructureProblem, mapper: QubitMapper, estimator: OqtopusEstimator) -> None:
    """The total energy, in Hartree, is the one of exact diagonalization, as is the number of particles.

    The precision is that of an observable of norm 1; the coefficients here make less of it. What the optimizer is away
    from the minimum costs up to 0.01.
    """
    initial = HartreeFock(problem.num_spatial_orbitals, problem.num_particles, mapper)
    ansatz = UCCSD(problem.num_spatial_orbitals, problem.num_particles, mapper, initial_state=initial)
    optimizer = SPSA(maxiter=20, learning_rate=0.2, perturbation=0.2)
    vqe = VQE(estimator, ansatz, optimizer, initial_point=np.zeros(ansatz.num_parameters))
    found = GroundStateEigensolver(mapper, vqe).solve(problem)
    exact = GroundStateEigensolver(mapper, NumPyMinimumEigensolver()).solve(problem)
    state = Statevector(ansatz.assign_parameters(found.raw_result.optimal_point))
    prepared = state.expectation_value(mapper.map(problem.hamiltonian.second_q_op())).real
    measured = found.total_energies[0]
    print(type(mapper).__name__, "VQE", measured, "exact", exact.total_energies[0], "particles", found.num_particles)
    assert abs(exact.total_energies[0] - -1.137306) < 1e-5, exact
    assert prepared < exact.electronic_energies[0] + 0.01, (prepared, exact.electronic_energies[0])
    assert abs(found.electronic_energies[0] - prepared) < 6 * PRECISION, (found.electronic_energies[0], prepared)
    assert abs(found.num_particles[0] - 2) < 6 * PRECISION, found.num_particles


if __name__ == "__main__":
    main()
