"""The base of all job objects: `OqtopusJobResult`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from oqtopus_client import rest
from oqtopus_client.errors import JobFailedError
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus, JobsJobType
from oqtopus_client.services.remedies import with_remedy
from oqtopus_client.services.side_files import SideFiles

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Never

    from oqtopus_client.rest.models import (
        JobsJob,
        JobsJobInfo,
        JobsS3EstimationResult,
        JobsS3SamplingResult,
        JobsS3TranspileResult,
    )

_Enum = TypeVar("_Enum", bound=StrEnum)


class OqtopusJobResult(SideFiles):
    """A job: its status, settings and, if it has succeeded, result.

    Properties that name a side file read it through the client that returned the job; for jobs of an
    `AsyncOqtopusClient`, use its `read_job_file` and `get_sselog` instead.

    Raises:
        ValueError: `job_type` or `status` is not text.
    """

    _elsewhere: ClassVar[Mapping[str, str]] = {}
    """Attributes that this job does not have, and what to use instead."""

    def __init__(
        self,
        *,
        job_id: str,
        job_type: JobsJobType | str,
        status: JobsJobStatus | str,
        name: str,
        description: str | None = None,
        device_id: str,
        shots: int,
        job_info: JobsJobInfo | Mapping[str, Any],
        transpiler_info: Mapping[str, Any] | None = None,
        simulator_info: Mapping[str, Any] | None = None,
        mitigation_info: Mapping[str, Any] | None = None,
        transpile_result: JobsS3TranspileResult | Mapping[str, Any] | None = None,
        message: str | None = None,
        execution_time: float | None = None,
        submitted_at: datetime | None = None,
        ready_at: datetime | None = None,
        running_at: datetime | None = None,
        ended_at: datetime | None = None,
        client: object | None = None,
    ) -> None:
        self._job_id = job_id
        self._job_type = _member(JobsJobType, "job_type", job_type)
        self._status = _member(JobsJobStatus, "status", status)
        self._name = name
        self._description = description
        self._device_id = device_id
        self._shots = shots
        if not isinstance(job_info, rest.JobsJobInfo):
            job_info = rest.JobsJobInfo.model_validate(job_info)
        job_info._read = self._read_for_dict  # noqa: SLF001
        self._job_info = job_info
        self._transpiler_info = transpiler_info
        self._simulator_info = simulator_info
        self._mitigation_info = mitigation_info
        self._transpile_result = transpile_result
        self._message = message
        self._execution_time = execution_time
        self._submitted_at = submitted_at
        self._ready_at = ready_at
        self._running_at = running_at
        self._ended_at = ended_at
        self._client = client

    @classmethod
    def from_raw(cls, job: JobsJob, *, client: object | None = None) -> Self:
        """Create a job from the User API's model.

        Raises:
            ValueError: A required field is missing.
        """
        required = ("job_id", "job_type", "status", "name", "device_id", "shots", "job_info")
        missing = [name for name in required if getattr(job, name) is None]
        if missing:
            raise ValueError(f"Job {job.job_id} lacks {', '.join(missing)}; has it been submitted?")
        fields = {name: getattr(job, name) for name in type(job).model_fields}
        return cls(**fields, message=job.job_info.message if job.job_info else None, client=client)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._job_id

    @property
    def job_type(self) -> JobsJobType | str:
        """The job's type; plain text if this version does not know it."""
        return self._job_type

    @property
    def status(self) -> JobsJobStatus | str:
        """The job's status; plain text if this version does not know it."""
        return self._status

    @property
    def name(self) -> str:
        """The job's name."""
        return self._name

    @property
    def description(self) -> str | None:
        """The job's description."""
        return self._description

    @property
    def device_id(self) -> str:
        """The device the job runs on."""
        return self._device_id

    @property
    def shots(self) -> int:
        """Number of shots requested."""
        return self._shots

    @property
    def job_info(self) -> JobsJobInfo:
        """The job's files: the content of `result`; the others are presigned URLs until they are read.

        `job_info.to_dict()` reads them all.
        """
        return self._job_info

    @property
    def transpiler_info(self) -> Mapping[str, Any] | None:
        """Transpiler settings; if none were submitted, the server's default once the job has run."""
        return self._transpiler_info

    @property
    def simulator_info(self) -> Mapping[str, Any] | None:
        """Simulator settings, as submitted."""
        return self._simulator_info

    @property
    def mitigation_info(self) -> Mapping[str, Any] | None:
        """Error mitigation settings, as submitted."""
        return self._mitigation_info

    @property
    def message(self) -> str | None:
        """The server's message about the outcome; the reason if the job failed."""
        return self._message

    @property
    def reason(self) -> str:
        """Reason for a missing result: the server's message, with a remedy if one is known."""
        unknown = "the server gave no reason"
        if self.status == JobsJobStatus.CANCELLED:
            unknown = "its owner or the server's operator cancelled it"
        return with_remedy(self._message or unknown, self)

    @property
    def execution_time(self) -> float | None:
        """Execution time on the device in seconds."""
        return self._execution_time

    @property
    def submitted_at(self) -> datetime | None:
        """When the job was submitted."""
        return self._submitted_at

    @property
    def ready_at(self) -> datetime | None:
        """When the engine took the job from the queue."""
        return self._ready_at

    @property
    def running_at(self) -> datetime | None:
        """When execution began."""
        return self._running_at

    @property
    def ended_at(self) -> datetime | None:
        """When the job succeeded or failed; a cancelled job has no such time."""
        return self._ended_at

    @property
    def sampling(self) -> JobsS3SamplingResult | None:
        """The sampling part of the result, if any."""
        branch: JobsS3SamplingResult | None = self._branch("sampling")
        return branch

    @property
    def estimation(self) -> JobsS3EstimationResult | None:
        """The estimation part of the result, if any."""
        branch: JobsS3EstimationResult | None = self._branch("estimation")
        return branch

    def _branch(self, name: str) -> Any:
        result = self._job_info.result
        if isinstance(result, Mapping):
            result = rest.JobsS3JobResult.from_dict(dict(result))
        return getattr(result, name) if isinstance(result, rest.JobsS3JobResult) else None

    def raise_for_status(self) -> Self:
        """Return this job if it succeeded.

        Raises:
            JobFailedError: It failed, was cancelled or has not finished; the message has the reason and, if known, a
                remedy.
        """
        if self._status == JobsJobStatus.SUCCEEDED:
            return self
        status = f"has the status {str(self._status)!r}"
        if self._status not in FINAL_STATUSES:
            raise JobFailedError(self._job_id, f"{status}, so it has no result yet; wait_for_job() waits for it.")
        raise JobFailedError(self._job_id, f"{status}: {self.reason.rstrip('.')}.")

    def is_sampling(self) -> bool:
        """Whether this is a sampling job."""
        return self._job_type == JobsJobType.SAMPLING

    def is_estimation(self) -> bool:
        """Whether this is an estimation job."""
        return self._job_type == JobsJobType.ESTIMATION

    def is_multi_manual(self) -> bool:
        """Whether this is a multi_manual job."""
        return self._job_type == JobsJobType.MULTI_MANUAL

    def is_sse(self) -> bool:
        """Whether this is a job for server-side execution."""
        return self._job_type == JobsJobType.SSE

    if not TYPE_CHECKING:  # type checkers would accept any name

        def __getattr__(self, name: str) -> Never:
            hint = f"; {self._elsewhere[name]}." if name in self._elsewhere else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(job_id={self._job_id!r}, status={str(self._status)!r})"


def _member(enum: type[_Enum], name: str, value: object) -> _Enum | str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be text, such as {next(iter(enum)).value!r}, not {value!r}.")
    return enum(value) if value in set(enum) else value
