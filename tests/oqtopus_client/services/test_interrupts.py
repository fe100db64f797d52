"""Ctrl-C: the program is interrupted at once and learns which jobs are still running."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from oqtopus_client import AsyncOqtopusClient, OqtopusClient, OqtopusJobSpec
from oqtopus_client.services import client as client_module
from oqtopus_client.services import loop_thread
from tests.support.circuits import BELL

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oqtopus_client.emulator import Emulator

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)


def interrupted(call: Callable[[], object], *, once: Callable[[], object] = lambda: True) -> KeyboardInterrupt:
    """Interrupt a call shortly after its start, or after `once` returns something true, and return the interrupt."""

    def interrupt() -> None:
        while not once():
            time.sleep(0.05)
        time.sleep(0.2)
        # A thread cannot interrupt the main one; a signal to the process can.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        call()
    assert time.monotonic() - start < 5
    return caught.value


def test_waiting_for_a_job(held_client: OqtopusClient) -> None:
    """The job keeps running, and its id is in the message."""
    job_id = held_client.submit_job(JOB).job_id
    error = interrupted(lambda: held_client.wait_for_job(job_id, timeout=None))

    assert error.__notes__ == [f"Job {job_id} is still running; call wait_for_job() again with its id."]
    assert held_client.status(job_id) in {"submitted", "ready"}


def test_running_a_job(held_client: OqtopusClient) -> None:
    """A job submitted by the interrupted call keeps running, and its id is in the message."""
    error = interrupted(lambda: held_client.run_sampling(JOB, timeout=None), once=held_client.list_jobs)
    (job,) = held_client.list_jobs()

    assert error.__notes__ == [f"Job {job.job_id} is still running; call wait_for_job() again with its id."]


def test_waiting_for_many(held_client: OqtopusClient) -> None:
    """The message names all jobs of the interrupted wait."""
    ids = [answer.job_id for answer in held_client.submit_jobs([JOB] * 3)]
    error = interrupted(lambda: held_client.wait_for_jobs(ids, timeout=None))

    assert error.__notes__ == [f"3 jobs are still running; call wait_for_jobs() again with the ids: {', '.join(ids)}"]


class Unstoppable:
    """A cloud that completes every request, as servers do, even after its client has disconnected."""

    def __init__(self, app: ASGIApp, *, loses: str = "") -> None:
        self._app = app
        self._loses = loses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI's
        body = [await receive()]
        while body[-1].get("more_body"):
            body.append(await receive())
        answer: list[Message] = []

        async def given() -> Message:
            return body.pop(0)

        async def keep(message: Message) -> None:
            answer.append(message)

        await asyncio.shield(asyncio.create_task(self._app(scope, given, keep)))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        if self._loses and scope["path"].endswith(self._loses):
            raise ConnectionResetError
        for message in answer:
            await send(message)


@pytest.mark.anyio
@pytest.mark.parametrize("loses", ["", "/submit"])
@pytest.mark.parametrize("size", [1, 2])
async def test_a_submission_broken_off_at_any_step(held_emulator: Emulator, size: int, loses: str) -> None:
    """Cancelling a submission at any point leaves no orphaned job."""
    cloud = Unstoppable(held_emulator, loses=loses)
    config = dataclasses.replace(held_emulator.config, transport=cloud, retry_max_attempts=1)
    steps, finished = 0, False
    async with AsyncOqtopusClient(config) as client, AsyncOqtopusClient(held_emulator.config) as observer:
        while not finished:
            submission = asyncio.create_task(client.submit_jobs([JOB] * size, max_workers=size))
            for _ in range(steps):
                await asyncio.sleep(0)
            finished = submission.done()
            submission.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await submission
            left = {str(job.job_id): str(job.status) async for job in observer.iter_jobs(fields="job_id,status")}
            if not finished:
                assert set(left.values()) <= {"cancelled"}, steps
                for job_id in left:
                    await observer.delete_job(job_id)
                steps += 1

    assert steps > 10
    assert len(left) == size
    assert set(left.values()) <= {"submitted", "ready"}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_moment_of_a_blocking_call(held_emulator: Emulator, held_client: OqtopusClient) -> None:
    """An interrupted submission leaves no job, whichever line of the client is interrupted."""
    known: set[str] = set()
    traced = {client_module.__file__, loop_thread.__file__}

    def interrupt_at(line: int) -> bool:
        seen = 0

        def trace(frame: FrameType, event: str, _argument: object) -> Callable[..., Any] | None:
            nonlocal seen
            # Python lets no interrupt come between a lock and the block that it guards; tracing does.
            if frame.f_code.co_filename not in traced or "_lock" in frame.f_code.co_names:
                return None
            seen += event == "line"  # what has returned to its caller cannot be interrupted any more
            if seen == line and event == "line":
                raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        try:
            client.submit_job(JOB)
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(None)
        return False

    with OqtopusClient(held_emulator.config) as client:
        client.list_devices()
        lines = 1
        while interrupt_at(lines):
            jobs = {str(job.job_id): str(job.status) for job in held_client.iter_jobs(fields="job_id,status")}
            assert {jobs[job_id] for job_id in jobs.keys() - known} <= {"cancelled"}, lines
            known |= jobs.keys()
            lines += 1

    assert lines > 10
