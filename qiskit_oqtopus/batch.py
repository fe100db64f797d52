"""The OQTOPUS jobs behind one Qiskit job: `JobBatch`."""

from __future__ import annotations

import logging
import re
import secrets
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar, cast

from qiskit.providers import JobError as QiskitJobError
from qiskit.providers import JobStatus
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from oqtopus_client.errors import (
    BatchResultError,
    BatchSubmissionError,
    OqtopusError,
    OqtopusStorageError,
    UserApiError,
    WaitTimeoutError,
)
from oqtopus_client.rest.enums import JobsJobStatus, JobsJobType
from oqtopus_client.services.journal import JournalState
from qiskit_oqtopus.errors import OqtopusJobError
from qiskit_oqtopus.programs import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from oqtopus_client import OqtopusClient, OqtopusJobResult, OqtopusJobSpec
    from oqtopus_client.rest.models import JobsS3TranspileResult
    from oqtopus_client.services.journal import JournalEntry

_T = TypeVar("_T")
_WORKERS = 16
_logger = logging.getLogger("qiskit_oqtopus")

TAG = re.compile(r"\[(?P<batch>(?P<kind>batch|sampler|estimator)-[0-9a-f]{16}) (?P<number>\d+)/(?P<total>\d+)\]$")
"""What ends the description of each job of a batch; the server's search finds the batch by it.

The kind is what the batch was submitted for, circuits (`batch`) or a primitive: so the id tells what to read it as.
"""

CIRCUIT_JOBS = frozenset({JobsJobType.SAMPLING, JobsJobType.MULTI_MANUAL})
"""Jobs that are read as circuits, whatever submitted them."""

WIRE_STATUS = {
    JobsJobStatus.REGISTERED: JobStatus.INITIALIZING,
    JobsJobStatus.SUBMITTED: JobStatus.QUEUED,
    JobsJobStatus.READY: JobStatus.QUEUED,
    JobsJobStatus.RUNNING: JobStatus.RUNNING,
    # Not over yet: the job may still succeed.
    JobsJobStatus.CANCELLING: JobStatus.RUNNING,
    JobsJobStatus.SUCCEEDED: JobStatus.DONE,
    JobsJobStatus.FAILED: JobStatus.ERROR,
    JobsJobStatus.CANCELLED: JobStatus.CANCELLED,
}
"""The server's words in Qiskit's."""

_BY_URGENCY = (
    # While anything goes on, the least advanced job is what keeps us waiting; then the worst outcome counts.
    JobStatus.INITIALIZING,
    JobStatus.QUEUED,
    JobStatus.RUNNING,
    JobStatus.ERROR,
    JobStatus.CANCELLED,
    JobStatus.DONE,
)
_FINAL = frozenset(wire for wire, ours in WIRE_STATUS.items() if ours in JOB_FINAL_STATES)


class JobTimes(NamedTuple):
    """When a job reached each stage of its life, as the server tells it; None for a stage not reached.

    Attributes:
        job_id: The OQTOPUS job.
        submitted_at: It was submitted.
        ready_at: The engine took it from the queue.
        running_at: Execution began.
        ended_at: It succeeded or failed; a cancelled job has no such time.
        execution_time: Seconds on the device.
    """

    job_id: str
    submitted_at: datetime | None
    ready_at: datetime | None
    running_at: datetime | None
    ended_at: datetime | None
    execution_time: float | None


