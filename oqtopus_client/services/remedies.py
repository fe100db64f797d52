"""Remedies for the reasons that servers give for failed jobs: `with_remedy`.

Servers report most causes with a few generic texts, so a remedy also depends on the job's settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Remedy: TypeAlias = str | Callable[["Job | None"], str]

REFUSED_BY_DEVICE = "failed to execute job on device"
"""The server's message for any program that the device could not run."""

BEYOND_THE_DEVICE = "more qubits than a simulator has memory for, or more shots than the device allows."
"""Reasons other than its gates why a device cannot run a program."""

STUCK_ESTIMATION = "An estimation that stays 'running' may have failed: check its gates, and the device's status."
"""Advice at a deadline: servers leave an estimation 'running' if the device refuses its circuits or is inactive."""

_LEVELS = (0, 1, 2, 3)
_PROGRAM = "its OpenQASM 3 syntax, its gates, and that it has no more qubits than the device."


class Job(Protocol):
    """The settings of a job that remedies depend on; `OqtopusJobResult` has them."""

    @property
    def transpiler_info(self) -> Mapping[str, Any] | None:
        """How the server transpiles the program."""

    @property
    def mitigation_info(self) -> Mapping[str, Any] | None:
        """How the server mitigates readout errors."""

    def is_estimation(self) -> bool:
        """Whether it is an estimation job."""

    def is_sse(self) -> bool:
        """Whether it is an sse job."""


def with_remedy(message: str, job: Job | None = None) -> str:
    """Return the server's message, with a remedy if one is known.

    Args:
        message: The server's message.
        job: The failed job, if known; its settings indicate the likely cause.

    >>> with_remedy("device status is not available")
    'device status is not available. The device went out of service; submit the job again when its status is available.'
    >>> with_remedy("out of coffee")
    'out of coffee'
    """
    remedy = next((remedy for part, remedy in _REMEDIES.items() if part in message), None)
    if not remedy:
        return message
    return f"{message.rstrip('.')}. {remedy if isinstance(remedy, str) else remedy(job)}"


def _unreadable(job: Job | None) -> str:
    """Explain the JSON error of an engine that parsed the empty answer of a failed transpiler."""
    settings = (job and job.transpiler_info) or {}
    library, options = settings.get("transpiler_lib", "qiskit"), settings.get("transpiler_options") or {}
    if library != "qiskit":
        return (
            f"The server has no transpiler {library!r}, or it could not transpile the program: use the transpiler_lib "
            f"'qiskit', or check the program: {_PROGRAM}"
        )
    if not isinstance(options, Mapping) or not _is_usual(**options):
        return (
            f"The server's transpiler could not use its options {options!r}, or could not read or place the "
            f"program: check the options' names and values, which are those of qiskit.transpile; then the program: "
            f"{_PROGRAM}"
        )
    return f"The server could not read or place the program: check {_PROGRAM}"


def _is_usual(optimization_level: object = 1, **others: object) -> bool:
    """Whether the options are certainly valid."""
    return optimization_level in _LEVELS and not others


def _refused_by_device(job: Job | None) -> str:
    if job is not None and (job.transpiler_info or {}).get("transpiler_lib") is not None:
        return f"The server transpiled the program, so its gates are the device's own; it may have {BEYOND_THE_DEVICE}"
    return (
        "The device executes its own gates only: transpile the program for it first, or let the server transpile it. "
        f"If its gates are the device's own, it may have {BEYOND_THE_DEVICE}"
    )


def _refused_by_service(job: Job | None) -> str:
    """Explain a failure of the estimator or of readout mitigation, whose reason stays on the server."""
    without = "The server's readout mitigation failed: it takes at most 32 measured bits, and no multi_manual job; run "
    if job is None or not job.is_estimation():
        return f"{without}without mitigation."
    remedy = (
        "The server's estimator failed: the program needs two qubits or more, the last of which a gate uses, and the "
        "operator must name qubits of the program, none twice in a term."
    )
    return f"{remedy} Or run without mitigation." if job.mitigation_info else remedy


