"""A program that runs next to the device, as a job: `OqtopusProgramJob`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus
from oqtopus_client.services.program_archive import load_program, save_program
from oqtopus_client.services.side_files import blocking_method

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from oqtopus_client.services.ended_program import EndedProgram
    from oqtopus_client.services.job_results import OqtopusJobResult
    from oqtopus_client.services.queue_position import QueuePosition
    from oqtopus_client.shipping.reading import InnerJob

_STEPS = ("submitted", "ready", "running", "ended")


class _JobId(str):
    """A job's id; calling it, as users of Qiskit's jobs do, returns it."""

    __slots__ = ()

    def __call__(self) -> str:
        return str(self)


class OqtopusProgramJob:
    """A program that runs next to the device: a function or a script.

    `client.program_job(job_id)` and `provider.job(job_id)` return the job in any process. Servers return a program's
    output once it has ended. With an `AsyncOqtopusClient`, use `await client.wait_for_program(job_id)`, which returns
    the ended program's job; its methods then send no requests.

    Args:
        job_id: The id of its OQTOPUS job.
        client: The client to request it with; None for a job from a file.
        ended: The ended program, if known.
    """

    def __init__(self, job_id: str, client: object | None = None, ended: EndedProgram | None = None) -> None:
        self._job_id = _JobId(job_id)
        self._client = client
        self._ended = ended
        self._status: JobsJobStatus | str = "" if ended is None else ended.job.status

    @property
    def job_id(self) -> _JobId:
        """The id of its OQTOPUS job; `job_id()` returns it, too, as for Qiskit's jobs."""
        return self._job_id

    def status(self) -> JobsJobStatus | str:
        """Return the status of its OQTOPUS job.

        It is `succeeded` for a function that raised an error, too: otherwise the server would discard the error.
        """
        if self._ended is not None:
            return self._ended.job.status
        self._status = self._request("status")(self._job_id)
        return self._status

    def done(self) -> bool:
        """Return whether its OQTOPUS job has succeeded; `result()` may still raise the function's error."""
        return self.status() == JobsJobStatus.SUCCEEDED

    def running(self) -> bool:
        """Return whether the program is running."""
        return self.status() == JobsJobStatus.RUNNING

    def cancelled(self) -> bool:
        """Return whether the program was cancelled."""
        return self.status() == JobsJobStatus.CANCELLED

    def errored(self) -> bool:
        """Return whether its OQTOPUS job has failed; see `done`."""
        return self.status() == JobsJobStatus.FAILED

    def in_final_state(self) -> bool:
        """Return whether the program has ended, however it ended."""
        return self.status() in FINAL_STATUSES

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the program and return the function's return value; None for a script.

        Args:
            timeout: Maximum time to wait in seconds, including time in the queue; None waits without limit.

        Raises:
            ProgramError: The program raised an error, with its traceback; or it ended without reporting one, with the
                likely causes.
            JobTimeoutError: The program did not end in time and is still running.
        """
        return self._wait(timeout).value()

    def logs(self, timeout: float | None = None) -> str:
        """Wait for the program and return its output: standard output and standard error together.

        Raises:
            ProgramError: The server has no log, as its job failed; the message has the likely causes.
            JobTimeoutError: The program did not end in time and is still running.
        """
        return self._wait(timeout).printed()

    @property
    def is_function(self) -> bool:
        """Whether the program is a function rather than a script; False until it has ended."""
        ended = self._if_ended()
        return ended is not None and ended.is_function

    @property
    def inner_jobs(self) -> Sequence[InnerJob]:
        """Summaries of the jobs that a function ran, in order; empty until it has ended, and for scripts."""
        ended = self._if_ended()
        return () if ended is None else ended.outcome.inner_jobs

    def wait_for_final_state(self, timeout: float | None = None) -> None:
        """Wait until the program has ended, however it ended.

        Raises:
            JobTimeoutError: It did not end in time and is still running.
        """
        self._wait(timeout)

    def cancel(self) -> bool:
        """Cancel the program if it has not ended, and return whether it is then cancelled."""
        if self._ended is None:
            self._request("cancel_jobs")([self._job_id])
        return self.cancelled()

    @property
    def timestamps(self) -> dict[str, datetime | None]:
        """Times at which the program was `submitted`, `ready` and `running`, and had `ended`; None if not reached."""
        job = self._job()
        return {step: getattr(job, f"{step}_at") for step in _STEPS}

    @property
    def creation_date(self) -> datetime | None:
        """Time of submission."""
        return self.timestamps["submitted"]

    @property
    def execution_time(self) -> float | None:
        """Execution time in seconds, as reported by the server; None until the program has ended."""
        return self._job().execution_time

    def error_message(self) -> str | None:
        """Return the server's message if its OQTOPUS job has failed or was cancelled, else None.

        A function's error does not count: `result()` raises it.
        """
        job = self._job()
        return job.reason if job.status in {JobsJobStatus.FAILED, JobsJobStatus.CANCELLED} else None

    def queue_position(self) -> int | None:
        """Return its place in the device's queue, at worst: 1 if it is next; None unless it waits.

        `client.queue_position(job_id)` returns how many of the jobs ahead are the user's own.
        """
        position: QueuePosition | None = None if self._ended else self._request("queue_position")(self._job_id)
        return None if position is None else position.position

    def _job(self) -> OqtopusJobResult:
        job: OqtopusJobResult = self._request("get_job")(self._job_id) if self._ended is None else self._ended.job
        self._status = job.status
        return job

    def save(self, path: str | Path) -> None:
        """Write the job to a file that `load` reads: its id and, once the program has ended, its result and log."""
        save_program(self._job_id, self._if_ended(), path)

    @classmethod
    def load(cls, path: str | Path, client: object | None = None) -> Self:
        """Load a job that `save` wrote.

        Args:
            path: The file.
            client: The client to request the job with, if it had not ended when it was saved.

        Raises:
            ValueError: The file is not a saved program, or a later release wrote it.
        """
        job_id, ended = load_program(path)
        return cls(job_id, client, ended)

    def _wait(self, timeout: float | None) -> EndedProgram:
        if self._ended is None:
            job: Self = self._request("wait_for_program")(self._job_id, timeout=timeout)
            self._ended = job._wait(None)
            self._status = self._ended.job.status
        return self._ended

    def _if_ended(self) -> EndedProgram | None:
        return self._wait(None) if self.in_final_state() else None

    def _request(self, method: str) -> Callable[..., Any]:
        """Return a method of the client."""
        awaited = f"Its client is asynchronous; use `await client.wait_for_program({self._job_id!r})`, whose job is "
        found = blocking_method(self._client, method, f"{awaited}complete.")
        if found is None:
            raise ValueError(
                "This job was loaded without a client and had not ended when it was saved; use "
                f"client.program_job({self._job_id!r})."
            )
        return found

    def __repr__(self) -> str:
        seen = (
            "" if not self._status else self._status if self._status in FINAL_STATUSES else f"last seen {self._status}"
        )
        device = "" if self._ended is None else f" on {self._ended.job.device_id}"
        return f"<OqtopusProgramJob {str(self._job_id)!r}{': ' if seen else ''}{seen}{device}>"
