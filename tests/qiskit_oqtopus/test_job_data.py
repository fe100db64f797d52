"""The interface that all kinds of jobs share, and the tags and queue positions of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qiskit.providers import JobStatus, JobTimeoutError, JobV1
from qiskit_aer import AerSimulator

from oqtopus_client import OqtopusProgramJob
from qiskit_oqtopus import OqtopusEstimator, OqtopusJob, OqtopusPrimitiveJob, OqtopusProvider, OqtopusSampler
from qiskit_oqtopus.tags import Tag, user_tags, with_user_tags, without_tag
from tests.support.circuits import bell, keyed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oqtopus_client.emulator import Emulator
    from qiskit_oqtopus import OqtopusBackend
    from qiskit_oqtopus.job_list import AnyJob
    from tests.support.held_executor import HeldExecutor
    from tests.support.recorded_cloud import RecordedCloud

ONLY_OF_CIRCUITS = {
    "version": "the version of Qiskit's JobV1, which primitive jobs are not",
    "submit": "JobV1 requires it; it raises an error",
    "circuits": "a primitive has PUBs; programs()[i].to_circuit() rebuilds what ran",
    "programs_by_job": "a primitive's OQTOPUS jobs have one program each: programs()",
    "placements": "the metadata of each PUB's result have its placements",
    "replica_counts": "primitives have no option replicas",
    "resubmit": "a result needs all programs, and a new id would find only those sent again: run the PUBs again",
}
"""Public names of `OqtopusJob` that `OqtopusPrimitiveJob` does not have, and the reasons."""

NOT_OF_PROGRAMS = {
    *ONLY_OF_CIRCUITS,
    "backend",  # `provider.run_program` was called with it; the SDK knows no backends
    "from_saved",  # part of `load`
    "job_ids",  # there is one
    "jobs",  # likewise: `client.get_job(job_id)`
    "last_seen",  # its repr has all that is known
    "layouts",  # it is a program, not a circuit
    "metrics",  # IBM's form, for jobs that come from Qiskit
    "plot_timeline",  # likewise of Qiskit's part
    "programs",  # likewise
    "queue_info",  # `client.queue_position(job_id)`
    "tags",  # an option of circuits and primitives
    "times",  # `timestamps`
    "transpiled_circuits",
    "usage",
}


def public(kind: type) -> set[str]:
    """Return the public names of a class."""
    return {name for name in dir(kind) if not name.startswith("_")}


def test_one_interface() -> None:
    """Jobs of circuits and of primitives have the same names, but for those with a reason."""
    circuits, primitives, programs = map(public, (OqtopusJob, OqtopusPrimitiveJob, OqtopusProgramJob))

    assert circuits - primitives == ONLY_OF_CIRCUITS.keys()
    assert primitives - circuits == set()
    assert public(JobV1) - primitives == {"version", "submit"}
    assert circuits - programs == NOT_OF_PROGRAMS


@pytest.fixture
def held_backend(held_emulator: Emulator) -> Iterator[OqtopusBackend]:
    """A backend whose jobs do not advance."""
    with OqtopusProvider(held_emulator.config) as provider:
        yield provider.get_backend("qulacs")


RUNS: list[Callable[[OqtopusBackend], AnyJob]] = [
    lambda backend: backend.run([keyed(1), keyed(2)], shots=5),
    lambda backend: OqtopusSampler(backend).run([keyed(1), keyed(2)], shots=5),
]


@pytest.mark.parametrize("run", RUNS)
def test_queue_position(
    held_backend: OqtopusBackend, held: HeldExecutor, run: Callable[[OqtopusBackend], AnyJob]
) -> None:
    """The position is that of the first circuit behind the user's earlier ones; None once it runs."""
    first, second = run(held_backend), run(held_backend)

    assert (first.queue_position(), second.queue_position()) == (1, 3)
    assert str(second.queue_info()) == "2 jobs ahead, 2 of them yours"
    while first.status() is JobStatus.QUEUED:
        held.step()
    assert first.queue_position() is None
    while not second.in_final_state():
        held.step()
    assert second.queue_position() is second.queue_info() is None
    assert (second.done(), second.errored(), second.cancelled(), second.running()) == (True, False, False, False)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("read", [False, True])
