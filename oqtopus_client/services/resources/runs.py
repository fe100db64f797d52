"""Submission of jobs with a wait for their results."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Unpack, cast

from oqtopus_client.checks import check_boolean, whole_number
from oqtopus_client.errors import BatchResultError, JobError, OqtopusError, UserApiError, WaitTimeoutError
from oqtopus_client.files import as_path
from oqtopus_client.rest.enums import JobsJobStatus, JobsJobType
from oqtopus_client.services.job_spec import OqtopusJobSpec
from oqtopus_client.services.polling import Polling, PollingOptions
from oqtopus_client.services.resources.submission import Submissions, check_spec
from oqtopus_client.services.resources.waiting import Waiting, WaitOptions, checked_ends, with_options_of
from oqtopus_client.services.scripts import read_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from oqtopus_client.services.job_results import (
        OqtopusEstimationJobResult,
        OqtopusJobResult,
        OqtopusMultiManualJobResult,
        OqtopusSamplingJobResult,
        OqtopusSseJobResult,
    )


class Runs(Submissions, Waiting):
    """Submission of jobs with a wait for their results."""

    @with_options_of(Waiting.wait_for_job)
    async def run_job(self, job: OqtopusJobSpec, **wait: Unpack[WaitOptions]) -> OqtopusJobResult:
        """Submit a job and wait for it; see `submit_job` and `wait_for_job`.

        Raises:
            UserApiError: The job failed in a server-side program; elsewhere, a failed job is returned. The status is 0.
        """
        check_spec(job)
        return await self._run(job, wait)

    async def _run(self, job: OqtopusJobSpec, wait: WaitOptions) -> OqtopusJobResult:
        _check_wait(wait)
        registered = await self._submission.submit_job(job)
        with _note_job_ids([registered.job_id]):
            ended = await self.wait_for_job(registered.job_id, **wait)
        if ended.status == JobsJobStatus.FAILED and self._uses_driver:
            raise UserApiError(0, f"The job failed: {ended.reason}", {"mode": "sse_container"})
        return ended

    @with_options_of(Waiting.wait_for_job)
    async def run_sampling(self, job: OqtopusJobSpec, **wait: Unpack[WaitOptions]) -> OqtopusSamplingJobResult:
        """Run a sampling job; see `run_job`.

        Raises:
            ValueError: `job` is of another type.
        """
        return cast("OqtopusSamplingJobResult", await self._run_typed(JobsJobType.SAMPLING, job, wait))

    @with_options_of(Waiting.wait_for_job)
    async def run_estimation(self, job: OqtopusJobSpec, **wait: Unpack[WaitOptions]) -> OqtopusEstimationJobResult:
        """Run an estimation job; see `run_job`.

        Raises:
            ValueError: `job` is of another type.
        """
        return cast("OqtopusEstimationJobResult", await self._run_typed(JobsJobType.ESTIMATION, job, wait))

    @with_options_of(Waiting.wait_for_job)
    async def run_multi_manual(self, job: OqtopusJobSpec, **wait: Unpack[WaitOptions]) -> OqtopusMultiManualJobResult:
        """Run a multi_manual job; see `run_job`.

        Raises:
            ValueError: `job` is of another type.
        """
        return cast("OqtopusMultiManualJobResult", await self._run_typed(JobsJobType.MULTI_MANUAL, job, wait))

    @with_options_of(Waiting.wait_for_job)
    async def run_sse(self, job: OqtopusJobSpec, **wait: Unpack[WaitOptions]) -> OqtopusSseJobResult:
        """Run a Python program on the server; see `run_job`.

        Raises:
            ValueError: `job` is of another type.
        """
        return cast("OqtopusSseJobResult", await self._run_typed(JobsJobType.SSE, job, wait))

    async def _run_typed(self, job_type: JobsJobType, job: OqtopusJobSpec, wait: WaitOptions) -> OqtopusJobResult:
        check_spec(job)
        if job.job_type != job_type:
            raise ValueError(f"run_{job_type.value} takes a job of type {job_type.value!r}, not {str(job.job_type)!r}.")
        return await self._run(job, wait)

    @with_options_of(Waiting.wait_for_job)
    async def run_sse_file(
        self,
        *,
        file_path: str | Path,
        device_id: str,
        name: str | None = None,
        description: str | None = None,
        transpiler_info: dict[str, object] | None = None,
        simulator_info: dict[str, object] | None = None,
        mitigation_info: dict[str, object] | None = None,
        shots: int = 1,
        max_file_size: int = 10 * 1024 * 1024,
        **wait: Unpack[WaitOptions],
    ) -> OqtopusSseJobResult:
        """Run a Python file on the server and wait for it; see `OqtopusJobSpec.sse` and `wait_for_job`.

        Raises:
            ValueError: The file is missing, not a Python file, not UTF-8 text or larger than `max_file_size` bytes.
        """
        job = OqtopusJobSpec.sse(
            device_id=device_id,
            program=read_program(as_path(file_path, "file_path"), max_file_size),
            shots=shots,
            name=name,
            description=description,
            transpiler_info=transpiler_info,
            simulator_info=simulator_info,
            mitigation_info=mitigation_info,
        )
        return cast("OqtopusSseJobResult", await self._run(job, wait))

    @with_options_of(Polling)
    async def run_jobs_batch(
        self,
        jobs: Sequence[OqtopusJobSpec],
        *,
        submit_workers: int = 4,
        wait_workers: int = 4,
        progress: bool = False,
        **options: Unpack[PollingOptions],
    ) -> list[OqtopusJobResult]:
        """Submit jobs, `submit_workers` at a time, and wait for all; see `submit_jobs` and `wait_for_jobs`."""
        whole_number(wait_workers, "wait_workers must be at least 1")
        whole_number(submit_workers, "submit_workers must be at least 1")
        Polling.of(**options)  # raises before any job is submitted
        check_boolean(progress, "progress")
        job_ids = [answer.job_id for answer in await self.submit_jobs(jobs, max_workers=submit_workers)]
        with _note_job_ids(job_ids):
            return await self.wait_for_jobs(job_ids, max_workers=wait_workers, progress=progress, **options)


def _check_wait(wait: WaitOptions) -> None:
    """Check the wait's options before there is a job to wait for.

    Raises:
        TypeError: An option does not exist.
        ValueError: A value is out of range.
    """
    inspect.signature(Waiting.wait_for_job).bind(None, "", **wait)
    checked_ends(**wait)
    Polling(**{name: wait[name] for name in PollingOptions.__annotations__ if name in wait})  # type: ignore[literal-required]


@contextlib.contextmanager
def _note_job_ids(job_ids: Sequence[str]) -> Iterator[None]:
    """Add the ids of submitted jobs to an error that ends the wait for them, as the caller has no other record."""
    try:
        yield
    except (WaitTimeoutError, BatchResultError, JobError):
        raise  # their messages have the ids
    except OqtopusError as error:
        error.add_note(f"The jobs were submitted; call wait_for_jobs() with their ids: {', '.join(job_ids)}")
        raise
