"""The provider's errors, which are both Qiskit's and the SDK's.

::

    CircuitError (ValueError)                   a circuit that a device cannot run as intended
    LaterReleaseError (OqtopusError, ValueError)                     a later release wrote the job or file
    OqtopusJobError (JobFailedError, Qiskit's JobError)              a job ended without a result
    OqtopusJobTimeoutError (JobTimeoutError, Qiskit's JobTimeoutError)   a job is still running after the timeout
"""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from qiskit.providers import JobError as QiskitJobError
from qiskit.providers import JobTimeoutError as QiskitJobTimeoutError

from oqtopus_client.errors import JobFailedError, JobTimeoutError, OqtopusError
from oqtopus_client.services.remedies import BEYOND_THE_DEVICE, REFUSED_BY_DEVICE, STUCK_ESTIMATION
from oqtopus_client.services.remedies import with_remedy as with_remedy  # noqa: PLC0414 - it was defined here
from qiskit_oqtopus.tags import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oqtopus_client import OqtopusJobResult

_LISTED_FAILURES = 5


class CircuitError(ValueError):
    """A circuit that an OQTOPUS device cannot run as intended."""


class LaterReleaseError(OqtopusError, ValueError):
    """A job or file was written by a later release, in a format that this release cannot read.

    Attributes:
        what: The part with the unknown format.
        version: The version of its format.
    """

    def __init__(self, what: str, version: object) -> None:
        super().__init__(what, version)
        self.what = what
        self.version = version

    def _text(self) -> str:
        release = importlib.metadata.version("oqtopus-client")
        return (
            f"{self.what} has the format version {self.version!r:.20}, which oqtopus-client {release} cannot read: "
            "install the release that wrote it, or a later one."
        )


class OqtopusJobError(JobFailedError, QiskitJobError):
    """A job ended without a result."""


class OqtopusJobTimeoutError(JobTimeoutError, QiskitJobTimeoutError):
    """A job did not finish within the timeout and is still running."""


def timed_out(job_id: str, timeout: float | None, trouble: BaseException | None = None) -> OqtopusJobTimeoutError:
    """Return the error for a job that did not finish within the timeout, perhaps as the server was in trouble."""
    message = f"did not finish within {timeout} s and is still running; call result() again."
    if kind_of(job_id) == "estimator":
        message += f" {STUCK_ESTIMATION}"
    if trouble is not None:
        message += f" At last the server did not respond correctly: {trouble}"
    return OqtopusJobTimeoutError(job_id, message)


def failure_message(reasons: Sequence[str], total: int, of: str = "circuits") -> str:
    """Return the message for circuits, or others, that ended without a result, with the reasons.

    >>> failure_message(["'bell' (0691) failed: out of coffee"], 2)
    "1 of 2 circuits ended without a result. 'bell' (0691) failed: out of coffee."
    """
    more = f"; and {len(reasons) - _LISTED_FAILURES} more" if len(reasons) > _LISTED_FAILURES else ""
    listed = "; ".join(reason.rstrip(".") for reason in reasons[:_LISTED_FAILURES])
    return f"{len(reasons)} of {total} {of} ended without a result. {listed}{more}."


def reason(job: OqtopusJobResult, *, ours: bool = False) -> str:
    """Return why a job has no result, in the server's words, and what to do about it.

    Args:
        job: The job.
        ours: Whether this package submitted the job; it skips transpilation only if all gates are native to the device.
    """
    if ours and is_sent_as_is(job) and job.message == REFUSED_BY_DEVICE:
        return (
            f"{job.status}: {job.message}. All its gates are native to the device, so it may have {BEYOND_THE_DEVICE}"
        )
    return f"{job.status}: {job.reason}"


def is_sent_as_is(job: OqtopusJobResult) -> bool:
    """Return whether a job's program goes to the device without the server's transpiler."""
    return (job.transpiler_info or {}).get("transpiler_lib", "") is None
