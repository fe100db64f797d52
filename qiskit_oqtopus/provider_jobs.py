"""Earlier jobs of a provider: `ProviderJobs`."""

from __future__ import annotations

import itertools
from http import HTTPStatus
from typing import TYPE_CHECKING

from oqtopus_client import OqtopusProgramJob
from oqtopus_client.checks import check_boolean, whole_number
from oqtopus_client.errors import UserApiError
from oqtopus_client.rest.enums import JobsJobStatus, JobsJobType
from oqtopus_client.services.queue_position import age
from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.batch import JobBatch
from qiskit_oqtopus.elsewhere import refuse_others
from qiskit_oqtopus.equivalents import JOBS
from qiskit_oqtopus.errors import OqtopusJobError
from qiskit_oqtopus.job import OqtopusJob
from qiskit_oqtopus.job_criteria import JobCriteria
from qiskit_oqtopus.job_list import JobList
from qiskit_oqtopus.journal_entries import CIRCUIT_JOBS
from qiskit_oqtopus.last_seen import FIELDS
from qiskit_oqtopus.primitives.backend_run import BackendRun
from qiskit_oqtopus.primitives.cloud_run import CloudRun
from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob
from qiskit_oqtopus.primitives.plan import from_run_id
from qiskit_oqtopus.program_runs import ProgramRuns
from qiskit_oqtopus.tags import Tag, is_batch_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path
    from typing import Never

    from qiskit.providers import JobStatus

    from oqtopus_client.rest.models import JobsJob


