"""Programs of primitives side by side: values held against exact ones, and against those of programs run alone."""

from __future__ import annotations

import dataclasses
import json
import math
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Gate, Parameter
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator

from oqtopus_client import OqtopusConfig
from oqtopus_client.emulator import EmulatedDevice, Emulator
from qiskit_oqtopus import CircuitError, OqtopusEstimator, OqtopusProvider, OqtopusSampler
from tests.support.lines import line_of
from tests.support.random_pubs import exact, random_options, random_pub
from tests.support.recorded_cloud import RecordedCloud
from tests.support.server_process import last_words

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("ignore:Error suppression and mitigation add:UserWarning")

many = pytest.mark.parametrize("number", [3, pytest.param(20, marks=pytest.mark.campaign)])

WAYS: dict[str, dict[str, Any]] = {
    "published": {"mitigation": "pseudo_inverse"},
    "independent": {"resilience_level": 1},
    "twirled": {"resilience_level": 1, "twirling": {"enable_measure": True}},
}


def lattice(name: str, **fields: Any) -> EmulatedDevice:
    """Return lattice64 under another name.

    Args:
        name: The name.
        **fields: Other fields of its description; without `noisy`, its qubits have readout errors only.
    """
    text = resources.files("oqtopus_client.emulator").joinpath("devices/lattice64.json").read_text("utf-8")
    description = json.loads(text)
    info = description["device_info"]
    if "noisy" not in fields:
        for each in [*info["qubits"], *info["couplings"]]:
            each["fidelity"] = 1.0
    return EmulatedDevice.from_description(description | fields | {"device_id": name, "idle_noise": False})


@pytest.fixture(scope="module")
def lattices() -> Iterator[Emulator]:
    """Lattice64 without any errors, with readout errors only, and with all but those of waiting qubits."""
    devices = [lattice("perfect", noisy=False), lattice("misread"), lattice("noisy", noisy=True)]
    with Emulator(":memory:", devices=devices, seed=1) as emulator:
        yield emulator


@pytest.fixture
def tap(lattices: Emulator) -> RecordedCloud:
    """The emulator behind a tap."""
    return RecordedCloud(lattices)


@pytest.fixture
def provider(lattices: Emulator, tap: RecordedCloud) -> Iterator[OqtopusProvider]:
    """A provider of the lattices."""
    with OqtopusProvider(dataclasses.replace(lattices.config, transport=tap)) as provider:
        yield provider


