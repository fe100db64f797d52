"""What goes wrong between Qiskit and OQTOPUS, in the classes of both.

::

    CircuitError (ValueError)                   a circuit that a device cannot run as meant
    OqtopusJobError (JobFailedError, Qiskit's JobError)              a job ended without a result
    OqtopusJobTimeoutError (JobTimeoutError, Qiskit's JobTimeoutError)   a job had not ended in time; it goes on
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit.providers import JobError as QiskitJobError
from qiskit.providers import JobTimeoutError as QiskitJobTimeoutError

from oqtopus_client.errors import JobFailedError, JobTimeoutError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LISTED_FAILURES = 5
_REMEDIES = {
    "Expecting value: line 1 column 1": "The server could not read or place the program: check its OpenQASM 3 syntax, "
    "its gates, and that it has no more qubits than the device.",
    "failed to execute job on device": "The device refused the program; transpile it for the backend first, or run "
    "with transpile='server'.",
    "device status is not available": "The device went out of service; look at backend.refresh() and backend.status.",
    "invalid qubit size": "The circuits have more qubits together than the device.",
    "failed to combine programs": "The server could not combine the programs; run them without multi_manual.",
    "'transpiler_": "The server's transpiler needs transpiler_lib and transpiler_options both.",
}
"""What to do about what servers say, by a part of it."""


class CircuitError(ValueError):
    """A circuit that an OQTOPUS device cannot run as meant."""


class OqtopusJobError(JobFailedError, QiskitJobError):
    """A job ended without a result."""


class OqtopusJobTimeoutError(JobTimeoutError, QiskitJobTimeoutError):
    """A job had not ended when the time was up. It goes on."""


def timed_out(job_id: str, timeout: float | None) -> OqtopusJobTimeoutError:
    """That a job had not ended after so many seconds."""
    return OqtopusJobTimeoutError(job_id, f"had not ended after {timeout} s. It goes on; call result() again.")


def failure_message(reasons: Sequence[str], total: int) -> str:
    """That circuits ended without a result, and why.

    >>> failure_message(["'bell' (0691) failed: out of coffee"], 2)
    "1 of 2 circuits ended without a result. 'bell' (0691) failed: out of coffee."
    """
    more = f"; and {len(reasons) - _LISTED_FAILURES} more" if len(reasons) > _LISTED_FAILURES else ""
    listed = "; ".join(reason.rstrip(".") for reason in reasons[:_LISTED_FAILURES])
    return f"{len(reasons)} of {total} circuits ended without a result. {listed}{more}."


def with_remedy(message: str) -> str:
    """What the server said, and what to do about it where that is known.

    >>> with_remedy("failed to execute job on device")
    "failed to execute job on device. The device refused the program; transpile it for the backend first, or run with \
transpile='server'."
    >>> with_remedy("out of coffee")
    'out of coffee'
    """
    remedies = (remedy for part, remedy in _REMEDIES.items() if part in message)
    return next((f"{message.rstrip('.')}. {remedy}" for remedy in remedies), message)
