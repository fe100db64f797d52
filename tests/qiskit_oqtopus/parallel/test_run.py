"""`backend.run(parallel=True)`: circuits side by side, and their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.providers import JobError, JobStatus

from oqtopus_client.emulator import Emulator
from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusJob, OqtopusJobError, OqtopusProvider
from qiskit_oqtopus.parallel import packing
from tests.support.circuits import bell, keyed, mixed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.held_executor import HeldExecutor
    from tests.support.recorded_cloud import RecordedCloud


@pytest.fixture
def lattice(provider: OqtopusProvider, cloud: RecordedCloud) -> OqtopusBackend:
    """A noisy chip of 64 qubits."""
    backend = provider.get_backend("lattice64")
    cloud.requests.clear()
    return backend


def most_frequent(counts: dict[str, int]) -> str:
    """The outcome of a circuit with a single one, in spite of noise."""
    return max(counts, key=lambda key: counts[key])


def test_each_circuit_has_its_counts(backend: OqtopusBackend, provider: OqtopusProvider) -> None:
    """Registers, loose bits, metadata and order are those of runs alone, here and for others who know the job's id."""
    circuits = [mixed(i) for i in range(20)]
    job = backend.run(circuits, shots=50, parallel=True)
    alone = backend.run(circuits, shots=50).result()

    assert len(job.job_ids) == 10  # two circuits of 5 qubits, with a space between them, fit on 16
    for found in (job, provider.job(job.job_id())):
        result = found.result()
        assert [result.get_counts(i) for i in range(20)] == [alone.get_counts(i) for i in range(20)]
        headers = [(one.header, other.header) for one, other in zip(result.results, alone.results, strict=True)]
        assert all(one == other for one, other in headers)
        assert [experiment.shots for experiment in result.results] == [50] * 20
        assert found.placements() == job.placements()
        assert [circuit.name for circuit in found.circuits()] == [circuit.name for circuit in circuits]
        assert [program.header.name for program in found.programs()] == [circuit.name for circuit in circuits]


