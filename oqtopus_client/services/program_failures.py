"""Likely causes of programs that ended without reporting an error: `explain`.

Servers keep no log of a failed program, and give the same few reasons for most causes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client.rest.enums import JobsJobStatus
from oqtopus_client.services.program_options import SERVER_SECONDS
from oqtopus_client.shipping.program import program_bytes

if TYPE_CHECKING:
    from oqtopus_client.services.job_results import OqtopusJobResult

_NEARLY = 10.0
"""Seconds before the time limit from which a program counts as ended by it."""
_LARGE = 110_000
"""Bytes from which a program may have been too large, depending on the rest of its job."""

_TIME = f"it ran beyond the server's time limit, which usually is {SERVER_SECONDS:g} s"
_MEMORY = "it used more memory than the server allows, which is 256 MiB to 1 GiB"
_RAISED = "it raised an exception, or ended with an exit code other than 0"
_EXITED = "it ended its own process (os._exit, a signal), or native code crashed"
_EXITED_EARLY = "it ended its own process (os._exit) before it had submitted a job"
_EXITED_WELL = "it ended its own process (os._exit)"
_NO_OUTPUT = "it closed the file descriptors of its output, or printed so much that the server cut the log"
_NO_JOB = "it submitted no job, and a script must submit at least one"
_LAST_JOB = "the last job that it submitted failed, even if it caught the error: end with a job that succeeds"
_DEVICE = "the device is out of service, so that not even a job of one shot succeeded, which keeps a function's log"
_SERVER = "the server had a fault: submit it again"

_FUNCTION = {
    "user program execution error": [_MEMORY, _EXITED, _TIME],
    "internal server error": [_DEVICE, _EXITED_EARLY, _SERVER],
    "sse job failed": [_DEVICE, _EXITED],
}
_SCRIPT = {
    "user program execution error": [_RAISED, _MEMORY, _TIME],
    "internal server error": [_NO_JOB, _SERVER],
    "sse job failed": [_LAST_JOB],
}


def explain(job: OqtopusJobResult, program: str | None, *, is_function: bool, missing: str = "") -> str:
    """Explain why a program ended without reporting a result or an error, as far as known.

    Args:
        job: The program's job, which has ended.
        program: The program's text; None if it cannot be read.
        is_function: Whether it is a function, whose exceptions and exit codes are reported, rather than a script.
        missing: Description of what its log lacks, if its job succeeded.
    """
    if job.status == JobsJobStatus.CANCELLED:
        return "was cancelled."
    seconds = _seconds(job)
    after = "" if seconds is None else f" after {seconds:.0f} s"
    if job.status == JobsJobStatus.SUCCEEDED:
        return f"ended{after} without a result. {missing}{_listed([_EXITED_WELL, _NO_OUTPUT])}"
    message = job.message or "the server gave no reason"
    known = (_FUNCTION if is_function else _SCRIPT).get(message)
    if known is None:
        return f"failed{after}: {job.reason.rstrip('.')}."
    causes = list(known)
    if seconds is not None and seconds > SERVER_SECONDS - _NEARLY:
        causes.sort(key=lambda cause: cause != _TIME)
    if message == "internal server error" and (size := _size(program)):
        causes.insert(0, f"its text is too large, {size:,} bytes as JSON: servers cannot start more than some 125,000")
    advice = "" if is_function else ", and a function given to run_program() reports its errors"
    return (
        f"failed{after}: {message}.{_listed(causes)} Servers keep no log of a failed program; an emulator logs its "
        f"output{advice}."
    )


def _size(program: str | None) -> int | None:
    """Return a program's size if it may have been too large."""
    size = 0 if program is None else program_bytes(program)
    return size if size >= _LARGE else None


def _seconds(job: OqtopusJobResult) -> float | None:
    return (job.ended_at - job.running_at).total_seconds() if job.ended_at and job.running_at else None


def _listed(causes: list[str]) -> str:
    if len(causes) == 1:
        return f" The likely cause: {causes[0]}."
    return f" Likely causes, in order: {'; '.join(f'({i}) {cause}' for i, cause in enumerate(causes, 1))}."
