"""`OqtopusSampler`: what Qiskit requires of a sampler, on OQTOPUS and on other backends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import qiskit
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import UnitaryGate
from qiskit.primitives import BasePrimitiveJob, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import BackendV2, JobStatus
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator

from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusSampler
from tests.support.circuits import flips, keyed
from tests.support.recorded_cloud import WAITING
from tests.support.statistics import only_outcomes

if TYPE_CHECKING:
    from tests.support.recorded_cloud import RecordedCloud

PI = np.pi
"""How often jobs are asked for their status depends on how long they take."""


def test_run(anywhere: BackendV2) -> None:
    """`run` returns a job with a status and an id, and a result in Qiskit's classes."""
    job = OqtopusSampler(anywhere).run([keyed(1, 3)])
    result = job.result()

    assert isinstance(job, BasePrimitiveJob)
    assert isinstance(result, PrimitiveResult)
    assert isinstance(result[0], SamplerPubResult)
    assert result[0].data.meas.get_counts() == {"001": 1024}
    assert (result.metadata, result[0].metadata) == ({"version": 2}, {"shots": 1024, "circuit_metadata": {}})
    assert job.status() is JobStatus.DONE
    assert job.done()
    assert job.in_final_state()
    assert not job.running()
    assert not job.cancelled()
    assert job.result() is result


def test_distribution(anywhere: BackendV2) -> None:
    """Bits vary between shots, and the bits of one shot belong together."""
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    counts = OqtopusSampler(anywhere).run([bell], shots=10_000).result()[0].data.meas.get_counts()

    assert counts.keys() == {"00", "11"}
    assert abs(counts["11"] - 5000) < 5 * 50
    assert sum(counts.values()) == 10_000


def test_pubs_in_order(anywhere: BackendV2) -> None:
    """Results are in the order of the PUBs, from any iterable, also when the sampler is used again."""
    sampler = OqtopusSampler(anywhere, default_shots=5)
    for _ in range(2):
        result = sampler.run(iter([keyed(3, 3), (flips(), [PI, 0]), keyed(6, 3)])).result()
        assert [only_outcomes(pub) for pub in result] == ["011", "01", "110"]


def test_nothing_to_run(anywhere: BackendV2) -> None:
    """A run without PUBs, or with no bindings, is done at once."""
    job = OqtopusSampler(anywhere).run([])
    assert (len(job.result()), job.status(), job.job_ids, job.cancel()) == (0, JobStatus.DONE, [], False)

    (pub,) = OqtopusSampler(anywhere).run([(flips(), np.zeros((0, 2)))]).result()
    assert pub.data.meas.shape == (0,)


@pytest.mark.parametrize(
    ("values", "outcomes"),
    [
        ([0, PI], "10"),
        ((PI, 0), "01"),
        (np.array([PI, PI]), "11"),
        ([[0, PI]], ["10"]),
        ([[0, 0], [PI, 0], [0, PI]], ["00", "01", "10"]),
        (np.array([[[0, 0], [PI, 0]], [[0, PI], [PI, PI]]]), [["00", "01"], ["10", "11"]]),
        ({"flip": [0, PI]}, "10"),
        ({("flip[1]", "flip[0]"): [0, PI]}, "01"),
        ({"flip[1]": PI, "flip[0]": 0}, "10"),
        ({"flip[1]": [[PI, 0]], "flip[0]": [[0, 0]]}, [["10", "00"]]),
    ],
)
def test_values(anywhere: BackendV2, values: Any, outcomes: Any) -> None:
    """Parameter values may have every form that Qiskit accepts, and keep their order and shape."""
    circuit = flips()
    if isinstance(values, dict) and "flip" in values:
        values = {tuple(circuit.parameters): values["flip"]}
    (pub,) = OqtopusSampler(anywhere, default_shots=3).run([(circuit, values)]).result()

    assert only_outcomes(pub) == outcomes
    assert pub.data.meas.shape == np.shape(outcomes)


@pytest.mark.parametrize("value", [PI, np.array(PI), [PI], np.array([PI])])
def test_one_value(anywhere: BackendV2, value: Any) -> None:
    """The value of a single parameter need not be in a list, whether under its object or its name."""
    circuit, angle = QuantumCircuit(1, 1), Parameter("angle")
    circuit.rx(angle, 0)
    circuit.measure(0, 0)
    for values in ({angle: value}, {"angle": value}):
        assert only_outcomes(OqtopusSampler(anywhere).run([(circuit, values)]).result()[0], "c") == "1"


@pytest.mark.parametrize("nothing", [None, [], (), np.array([]), {}])
def test_no_parameters(anywhere: BackendV2, nothing: Any) -> None:
    """A circuit without parameters accepts empty values in any form, and several empty bindings."""
    assert only_outcomes(OqtopusSampler(anywhere).run([(keyed(2, 3), nothing)]).result()[0]) == "010"


