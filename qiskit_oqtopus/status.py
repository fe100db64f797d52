"""Qiskit's status for each of the server's, and the common status of several jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from qiskit.providers import JobStatus

from oqtopus_client.rest.enums import JobsJobStatus

if TYPE_CHECKING:
    from collections.abc import Collection

WIRE_STATUS = {
    JobsJobStatus.REGISTERED: JobStatus.INITIALIZING,
    JobsJobStatus.SUBMITTED: JobStatus.QUEUED,
    JobsJobStatus.READY: JobStatus.QUEUED,
    JobsJobStatus.RUNNING: JobStatus.RUNNING,
    # Not final: the job may still succeed.
    JobsJobStatus.CANCELLING: JobStatus.RUNNING,
    JobsJobStatus.SUCCEEDED: JobStatus.DONE,
    JobsJobStatus.FAILED: JobStatus.ERROR,
    JobsJobStatus.CANCELLED: JobStatus.CANCELLED,
}
"""The Qiskit status for each server status."""

_BY_URGENCY = (
    # The least advanced job that has not ended; once all have ended, the worst outcome.
    JobStatus.INITIALIZING,
    JobStatus.QUEUED,
    JobStatus.RUNNING,
    JobStatus.ERROR,
    JobStatus.CANCELLED,
    JobStatus.DONE,
)


def aggregate_status(statuses: Collection[JobsJobStatus | str]) -> JobStatus:
    """Return the common status of several jobs; a status unknown to this version counts as running, never as final.

    >>> aggregate_status(["succeeded", "running", "submitted"]) is JobStatus.QUEUED
    True
    """
    return overall_status([WIRE_STATUS.get(cast("JobsJobStatus", status), JobStatus.RUNNING) for status in statuses])


def overall_status(statuses: Collection[JobStatus]) -> JobStatus:
    """Return the status of the least advanced job; once all have ended, the worst outcome; DONE without any job."""
    return next((status for status in _BY_URGENCY if status in statuses), JobStatus.DONE)


def wire_statuses(status: JobStatus | str | None) -> list[JobsJobStatus]:
    """Return the server's statuses for a status of Qiskit or the server; an empty list for None.

    Raises:
        ValueError: `status` is not a valid status.

    >>> [str(wire) for wire in wire_statuses("queued")]
    ['submitted', 'ready']
    """
    if status is None:
        return []
    word = status.name if isinstance(status, JobStatus) else str(status)
    found = [wire for wire, ours in WIRE_STATUS.items() if word.lower() in {wire.value, ours.name.lower()}]
    if not found:
        known = ", ".join(
            [*(wire.value for wire in WIRE_STATUS), *dict.fromkeys(ours.name for ours in WIRE_STATUS.values())]
        )
        raise ValueError(f"{status!r} is not a valid status; use one of {known}.")
    return found
