"""What an engine reports about a job, and what the user then sees."""

from __future__ import annotations

from typing import Any

import pytest

from oqtopus_client import OqtopusClient
from oqtopus_client.emulator import Emulator
from oqtopus_client.rest.storage import pack
from tests.support.callers import Caller
from tests.support.provider import ProviderCaller

STATUSES = ("registered", "submitted", "ready", "running", "succeeded", "failed", "cancelled")
ALLOWED = {
    "running": {"ready"},
    "succeeded": {"running"},
    "failed": {"ready", "running"},
    "cancelled": {"running"},
}
DONE = (200, "Job status updated")
RESULT = b'{"sampling": {"counts": {"00": 600, "11": 400}, "divided_counts": null}, "estimation": null}'


def conflict(status: str) -> tuple[int, str]:
    """Return the response to a transition that is not allowed."""
    text = "The specified job is not a status that allows transition to the status"
    return 409, f"{text}: Status.{status}"


def job_in(status: str, user: Caller, engine: ProviderCaller) -> str:
    """Make a job with this status."""
    if status == "registered":
        return user.register()
    job_id = user.submit()
    if status != "submitted":
        assert [row["job_id"] for row in engine.fetch()] == [job_id]
    if status not in {"submitted", "ready"}:
        assert engine.report(job_id, "running") == DONE
    if status not in {"submitted", "ready", "running"}:
        assert engine.report(job_id, status) == DONE
    return job_id


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", ALLOWED)
def test_transitions(user: Caller, engine: ProviderCaller, before: str, after: str) -> None:
    """Each transition is allowed or a conflict; a finished job accepts none, not even to its own status."""
    job_id = job_in(before, user, engine)

    answer = engine.report(job_id, after)

    if before == "registered":
        assert answer == (404, "Job not found")
    else:
        assert answer == (DONE if before in ALLOWED[after] else conflict(after))
    assert user.job(job_id)["status"] == (after if answer == DONE else before)


def test_a_strict_server_lets_only_running_jobs_fail() -> None:
    """With `strict_provider`, only running jobs may fail, as with one version's router."""
    with Emulator(":memory:", executor="external", strict_provider=True) as emulator:
        user = Caller("http://emulator.localhost", emulator.token, emulator)
        engine = ProviderCaller("http://provider.localhost", "", emulator.provider_api)
        job_id = job_in("ready", user, engine)

        assert engine.report(job_id, "failed") == conflict("failed")
        assert engine.report(job_id, "running") == DONE
        assert engine.report(job_id, "failed") == DONE
        user.close()
        engine.close()


@pytest.mark.parametrize("status", ["ready", "submitted", "registered", "done", None])
def test_statuses_that_engines_do_not_set(user: Caller, engine: ProviderCaller, status: str | None) -> None:
    """Statuses that engines do not set are invalid."""
    job_id = job_in("ready", user, engine)

    assert engine("PATCH", f"/jobs/{job_id}/status", json={"status": status}).status_code == 422


def test_a_job_that_succeeds(emulator: Emulator, user: Caller, engine: ProviderCaller) -> None:
    """The user sees the files that each report lists, the message, the times, and reads the result."""
    job_id = job_in("ready", user, engine)
    transpiled = engine.upload(job_id, "transpile_result")
    assert user.job(job_id)["job_info"].keys() == {"input"}

    assert engine.report(job_id, "running", output_files=[transpiled]) == DONE
    running = user.job(job_id)
    result = engine.upload(job_id, "result", pack(RESULT, "result.json"))
    assert user.job(job_id)["job_info"].keys() == {"input", "transpile_result"}
    report = {"message": "job is succeeded", "execution_time": 0.2134, "output_files": [transpiled, result]}
    assert engine.report(job_id, "succeeded", **report) == DONE
    job = user.job(job_id)

    assert "ended_at" not in running
    assert {"ready_at", "running_at", "ended_at"} < job.keys()
    assert job["running_at"] == running["running_at"]
    assert job["execution_time"] == 0.213
    assert job["job_info"].keys() == {"input", "transpile_result", "result", "message"}
    assert job["job_info"]["message"] == "job is succeeded"
    with OqtopusClient(emulator.config) as client:
        assert client.get_job(job_id).get_counts() == {"00": 600, "11": 400}  # type: ignore[attr-defined]


