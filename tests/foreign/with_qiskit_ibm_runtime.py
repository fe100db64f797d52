"""Runs the primitives of Qiskit's runtime client in its local mode; the environment says which cloud."""

from __future__ import annotations

import math

import numpy as np
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Batch, EstimatorV2, SamplerV2, Session

from qiskit_oqtopus import OqtopusBackend, OqtopusProvider

SHOTS = 10_000
ERROR = 1 / math.sqrt(SHOTS)


def main() -> None:
    """The README's examples: on a backend, in a session and in a batch."""
    with OqtopusProvider() as provider:
        backend = provider.get_backend("qulacs")
        sample(SamplerV2(mode=backend), backend)
        estimate(EstimatorV2(mode=backend), backend)
        with Session(backend=backend) as session:
            sample(SamplerV2(mode=session), backend)
            estimate(EstimatorV2(mode=session), backend)
        with Batch(backend=backend):
            sample(SamplerV2(), backend)
            estimate(EstimatorV2(), backend)


def sample(sampler: SamplerV2, backend: OqtopusBackend) -> None:
    """A Bell state, and a sweep, within six standard errors."""
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    rabi = QuantumCircuit(1)
    rabi.ry(Parameter("angle"), 0)
    rabi.measure_all()
    angles = np.linspace(0, math.pi, 5)
    manager = generate_preset_pass_manager(optimization_level=1, backend=backend)
    sampler.options.default_shots = SHOTS
    pubs = [(manager.run(bell),), (manager.run(rabi), angles[:, np.newaxis])]
    pair, sweep = sampler.run(pubs).result()
    counts = pair.data.meas.get_counts()
    shares = [sweep.data.meas.get_counts(i).get("1", 0) / SHOTS for i in range(len(angles))]
    print("bell", counts, "sweep", shares)
    assert counts.keys() == {"00", "11"}
    assert sum(counts.values()) == SHOTS
    assert abs(counts["11"] / SHOTS - 0.5) < 3 * ERROR
    assert np.allclose(shares, np.sin(angles / 2) ** 2, rtol=0, atol=3 * ERROR), shares


def estimate(estimator: EstimatorV2, backend: OqtopusBackend) -> None:
    """Values of a rotated pair, within six standard errors, as they are reported."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(2)
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    manager = generate_preset_pass_manager(optimization_level=1, backend=backend)
    isa = manager.run(circuit)
    observables = [[SparsePauliOp(name).apply_layout(isa.layout)] for name in ("XX", "ZI", "ZZ")]
    angles = np.array([0.3, 1.1])
    (found,) = estimator.run([(isa, observables, angles[:, np.newaxis])], precision=ERROR).result()
    exact = [np.sin(angles), np.cos(angles), [1, 1]]
    print("estimate", found.data.evs, exact, "errors", found.data.stds)
    assert np.all(found.data.stds <= ERROR * 1.05), found.data.stds
    assert np.allclose(found.data.evs, exact, rtol=0, atol=6 * ERROR), (found.data.evs, exact)


if __name__ == "__main__":
    main()