def sweep(num_bindings: int) -> tuple[QuantumCircuit, list[list[SparsePauliOp]], np.ndarray, np.ndarray]:
    """Return a circuit, observables, bindings, and the exact values."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(4)
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    circuit.cx(1, 3)  # qubit 2 is idle
    values = np.linspace(0.1, 3, num_bindings)
    observables = [[SparsePauliOp(label)] for label in ("ZIZZ", "IIZZ", "XIXX")]
    return circuit, observables, values[:, np.newaxis], np.stack([np.cos(values), np.ones_like(values), np.sin(values)])


def bell(*qubits: int, width: int = 2) -> QuantumCircuit:
    """Return a measured pair in an entangled state."""
    circuit = QuantumCircuit(width, 2)
    circuit.h(qubits[0])
    circuit.cx(*qubits)
    circuit.measure(qubits, [0, 1])
    return circuit


@many
def test_random_pubs(provider: OqtopusProvider, number: int) -> None:
    """Free and fixed circuits, with any combination of suppression and mitigation, have the exact values."""
    rng, shots, off = np.random.default_rng(number), 400, []
    backend = provider.get_backend("perfect")
    for _ in range(number):
        given = [random_pub(rng) for _ in range(3)]
        options = random_options(rng) | {"parallel": [True, 2, 5][rng.integers(3)], "spacing": int(rng.integers(3))}
        pubs: list[Any] = []
        for circuit, observables, values in given:
            columns: list[list[Any]] = [[each] for each in observables]
            if rng.integers(3) == 0:
                isa = transpile(circuit, backend, optimization_level=1, seed_transpiler=int(rng.integers(100)))
                operators = [SparsePauliOp.from_list(list(as_paulis(each).items())) for each in observables]
                pubs.append((isa, [[each.apply_layout(isa.layout)] for each in operators], values))
            else:
                pubs.append((circuit, columns, values))
        results = OqtopusEstimator(backend, options).run(pubs, shots=shots).result()
        for (circuit, observables, values), result in zip(given, results, strict=True):
            errors = getattr(result.data, "ensemble_standard_error", result.data.stds)
            for i, observable in enumerate(observables):
                for j, row in enumerate(values):
                    difference = abs(result.data.evs[i, j] - exact(circuit.assign_parameters(row), observable))
                    off.append(difference / max(errors[i, j], sum(map(abs, observable.values())) / shots))

    assert max(off) < 5
    assert math.sqrt(np.mean(np.square(off))) < 1.3


def as_paulis(observable: dict[str, float]) -> dict[str, float]:
    """Return an observable with projectors as sums of Paulis."""
    found: dict[str, float] = {}
    sums = {"0": "IZ", "1": "Iz", "+": "IX", "-": "Ix", "r": "IY", "l": "Iy"}
    for label, coefficient in observable.items():
        terms = {"": coefficient}
        for letter in label:
            letters = sums.get(letter, letter)
            factor = 1 / len(letters)
            terms = {
                text + each.upper(): c * factor * (-1 if each.islower() else 1)
                for text, c in terms.items()
                for each in letters
            }
        for text, c in terms.items():
            found[text] = found.get(text, 0.0) + c
    return found


@pytest.mark.parametrize("way", WAYS)
def test_readout_errors(provider: OqtopusProvider, way: str) -> None:
    """Each part is corrected by the errors of its own qubits: deviations are as large as the standard errors say."""
    backend = provider.get_backend("misread")
    circuit, observables, values, expected = sweep(24)
    isa = transpile(circuit, backend, initial_layout=[1, 9, 63, 10], optimization_level=1)
    fixed = isa, [[each.apply_layout(isa.layout)] for (each,) in observables], values[::4]
    estimator = OqtopusEstimator(backend, WAYS[way], parallel=True, seed=3)
    job = estimator.run([(circuit, observables, values), fixed], shots=4000)
    result, of_fixed = job.result()
    (raw,) = OqtopusEstimator(backend, parallel=True).run([(circuit, observables, values)], shots=4000).result()
    pulls = (result.data.evs - expected) / result.data.stds
    fixed_pulls = (of_fixed.data.evs - expected[:, ::4]) / of_fixed.data.stds

    assert len({place["qubits"] for place in result.metadata["placements"]}) > 8
    assert {place["qubits"] for place in of_fixed.metadata["placements"]} == {(1, 9, 10)}
    assert np.abs(pulls).max() < 5
    assert np.abs(fixed_pulls).max() < 5
    assert 0.5 < np.mean(pulls**2) < 1.6
    assert np.mean(((raw.data.evs - expected) / raw.data.stds) ** 2) > 10
    assert len(job.job_ids) == estimator.plan([(circuit, observables, values), fixed], shots=4000).jobs
    assert len(job.job_ids) < result.metadata.get("num_circuits", 48) / 3


@pytest.mark.parametrize("transpile_option", ["auto", "none"])
def test_calibration_of_the_same_qubits(provider: OqtopusProvider, transpile_option: Any) -> None:
    """The calibration measures the qubits that the run measures, and so do circuits that are sent as they are."""
    backend = provider.get_backend("misread")
    width = 64 if transpile_option == "auto" else 12
    circuit = QuantumCircuit(width)
    circuit.x([2, 11])
    label = "".join("Z" if qubit in {2, 11} else "I" for qubit in reversed(range(width)))
    estimator = OqtopusEstimator(backend, resilience_level=1, parallel=True, transpile=transpile_option, seed=1)
    job = estimator.run([(circuit, label)], shots=20_000)
    (result,) = job.result()
    headers = [batch[0].header for batch in job._run.batch.programs()]  # type: ignore[attr-defined]

    assert {tuple(q for q in part.qubits if q is not None) for header in headers for part in header.parts} == {(2, 11)}
    assert abs(result.data.evs - 1) < 5 * result.data.stds


def test_noise_is_that_of_the_circuits_alone(provider: OqtopusProvider) -> None:
    """With noise, values are those of the same circuits run alone on the same qubits."""
    backend = provider.get_backend("noisy")
    circuit, observables, values, _ = sweep(1)
    pubs = [(circuit, observables, values)] * 12
    together = OqtopusEstimator(backend, parallel=True, seed=5).run(pubs, shots=4000).result()
    off = []
    for result in together:
        places = {label: place["qubits"] for label, place in zip("ZX", result.metadata["placements"], strict=True)}
        for row, label in enumerate("ZZX"):
            used = QuantumCircuit(3)
            used.ry(values[0, 0], 0)
            used.cx(0, 1)
            used.cx(1, 2)
            isa = transpile(used, backend, initial_layout=places[label], optimization_level=1)
            observable = SparsePauliOp(["ZZZ", "IZZ", "XXX"][row]).apply_layout(isa.layout)
            estimator = OqtopusEstimator(backend, route="sampling", seed=len(off))
            (alone,) = estimator.run([(isa, observable)], shots=4000).result()
            error = math.hypot(alone.data.stds, result.data.stds[row, 0])
            off.append((alone.data.evs - result.data.evs[row, 0]) / error)

    assert np.abs(off).max() < 5
    assert np.mean(np.square(off)) < 1.8


def test_samples(provider: OqtopusProvider) -> None:
    """Bindings and circuits of different shapes have their own registers and shots; equal shots share a job."""
    backend = provider.get_backend("perfect")
    angle = Parameter("angle")
    swept = QuantumCircuit(3)
    swept.rx(angle, 1)
    swept.cx(1, 2)
    swept.measure_all()
    pubs = [(swept, [[0.0], [np.pi]]), bell(0, 1), (swept, [[np.pi]], 50)]
    sampler = OqtopusSampler(backend, parallel=True, default_shots=200)
    job = sampler.run(pubs)
    first, second, third = job.result()

    assert [first.data.meas.get_counts(i) for i in range(2)] == [{"000": 200}, {"110": 200}]
    assert set(second.data.c.get_counts()) == {"00", "11"}
    assert second.data.c.num_shots == 200
    assert third.data.meas.get_counts(0) == {"110": 50}
    assert len(job.job_ids) == sampler.plan(pubs).jobs == 2
    assert first.metadata["placements"][0]["programs"] == [0]
    assert third.metadata["placements"][0]["programs"] == [1]


def test_flips_of_twirled_samples(provider: OqtopusProvider) -> None:
    """Randomizations share programs, and their flips are undone for each part."""
    backend = provider.get_backend("perfect")
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.measure_all()
    twirling = {"enable_measure": True, "enable_gates": True, "num_randomizations": 8}
    job = OqtopusSampler(backend, parallel=True, twirling=twirling).run([circuit] * 3, shots=800)

    assert [result.data.meas.get_counts() for result in job.result()] == [{"01": 800}] * 3
    assert len(job.job_ids) == 2


def test_another_process(server: dict[str, str]) -> None:
    """The run of a killed process is read, split and corrected in another process."""
    job_id = last_words(SUBMIT_AND_DIE, server)
    with OqtopusProvider(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as provider:
        job = provider.job(job_id)
        result = job.result(timeout=60)
        assert len(job.job_ids) < 12  # type: ignore[union-attr]

    for sign, pub in zip((1, -1), result, strict=True):
        assert np.abs(pub.data.evs - sign * np.array([1, -1, 1])).max() < 5 * pub.data.stds.max()
        assert pub.metadata["placements"]


SUBMIT_AND_DIE = """
import os, signal
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter
from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider

backend = OqtopusProvider().get_backend("lattice64")
circuit = QuantumCircuit(2)
circuit.rx(Parameter("angle"), 0)
flipped = circuit.copy()
flipped.x(0)
options = {"resilience_level": 1, "twirling": {"enable_measure": True}, "parallel": True}
values = np.array([[0], [np.pi], [2 * np.pi]])
pubs = [(circuit, "IZ", values), (flipped, "IZ", values)]
print(OqtopusEstimator(backend, options).run(pubs, shots=800).job_id(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_same_result_by_id(provider: OqtopusProvider) -> None:
    """A run has the same result from its id, and the placements that its metadata list."""
    backend = provider.get_backend("noisy")
    circuit, observables, values, _ = sweep(3)
    job = OqtopusEstimator(backend, resilience_level=2, parallel=True).run([(circuit, observables, values)], shots=640)
    (first,), (second,) = job.result(), provider.job(job.job_id()).result()

    assert np.array_equal(first.data.evs, second.data.evs)
    assert np.array_equal(first.data.stds, second.data.stds)
    assert [{**each, "qubits": tuple(each["qubits"])} for each in second.metadata["placements"]] == [
        {**each, "qubits": tuple(each["qubits"])} for each in first.metadata["placements"]
    ]


@pytest.mark.parametrize("decoupled", [False, True])
def test_noise_factors_have_the_same_qubits(provider: OqtopusProvider, decoupled: bool) -> None:
    """All noise factors of a program run on the same qubits, so that no other noise is extrapolated."""
    backend = provider.get_backend("noisy")
    circuit, observables, values, _ = sweep(3)
    resilience = {"zne_mitigation": True, "zne": {"noise_factors": [1, 2, 3], "extrapolator": "linear"}}
    options = {"dynamical_decoupling": {"enable": decoupled}}
    estimator = OqtopusEstimator(backend, options, parallel=True, resilience=resilience, seed=1)
    job = estimator.run([(circuit, observables, values)] * 4, shots=500)
    headers = [batch[0].header for batch in job._run.batch.programs()]  # type: ignore[attr-defined]
    qubits = {part.index: part.qubits for header in headers for part in header.parts}
    plan, programs = estimator.plan([(circuit, observables, values)] * 4, shots=500), 4 * 2 * 3 * 3

    assert sorted(qubits) == list(range(programs))
    assert len(set(qubits.values())) > 3
    for task in range(0, programs, 9):  # three bindings with each of three factors
        assert [qubits[task + i] for i in range(3)] * 2 == [qubits[task + i] for i in range(3, 9)]
    assert plan.jobs == len(job.job_ids)
    assert plan.added_jobs * 3 >= plan.jobs * 2
    assert len(job.result()) == 4


def test_fixed_circuits(provider: OqtopusProvider) -> None:
    """Circuits on the device's qubits stay there: disjoint ones share a program, others do not."""
    backend = provider.get_backend("perfect")
    on = [transpile(bell(0, 1), backend, initial_layout=qubits) for qubits in ([0, 1], [2, 3], [1, 9])]
    job = OqtopusSampler(backend, parallel=True).run(on, shots=100)
    results = job.result()
    placements = [result.metadata["placements"][0] for result in results]

    assert [set(each["qubits"]) for each in placements] == [{0, 1}, {2, 3}, {1, 9}]
    assert [each["programs"] for each in placements] == [[0], [0], [1]]
    assert all(set(result.data.c.get_counts()) <= {"00", "11"} for result in results)


def test_circuits_with_a_layout(provider: OqtopusProvider) -> None:
    """A transpiled circuit stays on its qubits even if gates were added that the device does not have."""
    backend = provider.get_backend("perfect")
    isa = transpile(QuantumCircuit(2), backend, initial_layout=[20, 21])
    isa.h(20)
    isa.cx(20, 21)
    isa.cx(21, 20)
    observables = [{"".join("X" if i == 20 else "I" for i in range(64))[::-1]: 1.0}, {"I" * 43 + "Z" + "I" * 20: 1.0}]
    state = QuantumCircuit(2)
    state.h(0)
    state.cx(0, 1)
    state.cx(1, 0)
    expected = [Statevector(state).expectation_value(SparsePauliOp(label)).real for label in ("IX", "IZ")]
    (result,) = OqtopusEstimator(backend, parallel=True, seed=1).run([(isa, observables)], shots=1000).result()

    assert {qubit for each in result.metadata["placements"] for qubit in each["qubits"]} == {20, 21}
    assert np.abs(result.data.evs - expected).max() < 5 / math.sqrt(1000)


def test_more_shots_than_a_job_has(provider: OqtopusProvider) -> None:
    """Shots beyond those of a job are those of several parts, and add up."""
    backend = provider.get_backend("perfect")
    job = OqtopusSampler(backend, parallel=True, max_shots=100).run([bell(0, 1)], shots=250)
    (result,) = job.result()

    assert result.data.c.num_shots == 250
    assert set(result.data.c.get_counts()) == {"00", "11"}
    assert len(job.job_ids) == 2  # three times 84, 83 and 83 shots


def test_more_shots_than_a_result_holds(provider: OqtopusProvider) -> None:
    """The more bits a program has, the fewer shots fit into a result, so that several jobs share them."""
    backend = provider.get_backend("perfect")
    pubs = [bell(0, 1)] * 12
    job = OqtopusSampler(backend, parallel=True).run(pubs, shots=250_001)
    results = job.result()

    assert len(job.job_ids) == 3  # of 24 bits: at most 125,000 shots each
    assert len({result.metadata["placements"][0]["qubits"] for result in results}) == 12
    for result in results:
        counts = result.data.c.get_counts()
        assert set(counts) == {"00", "11"}
        assert sum(counts.values()) == 250_001
        assert abs(counts["00"] - 125_000) < 5 * 250


def test_most_side_by_side(provider: OqtopusProvider) -> None:
    """A number limits the programs of a job, and spacing is kept."""
    backend = provider.get_backend("perfect")
    job = OqtopusSampler(backend, parallel=3, spacing=2).run([bell(0, 1)] * 7, shots=10)
    places = [result.metadata["placements"][0] for result in job.result()]

    assert sorted(each["programs"][0] for each in places) == [0, 0, 0, 1, 1, 1, 2]
    graph = backend.coupling_map
    graph.make_symmetric()
    for i, first in enumerate(places):
        for second in places[:i]:
            if first["programs"] == second["programs"]:
                assert min(graph.distance(a, b) for a in first["qubits"] for b in second["qubits"]) > 2


def test_decoupled_circuits(provider: OqtopusProvider) -> None:
    """Circuits with delays share programs with those of the same delays only."""
    backend = provider.get_backend("perfect")
    circuit, observables, values, expected = sweep(6)
    decoupling = {"enable": True, "sequence_type": "XX"}
    estimator = OqtopusEstimator(backend, parallel=True, dynamical_decoupling=decoupling, seed=1)
    job = estimator.run([(circuit, observables, values)], shots=1000)
    (result,) = job.result()

    assert len(job.job_ids) == 2  # the bindings of each measurement
    assert np.abs(result.data.evs - expected).max() < 5 / math.sqrt(1000)


def test_servers_do_not_mitigate(provider: OqtopusProvider) -> None:
    """The estimator undoes readout errors itself, so the jobs do not ask the server for it."""
    backend = provider.get_backend("misread")
    options = {"parallel": True, "mitigation": "pseudo_inverse", "seed": 1}
    job = OqtopusEstimator(backend, options).run([(QuantumCircuit(1), "Z")])
    sent = [provider.client.get_job(job_id) for job_id in job.job_ids]

    assert [each.mitigation_info for each in sent] == [{}]
    assert abs(job.result()[0].data.evs - 1) < 5 * job.result()[0].data.stds


def test_options_of_the_backend(provider: OqtopusProvider) -> None:
    """The backend's options apply where a primitive's are None; `replicas` is for `backend.run` only."""
    backend = provider.get_backend("perfect")
    backend.set_options(parallel=True)
    assert OqtopusSampler(backend).plan([bell(0, 1)] * 5).jobs == 1
    assert OqtopusSampler(backend, parallel=False).plan([bell(0, 1)] * 5).jobs == 5
    backend.set_options(replicas=2)
    with pytest.raises(ValueError, match="has replicas=2, which primitives do not have"):
        OqtopusSampler(backend).plan([bell(0, 1)])
    assert OqtopusSampler(backend, parallel=False).plan([bell(0, 1)]).jobs == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"transpile": "server"}, "transpile='server' cannot be combined with parallel=True"),
        ({"transpiler_options": {"optimization_level": 3}}, "transpiler_options cannot be combined with parallel=True"),
        ({"mitigation": "pseudo_inverse"}, "mitigation='pseudo_inverse' cannot be combined with parallel"),
        ({"spacing": -1}, "spacing must be the number of qubits between circuits, 0 to 3"),
        ({"max_error": 0.0}, "max_error must be greater than 0"),
        ({"parallel": 0}, "parallel must be True, False or the maximum number of circuits side by side"),
    ],
)
def test_refused_options(provider: OqtopusProvider, tap: RecordedCloud, options: dict[str, Any], error: str) -> None:
    """Options that contradict each other are refused before any request."""
    backend = provider.get_backend("perfect")
    tap.requests.clear()
    with pytest.raises(ValueError, match=error):
        OqtopusSampler(backend, **{"parallel": True, **options}).run([bell(0, 1)])
    assert tap.requests == []


