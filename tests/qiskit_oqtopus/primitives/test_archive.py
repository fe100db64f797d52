"""Jobs of primitives in files: loaded ones have the same results, without a server."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import transpile
from qiskit.primitives import BitArray
from qiskit.providers import JobError, JobStatus
from qiskit_aer import AerSimulator

from qiskit_oqtopus import (
    OqtopusEstimator,
    OqtopusJob,
    OqtopusJobError,
    OqtopusPrimitiveJob,
    OqtopusProvider,
    OqtopusSampler,
)
from qiskit_oqtopus.errors import LaterReleaseError
from tests.support.circuits import bell, keyed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qiskit.primitives import PrimitiveResult

    from oqtopus_client import OqtopusConfig
    from oqtopus_client.emulator import Emulator
    from qiskit_oqtopus import OqtopusBackend
    from tests.support.held_executor import HeldExecutor
    from tests.support.recorded_cloud import RecordedCloud


@pytest.fixture(scope="module")
def chip(emulator: Emulator) -> Iterator[OqtopusBackend]:
    """A noisy device."""
    with OqtopusProvider(emulator.config) as provider:
        yield provider.get_backend("lattice64")


def content(result: PrimitiveResult) -> Any:
    """Return all of a result, to compare."""

    def of_value(value: Any) -> Any:
        if isinstance(value, BitArray):
            return value.num_bits, value.array.tolist()
        return np.asarray(value).tolist()

    pubs = [({name: of_value(value) for name, value in pub.data.items()}, pub.metadata) for pub in result]
    # Tuples and arrays in the metadata of a retrieved run are lists.
    return json.loads(json.dumps([pubs, result.metadata], default=lambda each: each.tolist()))


def state(chip: OqtopusBackend) -> Any:
    """Return a transpiled pair without measurements."""
    return transpile(bell().remove_final_measurements(inplace=False), chip, initial_layout=[1, 0], seed_transpiler=1)


RUNS: dict[str, Any] = {
    "several PUBs and bindings": lambda chip: OqtopusSampler(chip).run([bell(), keyed(3, 5), bell()], shots=77),
    "split shots": lambda chip: OqtopusSampler(chip, max_shots=30).run([bell()], shots=100),
    "twirled": lambda chip: OqtopusSampler(
        chip, twirling={"enable_measure": True, "num_randomizations": 4}, seed=1
    ).run([transpile(bell(), chip)], shots=100),
    "side by side": lambda chip: OqtopusSampler(chip, parallel=True).run([bell(), keyed(3, 5)], shots=50),
    "mitigated by the server": lambda chip: OqtopusSampler(chip, mitigation="pseudo_inverse").run(
        [transpile(bell(), chip)], shots=1000
    ),
    "nothing measured": lambda chip: OqtopusSampler(chip).run([]),
    "estimated": lambda chip: OqtopusEstimator(chip).run([(state(chip), "Z" * 64)], shots=100),
    "sampled": lambda chip: OqtopusEstimator(chip, route="sampling").run(
        [(bell().remove_final_measurements(inplace=False), [["ZZ"], ["XX"]])], shots=100
    ),
    "mitigated here": lambda chip: OqtopusEstimator(chip, route="sampling", mitigation="pseudo_inverse").run(
        [(bell().remove_final_measurements(inplace=False), "ZZ")], shots=1000
    ),
    "calibrated": lambda chip: OqtopusEstimator(chip, resilience_level=1, seed=2).run(
        [(state(chip), "I" * 62 + "ZZ")], shots=200
    ),
    "extrapolated side by side": lambda chip: OqtopusEstimator(
        chip, resilience_level=2, seed=3, parallel=True, twirling={"num_randomizations": 2}
    ).run([(bell().remove_final_measurements(inplace=False), ["ZZ", "XX"])], shots=200),
    "nothing to estimate": lambda chip: OqtopusEstimator(chip).run([(state(chip), "I" * 64)]),
}


@pytest.mark.filterwarnings("ignore:(Error suppression and mitigation add|Readout errors multiply|PUB 0)")
@pytest.mark.parametrize("name", RUNS)
def test_same_result(chip: OqtopusBackend, tmp_path: Path, name: str) -> None:
    """A loaded job has exactly the result of the original, whatever the primitive did, and all data about it."""
    job = RUNS[name](chip)
    result = job.result()
    job.save(tmp_path / "job.json")
    loaded = OqtopusPrimitiveJob.load(tmp_path / "job.json")

    assert content(loaded.result()) == content(result)
    assert (loaded.job_id(), loaded.job_ids, loaded.status()) == (job.job_id(), job.job_ids, JobStatus.DONE)
    assert (loaded.times(), loaded.timestamps, loaded.usage()) == (job.times(), job.timestamps, job.usage())
    assert [program.text for program in loaded.programs()] == [program.text for program in job.programs()]
    assert [str(circuit) for circuit in loaded.transpiled_circuits()] == [str(c) for c in job.transpiled_circuits()]
    assert loaded.layouts() == job.layouts()
    assert (loaded.tags, loaded.error_message(), loaded.queue_position()) == ([], None, None)


def test_no_requests(chip: OqtopusBackend, config: OqtopusConfig, cloud: RecordedCloud, tmp_path: Path) -> None:
    """Loading an ended job with a provider sends no request either, and finds the backend."""
    job = OqtopusSampler(chip, tags=["kept"]).run([bell()], shots=50)
    job.result()
    job.save(tmp_path / "job.json")
    with OqtopusProvider(config) as provider:
        loaded = provider.load_job(tmp_path / "job.json")
        assert content(loaded.result()) == content(job.result())
        assert (loaded.tags, loaded.in_final_state()) == (["kept"], True)
        assert cloud.requests == []
        assert loaded.backend().name == "lattice64"


def test_partly_finished(held_backend: OqtopusBackend, held: HeldExecutor, tmp_path: Path) -> None:
    """The parts that had not ended are requested later."""
    job = OqtopusSampler(held_backend).run([keyed(1, 3), keyed(2, 3)], shots=5)
    while "succeeded" not in [each.status for each in job.jobs()]:
        held.step()
    job.save(tmp_path / "job.json")
    with pytest.raises(JobError, match=r"use provider\.load_job\(path\) to request more"):
        OqtopusPrimitiveJob.load(tmp_path / "job.json").result()
    loaded = held_backend.provider.load_job(tmp_path / "job.json")
    assert isinstance(loaded, OqtopusPrimitiveJob)
    assert not loaded.in_final_state()
    while not loaded.in_final_state():
        held.step()

    assert content(loaded.result()) == content(job.result())
    assert loaded.result()[1].data.meas.get_counts() == {"010": 5}


def test_failed(held_backend: OqtopusBackend, tmp_path: Path) -> None:
    """A loaded job that was cancelled reports it."""
    job = OqtopusSampler(held_backend).run([keyed(1, 3)])
    job.cancel()
    job.save(tmp_path / "job.json")
    loaded = OqtopusPrimitiveJob.load(tmp_path / "job.json")

    assert (loaded.status(), loaded.error_message()) == (JobStatus.CANCELLED, job.error_message())
    with pytest.raises(OqtopusJobError, match="1 of 1 circuits ended without a result"):
        loaded.result()
    with pytest.raises(JobError, match=r"its backend is unknown; use provider\.load_job\(path\)\."):
        loaded.backend()


def test_retrieved_and_saved(chip: OqtopusBackend, tmp_path: Path) -> None:
    """A job found by its id is saved as completely as one that was submitted here."""
    job = OqtopusEstimator(chip, parallel=True).run(
        [(bell().remove_final_measurements(inplace=False), ["ZZ", "XX"])] * 2, shots=50
    )
    job.result()
    job.save(tmp_path / "here.json")
    chip.provider.job(job.job_id()).save(tmp_path / "found.json")

    assert json.loads((tmp_path / "here.json").read_text()) == json.loads((tmp_path / "found.json").read_text())


def test_empty_run_keeps_its_id(chip: OqtopusBackend) -> None:
    """The id of a run without jobs is that by which it was retrieved."""
    job = OqtopusSampler(chip).run([])

    assert chip.provider.job(job.job_id()).job_id() == job.job_id()


def test_other_backends(tmp_path: Path) -> None:
    """Jobs of other backends cannot be saved; the error says what can."""
    job = OqtopusSampler(AerSimulator()).run([keyed(1, 3)], shots=5)
    job.result()
    with pytest.raises(
        JobError, match=r"has no OQTOPUS jobs, and others cannot be saved; save the arrays of its resul"
    ):
        job.save(tmp_path / "job.json")


def test_lost_programs(chip: OqtopusBackend, emulator: Emulator, tmp_path: Path) -> None:
    """A job whose programs are lost cannot be saved, as its file could not be read."""
    job = OqtopusSampler(chip).run([keyed(1, 3)], shots=5)
    job.result()
    with emulator._store._database.transaction() as database:
        database.execute("DELETE FROM files WHERE key = ?", (f"{job.job_ids[0]}/input.zip",))
    with pytest.raises(OqtopusJobError, match="the programs of some of its jobs cannot be read, so it cannot be saved"):
        chip.provider.job(job.job_id()).save(tmp_path / "job.json")


def test_saved_after_deletion(backend: OqtopusBackend, tmp_path: Path) -> None:
    """A job whose outcomes are known is saved although the server has deleted it, without what cannot be read."""
    circuits, primitive = backend.run(bell(), shots=5), OqtopusSampler(backend).run([bell()], shots=5)
    for job in (circuits, primitive):
        job.result()
        backend.provider.client.delete_job(job.job_ids[0])
        with pytest.warns(UserWarning, match="saved without the output of the server's transpiler, .* HTTP 404"):
            job.save(tmp_path / "job.json")
        loaded = backend.provider.load_job(tmp_path / "job.json")
        assert str(loaded.result()) == str(job.result())
        assert loaded.transpiled_circuits() == [None]


def test_class_of_the_job(backend: OqtopusBackend, tmp_path: Path) -> None:
    """Each class refuses the other's files, with the call that reads them; the provider reads both."""
    circuits, primitive = backend.run(keyed(1), shots=5), OqtopusSampler(backend).run([keyed(1)], shots=5)
    for job, name, other in (
        (circuits, "OqtopusJob.load", OqtopusPrimitiveJob),
        (primitive, "OqtopusPrimitiveJob.load", OqtopusJob),
    ):
        job.result()
        job.save(tmp_path / "job.json")
        with pytest.raises(ValueError, match=rf"use {re.escape(name)}\(path\)\."):
            other.load(tmp_path / "job.json")
        assert type(backend.provider.load_job(tmp_path / "job.json")) is type(job)


