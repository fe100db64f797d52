"""The common status of several jobs."""

from __future__ import annotations

import itertools

import pytest
from qiskit.providers import JobStatus

from qiskit_oqtopus.status import aggregate_status


@pytest.mark.parametrize(
    ("statuses", "aggregate"),
    [
        (["succeeded"], JobStatus.DONE),
        (["succeeded", "cancelled"], JobStatus.CANCELLED),
        (["succeeded", "cancelled", "failed"], JobStatus.ERROR),
        (["failed", "running"], JobStatus.RUNNING),
        (["failed", "cancelling"], JobStatus.RUNNING),
        (["succeeded", "hibernating"], JobStatus.RUNNING),
        (["running", "ready"], JobStatus.QUEUED),
        (["running", "submitted", "registered"], JobStatus.INITIALIZING),
    ],
)
def test_status_of_a_batch(statuses: list[str], aggregate: JobStatus) -> None:
    """The status of the least advanced job; once all have ended, the worst outcome; in any order."""
    for order in itertools.permutations(statuses):
        assert aggregate_status(order) is aggregate
