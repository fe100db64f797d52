"""Faults on request: failures of a cloud, to test programs that use one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from typing import Self


class FaultKind(StrEnum):
    """Kinds of faults.

    Attributes:
        about: A description in one sentence.
    """

    about: str

    def __new__(cls, name: str, about: str) -> Self:
        """Create a kind from its name and its description."""
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.about = about
        return kind

    DELAY = ("delay", "The answer is delayed by `seconds`.")
    TOO_MANY_REQUESTS = ("too_many_requests", "429, with `seconds` in the header `Retry-After`.")
    SERVER_ERROR = ("server_error", "500; the request is not carried out.")
    DROP = ("drop", "The connection breaks in the middle of the answer; the request is not carried out.")
    LOST_ANSWER = ("lost_answer", "The request is carried out, and the connection breaks before the answer.")
    TRUNCATE = ("truncate", "The second half of the answer's body is missing, so a zip file or JSON text is broken.")
    EXPIRED_URL = (
        "expired_url",
        "The storage refuses a presigned URL as if it had expired. Other requests are not affected.",
    )
    UNKNOWN_STATUS = (
        "unknown_status",
        "Jobs that are read have the status `status`, which no client knows. Other requests are not affected.",
    )
    FAIL_JOB = ("fail_job", "A job fails with `message` when the engine takes it.")
    HOLD_JOB = (
        "hold_job",
        "A job stays `seconds` longer in `status`, `ready` or `running`, or until the faults are cleared.",
    )


JOB_FAULTS = frozenset({FaultKind.FAIL_JOB, FaultKind.HOLD_JOB})
"""Faults that affect jobs; all others affect requests."""

_HELD_STATUSES = ("ready", "running")
_ONLY = {FaultKind.EXPIRED_URL: ("*", "/storage*"), FaultKind.UNKNOWN_STATUS: ("GET", "/jobs*")}
"""Method and path of the requests that a fault can affect, if not all."""


class Fault(BaseModel):
    """One fault.

    Attributes:
        kind: The kind of fault.
        path: Path of the requests it affects, as a pattern such as `/jobs/*/status`.
        method: HTTP method of the requests it affects; any by default.
        times: How often it happens; None until it is cleared.
        seconds: A duration, for kinds that have one.
        status: A job status, for kinds that have one.
        message: The message of a job that fails.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    kind: FaultKind
    path: str = "*"
    method: str | None = None
    times: int | None = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0, le=3600)
    status: str = "hibernating"
    message: str = "failed to execute job on device"

    @model_validator(mode="after")
    def _can_be_held(self) -> Self:
        if self.kind is FaultKind.HOLD_JOB and self.status not in _HELD_STATUSES:
            raise ValueError(f"a job can be held as {' or '.join(_HELD_STATUSES)}, not as {self.status!r}")
        return self


class Faults:
    """The faults that are still pending."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._holds: list[Callable[[], object]] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._faults.append(fault.model_copy())

    def clear(self) -> None:
        """Clear all faults and release the jobs that they hold."""
        with self._lock:
            self._faults.clear()
        for end in self._holds.copy():
            with contextlib.suppress(RuntimeError):  # the engine was closed meanwhile
                end()

    async def hold(self, seconds: float) -> None:
        """Wait for that many seconds, or until the faults are cleared."""
        loop, cleared = asyncio.get_running_loop(), asyncio.Event()
        end = partial(loop.call_soon_threadsafe, cleared.set)
        self._holds.append(end)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(cleared.wait(), seconds)
        finally:
            self._holds.remove(end)

    @property
    def pending(self) -> list[Fault]:
        """The pending faults, `times` counted down."""
        with self._lock:
            return [fault.model_copy() for fault in self._faults]

    def for_request(self, method: str, path: str) -> Fault | None:
        """Return the fault that affects a request, if any, and count it."""
        return self._take(set(FaultKind) - JOB_FAULTS, lambda f: _matches(f, method, path))

    def for_job(self, kind: FaultKind, status: str = "") -> Fault | None:
        """Return the fault of a kind that affects a job, if any, and count it."""
        return self._take({kind}, lambda fault: not status or fault.status == status)

    def _take(self, kinds: Container[FaultKind], applies: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and applies(fault):
                    if fault.times is not None:
                        if fault.times == 1:
                            self._faults.remove(fault)
                        else:
                            fault.times -= 1
                    return fault
        return None


def _matches(fault: Fault, method: str, path: str) -> bool:
    patterns = ((fault.method or "*", fault.path), _ONLY.get(fault.kind, ("*", "*")))
    return all(fnmatchcase(method, wanted) and fnmatchcase(path, pattern) for wanted, pattern in patterns)