def test_damaged_files(backend: OqtopusBackend, tmp_path: Path) -> None:
    """A damaged file, or one of a later release, is refused when it is loaded or read, never executed."""
    file = tmp_path / "job.json"
    job = OqtopusSampler(backend).run([keyed(1)], shots=5)
    job.result()
    job.save(file)
    saved = json.loads(file.read_text("utf-8"))
    (program,), kind = saved["programs"][0], "sampler"

    def load(**change: Any) -> OqtopusPrimitiveJob:
        file.write_text(json.dumps(saved | change), "utf-8")
        return OqtopusPrimitiveJob.load(file)

    assert load().result()[0].data.meas.get_counts() == {"00001": 5}
    with pytest.raises(LaterReleaseError, match="has the format version 3, which"):
        load(version=3)
    with pytest.raises(LaterReleaseError, match="Its header has the format version 9"):
        load(programs=[[program.replace('{"v":1,', '{"v":9,')]])
    uncountable = {**saved["jobs"][0], "job_info": {"result": {"sampling": {"counts": ""}}}}
    changes = ({"programs": []}, {"jobs": [{}]}, {"is_isa": [[]]}, {"jobs": 5}, {"programs": [[5]]})
    for change in (*changes, {"jobs": [uncountable]}):
        with pytest.raises(ValueError, match=r"job\.json is not a valid saved job: "):
            load(**change)
    with pytest.raises(ValueError, match=r"is not the id of a run without jobs"):
        load(jobs=[], programs=[], is_isa=[])
    with pytest.raises(OqtopusJobError, match="was not submitted by this version of qiskit_oqtopus"):
        load(programs=[[program.replace(f'"{kind}"', '"nothing"')]]).result()
    file.write_text("[" * 100_000, "utf-8")
    with pytest.raises(ValueError, match=r"job\.json is not a valid saved job: "):
        OqtopusPrimitiveJob.load(file)