def test_refused_runs(provider: OqtopusProvider, tap: RecordedCloud) -> None:
    """Circuits that cannot run are refused by name, before any request; and so is the server's estimation."""
    backend = provider.get_backend("perfect")
    tap.requests.clear()
    middle = QuantumCircuit(2, 2, name="middle")
    middle.measure(0, 0)
    middle.x(0)
    middle.measure(0, 1)
    wide = QuantumCircuit(65, name="wide")
    wide.h(range(65))
    wide.measure_all()
    opaque = QuantumCircuit(1, 1, name="opaque")
    opaque.append(Gate("mystery", 1, []), [0])
    opaque.measure(0, 0)
    branch = QuantumCircuit(1, 1, name="branch")
    branch.measure(0, 0)
    with branch.if_test((0, 1)):
        branch.x(0)
    foreign = QuantumCircuit(2, 2, name="foreign")
    foreign.ry(1.0, 0)
    foreign.measure(0, 0)
    with pytest.raises(CircuitError, match="'foreign' has instructions that are not native to perfect"):
        OqtopusSampler(backend, parallel=True, transpile="none").run([foreign])
    with pytest.raises(CircuitError, match="'foreign' has instructions that are not native to perfect"):
        OqtopusEstimator(backend, parallel=True, transpile="none", resilience_level=1).run([(foreign, "IZ")])
    for circuit, error in (
        (opaque, "'opaque' cannot be translated"),
        (branch, "'branch' has the instruction 'if_else'"),
        (middle, "'middle' acts on qubit 0"),
        (wide, "'wide' needs 65 qubits, but perfect has"),
    ):
        with pytest.raises(CircuitError, match=error):
            OqtopusSampler(backend, parallel=True).run([bell(0, 1), circuit])
    with pytest.raises(ValueError, match="route='estimation' cannot be used: parallel takes the outcomes"):
        OqtopusEstimator(backend, parallel=True, route="estimation").run([(QuantumCircuit(1), "Z")])
    with pytest.raises(ValueError, match="route='estimation' cannot be combined with error suppression"):
        OqtopusEstimator(backend, parallel=True, resilience_level=1, route="estimation").run([(QuantumCircuit(1), "Z")])
    with pytest.raises(ValueError, match="parallel=True needs a device whose qubits are calibrated"):
        OqtopusSampler(AerSimulator(), parallel=True).run([bell(0, 1)])
    assert tap.requests == []