def test_a_job_that_fails_before_it_runs(user: Caller, engine: ProviderCaller) -> None:
    """A job may fail before it runs; zero seconds, an empty message and an empty list count as absent."""
    job_id = job_in("ready", user, engine)

    assert engine.report(job_id, "failed", message="no such gate", execution_time=0, output_files=[]) == DONE
    job = user.job(job_id)

    assert job["job_info"]["message"] == "no such gate"
    assert "ended_at" in job
    assert not {"running_at", "execution_time"} & job.keys()


def test_absent_fields_keep_what_was_reported(user: Caller, engine: ProviderCaller) -> None:
    """A report without a message, a time or files leaves those of the one before; unlisted files stay hidden."""
    job_id = job_in("ready", user, engine)
    transpiled = engine.upload(job_id, "transpile_result")
    engine.report(job_id, "running", output_files=[transpiled], message="on its way", execution_time=1.5)
    engine.upload(job_id, "result")

    assert engine.report(job_id, "failed", message="", output_files=[]) == DONE
    job = user.job(job_id)

    assert job["job_info"].keys() == {"input", "transpile_result", "message"}
    assert job["job_info"]["message"] == "on its way"
    assert job["execution_time"] == 1.5


def test_a_job_that_the_user_cancels(user: Caller, engine: ProviderCaller) -> None:
    """The engine's next report is a conflict; it can still upload files, but they are never listed."""
    waiting, running = user.submit(), user.submit()
    user("POST", f"/jobs/{waiting}/cancel")
    assert [row["job_id"] for row in engine.fetch()] == [running]
    engine.report(running, "running")
    user("POST", f"/jobs/{running}/cancel")

    key = engine.upload(running, "result")
    assert engine.report(running, "succeeded", output_files=[key]) == conflict("succeeded")
    job = user.job(running)
    assert job["status"] == "cancelled"
    assert job["job_info"].keys() == {"input"}
    assert "ended_at" not in job


def test_a_cancelled_job_can_be_cancelling_first() -> None:
    """With `cancelling`, a cancelled job is pending until the engine reports its end, which may be any."""
    with Emulator(":memory:", executor="external", cancelling=True) as emulator:
        user = Caller("http://emulator.localhost", emulator.token, emulator)
        engine = ProviderCaller("http://provider.localhost", "", emulator.provider_api)
        for end in ("succeeded", "failed", "cancelled"):
            job_id = job_in("running", user, engine)
            user("POST", f"/jobs/{job_id}/cancel")
            assert [row["job_id"] for row in engine.fetch(status="cancelling")] == [job_id]
            assert engine.report(job_id, "running") == conflict("running")
            assert engine.report(job_id, end) == DONE
            assert user.job(job_id)["status"] == end
            assert "ended_at" in user.job(job_id)
        user.close()
        engine.close()


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"output_files": ["x/y/result.zip"]}, (400, "Invalid output file key: x/y/result.zip")),
        ({"output_files": ["{job}/counts.zip"]}, (400, "Invalid output file key: {job}/counts.zip")),
        ({"output_files": ["{job}/result.zip\n"]}, (400, "Invalid output file key: {job}/result.zip\n")),
        (
            {"output_files": ["other/result.zip", "bad"]},
            (409, "Invalid output file key: other/result.zip for job_id: {job}"),
        ),
        ({"output_files": ["{job}/result.zip", "bad"]}, (400, "{job}/result.zip not found")),
        ({"output_files": ["{job}/input.zip"], "execution_time": -1}, (400, "Execution time should not be negative.")),
    ],
)
def test_a_wrong_report_changes_nothing(
    user: Caller, engine: ProviderCaller, fields: dict[str, Any], answer: tuple[int, str]
) -> None:
    """An invalid report changes nothing; checks are made in the order of servers, the transition first."""
    job_id = job_in("running", user, engine)
    keys = [key.format(job=job_id) for key in fields["output_files"]]
    before = user.job(job_id) | {"job_info": {}}

    report = {**fields, "output_files": keys, "message": "new"}

    assert engine.report(job_id, "running", **report) == conflict("running")
    assert engine.report(job_id, "succeeded", **report) == (answer[0], answer[1].format(job=job_id))
    assert user.job(job_id) | {"job_info": {}} == before
    assert user.job(job_id)["job_info"].keys() == {"input"}