@pytest.mark.parametrize("number", [-1, 2.5, "5", None, 10**30])
@pytest.mark.parametrize("parallel", [False, True])
def test_impossible_counts(chip: OqtopusBackend, tmp_path: Path, number: object, parallel: bool) -> None:
    """Counts that are not numbers of shots are an error, not cut down to some."""
    path = tmp_path / "job.json"
    job = OqtopusSampler(chip, parallel=parallel).run([transpile(bell(), chip, seed_transpiler=1)], shots=5)
    job.result()
    job.save(path)
    saved = json.loads(path.read_text())
    saved["jobs"][0]["job_info"]["result"]["sampling"]["counts"] = {"00": 3, "11": number}
    path.write_text(json.dumps(saved))

    with pytest.raises(OqtopusJobError, match=r"unreadable result: \S+ is not a valid count of the outcome '11'"):
        OqtopusPrimitiveJob.load(path).result()


def test_secrets_stay_out(chip: OqtopusBackend, tmp_path: Path) -> None:
    """A saved job contains no token and no URL, even if its files have been looked at."""
    job = OqtopusSampler(chip).run([bell()], shots=5)
    job.result()
    assert job.transpiled_circuits()[0] is not None
    job.save(tmp_path / "job.json")
    text = (tmp_path / "job.json").read_text("utf-8")

    assert "http" not in text
    assert "ignature" not in text
    assert (tmp_path / "job.json").stat().st_mode & 0o777 == 0o600
