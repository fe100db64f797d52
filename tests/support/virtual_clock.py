"""An event loop whose clock does not wait: where nothing happens, the next timer is due at once."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

_T = TypeVar("_T")

_GRACE = 0.01
"""Real seconds that sockets get before nothing counts as happening."""


class _Selector(selectors.DefaultSelector):
    """Lets the clock jump where a loop would wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for sockets for a moment; if none has news, the time is up."""
        events = super().select(timeout if timeout is None else min(timeout, _GRACE))
        if not events and timeout:
            self.now += timeout
        return events


def run_virtually(work: Coroutine[Any, Any, _T]) -> tuple[_T, float]:
    """Run a coroutine; returns its result, and the seconds it took by the loop's clock."""
    selector = _Selector()

    def make_loop() -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop(selector)
        loop.time = lambda: selector.now  # type: ignore[method-assign]
        return loop

    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(work), selector.now