class JobBatch:
    """Jobs that were submitted together, one or thousands.

    Args:
        client: The client to ask; None if nobody can be asked.
        batch_id: The job's id for one job; for several, the tag that their descriptions share.
        job_ids: The jobs, in order.
        known: Jobs as they are known; nobody is asked again for those that have ended.
    """

    def __init__(
        self,
        client: OqtopusClient | None,
        batch_id: str,
        job_ids: Sequence[str],
        known: Iterable[OqtopusJobResult] = (),
    ) -> None:
        self.batch_id = batch_id
        self.job_ids = list(job_ids)
        self._asked = client
        self._ended = {job.job_id: job for job in known if job.status in _FINAL}

    @classmethod
    def submit(cls, client: OqtopusClient, specs: Sequence[OqtopusJobSpec], kind: str = "batch") -> Self:
        """Submit jobs, tagged as a batch if there are several, or if they are a primitive's.

        Raises:
            BatchSubmissionError: A job could not be submitted; the others have been asked to cancel, unless the client
                keeps a journal.
            OqtopusError: The same, of the first.
        """
        batch_id = new_batch_id(kind)
        tagged = len(specs) > 1 or kind != "batch"
        if tagged:
            specs = [
                replace(spec, description=f"{spec.description or ''} [{batch_id} {i}/{len(specs)}]".lstrip())
                for i, spec in enumerate(specs, 1)
            ]
        try:
            answers = client.submit_jobs(specs, max_workers=_WORKERS)
        except OqtopusError as error:
            if client.journal is not None:
                error.add_note("All of it is in the journal: provider.resume() submits what was not.")
            elif isinstance(error, BatchSubmissionError):
                # Without a job object nobody would ever look at them.
                client.discard_jobs(error.job_ids)
                error.add_note("These jobs have been asked to cancel.")
            raise
        job_ids = [answer.job_id for answer in answers]
        return cls(client, batch_id if tagged else job_ids[0], job_ids)

    @classmethod
    def find(cls, client: OqtopusClient, batch_id: str) -> Self:
        """The batch of that id, from whatever process it was submitted.

        Raises:
            OqtopusJobError: There is no such batch, or not all of its jobs are there.
            NotFoundError: There is no such job.
        """
        if not TAG.match(f"[{batch_id} 1/1]"):
            return cls(client, batch_id, [client.get_job_status(batch_id).job_id])
        found: dict[int, str] = {}
        total = 0
        for job in client.iter_jobs(q=batch_id, fields="job_id,description"):
            if (tag := TAG.search(job.description or "")) and tag["batch"] == batch_id and job.job_id is not None:
                found[int(tag["number"])] = job.job_id
                total = int(tag["total"])
        job_ids = [found[number] for number in sorted(found)]
        if not found:
            raise OqtopusJobError(batch_id, "none of its jobs is on the server.")
        if len(found) < total:
            there = f"There are: {', '.join(job_ids)}."
            raise OqtopusJobError(batch_id, f"only {len(found)} of its {total} jobs are on the server. {there}")
        return cls(client, batch_id, job_ids)

    @classmethod
    def resume(cls, client: OqtopusClient) -> list[Self]:
        """The batches of the client's journal, what was not submitted of them submitted now.

        One of which a job was refused, or is gone, is left out with a warning.

        Raises:
            OqtopusError: The server cannot be asked, or a job could not be submitted.
        """
        found: dict[str, list[JournalEntry]] = {}
        for entry in client.resume(max_workers=_WORKERS):
            tag = TAG.search(entry.spec.description or "")
            if tag is not None or entry.spec.job_type in CIRCUIT_JOBS:
                found.setdefault(tag["batch"] if tag else entry.job_id or "", []).append(entry)
        batches = []
        for batch_id, entries in found.items():
            job_ids = [entry.job_id for entry in entries if entry.job_id and entry.state is JournalState.SUBMITTED]
            if len(job_ids) == len(entries):
                batches.append(cls(client, batch_id, job_ids))
            else:
                warnings.warn(
                    f"Batch {batch_id}: {len(entries) - len(job_ids)} of {len(entries)} jobs are not on the server, as "
                    f"it refused them or somebody removed them. The others: {', '.join(job_ids) or 'none'}.",
                    stacklevel=3,
                )
        return batches

    @property
    def kind(self) -> str:
        """What the jobs were submitted for: `batch` for circuits, else the name of a primitive."""
        tag = TAG.match(f"[{self.batch_id} 1/1]")
        return tag["kind"] if tag else "batch"

    @property
    def _client(self) -> OqtopusClient:
        if self._asked is None:
            raise QiskitJobError("This job was read from a file, which does not tell; give load() a provider to ask.")
        return self._asked

    def status(self) -> JobStatus:
        """The status of the least advanced job; once all have ended, the worst outcome."""
        return aggregate_status(self.statuses())

    def statuses(self) -> list[JobsJobStatus | str]:
        """Each job's status in the server's words."""
        pending = [job_id for job_id in self.job_ids if job_id not in self._ended]
        found = dict(zip(pending, self._client.get_job_statuses(pending), strict=True)) if pending else {}
        return [found[job_id] if job_id in found else self._ended[job_id].status for job_id in self.job_ids]

    def jobs(self) -> list[OqtopusJobResult]:
        """Each job, as it is now."""
        return self.of_each(self._job)

    def _job(self, job_id: str) -> OqtopusJobResult:
        job = self._ended.get(job_id) or self._client.get_job(job_id)
        if job.status in _FINAL:
            self._ended[job_id] = job
        return job

    def outcomes(
        self, timeout: float | None = None, *, progress: bool = False
    ) -> list[OqtopusJobResult | Exception | None]:
        """Wait for all jobs; of each what it ended with, the error that kept it away, or None if time was up before.

        Args:
            timeout: Seconds to wait at most, time in the queue included; None waits for ever.
            progress: Whether to show a progress bar.
        """
        pending = [job_id for job_id in self.job_ids if job_id not in self._ended]
        found: dict[str, OqtopusJobResult | Exception | None] = {}
        if pending:
            try:
                jobs = self._client.wait_for_jobs(
                    pending,
                    interval=0.05,
                    interval_backoff=1.5,
                    max_interval=5.0,
                    timeout=timeout,
                    max_workers=_WORKERS,
                    progress=progress,
                )
                found = {job.job_id: job for job in jobs}
            except (WaitTimeoutError, BatchResultError) as error:
                found = cast("dict[str, OqtopusJobResult | Exception | None]", dict(error.outcomes))
        for job_id, outcome in found.items():
            if outcome is not None and not isinstance(outcome, Exception):
                self._ended[job_id] = outcome
        return [self._ended.get(job_id) or found.get(job_id) for job_id in self.job_ids]

    def cancel(self) -> bool:
        """Cancel every job that has not ended. True if that leaves the batch cancelled.

        Raises:
            OqtopusError: A job could not be asked to cancel; the others were.
        """
        trouble = [error for error in self.of_each(self._cancel) if error is not None]
        if trouble:
            raise trouble[0]
        return self.status() is JobStatus.CANCELLED

    def _cancel(self, job_id: str) -> OqtopusError | None:
        try:
            if job_id not in self._ended:
                self._client.cancel_job(job_id)
        except UserApiError as error:
            # The server answers 400 for a job that has ended, which is no trouble.
            return None if error.status_code == 400 else error  # noqa: PLR2004 - HTTP's own number
        except OqtopusError as error:
            return error
        return None

    def device_id(self) -> str:
        """The device that runs the jobs."""
        return self._job(self.job_ids[0]).device_id

    def programs(self, job_id: str) -> list[Program]:
        """What was submitted as a job; where that is lost, one program that nothing is known of."""
        job = self._job(job_id)
        is_isa = self.is_sent_as_is(job_id)
        try:
            texts = job.input and job.input.program
        except OqtopusStorageError:
            texts = None
        if not texts:
            _logger.warning("The input of job %s cannot be read, so its counts come without registers.", job_id)
        return [Program.from_text(text, is_isa=is_isa) for text in texts or [""]]

    def is_sent_as_is(self, job_id: str) -> bool:
        """Whether a job's program goes to the device without the server's transpiler."""
        return (self._job(job_id).transpiler_info or {}).get("transpiler_lib", "") is None

    def transpile_result(self, job_id: str) -> JobsS3TranspileResult | None:
        """What the server's transpiler made of a job; None where it did nothing, or has not yet."""
        return cast("JobsS3TranspileResult | None", self._job(job_id).transpile_result)

    def times(self) -> list[JobTimes]:
        """When each job reached each stage."""
        return [JobTimes(**{name: getattr(job, name) for name in JobTimes._fields}) for job in self.jobs()]

    def of_each(self, ask: Callable[[str], _T]) -> list[_T]:
        """What `ask` returns for each job, some asked for at the same time."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            return list(pool.map(ask, self.job_ids))


def new_batch_id(kind: str) -> str:
    """An id that no other batch has."""
    return f"{kind}-{secrets.token_hex(8)}"


def aggregate_status(statuses: Collection[JobsJobStatus | str]) -> JobStatus:
    """One status for several jobs; one we do not know is taken for running, never for final.

    >>> aggregate_status(["succeeded", "running", "submitted"]) is JobStatus.QUEUED
    True
    """
    return overall_status([WIRE_STATUS.get(cast("JobsJobStatus", status), JobStatus.RUNNING) for status in statuses])


def overall_status(statuses: Collection[JobStatus]) -> JobStatus:
    """That of the least advanced while anything goes on, then the worst outcome; DONE where there is nothing to do."""
    return next((status for status in _BY_URGENCY if status in statuses), JobStatus.DONE)


def wire_statuses(status: JobStatus | str | None) -> list[JobsJobStatus]:
    """The server's words for a status; none for None.

    Raises:
        ValueError: There is no such status.

    >>> [str(wire) for wire in wire_statuses("queued")]
    ['submitted', 'ready']
    """
    if status is None:
        return []
    word = status.name if isinstance(status, JobStatus) else str(status)
    found = [wire for wire, ours in WIRE_STATUS.items() if word.lower() in {wire.value, ours.name.lower()}]
    if not found:
        known = ", ".join([*(wire.value for wire in WIRE_STATUS), *(ours.name for ours in JobStatus)])
        raise ValueError(f"There is no status {status!r}; there are: {known}.")
    return found