def test_queue_position_of_the_rest(
    held_backend: OqtopusBackend, run: Callable[[OqtopusBackend], AnyJob], read: bool
) -> None:
    """Once a circuit has ended, the position is that of the next, in every process, whatever that has read."""
    earlier, job = run(held_backend), run(held_backend)
    held_backend.provider.client.cancel_job(job.job_ids[0])
    if read:
        assert [each.status for each in job.jobs()] == ["cancelled", "submitted"]
    retrieved = held_backend.provider.job(job.job_id())

    assert job.queue_position() == retrieved.queue_position() == 1 + len(earlier.job_ids)


@pytest.mark.parametrize("run", RUNS)
def test_waiting(held_backend: OqtopusBackend, held: HeldExecutor, run: Callable[[OqtopusBackend], AnyJob]) -> None:
    """A wait ends at its timeout; a callback sees each status that is not final."""
    job = run(held_backend)
    for options in ({}, {"wait": 0.01}):
        with pytest.raises(JobTimeoutError, match=f"{job.job_id()}: did not finish within 0.02 s and is still running"):
            job.wait_for_final_state(0.02, **options)
    seen: list[tuple[object, ...]] = []

    def advance(*answer: object) -> None:
        seen.append(answer)
        held.step()

    job.wait_for_final_state(60, wait=0, callback=advance)
    assert seen[0] == (job.job_id(), JobStatus.QUEUED, job)
    assert all(status is not JobStatus.DONE for _, status, _ in seen)
    assert job.done()
    job.wait_for_final_state()


@pytest.mark.parametrize("run", RUNS)
def test_waiting_for_a_server_in_trouble(
    held_backend: OqtopusBackend, held_emulator: Emulator, run: Callable[[OqtopusBackend], AnyJob]
) -> None:
    """The error of a wait says that the server did not respond correctly until its end."""
    job = run(held_backend)
    held_emulator.inject("server_error", times=None)
    with pytest.raises(JobTimeoutError, match="At last the server did not respond correctly: HTTP 500"):
        job.result(timeout=0.02)


