"""The report of a shipped program, read from its log: `read`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oqtopus_client.shipping.frames import read_frames
from oqtopus_client.shipping.values import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class RemoteError:
    """An error that a shipped function raised.

    Attributes:
        type_name: The name of its class.
        message: Its message.
        traceback: Its traceback.
    """

    type_name: str
    message: str
    traceback: str


@dataclass(frozen=True)
class InnerJob:
    """A job that a program ran next to the device.

    Attributes:
        job_type: Its type, such as `sampling`.
        shots: Its number of shots.
        name: Its name.
        status: `succeeded` or `failed`.
        message: The reason why it failed.
        seconds: Time from its submission to its end, in seconds.
    """

    job_type: str
    shots: int
    name: str
    status: str
    message: str
    seconds: float


@dataclass(frozen=True)
class ProgramOutcome:
    """The report of a shipped program.

    Attributes:
        printed: Its other output, with plain line ends.
        tag: The random tag of its report; empty if there is no report.
        value: The function's return value.
        error: The error that the function raised.
        inner_jobs: The jobs that it ran, in order.
        versions: Versions of `oqtopus-client`, `python` and others where it ran.
        seconds: Time from its start to its end, in seconds; None if unknown.
        missing: Description of what is missing or damaged; empty if the report is complete.
    """

    printed: str
    tag: str = ""
    value: Any = None
    error: RemoteError | None = None
    inner_jobs: Sequence[InnerJob] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    missing: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the report has the function's return value or error."""
        return not self.missing


def read(log: str) -> ProgramOutcome:
    """Read the report of a shipped program from its log: its output with unchanged line ends.

    Raises:
        ValueError: The return value cannot be read by this version.
    """
    frames = read_frames(log, "header")
    header, outcome, end = (frames.contents.get(kind, {}) for kind in ("header", "outcome", "end"))
    try:
        error = RemoteError(**_renamed(outcome["error"])) if "error" in outcome else None
        return ProgramOutcome(
            printed=frames.text,
            tag=frames.tag,
            value=decode(outcome.get("value")),
            error=error,
            inner_jobs=tuple(InnerJob(**job) for job in end.get("jobs", ())),
            versions={"oqtopus-client": header["version"], **header["packages"]} if header else {},
            seconds=end.get("seconds"),
            missing=_missing(frames.tag, outcome, frames.damaged),
        )
    except (AttributeError, KeyError, TypeError) as wrong:
        raise ValueError(f"The program's report cannot be read: {wrong!r}.") from wrong


def _renamed(error: Mapping[str, str]) -> dict[str, str]:
    return {"type_name": error["type"], "message": error["message"], "traceback": error["traceback"]}


def _missing(tag: str, outcome: Mapping[str, Any], damaged: Mapping[str, str]) -> str:
    if not tag:
        return "The log has no report of a function."
    if outcome:
        return ""
    if "outcome" in damaged:
        return f"The report of the function's result is incomplete: {damaged['outcome']}."
    return "The log ends without a report of the function's result."