def test_nothing_to_run(provider: OqtopusProvider) -> None:
    """A run without programs has no jobs, and an observable without terms is its constant."""
    backend = provider.get_backend("perfect")
    job = OqtopusEstimator(backend, parallel=True).run([(QuantumCircuit(2), {"II": 3.0})])

    assert job.job_ids == []
    assert job.result()[0].data.evs == 3
    assert len(OqtopusSampler(backend, parallel=True).run([]).result()) == 0


@pytest.mark.parametrize("level", [0, 1, 2])
def test_no_bindings(provider: OqtopusProvider, level: int) -> None:
    """A PUB without bindings has an empty result, whatever runs beside it."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(3)
    circuit.rx(angle, 2)
    pubs: list[Any] = [(circuit, [["ZII"], ["XII"]], np.zeros((0, 1))), (circuit, "ZII", [[np.pi]])]
    estimator = OqtopusEstimator(provider.get_backend("perfect"), parallel=True, resilience_level=level)
    empty, one = estimator.run(pubs, shots=400).result()

    assert empty.data.evs.shape == (2, 0)
    assert one.data.evs == pytest.approx([-1], abs=0.05)


def test_device_without_calibration() -> None:
    """A device that publishes no qubits is filled by width, and the server's transpiler places the circuits."""
    device = EmulatedDevice.from_device_info(line_of([(0.0, 0.0)] * 16), device_id="silent", publish="none")
    with Emulator(":memory:", devices=[device]) as emulator, OqtopusProvider(emulator.config) as provider:
        sampler = OqtopusSampler(provider.get_backend("silent"), parallel=True)
        job = sampler.run([bell(0, 1), bell(3, 2, width=16)] * 10, shots=100)

        assert all(set(result.data.c.get_counts()) <= {"00", "11"} for result in job.result())
        assert len(job.job_ids) == 3


