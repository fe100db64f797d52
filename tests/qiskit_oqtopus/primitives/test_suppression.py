"""Error suppression and mitigation in an estimator, from options to results."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3, transpile
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError

from oqtopus_client import OqtopusConfig
from oqtopus_client.emulator import EmulatedDevice, Emulator
from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusEstimator, OqtopusProvider, OqtopusSampler
from qiskit_oqtopus.header import CircuitHeader
from tests.support.lines import line_of
from tests.support.recorded_cloud import RecordedCloud
from tests.support.server_process import last_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ERRORS = ((0.02, 0.04), (0.2, 0.1), (0.05, 0.15), (0.1, 0.1), (0.0, 0.25))

LEVELS: dict[str, dict[str, Any]] = {
    "independent": {"resilience_level": 1},
    "twirled": {"resilience_level": 1, "twirling": {"enable_measure": True}},
    "gates": {"twirling": {"enable_gates": True}},
    "zne": {"resilience": {"zne_mitigation": True}},
    "level 2": {"resilience_level": 2},
}


@pytest.fixture(scope="module")
def lines() -> Iterator[Emulator]:
    """A line of qubits with readout errors, and one without any errors."""
    devices = [
        EmulatedDevice.from_device_info(line_of(ERRORS), device_id="misread"),
        EmulatedDevice.from_device_info(line_of([(0.0, 0.0)] * 5), device_id="perfect"),
    ]
    with Emulator(":memory:", devices=devices) as emulator:
        yield emulator


@pytest.fixture
def tap(lines: Emulator) -> RecordedCloud:
    """The emulator behind a tap."""
    return RecordedCloud(lines)


@pytest.fixture
def provider(lines: Emulator, tap: RecordedCloud) -> Iterator[OqtopusProvider]:
    """A provider of the lines."""
    with OqtopusProvider(dataclasses.replace(lines.config, transport=tap)) as provider:
        yield provider


@pytest.fixture
def misread(provider: OqtopusProvider) -> OqtopusBackend:
    """The line with readout errors."""
    return provider.get_backend("misread")


@pytest.fixture
def perfect(provider: OqtopusProvider, tap: RecordedCloud) -> OqtopusBackend:
    """The line without errors; the request that found it is forgotten."""
    backend = provider.get_backend("perfect")
    tap.requests.clear()
    return backend


def sweep(backend: OqtopusBackend) -> tuple[QuantumCircuit, list[SparsePauliOp], np.ndarray, np.ndarray]:
    """Return a circuit, observables, twenty bindings, and the exact values."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(3)
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    isa = transpile(circuit, backend, initial_layout=[1, 2, 3], optimization_level=1)
    observables = [SparsePauliOp(label).apply_layout(isa.layout) for label in ("ZZZ", "IZZ", "XXX")]
    values = np.linspace(0, 3, 20)
    exact = np.stack([np.cos(values), np.ones(20), np.sin(values)])
    return isa, observables, values[:, np.newaxis], exact


def columns(observables: list[SparsePauliOp]) -> list[list[SparsePauliOp]]:
    """Return observables that broadcast against bindings."""
    return [[observable] for observable in observables]


@pytest.mark.parametrize("kind", ["independent", "twirled"])
def test_readout_mitigation(misread: OqtopusBackend, kind: str) -> None:
    """Values deviate from the exact ones by as much as their standard errors say; without mitigation, by far more."""
    circuit, observables, values, exact = sweep(misread)
    pub, exact = (circuit, columns(observables), values[::4]), exact[:, ::4]
    result = OqtopusEstimator(misread, LEVELS[kind], seed=7).run([pub], shots=2000).result()
    pulls = (result[0].data.evs - exact) / result[0].data.stds
    (raw,) = OqtopusEstimator(misread).run([pub], shots=2000).result()

    assert np.abs(pulls).max() < 5
    assert 0.4 < np.mean(pulls**2) < 1.8
    assert np.mean(((raw.data.evs - exact) / raw.data.stds) ** 2) > 100
    assert result[0].metadata["resilience"] == {"measure_mitigation": True, "zne_mitigation": False}
    assert result.metadata["calibration"]["method"] == kind
    assert result.metadata["calibration"]["qubits"] == [1, 2, 3]


