"""Programs that run next to the device."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import functools
from typing import TYPE_CHECKING, Any, Unpack

from oqtopus_client.config import in_sse_container
from oqtopus_client.errors import JobNotSubmittedError, JobTimeoutError, OqtopusError
from oqtopus_client.rest.enums import JobsJobStatus, JobsJobType
from oqtopus_client.services.ended_program import EndedProgram
from oqtopus_client.services.polling import Polling, PollingOptions
from oqtopus_client.services.program_job import OqtopusProgramJob
from oqtopus_client.services.program_spec import program_spec
from oqtopus_client.services.resources.runs import Runs
from oqtopus_client.services.resources.waiting import with_options_of
from oqtopus_client.services.sse_log import raw_log

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from oqtopus_client.services.program_options import ProgramOptions


class Programs(Runs):
    """Programs that run next to the device."""

    async def run_program(
        self,
        program: Callable[..., Any] | str | os.PathLike[str],
        /,
        *args: Any,
        device_id: str,
        options: ProgramOptions | None = None,
        **kwargs: Any,
    ) -> OqtopusProgramJob:
        """Submit a function that runs next to the device, without the queue between its jobs; return its job.

        There, it is called as `program(client, *args, **kwargs)` with an `OqtopusClient` whose jobs run on the device
        one after the other, and its return value and printed text come back. Its source is sent with its arguments:
        numbers, text, lists, dicts, NumPy arrays, circuits and observables. Libraries that it imports
        must be installed there.

        Args:
            program: The function; or the path of a Python file, which runs as a script, as it is.
            *args: The function's arguments after the client; for a script, the words of its command line.
            device_id: The device.
            options: The modules to send along, the job's shots and name, and the time limit.
            **kwargs: The function's keyword arguments.

        Raises:
            TypeError: An argument, or what the function uses, cannot be sent.
            ValueError: Likewise, or the program exceeds the servers' limit of some 125 kB.
            JobSubmissionError: Upload or submission failed; the message says whether the job was removed.
            OqtopusError: The call comes from such a program.
        """
        if in_sse_container():
            raise OqtopusError("A program next to the device cannot submit another one.")
        spec = await asyncio.to_thread(
            functools.partial(program_spec, program, args, kwargs, kind="client", device_id=device_id, options=options)
        )
        registered = await self.submit_job(spec)
        return OqtopusProgramJob(registered.job_id, self._owner())

    async def program_job(self, job_id: str) -> OqtopusProgramJob:
        """Return the program's job with this id, whichever process submitted it.

        Raises:
            NotFoundError: The server has no job with this id.
            JobNotSubmittedError: The job was never submitted (a `ValueError`).
            ValueError: The job is of another type.
        """
        job = await self._jobs.get_job(job_id)
        if job.status == JobsJobStatus.REGISTERED:
            raise JobNotSubmittedError(job_id)
        if job.job_type != JobsJobType.SSE:
            raise ValueError(f"Job {job_id} is a {job.job_type} job, not a program; use get_job().")
        return OqtopusProgramJob(job_id, self._owner())

    @with_options_of(Polling)
    async def wait_for_program(self, job_id: str, **options: Unpack[PollingOptions]) -> OqtopusProgramJob:
        """Wait until a program has ended, however it ended; its job then has its result and its log.

        See `wait_for_job` for the options.

        Raises:
            JobTimeoutError: The program did not end in time (a `TimeoutError`). It is not cancelled.
            OqtopusStorageError: Its log cannot be downloaded.
        """
        try:
            job = await self.wait_for_job(job_id, **options)
        except JobTimeoutError as error:
            seconds = Polling.of(**options).timeout
            message = f"did not finish within {seconds} s and is still running; call result() again."
            raise JobTimeoutError(job_id, message) from error.__cause__
        log = None
        if job.status == JobsJobStatus.SUCCEEDED:
            archive = (await self.get_sselog(job_id)).file or ""
            log = await asyncio.to_thread(raw_log, base64.b64decode(archive))
        ended = await asyncio.to_thread(EndedProgram.of, job, log)
        if not ended.outcome.is_complete:
            with contextlib.suppress(OqtopusError):
                submitted = await self.read_job_file(job_id, "input")
                ended = dataclasses.replace(ended, text=submitted and submitted.sse_program)
        return OqtopusProgramJob(job_id, self._owner(), ended)
