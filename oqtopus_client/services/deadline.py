"""The end of a wait: `Deadline`."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class DeadlinePassedError(Exception):
    """The deadline passed; the work itself did not fail."""


class Deadline:
    """End of a wait by the running loop's clock, set when the wait begins.

    Args:
        timeout: Seconds from now. None means no deadline; 0 allows one attempt at everything, without a time limit.

    Attributes:
        timeout: The argument.
    """

    def __init__(self, timeout: float | None) -> None:
        self.timeout = timeout
        self._clock = asyncio.get_running_loop().time
        self._end = math.inf if timeout is None else self._clock() + timeout

    @property
    def is_immediate(self) -> bool:
        """Whether only a single attempt is allowed."""
        return self.timeout == 0

    def remaining(self) -> float:
        """Seconds left, at least 0; infinite without a deadline."""
        return max(0.0, self._end - self._clock())

    @contextlib.asynccontextmanager
    async def enforced(self) -> AsyncIterator[None]:
        """Cancel the work inside when the deadline passes, unless the work is a single attempt.

        Raises:
            DeadlinePassedError: It passed.
        """
        limit = asyncio.timeout_at(None if self.is_immediate or math.isinf(self._end) else self._end)
        try:
            async with limit:
                yield
        except TimeoutError:
            if limit.expired():
                raise DeadlinePassedError from None
            raise
