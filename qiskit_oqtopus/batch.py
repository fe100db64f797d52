"""The OQTOPUS jobs behind one Qiskit job: `JobBatch`."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self, cast

from qiskit.providers import JobError as QiskitJobError
from qiskit.providers import JobStatus

from oqtopus_client import rest
from oqtopus_client.errors import (
    BatchResultError,
    BatchSubmissionError,
    OqtopusError,
    WaitTimeoutError,
)
from oqtopus_client.rest.enums import FINAL_STATUSES
from oqtopus_client.services.concurrency import WORKERS
from oqtopus_client.services.journal import JournalState
from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.batch_programs import verified
from qiskit_oqtopus.errors import OqtopusJobError, timed_out
from qiskit_oqtopus.journal_entries import by_batch
from qiskit_oqtopus.last_seen import FIELDS, LastSeen, just_submitted
from qiskit_oqtopus.programs import Program
from qiskit_oqtopus.status import aggregate_status
from qiskit_oqtopus.tags import Tag, first_of_each, is_batch_id, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from oqtopus_client import OqtopusClient, OqtopusJobResult, OqtopusJobSpec
    from oqtopus_client.rest.models import JobsJob, JobsS3TranspileResult
    from oqtopus_client.services.job_results import JobFile
    from oqtopus_client.services.queue_position import QueuePosition
    from qiskit_oqtopus.errors import OqtopusJobTimeoutError

_PAUSE = timedelta(seconds=1)
"""Longer than the time between the submissions of two jobs of a batch."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_logger = logging.getLogger("qiskit_oqtopus")


