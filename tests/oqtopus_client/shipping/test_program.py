"""Functions that are shipped, run in the emulator's container, and read back."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from tests.support.circuits import BELL
from tests.support.shipped import outcome_of, value_of

SHOTS = 7


def twice(number: int = SHOTS) -> int:
    """A helper of this module."""
    return 2 * number


def sample(client: Any, program: str, *, shots: int) -> dict[str, Any]:
    """Run a job next to the device."""
    from oqtopus_client import OqtopusJobSpec  # noqa: PLC0415 - imported where it runs

    print("before the job", end="")  # noqa: T201
    job = client.run_sampling(OqtopusJobSpec.sampling(device_id="qulacs", program=program, shots=shots + twice()))
    return {"counts": job.get_counts(), "array": np.arange(3) / 7, 1: (2j, None)}


def test_a_function_runs_next_to_the_device() -> None:
    """Its value, its output and its jobs come back."""
    outcome = outcome_of(sample, BELL, shots=3)

    assert outcome.error is None
    assert outcome.value["counts"] == {"0": 17}
    assert outcome.value[1] == (2j, None)
    assert np.array_equal(outcome.value["array"], np.arange(3) / 7)
    assert outcome.printed == "before the job"
    assert [(job.job_type, job.shots, job.status) for job in outcome.inner_jobs] == [("sampling", 17, "succeeded")]
    assert outcome.versions["python"] == sys.version.split()[0]


def test_a_function_needs_no_job() -> None:
    """Nor does a lambda."""
    offset = 4

    assert value_of(lambda _, x: x + offset, 3) == 7


def fail(_: Any) -> None:
    """Raise an error."""
    raise KeyError(f"line one\n{SHOTS}")


def test_errors_come_back() -> None:
    """With their traceback, which shows the function's own lines."""
    outcome = outcome_of(fail)

    assert outcome.error is not None
    assert (outcome.error.type_name, outcome.error.message) == ("KeyError", repr("line one\n7"))
    assert 'raise KeyError(f"line one' in outcome.error.traceback
    assert "test_program.py" in outcome.error.traceback
    assert "loader" not in outcome.error.traceback
    assert outcome.inner_jobs == ()