def test_bindings_of_no_parameter(anywhere: BackendV2) -> None:
    """An array without columns gives a program for each row."""
    (pub,) = OqtopusSampler(anywhere, default_shots=3).run([(keyed(2, 3), np.zeros((2, 3, 0)))]).result()

    assert only_outcomes(pub) == [["010"] * 3] * 2


def test_measurements_backwards(anywhere: BackendV2) -> None:
    """Bits are where the circuit puts them, in any order of measurement."""
    circuit = QuantumCircuit(3, 3)
    circuit.x([0, 1])
    circuit.measure(0, 2)
    circuit.measure([2, 1], [0, 1])

    assert only_outcomes(OqtopusSampler(anywhere).run([circuit]).result()[0], "c") == "110"


def test_shots(anywhere: BackendV2) -> None:
    """A PUB's shots override the run's, which override the default, which can be changed."""
    sampler = OqtopusSampler(anywhere)
    circuit = keyed(5, 3)

    def shots(pubs: list[Any], **keyword: Any) -> list[int]:
        result = sampler.run(pubs, **keyword).result()
        assert [sum(pub.data.meas.get_counts().values()) for pub in result] == [p.data.meas.num_shots for p in result]
        assert [pub.metadata["shots"] for pub in result] == [pub.data.meas.num_shots for pub in result]
        return [pub.data.meas.num_shots for pub in result]

    assert shots([circuit]) == [1024]
    sampler.options.default_shots = 7
    assert shots([circuit]) == [7]
    assert shots([circuit], shots=np.int64(8)) == [8]
    assert shots([circuit, (circuit, None, 9), SamplerPub(circuit, shots=10), (circuit,)], shots=8) == [8, 9, 10, 8]


def test_shots_above_the_cap(anywhere: BackendV2) -> None:
    """Shots above the cap are split across jobs as evenly as possible, and combined."""
    sampler = OqtopusSampler(anywhere, max_shots=40)
    job = sampler.run([(flips(), [[0, PI], [PI, 0]], 100), keyed(3, 3)], shots=40)
    (first, second) = job.result()

    assert only_outcomes(first) == ["10", "01"]
    assert (first.data.meas.num_shots, second.data.meas.num_shots) == (100, 40)
    if isinstance(anywhere, OqtopusBackend):
        client = anywhere.provider.client
        assert [client.get_job(job_id).shots for job_id in job.job_ids] == [34, 33, 33, 34, 33, 33, 40]


def test_unitary_gate(backend: OqtopusBackend) -> None:
    """A unitary gate runs, as the transpiler can decompose it."""
    circuit = QuantumCircuit(2)
    circuit.append(UnitaryGate([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]]), [0, 1])
    circuit.append(UnitaryGate([[0, 1], [1, 0]]), [0])
    circuit.measure_all()

    for which in (transpile(circuit, backend), circuit):
        assert only_outcomes(OqtopusSampler(backend).run([which]).result()[0]) == "01"


def test_metadata(anywhere: BackendV2) -> None:
    """The circuit's metadata are returned completely, whatever they contain."""
    circuit = keyed(1, 3)
    circuit.metadata = {"set": {1, 2}, "array": np.arange(3), "text": "//"}
    (pub,) = OqtopusSampler(anywhere).run([circuit]).result()

    assert pub.metadata["circuit_metadata"] == circuit.metadata


def test_seed() -> None:
    """A seeded sampler on a seedable backend repeats its result, shot for shot; its programs differ."""
    coin = QuantumCircuit(4)
    coin.h(range(4))
    coin.measure_all()

    def bits(seed: int | None) -> list[Any]:
        sampler = OqtopusSampler(AerSimulator(), seed=seed, max_shots=60)
        return [pub.data.meas for pub in sampler.run([(coin, None, 100), (coin, None, 60)]).result()]

    assert bits(5) == bits(5)
    assert bits(5) != bits(6)
    assert bits(None) != bits(None)


@pytest.mark.parametrize("simulator", [AerSimulator, BasicSimulator])
def test_seeded_shots_that_are_shared_out(simulator: type[BackendV2]) -> None:
    """The parts of a program's shots are not copies of each other."""
    if simulator is BasicSimulator and qiskit.__version__ < "2":
        pytest.skip("Qiskit 1's BasicSimulator seeds every circuit of a run alike.")
    coin = QuantumCircuit(4)
    coin.h(range(4))
    coin.measure_all()
    (pub,) = OqtopusSampler(simulator(), seed=5, max_shots=50).run([coin], shots=100).result()

    assert any(number % 2 for number in pub.data.meas.get_counts().values())


def test_a_fake_of_a_chip() -> None:
    """Qiskit's fake backends, which include their noise, can be used like any other."""
    fake = GenericBackendV2(4, seed=3)
    (pub,) = OqtopusSampler(fake, seed=3).run([(transpile(flips(), fake), [[0, PI], [PI, 0]])]).result()

    assert pub.data.meas.get_counts(0)["10"] > 900
    assert pub.data.meas.get_counts(1)["01"] > 900