def test_complementary_flips_run_on_the_same_qubits(provider: OqtopusProvider) -> None:
    """Readout errors that favour one outcome cancel, as each randomization has its complement on the same qubits."""
    backend = provider.get_backend("misread")
    circuit = QuantumCircuit(1)
    circuit.ry(1.1, 0)
    twirling = {"enable_measure": True, "num_randomizations": 16}
    options: dict[str, Any] = {"parallel": True, "resilience_level": 1, "twirling": twirling, "seed": 1}
    job = OqtopusEstimator(backend, options).run([(circuit, ["Z", "X", "Y"])], shots=16_000)
    deviations = job.result()[0].data.evs - [math.cos(1.1), math.sin(1.1), 0]
    headers = [batch[0].header for batch in job._run.batch.programs()]  # type: ignore[attr-defined]
    places = {part.index: part.qubits for header in headers for part in header.parts}

    assert [places[i] for i in range(0, 48, 2)] == [places[i] for i in range(1, 48, 2)]
    assert len({places[i] for i in range(48)}) > 1
    assert np.all(np.abs(deviations) < 5 * job.result()[0].data.stds)


def test_complementary_flips_with_unequal_shots(provider: OqtopusProvider) -> None:
    """A randomization stays on the qubits of its complement if one has a shot more, among programs of other shots."""
    circuit = QuantumCircuit(1)
    pubs: list[Any] = [(circuit, "Z", None, shots**-0.5) for shots in (1006, 1006, 1002, 1002)]
    estimator = OqtopusEstimator(
        provider.get_backend("misread"),
        parallel=True,
        max_shots=500,
        resilience_level=1,
        twirling={"enable_measure": True, "num_randomizations": 2},
    )
    job = estimator.run(pubs)
    job.result()
    headers = [batch[0].header for batch in job._run.batch.programs()]  # type: ignore[attr-defined]
    places = {part.index: part.qubits for header in headers for part in header.parts}

    # Each PUB has two jobs without flips, and two with all flips.
    assert [places[i] for pub in range(0, 16, 4) for i in (pub, pub + 1)] == [
        places[i] for pub in range(0, 16, 4) for i in (pub + 2, pub + 3)
    ]
    assert len(job.job_ids) == estimator.plan(pubs).jobs


def test_delays_in_place_of_random_gates(provider: OqtopusProvider) -> None:
    """Decoupled circuits share programs although their randomizations have delays where others have gates."""
    options = {
        "parallel": True,
        "twirling": {"enable_measure": True, "num_randomizations": 4},
        "dynamical_decoupling": {"enable": True},
        "seed": 1,
    }
    estimator = OqtopusEstimator(provider.get_backend("perfect"), options)
    pubs: list[Any] = [(QuantumCircuit(2), "ZZ")] * 4
    job = estimator.run(pubs, shots=100)

    assert [result.data.evs for result in job.result()] == [1, 1, 1, 1]
    assert len(job.job_ids) == estimator.plan(pubs, shots=100).jobs