class ProviderJobs(ProgramRuns):
    """Retrieval of earlier jobs; see `OqtopusProvider`."""

    def job(self, job_id: str) -> OqtopusJob | OqtopusPrimitiveJob | OqtopusProgramJob:
        """Return the job with this id, whichever process submitted it: of a run, a primitive's run or a program.

        This includes runs of primitives that measured nothing and so needed no job: their ids contain all their data.

        Args:
            job_id: The value of `job_id()`, or the id of any OQTOPUS job.

        Raises:
            NotFoundError: The server has no job with this id.
            LaterReleaseError: The id contains a run of a later release.
            OqtopusJobError: The server no longer has all jobs of the batch.
        """
        if isinstance(job_id, str) and from_run_id(job_id):
            return OqtopusPrimitiveJob(BackendRun.retrieved(job_id))
        listed = self._listed(job_id) if isinstance(job_id, str) and not is_batch_id(job_id) else []
        if any(job.job_type == JobsJobType.SSE for job in listed):
            return OqtopusProgramJob(job_id, self.client)
        batch = JobBatch.find(self.client, job_id)
        batch.seen.note(listed)
        return self._job(batch)

    def _listed(self, job_id: str) -> list[JobsJob]:
        """Return the job with this id as the server lists it; none if it does not, such as for a registered job."""
        jobs = self.client.list_jobs(q=job_id, fields=f"{FIELDS},job_type")
        return [job for job in jobs if job.job_id == job_id and job.job_type is not None]

    def _job(self, batch: JobBatch) -> OqtopusJob | OqtopusPrimitiveJob:
        if batch.kind == "batch":
            return OqtopusJob(batch, find_backend=self.get_backend)
        return OqtopusPrimitiveJob(CloudRun(batch), find_backend=self.get_backend)

    def load_job(self, path: str | Path) -> OqtopusJob | OqtopusPrimitiveJob:
        """Load a job that `job.save` wrote; the server is asked about the parts that had not ended by then.

        Args:
            path: The file.

        Raises:
            ValueError: The file is not a saved job, or a later release wrote it (`LaterReleaseError`).
        """
        from qiskit_oqtopus.archive import load  # noqa: PLC0415 - rarely needed

        saved = load(path)
        return (OqtopusPrimitiveJob if saved.is_primitive else OqtopusJob).from_saved(saved, self)

    def resume(self) -> list[OqtopusJob | OqtopusPrimitiveJob]:
        """Return every job in the journal, in order, however far the program that submitted it got.

        Parts that were not submitted yet are submitted now; nothing is submitted twice. A job is left out, with a
        warning that lists the ids of its remaining parts, if the server refused a part or a part was deleted.

        Raises:
            ValueError: This provider keeps no journal.
            OqtopusError: The server could not be reached, or a job could not be submitted; call `resume` again.
        """
        return [self._job(batch) for batch in JobBatch.resume(self.client)]

    def jobs(
        self,
        limit: int | None = 10,
        skip: int = 0,
        backend_name: str | None = None,
        pending: bool | None = None,
        *,
        status: JobStatus | str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        descending: bool = True,
        **unknown: Never,
    ) -> JobList:
        """Return earlier jobs, newest first, as a list that is read when it is needed, a hundred jobs with one request.

        `print` and notebooks show a table. The circuits of one `backend.run`, or one run of a primitive, form one job;
        a job with missing parts is left out with a warning. Estimation jobs of other software and server-side jobs are
        not included; `client.iter_jobs` returns every job. Before deleting jobs of a list, read all of it with `len`:
        deletions shift the jobs that have not been read, so that some would be missed.

        Args:
            limit: Maximum number of jobs; None for all.
            skip: Number of jobs to leave out before them.
            backend_name: Only jobs on this device.
            pending: Only jobs with an OQTOPUS job that has not ended if True, with one that has ended if False.
            status: Only jobs with an OQTOPUS job in this status, named as Qiskit or as the server names it.
            after: Only jobs submitted at this time or later; local time if it has no time zone.
            before: Only jobs submitted at this time or earlier; local time if it has no time zone.
            name: Only jobs with this text in their id, name or description.
            tags: Only jobs with all of these tags; see the option `job_tags`.
            descending: Whether the newest job is first; otherwise, the oldest is.
            **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

        Raises:
            TypeError: An argument is unknown or has the wrong type.
            ValueError: `status` is not a valid status, `limit` or `skip` is negative, a tag is not valid, or `status`
                and `pending` are both given.
        """
        refuse_others("jobs()", unknown, JOBS)
        criteria = JobCriteria.checked(backend_name, pending, status, after, before, name, tags)
        check_boolean(descending, "descending")
        end = None if limit is None else whole_number(limit, "limit must be at least 0 or None", least=0)
        start = whole_number(skip, "skip must be at least 0", least=0)
        grouped = self._grouped(filter(criteria.accepts, self._found(criteria, descending)))
        return JobList(itertools.islice(grouped, start, None if end is None else start + end))

    def _found(self, criteria: JobCriteria, descending: bool) -> Iterator[JobsJob]:
        """Yield the jobs that may meet the criteria, in order."""
        query = {"order": "DESC" if descending else "ASC", "fields": f"{FIELDS},job_type", **criteria.query()}
        if not criteria.are_active:
            yield from self.client.iter_jobs(**query)
            return
        # These are few among all jobs. In the order of the statuses, a job that advances meanwhile is found.
        found: dict[str | None, JobsJob] = {}
        for status in criteria.statuses:
            try:
                found |= {job.job_id: job for job in self.client.iter_jobs(**{**query, "status": status})}
            except UserApiError as error:
                # Servers that do not know the status have no such jobs.
                if status is not JobsJobStatus.CANCELLING or error.status_code != HTTPStatus.UNPROCESSABLE_ENTITY:
                    raise
        yield from sorted(found.values(), key=age, reverse=descending)

    def _grouped(self, found: Iterable[JobsJob]) -> Iterator[OqtopusJob | OqtopusPrimitiveJob]:
        batches: dict[str, JobBatch | None] = {}
        batch_of: dict[str, JobBatch] = {}
        yielded = set()
        for job in found:
            tag = Tag.of(job.description)
            if tag is not None and tag.batch_id not in batches:
                batch = batches[tag.batch_id] = self._complete_batch(tag.batch_id)
                batch_of |= dict.fromkeys(batch.job_ids, batch) if batch else {}
            batch = batch_of.get(job.job_id or "")
            if batch is not None:
                if batch.batch_id not in yielded:
                    yielded.add(batch.batch_id)
                    yield self._job(batch)
            # A job outside the batch that its description names has a copied description, and stands alone.
            elif job.job_id and job.job_type in CIRCUIT_JOBS and (tag is None or batches[tag.batch_id] is not None):
                yield self._job(JobBatch(self.client, job.job_id, [job.job_id], listed=[job]))

    def _complete_batch(self, batch_id: str) -> JobBatch | None:
        try:
            return JobBatch.find(self.client, batch_id)
        except OqtopusJobError as error:  # a part could not be submitted, or has been deleted
            warn_user(f"{error} It is left out.")
            return None
