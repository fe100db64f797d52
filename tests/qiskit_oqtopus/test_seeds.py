"""Seeds of emulated devices, from the options of runs and primitives to the jobs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2

from oqtopus_client.emulator import Emulator
from qiskit_oqtopus import OqtopusBackend, OqtopusEstimator, OqtopusProvider, OqtopusSampler
from qiskit_oqtopus.specs import seeds
from tests.support.circuits import bell

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.recorded_cloud import RecordedCloud


def uniform(qubits: int = 4, angle: object = np.pi / 2) -> QuantumCircuit:
    """A circuit whose counts hardly agree by chance."""
    circuit = QuantumCircuit(qubits)
    circuit.ry(angle, range(qubits))
    circuit.measure_all()
    return circuit


def infos(emulator: Emulator, job_ids: list[str]) -> list[dict[str, Any]]:
    """Return the stored `simulator_info` of jobs."""
    rows = [emulator._store.get(job_id) for job_id in job_ids]
    return [json.loads(row["simulator_info"]) for row in rows if row is not None]


def test_seeds_of_jobs(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A run's first job gets the seed itself and each other job a different one; without a seed there is no info."""

    def stored(number: int, **options: Any) -> list[dict[str, Any]]:
        return infos(emulator, backend.run([uniform(6)] * number, shots=1, **options).job_ids)

    found = stored(3, seed_simulator=np.int64(7))

    assert found == [{"seed_simulation": seed} for seed in seeds(7, 3)]
    assert len({info["seed_simulation"] for info in found}) == 3
    assert stored(1, seed_simulator=7) == found[:1]
    assert stored(3, seed_simulator=7, multi_manual=True) == found[:2]
    assert stored(2) == stored(2, seed_simulator=None) == [{}, {}]
    backend.set_options(seed_simulator=7)
    assert stored(1) == found[:1]
    assert stored(1, seed_simulator=0) == [{"seed_simulation": 0}]


def test_derived_seeds() -> None:
    """Derived seeds differ, are exact as floats, and do not depend on the number of jobs."""
    many = seeds(1, 20_000)

    assert len(set(many)) == len(many)
    assert all(isinstance(seed, int) and 0 <= seed < 1 << 53 for seed in many)
    assert seeds(1, 5) == many[:5]
    assert set(many[1:]).isdisjoint(seeds(2, 20_000))


@pytest.mark.parametrize(
    ("seed", "error"), [(-1, ValueError), (2**63, ValueError), (1.5, TypeError), (True, TypeError), ("1", TypeError)]
)
def test_bad_seeds(backend: OqtopusBackend, cloud: RecordedCloud, seed: Any, error: type[Exception]) -> None:
    """A seed is a non-negative integer of any integer type."""
    message = re.escape(f"seed_simulator must be a non-negative integer below 2**63, not {seed!r}.")
    with pytest.raises(error, match=message):
        backend.run(bell(), seed_simulator=seed)
    with pytest.raises(error, match=message):
        backend.set_options(seed_simulator=seed)

    assert cloud.requests == []


def runs(backend: OqtopusBackend, seed: int | None) -> list[dict[str, int]]:
    """Circuits of one run, two of them equal."""
    circuits = [uniform(), uniform(), bell()]
    counts: list[dict[str, int]] = backend.run(circuits, seed_simulator=seed).result().get_counts()
    return counts


def packed(backend: OqtopusBackend, seed: int | None) -> list[dict[str, int]]:
    """Three of twenty equal circuits in two jobs."""
    options: dict[str, Any] = {"seed_simulator": seed, "multi_manual": True}
    counts: list[dict[str, int]] = backend.run([uniform()] * 20, **options).result().get_counts()
    return counts[:2] + counts[-1:]


def sampled(backend: OqtopusBackend, seed: int | None) -> list[dict[str, int]]:
    """Bindings of one PUB, and another PUB."""
    angle = Parameter("a")
    pubs = [(uniform(4, angle), [np.pi / 2, np.pi / 2]), uniform()]
    swept, one = OqtopusSampler(backend, seed=seed).run(pubs).result()
    return [swept.data.meas.get_counts(i) for i in range(2)] + [one.data.meas.get_counts()]


def split(backend: OqtopusBackend, seed: int | None) -> list[dict[str, int]]:
    """A circuit whose shots are split across jobs."""
    (result,) = OqtopusSampler(backend, seed=seed, max_shots=300).run([uniform()], shots=900).result()
    return [result.data.meas.get_counts()]


def estimated(route: str) -> Callable[[OqtopusBackend, int | None], list[Any]]:
    """Observables of equal PUBs, all of mean zero."""

    def run(backend: OqtopusBackend, seed: int | None) -> list[Any]:
        circuit = QuantumCircuit(2)
        circuit.x([0, 1])
        pubs = [(circuit, ["XX", "YY", "XY"])] * 2
        results = OqtopusEstimator(backend, seed=seed, route=route).run(pubs, precision=0.003).result()
        return [value for result in results for value in result.data.evs.tolist()]

    return run


def stock_sampled(backend: OqtopusBackend, seed: int | None) -> list[dict[str, int]]:
    """Qiskit's sampler."""
    sampler = BackendSamplerV2(backend=backend, options={"seed_simulator": seed})
    return [result.data.meas.get_counts() for result in sampler.run([uniform(), uniform()]).result()]


def stock_estimated(backend: OqtopusBackend, seed: int | None) -> list[Any]:
    """Qiskit's estimator."""
    estimator = BackendEstimatorV2(backend=backend, options={"seed_simulator": seed})
    circuit = QuantumCircuit(2)
    circuit.x([0, 1])
    results = estimator.run([(circuit, ["XX", "YY", "XY"])], precision=0.003).result()
    return list(results[0].data.evs.tolist())


@pytest.mark.parametrize(
    ("device", "run"),
    [
        ("qulacs", runs),
        ("lattice64", runs),
        ("qulacs", packed),
        ("qulacs", sampled),
        ("lattice64", split),
        ("qulacs", estimated("sampling")),
        ("lattice64", estimated("estimation")),
        ("qulacs", stock_sampled),
        ("qulacs", stock_estimated),
    ],
)
def test_the_same_counts_each_time(
    provider: OqtopusProvider, device: str, run: Callable[[OqtopusBackend, int | None], list[Any]]
) -> None:
    """A run with a seed gives the same outcomes again, and different ones for each of its equal circuits."""
    backend = provider.get_backend(device)
    found = run(backend, 7)

    assert run(backend, 7) == found
    assert all(found.count(each) == 1 for each in found)
    assert run(backend, 8) != found
    assert run(backend, None) != found


def test_shares_of_shots_are_independent(backend: OqtopusBackend) -> None:
    """Jobs across which a circuit's shots are split do not repeat each other's outcomes."""
    (result,) = OqtopusSampler(backend, seed=3, max_shots=50).run([uniform(16)], shots=200).result()
    counts = result.data.meas.get_counts()

    assert max(counts.values()) < 4


def test_real_circuits_on_an_emulator_with_a_seed() -> None:
    """Without seeds of their own, equal runs differ from each other, and all of them are the same on each emulator."""

    def found() -> list[dict[str, int]]:
        with Emulator(":memory:", seed=5) as emulator, OqtopusProvider(emulator.config) as provider:
            backend = provider.get_backend("lattice64")
            circuit = transpile(uniform(), backend, seed_transpiler=1)
            return [
                counts for _ in range(2) for counts in backend.run([circuit, circuit, uniform()]).result().get_counts()
            ]

    counts = found()
    assert found() == counts
    assert all(counts.count(each) == 1 for each in counts)
