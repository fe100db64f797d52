"""`provider.jobs()`: a list that is read when it is needed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from oqtopus_client import OqtopusConfig, OqtopusJobSpec
from oqtopus_client.errors import OqtopusError, UserApiError
from qiskit_oqtopus import OqtopusProvider, OqtopusSampler
from qiskit_oqtopus.job_list import JobList
from tests.support.circuits import BELL, keyed
from tests.support.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit_oqtopus.job_list import AnyJob


def row(number: int, **fields: Any) -> dict[str, Any]:
    """Return a job as servers list it."""
    return {
        "job_id": f"{number:03}",
        "job_type": "sampling",
        "status": "succeeded",
        "name": f"job {number}",
        "device_id": "chip",
        "submitted_at": "2026-08-20T06:14:03+09:00",
        **fields,
    }


def pages(*sizes: int) -> list[bytes]:
    """Return the pages of a list with numbered jobs."""
    rows = [row(number) for number in range(sum(sizes))]
    return [json.dumps([rows.pop(0) for _ in range(size)]).encode() for size in sizes]


@contextlib.contextmanager
def listed(*answers: bytes | int) -> Iterator[tuple[OqtopusProvider, ScriptedServer]]:
    """Provide a server that answers with these pages, one after the other."""
    server = ScriptedServer(**{"GET /jobs": list(answers)})
    config = OqtopusConfig("https://cloud.example.org", "token", transport=server, retry_max_attempts=1)
    with OqtopusProvider(config) as provider:
        yield provider, server


def ids(jobs: Sequence[AnyJob]) -> list[str]:
    """Return the ids of jobs."""
    return [job.job_id() for job in jobs]


def test_read_when_needed() -> None:
    """Indexing and iterating read one page at a time; `len` and negative indices read all; nothing is read twice."""
    with listed(*pages(100, 100, 50)) as (provider, server):
        jobs = provider.jobs(limit=None)
        assert server.asked == []
        assert bool(jobs)
        assert jobs[99].job_id() == "099"
        assert ids(jobs[3:8:2]) == ["003", "005", "007"]
        assert "042" in jobs
        assert len(server.asked) == 1
        assert jobs[100].job_id() == "100"
        assert len(server.asked) == 2
        assert ids(jobs[-2:]) == ["248", "249"]
        assert len(jobs) == 250
        assert len(server.asked) == 3
        assert jobs[-1] is jobs[249]
        assert list(jobs) == list(jobs) == list(reversed(jobs))[::-1] == jobs
        assert jobs[7] in jobs
        assert "250" not in jobs
        assert None not in jobs
        assert jobs.index(jobs[200]) == 200
        assert ids(jobs[::-100]) == ["249", "149", "049"]
        with pytest.raises(IndexError):
            jobs[250]
        assert len(server.asked) == 3
    assert isinstance(jobs, Sequence)


@pytest.mark.parametrize("index", ["042", None, 1.0, slice("0", None), slice(0, 2.5), slice(None, None, "2")])
def test_bad_indices(index: Any) -> None:
    """They raise errors for users, without a request."""
    with listed(*pages(1)) as (provider, server):
        with pytest.raises(
            TypeError, match=r"must be an integer or a slice, not .*provider\.job\(|^slice indices must"
        ):
            provider.jobs()[index]
        assert server.asked == []


def test_threads() -> None:
    """Several threads read one list, each of them all of it, with no request twice."""
    with listed(*pages(100, 50)) as (provider, server), ThreadPoolExecutor(4) as threads:
        jobs = provider.jobs(limit=None)
        assert list(threads.map(lambda _: ids(jobs), range(4))) == [[f"{number:03}" for number in range(150)]] * 4
        assert len(server.asked) == 2


def test_limits() -> None:
    """`limit` and `skip` bound what is read."""
    for limit, skip, expected, requests in ((10, 0, (0, 10), 1), (5, 98, (98, 103), 2), (0, 0, (0, 0), 0)):
        with listed(*pages(100, 50)) as (provider, server):
            assert ids(provider.jobs(limit, skip)) == [f"{number:03}" for number in range(*expected)]
            assert len(server.asked) == requests


def test_as_an_iterator() -> None:
    """`next` returns one job after the other, and does not affect iteration."""
    with listed(*pages(3)) as (provider, _):
        jobs = provider.jobs()
        assert [next(jobs).job_id(), next(jobs).job_id()] == ["000", "001"]
        assert ids(jobs) == ["000", "001", "002"]
        next(jobs)
        assert next(jobs, None) is None
        with pytest.raises(StopIteration):
            next(jobs)


def test_oldest_first() -> None:
    """`descending=False` asks the server for the opposite order."""
    with listed(*pages(1)) as (provider, server):
        for descending in (True, False):
            assert len(provider.jobs(descending=descending)) == 1
    assert ["order=DESC" in url for url in server.asked] == [True, False]
    assert ["order=ASC" in url for url in server.asked] == [False, True]


@pytest.mark.parametrize(("descending", "expected"), [(True, ["003", "002", "001"]), (False, ["001", "002", "003"])])
def test_pending_jobs(descending: bool, expected: list[str]) -> None:
    """Pending jobs are found without reading those that have ended, and one that advances meanwhile once.

    Servers that do not know the status `cancelling` refuse it.
    """
    found: list[list[dict[str, Any]]] = [
        [],
        [row(2, status="submitted"), row(3, status="submitted")],
        [row(2, status="ready"), row(1, status="ready")],
        [],
    ]
    with listed(*(json.dumps(rows).encode() for rows in found), 422) as (provider, server):
        assert ids(provider.jobs(pending=True, descending=descending)) == expected
    statuses = ["registered", "submitted", "ready", "running", "cancelling"]
    assert [url.partition("status=")[2].partition("&")[0] for url in server.asked] == statuses


def test_failure_is_repeated() -> None:
    """A list that could not be read to its end raises the error again, rather than appear shorter."""
    with listed(*pages(100), 400) as (provider, server):
        jobs = provider.jobs(limit=None)
        for _ in range(2):
            with pytest.raises(UserApiError):
                len(jobs)
        assert len(server.asked) == 2
        assert jobs[99].job_id() == "099"
        with pytest.raises(UserApiError):
            list(jobs)


def test_interruption_is_remembered() -> None:
    """Likewise after Ctrl-C."""

    def interrupted() -> Iterator[AnyJob]:
        yield cast("AnyJob", object())
        raise KeyboardInterrupt

    jobs = JobList(interrupted())
    with pytest.raises(KeyboardInterrupt):
        len(jobs)
    with pytest.raises(
        OqtopusError, match=r"The list was interrupted while it was read; call provider\.jobs\(\) again"
    ):
        len(jobs)


def test_terminal() -> None:
    """`print` shows a table of the first 20 jobs and reads no more than it shows."""
    first = row(7, status="running", name="ramsey\x1b[2J", description="x [tags: a, b]")
    with listed(json.dumps([first, row(8, submitted_at=None)]).encode()) as (provider, _):
        assert str(provider.jobs()).splitlines() == [
            "Job  Name       Status   Device  OQTOPUS jobs  Submitted             Tags",
            "---  ---------  -------  ------  ------------  --------------------  ----",
            "007  ramsey[2J  RUNNING  chip               1  2026-08-19 21:14 UTC  a, b",
            "008  job 8      DONE     chip               1",
        ]
    with listed(*pages(100, 50)) as (provider, server):
        lines = repr(provider.jobs(limit=None)).splitlines()
        assert (len(lines), lines[-1]) == (23, "The first 20 jobs; there are more.")
        assert len(server.asked) == 1
    with listed(b"[]") as (provider, _):
        assert (repr(provider.jobs()), provider.jobs()._repr_html_()) == ("No jobs", "No jobs")


def test_notebook() -> None:
    """Notebooks show the same cells as HTML, in which text of the server is no markup."""
    with listed(json.dumps([row(1, name="<b>", description="[tags: <i>]")]).encode()) as (provider, _):
        html = provider.jobs()._repr_html_()

    assert html.count("<th>") == 7
    assert '<td style="text-align: left">&lt;b&gt;</td>' in html
    assert '<td style="text-align: left">&lt;i&gt;</td>' in html
    assert '<td style="text-align: right">1</td>' in html


@pytest.mark.parametrize(
    ("filters", "error", "message"),
    [
        ({"limit": "5"}, TypeError, "limit must be at least 0 or None, not '5'."),
        ({"limit": True}, TypeError, "limit must be at least 0 or None, not True."),
        ({"skip": -1}, ValueError, "skip must be at least 0, not -1."),
        ({"after": "2026-08-20"}, TypeError, "after must be a datetime, such as datetime(2026, 8, 20), or None, not"),
        ({"before": 5}, TypeError, "before must be a datetime"),
        ({"backend_name": 5}, TypeError, "backend_name must be the name of a device or None, not 5."),
        ({"name": 5}, TypeError, "name must be text or None, not 5."),
        ({"pending": 1}, TypeError, "pending must be True, False or None, not 1."),
        ({"pending": True, "status": "DONE"}, ValueError, "Use either status or pending."),
        ({"status": "VALIDATING"}, ValueError, "INITIALIZING, QUEUED, RUNNING, DONE, ERROR, CANCELLED."),
        ({"status": "finished"}, ValueError, "'finished' is not a valid status; use one of registered, submitted,"),
        ({"created_after": None}, TypeError, "jobs() has no argument 'created_after': use after."),
        ({"program_id": "sampler"}, TypeError, "use name='sampler-' or name='estimator-', as the ids of such jobs"),
        ({"session_id": "1"}, TypeError, "OQTOPUS has no sessions; mark jobs with the option job_tags, and use tags."),
        ({"latest": 1}, TypeError, "jobs() has no argument 'latest'."),
    ],
)
def test_bad_arguments(filters: dict[str, Any], error: type[Exception], message: str) -> None:
    """They raise at once, before any request, and name the equivalent of another provider's."""
    with listed(b"[]") as (provider, server):
        with pytest.raises(error) as caught:
            provider.jobs(**filters)
        assert message in str(caught.value)
        assert server.asked == []


def test_kinds_of_runs(provider: OqtopusProvider) -> None:
    """The text in the hint about `program_id` finds the runs of samplers only; other jobs are as before."""
    backend = provider.get_backend("qulacs")
    job = OqtopusSampler(backend, tags=["kinds"]).run([keyed(1)], shots=5)
    backend.run([keyed(1)] * 2, shots=5, tags=["kinds"])
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=5, description="[tags: kinds]")
    submitted = provider.client.submit_job(spec)
    now = datetime.now(UTC)

    assert ids(provider.jobs(name="sampler-", tags=["kinds"])) == [job.job_id()]
    assert len(provider.jobs(tags=["kinds"])) == 3
    assert provider.jobs(tags=["kinds"])[0].job_id() == submitted.job_id
    assert provider.jobs(tags=["kinds"], after=now) == []
