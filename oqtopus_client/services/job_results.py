"""Jobs as the SDK returns them, typed by what they compute.

A job's result comes with it. Its side files - input, transpile result, combined program, log - are read when they are
asked for, so a missing or broken one never hides a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from oqtopus_client import rest
from oqtopus_client.errors import JobFailedError
from oqtopus_client.rest.enums import JobsJobStatus, JobsJobType
from oqtopus_client.services.remedies import with_remedy
from oqtopus_client.services.result_utils import bitstring_dict_to_int_keys, convert_sampling_counts_to_int_keys
from oqtopus_client.services.side_files import JobFile, SideFiles
from oqtopus_client.services.sse_log import JobLog, log_text, save_log

if TYPE_CHECKING:
    from datetime import datetime

    from oqtopus_client.rest.models import (
        JobsJob,
        JobsJobInfo,
        JobsS3EstimationResult,
        JobsS3SamplingResult,
        JobsS3TranspileResult,
    )

__all__ = [
    "JobFile",
    "OqtopusEstimationJobResult",
    "OqtopusJobResult",
    "OqtopusMultiManualJobResult",
    "OqtopusSamplingJobResult",
    "OqtopusSseJobResult",
    "log_text",
    "save_log",
    "typed_result",
]

_Enum = TypeVar("_Enum", bound=StrEnum)


class OqtopusJobResult(SideFiles):
    """A job: its state, its settings and, once it has succeeded, its result.

    Properties that name a side file read it through the client that returned the job; jobs of an `AsyncOqtopusClient`
    leave that to its `read_job_file`, and logs to its `get_sselog`.

    Raises:
        ValueError: `job_type` or `status` is not text.
    """

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
        """Wrap a submitted job as the User API describes it.

        Raises:
            ValueError: A field that every submitted job has is missing.
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
        """What the job computes; plain text where the server knows a type this version does not."""
        return self._job_type

    @property
    def status(self) -> JobsJobStatus | str:
        """The job's status; plain text where the server knows a status this version does not."""
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
        """How many shots were asked for."""
        return self._shots

    @property
    def job_info(self) -> JobsJobInfo:
        """The job's files: `result` is read in; the others are presigned URLs until their content has been read.

        Its `to_dict` reads them.
        """
        return self._job_info

    @property
    def transpiler_info(self) -> Mapping[str, Any] | None:
        """Transpiler settings; where none were given, the server's default once the job has run."""
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
        """What the server says about the outcome; the reason, if the job failed."""
        return self._message

    @property
    def reason(self) -> str:
        """Why there is no result, for people: what the server says, and what to do about it where that is known."""
        return with_remedy(self._message or "the server gave no reason", self)

    @property
    def execution_time(self) -> float | None:
        """Seconds on the device."""
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
        """The sampling branch of the result, where there is one."""
        branch: JobsS3SamplingResult | None = self._branch("sampling")
        return branch

    @property
    def estimation(self) -> JobsS3EstimationResult | None:
        """The estimation branch of the result, where there is one."""
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
            JobFailedError: It failed or was cancelled, or has not ended; the message has the server's words, and what
                to do where that is known.
        """
        if self._status != JobsJobStatus.SUCCEEDED:
            raise JobFailedError(self._job_id, f"has the status {str(self._status)!r}: {self.reason.rstrip('.')}.")
        return self

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

    def __repr__(self) -> str:
        return f"{type(self).__name__}(job_id={self._job_id!r}, status={str(self._status)!r})"


class OqtopusSamplingJobResult(OqtopusJobResult):
    """A sampling job; its result is a histogram of measurement outcomes."""

    def get_counts(self) -> dict[str, int]:
        """How often each outcome was seen; empty unless the job succeeded.

        Keys are bitstrings, classical bit 0 rightmost, registers concatenated without spaces. With readout
        mitigation the counts may sum to less than the shots.
        """
        return dict((self.sampling and self.sampling.counts) or {})

    def counts_with_integer_keys(self) -> dict[str, dict[int, Any]]:
        """`counts` and `divided_counts` with the numbers that their bitstrings stand for; the width is lost."""
        return cast("dict[str, dict[int, Any]]", convert_sampling_counts_to_int_keys(self.sampling))


class OqtopusMultiManualJobResult(OqtopusSamplingJobResult):
    """A multi_manual job; its counts are those of all programs together, program 0 rightmost."""

    def get_divided_counts(self) -> dict[str, dict[int, Any]]:
        """Each program's counts, by its index as text, with integer keys.

        The width of the keys is lost; `divided_bitstring_counts` keeps it.
        """
        divided = self.divided_bitstring_counts()
        return {index: cast("dict[int, Any]", bitstring_dict_to_int_keys(counts)) for index, counts in divided.items()}

    def divided_bitstring_counts(self) -> dict[str, dict[str, int]]:
        """Each program's counts, by its index as text; keys are bitstrings, the program's bit 0 rightmost."""
        return dict((self.sampling and self.sampling.divided_counts) or {})


class OqtopusEstimationJobResult(OqtopusJobResult):
    """An estimation job; its result is an expectation value."""

    @property
    def exp_value(self) -> float | None:
        """The expectation value; None unless the job succeeded."""
        return self.estimation.exp_value if self.estimation else None

    @property
    def stds(self) -> float | None:
        """Its standard error, as the server sums it: linearly over the terms, which overestimates it.

        With mitigation, it is that of as many counts without mitigation, which underestimates it.
        """
        return self.estimation.stds if self.estimation else None

    def get_exp_value(self) -> float | None:
        """The expectation value; None unless the job succeeded."""
        return self.exp_value

    def get_stds(self) -> float | None:
        """Its standard error; see `stds`."""
        return self.stds


class OqtopusSseJobResult(JobLog, OqtopusJobResult):
    """A job that ran a Python program on the server; its result is that of the last job the program ran."""

    def get_job_result(self) -> OqtopusJobResult:
        """This job in the class that fits its result."""
        if self.estimation is not None:
            kind: type[OqtopusJobResult] = OqtopusEstimationJobResult
        elif self.sampling is None:
            kind = OqtopusJobResult
        else:
            kind = OqtopusSamplingJobResult if self.sampling.divided_counts is None else OqtopusMultiManualJobResult
        fields = {name.removeprefix("_"): value for name, value in vars(self).items()}
        return kind(**fields)


_KINDS: dict[str, type[OqtopusJobResult]] = {
    JobsJobType.SAMPLING: OqtopusSamplingJobResult,
    JobsJobType.ESTIMATION: OqtopusEstimationJobResult,
    JobsJobType.MULTI_MANUAL: OqtopusMultiManualJobResult,
    JobsJobType.SSE: OqtopusSseJobResult,
}


def typed_result(job: JobsJob, *, client: object | None = None) -> OqtopusJobResult:
    """The job in the class that fits its type; a type we do not know is a plain job."""
    return _KINDS.get(str(job.job_type), OqtopusJobResult).from_raw(job, client=client)


def _member(enum: type[_Enum], name: str, value: object) -> _Enum | str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be text, such as {next(iter(enum)).value!r}, not {value!r}.")
    return enum(value) if value in set(enum) else value
