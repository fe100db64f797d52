"""Functions shipped to the emulator's container, and what they report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from oqtopus_client.emulator.sse.terminal import container_log
from oqtopus_client.shipping.program import build
from oqtopus_client.shipping.reading import ProgramOutcome, read
from tests.support.sse_programs import answer, run_bare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from oqtopus_client.emulator.sse.inner_jobs import RunInnerJob


@dataclass(frozen=True)
class Settings:
    """The settings of a program that shipping knows."""

    modules: Sequence[ModuleType | str] = ()
    timeout: float = 60.0


def text_of(
    function: Callable[..., Any],
    *args: Any,
    kind: Literal["backend", "client"] = "client",
    device: dict[str, Any] | None = None,
    settings: Settings | None = None,
    **kwargs: Any,
) -> str:
    """The program that calls the function."""
    return build(function, args, kwargs, kind=kind, device=device, options=settings or Settings())


def outcome_of_text(program: str, run_inner_job: RunInnerJob = answer, **limits: Any) -> ProgramOutcome:
    """Run a program, which must succeed as the server sees it, and read what it reports."""
    ran = run_bare(program, run_inner_job, **limits)
    assert ran.failure is None, ran.output
    return read(container_log(ran.ended.output))


def outcome_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> ProgramOutcome:
    """Ship a function, and read what it reports."""
    return outcome_of_text(text_of(function, *args, **kwargs))


def value_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a shipped function returns."""
    outcome = outcome_of(function, *args, **kwargs)
    assert outcome.error is None, outcome.error.traceback
    assert outcome.is_complete
    return outcome.value