def test_places(lattice: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Free circuits are placed around those on the device's qubits; the places are known before and after the run."""
    fixed = transpile(bell(), lattice, initial_layout=[3, 11])
    circuits = [bell(), fixed, keyed(3)]
    planned = lattice.placements(circuits)
    assert cloud.requests == []
    job = lattice.run(circuits, shots=20, parallel=True)

    assert job.placements() == planned
    assert [(each.circuit, each.program, each.replica, each.is_fixed) for each in planned] == [
        (0, 0, 0, False),
        (1, 0, 0, True),
        (2, 0, 0, False),
    ]
    assert {i: qubit for i, qubit in enumerate(planned[1].qubits) if qubit is not None} == {3: 3, 11: 11}
    assert all(each.best_fidelity is None or 0.9 * each.best_fidelity <= each.fidelity <= 1 for each in planned)
    assert job.layouts() == [list(each.qubits) for each in planned]
    assert most_frequent(job.result().get_counts(2)) == "00011"
    assert len(job.jobs()) == len(job.times()) == 1
    assert job.jobs()[0].name == "bell and 2 more"
    assert [row.transpiler_info for row in job.jobs()] == [{"transpiler_lib": None}]


def test_bindings(lattice: OqtopusBackend) -> None:
    """Bindings of one circuit run side by side; a number is the most in a job."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(1)
    circuit.rx(angle, 0)
    circuit.measure_all()
    values = np.array([0.0, np.pi] * 5)[:, np.newaxis]
    job = lattice.run(circuit, parameter_values=values, shots=100, parallel=4)
    result = job.result()

    assert len(job.job_ids) == 3
    assert [most_frequent(result.get_counts(i)) for i in range(10)] == ["0", "1"] * 5


def test_options_of_the_backend(lattice: OqtopusBackend) -> None:
    """`parallel` may be the default, which `parallel=False` turns off; circuits as they are keep their qubits."""
    lattice.options.parallel = True
    first, second = QuantumCircuit(2), QuantumCircuit(4)
    first.x(1)
    second.x(3)
    for circuit in (first, second):
        circuit.measure_all()

    assert len(lattice.run([bell(), bell()], shots=5).job_ids) == 1
    assert len(lattice.run([bell(), bell()], shots=5, parallel=False).job_ids) == 2
    assert [each.qubits for each in lattice.placements([first, second], transpile="none")] == [(0, 1), (0, 1, 2, 3)]
    with pytest.raises(CircuitError, match="'bell' has instructions that are not native"):
        lattice.run([bell()], transpile="none")


def test_replicas(lattice: OqtopusBackend, provider: OqtopusProvider) -> None:
    """Copies run on different qubits, each with all shots; counts are added, and available for each copy."""
    job = lattice.run([bell(), keyed(2, width=2)], shots=300, parallel=True, replicas=3, seed_simulator=1)

    for found in (job, provider.job(job.job_id())):
        result = found.result()
        for i in range(2):
            copies = found.replica_counts(i)
            assert [sum(copy.values()) for copy in copies] == [300] * 3
            total = result.get_counts(i)
            assert total == {key: sum(copy.get(key, 0) for copy in copies) for key in total}
            assert result.results[i].shots == 900
            assert 0 <= result.results[i].disagreement < 20
            assert len({qubit for place in result.results[i].replicas for qubit in place}) == 6
    assert len(job.job_ids) == 1
    assert [(each.circuit, each.replica) for each in job.placements()] == [(c, r) for c in range(2) for r in range(3)]


def test_as_many_replicas_as_fit(lattice: OqtopusBackend) -> None:
    """`max` fills the programs that the circuits need anyway, and no more."""
    planned = lattice.placements([bell(), keyed(1, width=3)], replicas="max")
    copies = 1 + max(each.replica for each in planned)

    assert {each.program for each in planned} == {0}
    assert {each.program for each in lattice.placements([bell(), keyed(1, width=3)], replicas=copies + 1)} == {0, 1}
    assert len(planned) == 2 * copies


def test_shots_that_results_cannot_hold(backend: OqtopusBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are shared out over jobs of the same program, and added."""
    monkeypatch.setattr(packing, "shots_limit", lambda bits: 150 // bits)
    job = backend.run([bell(), keyed(2, width=3)], shots=100, parallel=True)
    result = job.result()

    assert [each.shots for each in job.jobs()] == [25] * 4
    assert [sum(result.get_counts(i).values()) for i in range(2)] == [100, 100]
    assert result.get_counts(1) == {"010": 100}
    assert len(job.placements()) == 2


def test_memory(backend: OqtopusBackend) -> None:
    """Shots are listed for each circuit."""
    result = backend.run([keyed(1, 2), keyed(2, 2)], shots=5, parallel=True, memory=True).result()

    assert [result.get_memory(i) for i in range(2)] == [["01"] * 5, ["10"] * 5]


def test_save(backend: OqtopusBackend, provider: OqtopusProvider, tmp_path: Path) -> None:
    """A saved job has its circuits' results and places without a server."""
    job = backend.run([keyed(1), keyed(2)], shots=5, parallel=True)
    job.result()
    job.save(tmp_path / "job.json")

    for read in (OqtopusJob.load(tmp_path / "job.json"), provider.load_job(tmp_path / "job.json")):
        assert [read.result().get_counts(i) for i in range(2)] == [{"00001": 5}, {"00010": 5}]
        assert read.placements() == job.placements()


def test_a_failed_program_costs_its_circuits(backend: OqtopusBackend, emulator: Emulator) -> None:
    """The others' counts are available, and the lost circuits can be submitted again, on the same qubits."""
    circuits = [keyed(number) for number in (1, 2, 3, 4)]
    emulator.inject("fail_job", message="the fridge is warm")
    job = backend.run(circuits, shots=9, parallel=True, description="a test")
    with pytest.raises(OqtopusJobError, match=r"2 of 4 circuits ended without a result\. .*: the fridge is warm\. "):
        job.result()
    result = job.result(partial=True)
    (failed,) = [i for i, row in enumerate(job.jobs()) if row.status == "failed"]
    lost = {each.circuit: each.qubits for each in job.placements() if each.program == failed}

    assert len(lost) == 2
    assert [i for i in range(4) if not result.results[i].success] == [*lost]
    assert job.status() is JobStatus.ERROR
    assert all(result.get_counts(i) == {f"{i + 1:05b}": 9} for i in {*range(4)} - {*lost})

    again = job.resubmit()
    assert [again.result().get_counts(i) for i in range(2)] == [{f"{i + 1:05b}": 9} for i in lost]
    assert {each.circuit: each.qubits for each in again.placements()} == dict(enumerate(lost.values()))
    assert again.jobs()[0].description == "a test"
    with pytest.raises(OqtopusJobError, match="has not failed, so there is nothing to submit again"):
        again.resubmit()


def test_a_failed_copy(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A circuit whose other copies have counts has these, with a warning, if asked for what there is."""
    emulator.inject("fail_job")
    job = backend.run(keyed(5, width=9), shots=9, parallel=True, replicas=2)
    with pytest.raises(OqtopusJobError, match="1 of 1 circuits"):
        job.result()
    with pytest.warns(UserWarning, match=r"Circuit 0 has the counts of 9 shots only: 'keyed 5' \(.*\) failed"):
        result = job.result(partial=True)

    assert result.get_counts() == {"000000101": 9}
    assert job.replica_counts() == [{"000000101": 9}]


def test_no_server_to_submit_to(backend: OqtopusBackend, emulator: Emulator, tmp_path: Path) -> None:
    """A failed job that was loaded without a provider cannot be submitted again, and says what to do."""
    emulator.inject("fail_job")
    job = backend.run(keyed(1), shots=9, parallel=True)
    job.result(partial=True)
    job.save(tmp_path / "job.json")

    with pytest.raises(JobError, match=r"only what was known when it was saved is available; use provider\.load_job"):
        OqtopusJob.load(tmp_path / "job.json").resubmit()


def test_a_later_copy_alone(backend: OqtopusBackend, provider: OqtopusProvider) -> None:
    """A job that has only a later copy of a circuit, as if the others were not lost, has its layout and counts."""
    job = backend.run(keyed(5, width=9), shots=9, parallel=True, replicas=2)
    second = provider.job(job.job_ids[1])

    assert [each.replica for each in second.placements()] == [1]
    assert second.layouts() == [list(job.placements()[1].qubits)]
    assert second.replica_counts() == [second.result().get_counts()] == [{"000000101": 9}]
    with pytest.raises(IndexError, match="circuit must be the index of one of 1 circuits, not 1"):
        second.replica_counts(1)


def test_circuits_that_ran_alone_are_submitted_again(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A batch with a failed job has its circuit in a new job, also if several share it on the server."""
    for options in ({}, {"multi_manual": True}):
        emulator.inject("fail_job")
        job = backend.run([keyed(1), keyed(2), keyed(3), keyed(4)], shots=9, job_tags=["tag"], **options)
        failures = {i for i, each in enumerate(job.result(partial=True).results) if not each.success}
        again = job.resubmit()
        counts = [again.result().get_counts(i) for i in range(len(failures))]

        assert 0 < len(failures) < 4
        assert counts == [{f"{i + 1:05b}": 9} for i in sorted(failures)]
        assert [row.description for row in again.jobs()] == ["[tags: tag]"]


def test_partial_when_time_is_up(held_emulator: Emulator, held: HeldExecutor) -> None:
    """After a timeout, the circuits of ended programs are returned, and later the others."""
    with OqtopusProvider(held_emulator.config) as provider:
        circuits = [keyed(number, width=9) for number in (1, 2)]
        job = provider.get_backend("qulacs").run(circuits, shots=9, parallel=True)
        for _ in range(3):  # of two for each
            held.step()
        early = job.result(timeout=2, partial=True)
        held.step()

        assert sorted(experiment.success for experiment in early.results) == [False, True]
        assert "has not ended" in next(each.status for each in early.results if not each.success)
        assert [job.result(timeout=30).get_counts(i) for i in range(2)] == [{"000000001": 9}, {"000000010": 9}]


def test_cancel(held_emulator: Emulator) -> None:
    """A cancelled job has no results; no circuit of it runs."""
    with OqtopusProvider(held_emulator.config) as provider:
        job = provider.get_backend("qulacs").run([keyed(1), keyed(2), keyed(3)], shots=9, parallel=True)

        assert job.cancel()
        assert job.status() is JobStatus.CANCELLED
        with pytest.raises(OqtopusJobError, match="3 of 3 circuits ended without a result"):
            job.result()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spacing": -1}, "spacing must be the number of qubits between circuits, 0 to 3, not -1"),
        (
            {"parallel": 0},
            "parallel must be True, False or the maximum number of circuits side by side, 1 or more, not 0",
        ),
        ({"replicas": 0}, "replicas must be the number of copies of each circuit, 1 or more, or 'max', not 0"),
        ({"replicas": 2, "parallel": False}, "replicas=2 needs parallel=True"),
        ({"max_error": 0}, "max_error must be greater than 0"),
        ({"multi_manual": True}, "multi_manual=True cannot be combined with parallel=True"),
        ({"transpile": "server"}, "transpile='server' cannot be combined with parallel=True"),
        ({"transpiler_options": {"seed": 1}}, "transpiler_options cannot be combined with parallel=True"),
        ({"mitigation": "pseudo_inverse"}, "mitigation='pseudo_inverse' cannot be combined with parallel=True"),
    ],
)
def test_bad_options(lattice: OqtopusBackend, cloud: RecordedCloud, options: dict[str, Any], message: str) -> None:
    """Options that are not valid, or contradict each other, are refused before any request."""
    with pytest.raises(ValueError, match=message):
        lattice.run(bell(), **{"parallel": True, **options})

    assert cloud.requests == []


def in_the_middle() -> QuantumCircuit:
    """A circuit that measures before its end."""
    circuit = QuantumCircuit(1, 1, name="odd")
    circuit.measure(0, 0)
    circuit.x(0)
    return circuit


def star(width: int) -> QuantumCircuit:
    """A circuit of this width with a gate between its first qubit and each of the others."""
    circuit = QuantumCircuit(width, name="odd")
    circuit.h(0)
    circuit.cx(0, range(1, width))
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize(
    ("circuit", "message"),
    [
        (in_the_middle(), r"'odd' acts on qubit 0 \(x\) after measuring it"),
        (star(65), "'odd' has 65 qubits, but lattice64 has only 64"),
        (QuantumCircuit(2, name="odd"), r"'odd' has no measurements"),
    ],
    ids=["in the middle", "too wide", "unmeasured"],
)
def test_bad_circuits(lattice: OqtopusBackend, cloud: RecordedCloud, circuit: QuantumCircuit, message: str) -> None:
    """A circuit that the device cannot run is refused by name before any request."""
    with pytest.raises(CircuitError, match=message):
        lattice.run([bell(), circuit], parallel=True)

    assert cloud.requests == []


def test_no_copies_on_the_same_qubits(lattice: OqtopusBackend, cloud: RecordedCloud) -> None:
    """A circuit on the device's qubits cannot have copies on others."""
    with pytest.raises(CircuitError, match="'bell' is on qubits of lattice64, so copies of it cannot run on others"):
        lattice.run(transpile(bell(), lattice), parallel=True, replicas=2)
    with pytest.raises(OqtopusJobError, match="did not run circuits side by side"):
        lattice.run(bell(), shots=1).replica_counts()
    assert cloud.requests


def test_deferred_measurements(backend: OqtopusBackend) -> None:
    """Measurements are deferred before circuits are placed."""
    job = backend.run([in_the_middle(), keyed(1)], shots=5, parallel=True, defer_measurements=True)

    assert len(job.job_ids) == 1
    assert job.result().get_counts(0) == {"0": 5}