def test_a_backend_that_takes_one_circuit_at_a_time() -> None:
    """A backend with such a limit gets one circuit at a time."""
    calls: list[int] = []

    class OneAtATime(AerSimulator):
        max_circuits = 1

        def run(self, circuits: list[QuantumCircuit], **options: Any) -> Any:
            calls.append(len(circuits))
            return super().run(circuits, **options)

    job = OqtopusSampler(OneAtATime()).run([(flips(), [[0, PI], [PI, 0], [PI, PI]]), keyed(4, 3)])

    assert [only_outcomes(pub) for pub in job.result()] == [["10", "01", "11"], "100"]
    assert calls == [1, 1, 1, 1]
    assert len(set(job.job_ids)) == 4


def test_requests(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """A program takes three requests to submit and two to read, besides the polls."""
    (pub,) = OqtopusSampler(backend).run([(flips(), np.zeros((2, 2, 2)))]).result()
    routes = [route for route in cloud.routes if route not in WAITING]

    assert pub.data.meas.shape == (2, 2)
    assert len(routes) == 4 * 5
    assert routes.count("POST /jobs") == routes.count("POST /jobs/{id}/submit") == routes.count("GET /jobs/{id}") == 4


def test_options_reach_the_server(backend: OqtopusBackend) -> None:
    """Each option is sent with every job; backend options apply where none is given."""
    backend.set_options(description="from the backend", job_tags=["tag"])
    sampler = OqtopusSampler(
        backend,
        {"mitigation": "pseudo_inverse", "transpile": "server", "job_tags": ["mine"]},
        name="sweep",
        transpiler_options={"optimization_level": 2},
    )
    with pytest.warns(UserWarning, match="may correct readout errors of the wrong qubits"):
        job = sampler.run([(flips(), [[0, PI], [PI, 0]])])
    job.result()
    found = [backend.provider.client.get_job(job_id) for job_id in job.job_ids]

    assert {each.name for each in found} == {"sweep"}
    assert [each.description for each in found] == [
        f"from the backend [tags: mine] [{job.job_id()} 1/2]",
        f"from the backend [tags: mine] [{job.job_id()} 2/2]",
    ]
    assert found[0].mitigation_info == {"ro_error_mitigation": "pseudo_inverse"}
    assert found[0].transpiler_info["transpiler_options"] == {"optimization_level": 2}


def test_transpile_as_for_circuits(backend: OqtopusBackend) -> None:
    """Native circuits are sent as they are; others go to the server's transpiler, or are refused."""
    ours, foreign = transpile(flips(), backend), flips()
    job = OqtopusSampler(backend).run([(ours, [0, PI]), (foreign, [PI, 0])])
    assert [only_outcomes(pub) for pub in job.result()] == ["10", "01"]
    used = [backend.provider.client.get_job(job_id).transpiler_info["transpiler_lib"] for job_id in job.job_ids]
    assert used == [None, "qiskit"]

    with pytest.raises(CircuitError, match="'flips' has instructions that are not native to qulacs"):
        OqtopusSampler(backend, transpile="none").run([(foreign, [PI, 0])])


def test_mitigated_counts_fill_the_shots(backend: OqtopusBackend) -> None:
    """Mitigation rounds counts down, but a bit array has all shots, and counts that match them."""
    chip = backend.provider.get_backend("lattice64")
    circuit = QuantumCircuit(2, 2)
    circuit.sx([0, 1])
    circuit.measure([0, 1], [0, 1])
    job = OqtopusSampler(chip, mitigation="pseudo_inverse").run([circuit], shots=1001)
    (pub,) = job.result()

    assert sum(chip.provider.client.get_job(job.job_ids[0]).get_counts().values()) < 1001
    assert pub.data.c.num_shots == 1001
    assert sum(pub.data.c.get_counts().values()) == 1001
    assert abs(pub.data.c.slice_bits(0).get_counts()["1"] - 500) < 5 * math.sqrt(1001) / 2 + 50


def test_control_flow_where_the_backend_knows_it(backend: OqtopusBackend) -> None:
    """Other backends run aliased registers and feed-forward; OQTOPUS devices would get feed-forward wrong."""
    qubits, first, second = QuantumRegister(2), ClassicalRegister(1, "first"), ClassicalRegister(1, "second")
    both = ClassicalRegister(name="both", bits=[second[0], first[0]])
    circuit = QuantumCircuit(qubits, first, second, both)
    circuit.x(0)
    circuit.measure(0, first)
    with circuit.if_test((first, 1)):
        circuit.x(1)
    circuit.measure(1, second)
    (pub,) = OqtopusSampler(AerSimulator()).run([circuit]).result()

    assert [only_outcomes(pub, name) for name in ("first", "second", "both")] == ["1", "1", "11"]
    with pytest.raises(CircuitError, match="has control flow"):
        OqtopusSampler(backend).run([circuit])