def test_price_of_level_1(misread: OqtopusBackend) -> None:
    """Two calibration circuits serve all bindings and PUBs; their jobs are a tenth of those of twenty bindings."""
    circuit, observables, values, _ = sweep(misread)
    estimator, mitigated = OqtopusEstimator(misread), OqtopusEstimator(misread, resilience_level=1)
    plans = [each.plan([(circuit, observables[0], values)], shots=2000) for each in (estimator, mitigated)]
    both = mitigated.run([(circuit, observables[0], values), (circuit, observables[1], values[:2])], shots=2000)

    assert [(plan.jobs, plan.added_jobs) for plan in plans] == [(20, 0), (22, 2)]
    assert plans[1].shots == 22 * 2000
    assert [circuit.name for circuit in plans[1].circuits[1:]] == ["readout calibration"] * 2
    assert len(both.job_ids) == 20 + 2 + 2


@pytest.mark.parametrize("kind", LEVELS)
def test_without_noise(perfect: OqtopusBackend, kind: str) -> None:
    """On a device without errors, every kind of suppression gives the exact value."""
    circuit, observables, values, exact = sweep(perfect)
    pub = (circuit, columns(observables), values[7:9])
    estimator = OqtopusEstimator(perfect, LEVELS[kind], seed=11)
    job = estimator.run([pub], shots=300)
    (result,) = job.result()
    errors = np.maximum(result.data.stds, 1 / 300)

    assert np.abs((result.data.evs - exact[:, 7:9]) / errors).max() < 5
    assert len(job.job_ids) == estimator.plan([pub], shots=300).jobs


def test_nothing_to_measure(perfect: OqtopusBackend, provider: OqtopusProvider, tap: RecordedCloud) -> None:
    """A constant needs no jobs and no calibration, here and in another process; other PUBs are not affected."""
    circuit = transpile(QuantumCircuit(2), perfect, optimization_level=0)
    constant, zero = (circuit, {"IIIII": 3.0}), (circuit, "IIIIZ")
    for options in (LEVELS["independent"], LEVELS["level 2"]):
        estimator = OqtopusEstimator(perfect, options, twirling={"enable_gates": False, "enable_measure": False})
        job = estimator.run([constant])
        assert tap.requests == []
        assert provider.job(job.job_id()).result()[0].data.evs == 3
        values = [result.data.evs for result in estimator.run([constant, zero, constant]).result()]
        assert values == [3, 1, 3]
        tap.requests.clear()


def test_versions(perfect: OqtopusBackend, provider: OqtopusProvider) -> None:
    """Plans of runs that earlier releases would misread have a version and fields that these refuse; others do not."""
    circuit, observables, values, _ = sweep(perfect)
    measured = circuit.copy()
    measured.measure_all()
    decoupled = {"dynamical_decoupling": {"enable": True}}
    twirled = {"twirling": {"enable_measure": True, "num_randomizations": 2}}
    found = []
    for options in ({}, decoupled, twirled):
        jobs = (
            OqtopusEstimator(perfect, options, route="sampling").run([(circuit, observables[0], values[0])], shots=2),
            OqtopusSampler(perfect, options).run([(measured, values[0], 2)]),
        )
        for job, kind in zip(jobs, ("estimator", "sampler"), strict=True):
            text = provider.client.get_job(job.job_ids[0]).input.program[0]
            header = CircuitHeader.from_program(text)
            found.append((header.version, len(header.extra[kind]["pubs"][0]), len(header.extra["blocks"][0])))

    assert found == [(1, 8, 5), (1, 5, 5), (2, 10, 5), (2, 6, 5), (2, 10, 6), (2, 6, 6)]