@pytest.mark.parametrize("run", RUNS)
def test_interrupted_wait(
    held_backend: OqtopusBackend, monkeypatch: pytest.MonkeyPatch, run: Callable[[OqtopusBackend], AnyJob]
) -> None:
    """Ctrl-C names the job and how to return to it, rather than the ids of its OQTOPUS jobs."""
    job = run(held_backend)

    def interrupted(*_: object, **_options: object) -> None:
        error = KeyboardInterrupt()
        error.add_note("2 jobs are still running; call wait_for_jobs() again with the ids: ...")
        raise error

    monkeypatch.setattr(held_backend.provider.client, "wait_for_jobs", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        job.result()
    assert caught.value.__notes__ == [
        f"Job {job.job_id()} is still running; provider.job({job.job_id()!r}) returns it."
    ]


def test_transpiled_programs(backend: OqtopusBackend) -> None:
    """The programs of a primitive and the server's output for each are available as those of circuits."""
    job = OqtopusSampler(backend).run([bell(), keyed(3)], shots=5)
    job.result()
    transpiled, none = job.transpiled_circuits()

    assert [program.header.name for program in job.programs()] == ["bell", "keyed 3"]
    assert transpiled is not None
    assert transpiled.count_ops()["measure"] == 2
    assert none is None
    assert len(job.layouts()[0] or ()) == 2
    assert job.layouts()[1] is None


def test_jobs_elsewhere() -> None:
    """A primitive's job on another backend has no OQTOPUS jobs, and so none of their data."""
    job = OqtopusSampler(AerSimulator()).run([keyed(1)], shots=5)
    job.wait_for_final_state(wait=0.01)

    assert (job.programs(), job.transpiled_circuits(), job.layouts(), job.tags) == ([], [], [], [])
    assert job.queue_position() is job.last_seen is job.creation_date is job.execution_time is None
    assert job.metrics()["usage"] == {"seconds": 0.0, "quantum_seconds": 0.0}
    assert repr(job) == f"<OqtopusPrimitiveJob {job.job_id()!r}: 1 PUB>"


# --- tags

TAGS = ["night", "lab 3", "日本", "50%_off", "a'b"]


@pytest.mark.parametrize("number", [1, 3])
def test_tags(backend: OqtopusBackend, cloud: RecordedCloud, number: int) -> None:
    """Tags survive on the server, for one circuit and several, with and without a description."""
    provider = backend.provider
    mine = [f"{tag} {number}" for tag in TAGS]
    job = backend.run([bell()] * number, shots=1, tags=mine, description="ends with [brackets]")
    cloud.requests.clear()
    assert job.tags == mine
    assert cloud.requests == []
    backend.run(bell(), shots=1, job_tags=[f"night {number}"], name=mine[1])
    found = provider.jobs(tags=mine[::-1])

    assert [each.job_id() for each in found] == [job.job_id()]
    assert found[0].tags == provider.job(job.job_id()).tags == mine
    assert len(provider.jobs(tags=[f"night {number}"])) == 2
    assert len(provider.jobs(tags=["nigh"])) == 0
    assert len(provider.jobs(tags=mine, name="[brackets]")) == 1


def test_tags_of_primitives(backend: OqtopusBackend) -> None:
    """Each way to give tags is understood, as option, argument or in IBM's section."""
    ways = [
        OqtopusSampler(backend, tags=["a", "b"]),
        OqtopusSampler(backend, {"job_tags": ["a", "b"]}),
        OqtopusSampler(backend, {"environment": {"job_tags": ["a", "b"]}}),
        OqtopusSampler(backend),
        OqtopusEstimator(backend, options={"job_tags": ["a"]}),
        OqtopusSampler(backend),
    ]
    ways[3].options.tags = ("a", "b")
    ways[4].options.environment.job_tags = ["b"]
    ways[5].options.update(tags=["a"], environment={"job_tags": ["b"]})
    pubs = [[bell()]] * 4 + [[(bell().remove_final_measurements(inplace=False), "ZZ")], [bell()]]
    jobs = [way.run(pub) for way, pub in zip(ways, pubs, strict=True)]

    assert [job.tags for job in jobs] == [["a", "b"]] * 6
    backend.set_options(tags=["c"])
    assert OqtopusSampler(backend).run([bell()]).tags == backend.run(bell(), shots=1).tags == ["c"]
    assert backend.run(bell(), shots=1, job_tags=[]).tags == []


@pytest.mark.parametrize(
    ("tags", "error", "message"),
    [
        ("night", TypeError, "must be a list of words, such as ['calibration'], not 'night'."),
        ([1], TypeError, "must be a list of words, such as ['calibration'], not [1]."),
        (7, TypeError, "must be a list of words, such as ['calibration'], not 7."),
        *[
            ([tag], ValueError, f"without spaces at their ends, not {tag!r}.")
            for tag in ("", " a", "a ", "a,b", "a[", "]", "a\\b", "a\nb", "a\0b")
        ],
        (
            ["t" * 150, "u" * 50],
            ValueError,
            "must have at most 200 characters together, with two between them, not 202.",
        ),
    ],
)
def test_bad_tags(
    backend: OqtopusBackend, cloud: RecordedCloud, tags: object, error: type[Exception], message: str
) -> None:
    """Tags that could not be found again are refused before any request."""
    for run in (
        lambda: backend.run(bell(), job_tags=tags),
        lambda: OqtopusSampler(backend, job_tags=tags),
        lambda: OqtopusSampler(backend, environment={"job_tags": tags}),
        lambda: backend.provider.jobs(tags=tags),
    ):
        with pytest.raises(error) as caught:
            run()
        assert str(caught.value).endswith(message)
    assert cloud.requests == []


def test_one_name_of_tags(backend: OqtopusBackend) -> None:
    """An option given under both names is ambiguous."""
    with pytest.raises(TypeError, match=r"run\(\) takes either tags or job_tags, which are the same option\."):
        backend.run(bell(), tags=["a"], job_tags=["b"])


def test_longest_description(backend: OqtopusBackend) -> None:
    """The longest description and tags fit with those of the largest batch, and are read back."""
    description, tags = "d" * 700, ["t" * 98, "u" * 100]
    largest = Tag("estimator-0123456789abcdef", 999_999_999, 999_999_999)
    text = f"{with_user_tags(description, tags)} {largest}"

    assert len(text) <= 1024
    assert (user_tags(text), Tag.of(text)) == (tags, largest)
    assert without_tag(text) == with_user_tags(description, tags)
    assert backend.run([bell()] * 2, shots=1, description=description, tags=tags).tags == tags


@pytest.mark.parametrize(
    "description", [None, "", "plain", "[tags: ]", "tags: a", "[tags: a] more", "x[tags: a]", "[sampler-1 1/2]"]
)
def test_descriptions_without_tags(description: str | None) -> None:
    """Descriptions of earlier versions and other software have no tags."""
    assert user_tags(description) == []
