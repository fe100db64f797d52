"""Many coroutines, a few at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_Item = TypeVar("_Item")
_Output = TypeVar("_Output")


async def settle(
    work: Callable[[_Item], Awaitable[_Output]], items: Sequence[_Item], *, max_workers: int
) -> list[_Output | Exception | None]:
    """Do `work` on every item, `max_workers` at a time, and return what came of each, in the order of `items`.

    After a failure no further item is begun; None stands for those.

    Raises:
        ValueError: `max_workers` is less than 1.
    """
    if max_workers < 1:
        raise ValueError(f"max_workers must be at least 1, not {max_workers!r}.")
    outcomes: list[_Output | Exception | None] = [None] * len(items)
    waiting = iter(enumerate(items))
    failed = False

    async def worker() -> None:
        nonlocal failed
        for index, item in waiting:
            try:
                outcomes[index] = await work(item)
            except Exception as error:  # noqa: BLE001 - it is handed on, as an outcome
                outcomes[index] = error
                failed = True
            if failed:
                return

    await asyncio.gather(*(worker() for _ in range(min(max_workers, len(items)))))
    return outcomes


async def in_order(
    work: Callable[[_Item], Awaitable[_Output]], items: Sequence[_Item], *, max_workers: int
) -> list[_Output]:
    """Like `settle`, but a failure is raised, once the work begun has ended."""
    outcomes = await settle(work, items, max_workers=max_workers)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return cast("list[_Output]", outcomes)