def test_names_of_the_data(perfect: OqtopusBackend) -> None:
    """Arrays have the names and shapes that qiskit-ibm-runtime gives them."""
    circuit, observables, values, _ = sweep(perfect)
    pub = (circuit, columns(observables[:2]), values[:3])
    options = {"num_randomizations": 2, "shots_per_randomization": 50}
    zne = {"noise_factors": (1, 1.5, 2, 3), "extrapolator": ("linear", "polynomial_degree_2")}
    estimator = OqtopusEstimator(perfect, resilience_level=2, twirling=options, resilience={"zne": zne})
    (result,) = estimator.run([pub]).result()
    shapes = {name: array.shape for name, array in result.data.items()}

    assert shapes == {
        "evs": (2, 3),
        "stds": (2, 3),
        "evs_noise_factors": (2, 3, 4),
        "stds_noise_factors": (2, 3, 4),
        "ensemble_stds_noise_factors": (2, 3, 4),
        "evs_extrapolated": (2, 3, 2, 5),
        "stds_extrapolated": (2, 3, 2, 5),
    }
    assert result.metadata["shots"] == 100
    assert (result.metadata["num_randomizations"], result.metadata["shots_per_randomization"]) == (2, 50)
    assert result.metadata["num_circuits"] == 3 * 4 * 2  # bindings, factors, randomizations of the one measurement
    assert result.metadata["resilience"]["zne"]["noise_factors"] == [1.0, 1.0, 2.0, 3.0]
    assert np.shape(result.metadata["resilience"]["zne"]["extrapolators"]) == (2, 3)


@pytest.mark.parametrize("level", [0, 2])
def test_decoupling(perfect: OqtopusBackend, level: int) -> None:
    """Idle qubits have pulses in every circuit, also between twirled gates; values stay exact, and metadata say so."""
    circuit = QuantumCircuit(3)
    circuit.x(0)
    for _ in range(4):
        circuit.cx(1, 2)
    circuit.cx(0, 1)
    decoupling = {"enable": True, "sequence_type": "XY4", "scheduling_method": "asap"}
    twirling = {"num_randomizations": 2, "shots_per_randomization": 50} if level else {}
    estimator = OqtopusEstimator(
        perfect, resilience_level=level, dynamical_decoupling=decoupling, twirling=twirling, seed=2
    )
    preview = estimator.plan([(circuit, "ZZZ")])
    (result,) = estimator.run([(circuit, "ZZZ")]).result()
    pulses = [sum(item.name == "x" for item in circuit.data) for circuit in preview.circuits]

    assert min(pulses[: result.metadata["num_circuits"]]) >= 5
    assert preview.circuits[0].count_ops()["delay"] > 4
    assert result.data.evs == 1
    assert result.metadata["dynamical_decoupling"] == {"enable": True, "sequence_type": "XY4"}


def test_decoupling_without_durations() -> None:
    """A backend that does not publish its clock is refused."""
    with pytest.raises(CircuitError, match="publishes no clock period"):
        OqtopusEstimator(AerSimulator(), dynamical_decoupling={"enable": True}).run([(QuantumCircuit(1), "Z")])


def test_journal(lines: Emulator, tmp_path: Path) -> None:
    """A run in the journal is corrected by the program that resumes it."""
    circuit = QuantumCircuit(2)
    circuit.x(0)
    options = LEVELS["twirled"] | {"seed": 4}
    with OqtopusProvider(lines.config, journal=tmp_path / "journal") as provider:
        job = OqtopusEstimator(provider.get_backend("misread"), options).run([(circuit, "ZZ")], shots=8000)
    with OqtopusProvider(lines.config, journal=tmp_path / "journal") as provider:
        (resumed,) = provider.resume()
        (result,) = resumed.result()

    assert resumed.job_id() == job.job_id()
    assert abs(result.data.evs + 1) < 5 * result.data.stds


