"""Job objects, one class for each job type.

A job includes its result. Its side files (input, transpile result, combined program, log) are read on first access, so
a missing or damaged one never hides a result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from oqtopus_client.errors import JobFailedError
from oqtopus_client.rest.enums import JobsJobType
from oqtopus_client.services.job_result import OqtopusJobResult
from oqtopus_client.services.result_utils import bitstring_dict_to_int_keys, convert_sampling_counts_to_int_keys
from oqtopus_client.services.side_files import JobFile
from oqtopus_client.services.sse_log import JobLog, log_text, save_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client.rest.models import JobsJob, JobsS3SamplingResult

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


class OqtopusSamplingJobResult(OqtopusJobResult):
    """A sampling job; its result is a histogram of measurement outcomes.

    Its counts are those of a job that has succeeded. Methods that return them raise a `JobFailedError` if the job
    failed, was cancelled or has not finished, with the reason; `sampling` is None then.
    """

    _elsewhere: ClassVar[Mapping[str, str]] = {
        "counts": "use get_counts()",
        "result": "use get_counts()",
        "exp_value": "a sampling job has counts, get_counts(); estimation jobs have expectation values",
    }

    def get_counts(self) -> dict[str, int]:
        """Return the number of times each outcome was measured.

        Keys are bitstrings, classical bit 0 rightmost, registers concatenated without spaces. With readout
        mitigation the counts may sum to less than the shots.

        Raises:
            JobFailedError: The job failed, was cancelled or has not finished, or its result has no counts.
        """
        return dict(self._sampled().counts or {})

    def counts_with_integer_keys(self) -> dict[str, dict[int, Any]]:
        """Return `counts` and `divided_counts` with integer keys; the width of the bitstrings is lost.

        Raises:
            JobFailedError: See `get_counts`.
        """
        return cast("dict[str, dict[int, Any]]", convert_sampling_counts_to_int_keys(self._sampled()))

    def _sampled(self) -> JobsS3SamplingResult:
        sampling = self.raise_for_status().sampling
        if sampling is None:
            raise JobFailedError(self._job_id, "has succeeded, but its result has no counts.")
        return sampling


class OqtopusMultiManualJobResult(OqtopusSamplingJobResult):
    """A multi_manual job; its counts are joint outcomes of all programs, program 0 rightmost."""

    def get_divided_counts(self) -> dict[str, dict[int, Any]]:
        """Return each program's counts with integer keys, by the program's index as text.

        The width of the keys is lost; `divided_bitstring_counts` keeps it.

        Raises:
            JobFailedError: See `get_counts`.
        """
        divided = self.divided_bitstring_counts()
        return {index: cast("dict[int, Any]", bitstring_dict_to_int_keys(counts)) for index, counts in divided.items()}

    def divided_bitstring_counts(self) -> dict[str, dict[str, int]]:
        """Return each program's counts by its index as text; keys are bitstrings, the program's bit 0 rightmost.

        Raises:
            JobFailedError: See `get_counts`.
        """
        return dict(self._sampled().divided_counts or {})


class OqtopusEstimationJobResult(OqtopusJobResult):
    """An estimation job; its result is an expectation value."""

    _elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("get_counts", "counts", "result"), "an estimation job has an expectation value, exp_value, and no counts"
    )

    @property
    def exp_value(self) -> float | None:
        """The expectation value; None unless the job succeeded."""
        return self.estimation.exp_value if self.estimation else None

    @property
    def stds(self) -> float | None:
        """The standard error as computed by the server: a linear sum over the terms, which overestimates it.

        With mitigation, it is computed as if the counts were not mitigated, which underestimates it.
        """
        return self.estimation.stds if self.estimation else None

    def get_exp_value(self) -> float | None:
        """Return the expectation value; None unless the job succeeded."""
        return self.exp_value

    def get_stds(self) -> float | None:
        """Return the standard error; see `stds`."""
        return self.stds


class OqtopusSseJobResult(JobLog, OqtopusJobResult):
    """A server-side program; its result is that of the last job the program ran."""

    _elsewhere: ClassVar[Mapping[str, str]] = {
        name: f"get_job_result() returns the last job that the program ran, which may have {name}"
        for name in ("get_counts", "exp_value")
    }

    def get_job_result(self) -> OqtopusJobResult:
        """Return this job in the class for its result."""
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
    """Return the job in the class for its type, or in the base class if the type is unknown."""
    return _KINDS.get(str(job.job_type), OqtopusJobResult).from_raw(job, client=client)
