"""Bounded concurrency of coroutines, and threads for blocking work."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, cast

from oqtopus_client.checks import whole_number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_Item = TypeVar("_Item")
_Output = TypeVar("_Output")

WORKERS = 16
"""Default number of concurrent requests."""


async def settle(
    work: Callable[[_Item], Awaitable[_Output]], items: Sequence[_Item], *, max_workers: int
) -> list[_Output | Exception | None]:
    """Do `work` on every item, `max_workers` at a time, and return each result or error in the order of `items`.

    After a failure no further items are started; their entries are None.

    Raises:
        ValueError: `max_workers` is less than 1.
    """
    whole_number(max_workers, "max_workers must be at least 1")
    outcomes: list[_Output | Exception | None] = [None] * len(items)
    waiting = iter(enumerate(items))
    failed = False

    async def worker() -> None:
        nonlocal failed
        for index, item in waiting:
            try:
                outcomes[index] = await work(item)
            except Exception as error:  # noqa: BLE001 - returned as an outcome
                outcomes[index] = error
                failed = True
            if failed:
                return

    # On an interrupt, a group waits until every worker has cleaned up.
    async with asyncio.TaskGroup() as group:
        for _ in range(min(max_workers, len(items))):
            group.create_task(worker())
    return outcomes


async def in_order(
    work: Callable[[_Item], Awaitable[_Output]], items: Sequence[_Item], *, max_workers: int
) -> list[_Output]:
    """Like `settle`, but raise the first failure once all started work has ended."""
    outcomes = await settle(work, items, max_workers=max_workers)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return cast("list[_Output]", outcomes)


class Threads(ThreadPoolExecutor):
    """Executor that also works while the interpreter shuts down.

    The interpreter shuts executors down before exit handlers run, and before threads that outlive the main one have
    ended. From then on, work runs synchronously in the calling thread.
    """

    _ended = False

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: D102 - inherited
        try:
            return super().submit(work, *args, **kwargs)
        except RuntimeError:
            if self._ended:
                raise
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - set on the future
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: D102 - inherited
        self._ended = True
        super().shutdown(wait, cancel_futures=cancel_futures)