def test_seeds(perfect: OqtopusBackend) -> None:
    """With a seed, the programs of two runs are the same; without, they differ."""
    circuit, observables, values, _ = sweep(perfect)

    def texts(**options: Any) -> list[str]:
        estimator = OqtopusEstimator(perfect, LEVELS["level 2"], **options)
        preview = estimator.plan([(circuit, observables[:1], values[0])], shots=200)
        return [qasm3.dumps(circuit) for circuit in preview.circuits]

    assert texts(seed=5) == texts(seed=5)
    assert texts() != texts()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            LEVELS["independent"] | {"route": "estimation"},
            "route='estimation' cannot be combined with error suppression",
        ),
        (
            LEVELS["independent"] | {"mitigation": "pseudo_inverse"},
            "mitigation='pseudo_inverse' cannot be combined with",
        ),
        (
            LEVELS["gates"] | {"mitigation": "pseudo_inverse"},
            "Use resilience.measure_mitigation=True in its place, which measures readout errors in the same run",
        ),
        (
            {"twirling": {"enable_measure": True}, "mitigation": "pseudo_inverse"},
            "as it would undo the readout errors of other outcomes",
        ),
        (LEVELS["gates"] | {"transpile": "server"}, "transpile='server' cannot be combined with error suppression"),
        (
            LEVELS["zne"] | {"resilience": {"zne_mitigation": True, "zne": {"extrapolator": "polynomial_degree_3"}}},
            "The extrapolator polynomial_degree_3 needs 4 different noise factors",
        ),
        (
            LEVELS["independent"] | {"twirling": {"num_randomizations": 8}},
            "twirling.num_randomizations=8 has no effect, as nothing is twirled",
        ),
    ],
)
def test_options_that_contradict(
    perfect: OqtopusBackend, tap: RecordedCloud, options: dict[str, Any], message: str
) -> None:
    """They are refused before any request, by `run` and by `plan`."""
    circuit, observables, values, _ = sweep(perfect)
    estimator = OqtopusEstimator(perfect, options)
    for use in (estimator.run, estimator.plan):
        with pytest.raises(ValueError, match=re.escape(message)):
            use([(circuit, observables[0], values)])
    assert tap.requests == []


def test_backend_that_mitigates(perfect: OqtopusBackend) -> None:
    """The backend's own options count, too."""
    perfect.set_options(mitigation="pseudo_inverse")
    with pytest.raises(ValueError, match=r"leave it out, also in backend\.options"):
        OqtopusEstimator(perfect, resilience_level=1).run([(QuantumCircuit(1), "Z")])


@pytest.mark.parametrize("kind", LEVELS)
def test_foreign_gates(perfect: OqtopusBackend, tap: RecordedCloud, kind: str) -> None:
    """A circuit that the server would transpile is refused before any request, with what to do instead."""
    circuit = QuantumCircuit(2, name="swapped")
    circuit.swap(0, 1)
    with pytest.raises(CircuitError, match=r"PUB 1: .* as the server would change others, such as 'swapped'"):
        OqtopusEstimator(perfect, LEVELS[kind]).run([(QuantumCircuit(2), "ZZ"), (circuit, "ZZ")])
    assert tap.requests == []


def test_many_projectors(perfect: OqtopusBackend, tap: RecordedCloud) -> None:
    """Projectors are written as Paulis, unless that takes too many terms."""
    one = transpile(QuantumCircuit(1), perfect, optimization_level=0)
    data = OqtopusEstimator(perfect, resilience_level=1).run([(one, {"IIIII": 1.0, "IIII0": 2.0})]).result()[0].data
    wide = QuantumCircuit(13)
    backend = AerSimulator()
    tap.requests.clear()

    assert data.evs == 3
    with pytest.raises(ValueError, match="PUB 0 has an observable with too many projectors"):
        OqtopusEstimator(backend, resilience_level=1).run([(wide, {"0" * 13: 1.0})])
    result = OqtopusEstimator(backend, twirling={"enable_measure": True}).run([(wide, {"0" * 13: 1.0})]).result()
    assert result[0].data.evs == 1