class JobBatch:
    """Jobs that were submitted together, one or thousands.

    Args:
        client: The client to use; None for jobs loaded from a file without one.
        batch_id: For a single job, its id; for several, the batch id in their descriptions.
        job_ids: The ids of the jobs, in order.
        known: Jobs as last seen; those that have ended are not requested again.
        listed: Jobs from a list, which have no results.
        programs: The programs of each job; if None, they are read when they are needed.

    Attributes:
        batch_id: As passed to the constructor.
        job_ids: The ids of the jobs, in order.
        seen: What is known about them without a request.
    """

    def __init__(
        self,
        client: OqtopusClient | None,
        batch_id: str,
        job_ids: Sequence[str],
        known: Sequence[OqtopusJobResult] = (),
        *,
        listed: Iterable[JobsJob] = (),
        programs: Sequence[Sequence[Program]] | None = None,
    ) -> None:
        self.batch_id = batch_id
        self.job_ids = list(job_ids)
        self.seen = LastSeen(self.job_ids)
        self.seen.note([*listed, *known])
        self._known_programs = programs
        self._numbers = {job_id: number for number, job_id in enumerate(self.job_ids, 1)}
        self._optional_client = client
        self._ended = {job.job_id: job for job in known if job.status in FINAL_STATUSES}
        self._trouble: BaseException | None = None

    @classmethod
    def submit(
        cls,
        client: OqtopusClient,
        specs: Sequence[OqtopusJobSpec],
        tag: Tag | None = None,
        programs: Sequence[Sequence[Program]] | None = None,
    ) -> Self:
        """Submit jobs.

        Args:
            client: The client to submit with.
            specs: The jobs; their descriptions end with their tags.
            tag: One of the tags; None for a job without a tag.
            programs: See the class.

        Raises:
            BatchSubmissionError: A job could not be submitted; cancellation of the others has been requested, unless
                the client keeps a journal.
            OqtopusError: The first job could not be submitted.
        """
        try:
            answers = client.submit_jobs(specs, max_workers=WORKERS)
        except OqtopusError as error:
            if client.journal is not None:
                error.add_note("All jobs are in the journal; call provider.resume() to submit the remaining ones.")
            elif isinstance(error, BatchSubmissionError):
                # Without a job object, users could not find these jobs.
                client.discard_jobs(error.job_ids)
                error.add_note("Cancellation of these jobs has been requested.")
            raise
        job_ids = [answer.job_id for answer in answers]
        sent = [just_submitted(job_id, spec) for job_id, spec in zip(job_ids, specs, strict=True)]
        return cls(client, tag.batch_id if tag else job_ids[0], job_ids, listed=sent, programs=programs)

    @classmethod
    def find(cls, client: OqtopusClient, batch_id: str) -> Self:
        """Return the batch with this id, from whichever process submitted it.

        Of several jobs with the same tag, the first one submitted belongs to the batch: the others copied its tag. A
        job that was never submitted counts only if no other has its tag. A copy whose original was deleted is detected
        when its program is read.

        Raises:
            OqtopusJobError: The server has none, or only some, of the batch's jobs.
            NotFoundError: The id is that of a single job, and the server does not have it.
        """
        if not (isinstance(batch_id, str) and is_batch_id(batch_id)):
            status = client.get_job_status(batch_id).status
            return cls(client, batch_id, [batch_id], listed=[rest.JobsJob(job_id=batch_id, status=status)])
        listed = [
            (job, tag)
            for job in client.iter_jobs(q=batch_id, fields=FIELDS)
            if job.job_id is not None and (tag := Tag.of(job.description)) is not None and tag.batch_id == batch_id
        ]
        # Ids increase with registration time; some servers report times in whole seconds.
        listed.sort(key=lambda pair: (pair[0].submitted_at is None, pair[0].submitted_at or _EPOCH, pair[0].job_id))
        jobs = first_of_each(listed)
        found = [str(job.job_id) for job in jobs]
        if not found:
            raise OqtopusJobError(batch_id, "none of its jobs is on the server.")
        total = listed[0][1].total
        if len(found) < total:
            message = f"only {len(found)} of its {total} jobs are on the server: {', '.join(found)}."
            raise OqtopusJobError(batch_id, message)
        return cls(client, batch_id, found, listed=jobs)

    @classmethod
    def resume(cls, client: OqtopusClient) -> list[Self]:
        """Submit the jobs in the client's journal that were not submitted yet, and return all its batches.

        A batch with a job that the server refused or no longer has is left out with a warning.

        Raises:
            OqtopusError: The server could not be reached, or a job could not be submitted.
        """
        batches = []
        for batch_id, entries in by_batch(client.resume(max_workers=WORKERS)).items():
            job_ids = [entry.job_id for entry in entries if entry.job_id and entry.state is JournalState.SUBMITTED]
            if len(job_ids) == len(entries):
                batches.append(cls(client, batch_id, job_ids))
            else:
                warn_user(
                    f"Batch {batch_id}: {len(entries) - len(job_ids)} of {len(entries)} jobs are not on the server, as "
                    f"it refused them or they were deleted. The others: {', '.join(job_ids) or 'none'}."
                )
        return batches

    @property
    def kind(self) -> str:
        """The kind of the jobs: `batch` for circuits, else the name of a primitive."""
        return kind_of(self.batch_id)

    @property
    def client(self) -> OqtopusClient:
        """The client to use.

        Raises:
            JobError: The jobs were loaded from a file without one.
        """
        if self._optional_client is None:
            raise QiskitJobError(
                "This job was loaded without a provider, so only what was known when it was saved is available; use "
                "provider.load_job(path) to request more from the server."
            )
        return self._optional_client

    def status(self) -> JobStatus:
        """Return the status of the least advanced job; once all have ended, the worst outcome."""
        pending = self._pending()
        statuses = self.client.get_job_statuses(pending) if pending else []
        for job_id, status in zip(pending, statuses, strict=True):
            self.seen.note_status(job_id, status)
        return aggregate_status([*statuses, *(job.status for job in self._ended.values())])

    def jobs(self) -> list[OqtopusJobResult]:
        """Return the current state of each job."""
        return self._jobs(self.job_ids)

    def _jobs(self, job_ids: Sequence[str]) -> list[OqtopusJobResult]:
        pending = [job_id for job_id in job_ids if job_id not in self._ended]
        found = {job.job_id: job for job in self.client.get_jobs(pending)} if pending else {}
        self.seen.note(found.values())
        self._ended |= {job_id: job for job_id, job in found.items() if job.status in FINAL_STATUSES}
        return [found.get(job_id) or self._ended[job_id] for job_id in job_ids]

    def _pending(self) -> list[str]:
        return [job_id for job_id in self.job_ids if job_id not in self._ended]

    def outcomes(
        self, timeout: float | None = None, *, progress: bool = False
    ) -> list[OqtopusJobResult | Exception | None]:
        """Wait for all jobs; return for each the ended job, the error that prevented reading it, or None on timeout.

        Args:
            timeout: Maximum time to wait in seconds, including time in the queue; None waits without limit.
            progress: Whether to show a progress bar.
        """
        pending = self._pending()
        found: dict[str, OqtopusJobResult | Exception | None] = {}
        if pending:
            try:
                jobs = self.client.wait_for_jobs(
                    pending,
                    interval=0.05,
                    interval_backoff=1.5,
                    max_interval=5.0,
                    timeout=timeout,
                    max_workers=WORKERS,
                    progress=progress,
                )
                found = {job.job_id: job for job in jobs}
            except (WaitTimeoutError, BatchResultError) as error:
                found = cast("dict[str, OqtopusJobResult | Exception | None]", dict(error.outcomes))
                self._trouble = error.__cause__
            except KeyboardInterrupt as error:
                # Not the ids of all jobs, as the client has it.
                error.__notes__ = [f"Job {self.batch_id} is still running; provider.job({self.batch_id!r}) returns it."]
                raise
        for job_id, outcome in found.items():
            if outcome is not None and not isinstance(outcome, Exception):
                self._ended[job_id] = outcome
                self.seen.note([outcome])
        return [self._ended.get(job_id) or found.get(job_id) for job_id in self.job_ids]

    def timed_out(self, timeout: float | None) -> OqtopusJobTimeoutError:
        """Return the error for a wait in which `outcomes` found some jobs unfinished."""
        return timed_out(self.batch_id, timeout, self._trouble)

    def cancel(self) -> bool:
        """Cancel every job that has not ended, and return whether the batch is then cancelled.

        Raises:
            OqtopusError: A job could not be cancelled; the others were.
        """
        if pending := self._pending():
            self.client.cancel_jobs(pending)
        return self.status() is JobStatus.CANCELLED

    def device_id(self) -> str:
        """Return the id of the device that runs the jobs."""
        return self.seen.device_id or self._jobs(self.job_ids[:1])[0].device_id

    def tags(self) -> list[str]:
        """Return the user's tags of the jobs."""
        if self.seen.device_id is None:
            self._jobs(self.job_ids[:1])
        return self.seen.tags

    def queue_info(self) -> QueuePosition | None:
        """Return how many jobs are ahead of the first one that waits; None if one runs or none waits."""
        pending = self._pending()
        return self.client.queue_position(pending) if pending else None

    def programs(self) -> list[list[Program]]:
        """Return the programs of each job; one empty program for a job whose programs cannot be read.

        Raises:
            OqtopusJobError: A job does not belong to this batch, although its description says so, or a later release
                wrote its program.
        """
        if self._known_programs is not None:
            return [list(programs) for programs in self._known_programs]
        return [self._programs(job) for job in self.jobs_with_file("input")]

    def first_program(self) -> Program:
        """Return the first program of the first job; see `programs`."""
        if self._known_programs is not None:
            return self._known_programs[0][0]
        return self._programs(self._jobs(self.job_ids[:1])[0])[0]

    def _programs(self, job: OqtopusJobResult) -> list[Program]:
        """Return the programs of a job; see `programs`."""
        programs = self._verified(job)
        if not programs:
            _logger.warning("The input of job %s could not be read, so its counts have no registers.", job.job_id)
        return programs or [Program.from_text("", is_isa=False)]

    def check_late_jobs(self) -> None:
        """Check that jobs submitted noticeably later than the others belong to this batch.

        Only callers that do not read all programs need this; it reads just the programs of late jobs.

        Raises:
            OqtopusJobError: A late job does not belong to the batch.
        """
        if self._known_programs is not None:
            return
        jobs = sorted(self.jobs(), key=lambda job: job.submitted_at or _EPOCH)
        times = [job.submitted_at or _EPOCH for job in jobs]
        late = next((i for i in range(1, len(jobs)) if times[i] - times[i - 1] > _PAUSE), len(jobs))
        self._read(jobs[late:], "input")
        for job in jobs[late:]:
            self._verified(job)

    def _verified(self, job: OqtopusJobResult) -> list[Program]:
        """Return the programs of a job, none if they cannot be read; see `programs`."""
        number = self._numbers[job.job_id]
        return verified(job, Tag(self.batch_id, number, len(self.job_ids)) if is_batch_id(self.batch_id) else None)

    def transpile_results(self) -> list[JobsS3TranspileResult | None]:
        """Return the output of the server's transpiler for each job; None if it has not run."""
        return [
            cast("JobsS3TranspileResult | None", job.transpile_result)
            for job in self.jobs_with_file("transpile_result")
        ]

    def jobs_with_file(self, name: JobFile) -> list[OqtopusJobResult]:
        """Return the current state of each job with this side file loaded."""
        jobs = self.jobs()
        self._read(jobs, name)
        return jobs

    def jobs_to_save(self) -> list[OqtopusJobResult]:
        """Return the current state of each job, and warn if the output of the server's transpiler cannot be read."""
        jobs = self.jobs()
        try:
            self._read(jobs, "transpile_result")
        except OqtopusError as error:
            warn_user(f"The job is saved without the output of the server's transpiler, which cannot be read: {error}")
        return jobs

    def _read(self, jobs: Sequence[OqtopusJobResult], name: JobFile) -> None:
        if self._optional_client is not None:
            self._optional_client.read_job_files(jobs, [name])