_NO_PROGRAM = "The job's input has no program: give it at least one."
_BEYOND_LIMITS = "Make the program smaller, or let the emulator take more: Emulator(limits=ProgramLimits(...))."
_TOO_LARGE = "The program or the result is larger than the server's services exchange (4 MiB); split the job."
_AGAIN = "This is a fault of the server: submit the job again; if it fails again, contact its operator."
_NO_INNER_JOB = (
    "An sse program must submit at least one job, and its text must not exceed some 125 kB. If neither is the cause, "
    "submit it again."
)
# The first match applies.
_REMEDIES: dict[str, Remedy] = {
    "Expecting value: line 1 column 1": _unreadable,
    f"{REFUSED_BY_DEVICE}: ": "",  # an emulator adds the reason and the remedy
    REFUSED_BY_DEVICE: _refused_by_device,
    "device not found": "list_devices() returns the devices that you may use.",
    "device status is not available": "The device went out of service; submit the job again when its status is "
    "available.",
    "invalid qubit size": "The programs have more qubits together than the device: combine fewer.",
    "failed to combine programs": "The server could not read one of the programs: check the OpenQASM 3 syntax and the "
    "gates of each, or run each as a separate job.",
    "'transpiler_": 'transpiler_info needs transpiler_lib and transpiler_options both, such as {"transpiler_lib": '
    '"qiskit", "transpiler_options": {"optimization_level": 1}}; empty, it means just that.',
    "transpiler_lib ": "Use the transpiler_lib 'qiskit', or None for no transpiler.",
    "transpiler_options ": 'transpiler_options must map names to values, such as {"optimization_level": 1}.',
    "the operator is not specified": "An estimation job needs an operator, of at least one term.",
    "the sse_program is not specified": "An sse job needs the text of a Python program as its sse_program.",
    "user program execution error": "The program raised an error, ended with an exit code, or exceeded the server's "
    "limit of time or memory. Servers keep no log of failed jobs: run it in an emulator to see its output, or catch "
    "the error and print it.",
    "sse job failed": "The last job that the program submitted failed. Servers keep no log of failed jobs: run it in "
    "an emulator to see its output, or catch the error, print it and end with a job that succeeds.",
    "pipeline execution timed out": "A job of a server-side program may take 60 s, unless the server is configured "
    "otherwise: use fewer shots, or split the job. An estimation may have failed: check its gates, and the device's "
    "status.",
    "error during pipeline execution": _AGAIN,
    "internal server error": lambda job: _NO_INNER_JOB if job and job.is_sse() else _AGAIN,
    "job result is None": _AGAIN,
    "failed to extract result": _AGAIN,
    "Job input download failed": "The uploaded input must be a zip archive of one JSON file, of at most 10 MiB.",
    "program must be a list": _NO_PROGRAM,
    "the emulator takes at most": _BEYOND_LIMITS,
    "the operator has ": _BEYOND_LIMITS,
    "reading and transpiling it took longer": _BEYOND_LIMITS,
    "Job input validation failed": "The uploaded input lacks something, or has it in another form: a list of programs, "
    "and for an estimation an operator whose terms have a pauli and a real coeff.",
    "'NoneType' object is not subscriptable": _NO_PROGRAM,
    "list index out of range": _NO_PROGRAM,
    "RESOURCE_EXHAUSTED": _TOO_LARGE,
    "larger than max": _TOO_LARGE,
    "larger than the max file size": "The zipped result or log is too large for the server: split the job, or print "
    "less.",
    "StatusCode.UNAVAILABLE": _AGAIN,
    "DEADLINE_EXCEEDED": _AGAIN,
    "AioRpcError": _refused_by_service,
    "Exception calling application": _refused_by_service,
}
"""Remedies by a part of the server's message: a string, or a function of the job."""