def test_too_few_gates_to_fold() -> None:
    """A circuit whose gates are too few for the factors warns that its values are not extrapolated."""
    circuit = QuantumCircuit(2)
    zne = {"zne_mitigation": True, "zne": {"noise_factors": [1, 1.5]}}
    estimator = OqtopusEstimator(AerSimulator(), resilience=zne)
    assert estimator.run([(circuit, "ZZ")], shots=10).result()[0].data.evs == 1

    circuit.cx(0, 1)
    with pytest.raises(UserWarning, match=re.escape("has too few cx gates for the noise factors [1.0, 1.5]: they")):
        estimator.plan([(circuit, "ZZ")])


def test_gates_that_are_not_folded() -> None:
    """Extrapolation refuses gates whose noise it would not amplify."""
    circuit = QuantumCircuit(2)
    circuit.cz(0, 1)
    with pytest.raises(CircuitError, match="has the instruction 'cz' on several qubits"):
        OqtopusEstimator(AerSimulator(), LEVELS["zne"]).run([(circuit, "ZZ")])


@pytest.mark.parametrize(
    ("options", "shots", "message"),
    [
        (
            {"twirling": {"enable_measure": True, "num_randomizations": 12}},
            24,
            "add 220 jobs to the 20 of this run. A smaller twirling.num_randomizations, now 12, lowers their number.",
        ),
        (
            {"resilience": {"zne_mitigation": True, "zne": {"noise_factors": list(range(1, 13))}}},
            2,
            "add 220 jobs to the 20 of this run. A shorter resilience.zne.noise_factors lowers their number.",
        ),
        (
            {
                "resilience_level": 1,
                "max_shots": 1,
                "resilience": {"measure_noise_learning": {"shots_per_randomization": 101}},
            },
            1,
            "add 202 jobs to the 20 of this run. A larger max_shots lowers their number.",
        ),
    ],
)
def test_many_jobs(
    perfect: OqtopusBackend, tap: RecordedCloud, options: dict[str, Any], shots: int, message: str
) -> None:
    """A run with more than 200 more jobs warns before it is sent, and names the option that lowers the number."""
    circuit, observables, values, _ = sweep(perfect)
    estimator = OqtopusEstimator(perfect, options)
    with pytest.raises(UserWarning, match=re.escape(message)):
        estimator.run([(circuit, observables[0], values)], shots=shots)
    assert estimator.plan([(circuit, observables[0], values)], shots=shots).added_jobs > 200
    assert tap.requests == []


@pytest.mark.parametrize("kind", LEVELS)
def test_other_backends(kind: str) -> None:
    """All of it runs on a simulator of another kind, readout errors of all qubits included."""
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]))
    circuit = transpile(QuantumCircuit(3), basis_gates=["rz", "sx", "x", "cx"])
    circuit.x(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    backend = AerSimulator(noise_model=noise)
    result = OqtopusEstimator(backend, LEVELS[kind], seed=3).run([(circuit, ["ZZZ", "IIZ"])], shots=20_000).result()[0]
    mitigates = result.metadata["resilience"]["measure_mitigation"]
    seen = np.array([-1.0, -1.0] if mitigates else [-(0.6**3), -0.6])

    assert np.abs((result.data.evs - seen) / result.data.stds).max() < 5


SUBMIT_AND_DIE = """
import os, signal
from qiskit import QuantumCircuit
from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider

backend = OqtopusProvider().get_backend("lattice64")
circuit = QuantumCircuit(1)
circuit.x(0)
job = OqtopusEstimator(backend, {options!r}).run([(circuit, "Z")], shots=300)
print(job.job_id(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("kind", ["independent", "level 2"])
def test_in_another_process(server: dict[str, str], kind: str) -> None:
    """The run of a killed process is corrected in another process."""
    job_id = last_words(SUBMIT_AND_DIE.format(options=LEVELS[kind]), server)
    with OqtopusProvider(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as provider:
        (result,) = provider.job(job_id).result(timeout=60)

    assert abs(result.data.evs + 1) < 5 * result.data.stds
    assert result.metadata["resilience"]["measure_mitigation"]
