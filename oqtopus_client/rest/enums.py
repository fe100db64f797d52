"""Job types and job statuses of the User API.

They are separate from the models so that programs that only name them do not import pydantic.
"""

from __future__ import annotations

from enum import StrEnum


class JobsJobStatus(StrEnum):
    """Statuses of a job. `succeeded`, `failed` and `cancelled` are final."""

    REGISTERED = "registered"
    SUBMITTED = "submitted"
    READY = "ready"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_STATUSES = frozenset({JobsJobStatus.SUCCEEDED, JobsJobStatus.FAILED, JobsJobStatus.CANCELLED})
"""Statuses a job never leaves. `cancelling` and statuses unknown to this version are not among them."""


class JobsJobType(StrEnum):
    """What a job computes."""

    ESTIMATION = "estimation"
    SAMPLING = "sampling"
    MULTI_MANUAL = "multi_manual"
    SSE = "sse"
