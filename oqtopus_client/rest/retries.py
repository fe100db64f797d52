"""Which requests are tried again, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass

_LONGEST_PAUSE = 8.0
_LONGEST_RETRY_AFTER = 60.0


@dataclass(frozen=True)
class RetryPolicy:
    """When to repeat a request.

    Attributes:
        max_attempts: Tries at most, the first included.
        backoff: First pause in seconds; it doubles with each further try.
        status_codes: HTTP statuses worth another try.
        methods: HTTP methods that may be repeated: those that do no harm when they arrive twice.
    """

    max_attempts: int = 3
    backoff: float = 0.2
    status_codes: frozenset[int] = frozenset({429, 502, 503, 504})
    methods: frozenset[str] = frozenset({"GET", "DELETE"})

    def pause(self, method: str, attempt: int, *, status: int | None = None, retry_after: str = "") -> float | None:
        """Seconds to wait before the next try; None if there is none.

        Args:
            method: The request's method.
            attempt: Tries made so far.
            status: The answer's status; None if no answer arrived.
            retry_after: The answer's header `Retry-After`, obeyed where it gives up to 60 seconds.

        >>> RetryPolicy().pause("POST", 1) is None
        True
        >>> RetryPolicy().pause("GET", 1, status=429, retry_after="3")
        3.0
        """
        if attempt >= self.max_attempts or method not in self.methods:
            return None
        if status is not None and status not in self.status_codes:
            return None
        if retry_after.isdecimal() and int(retry_after) <= _LONGEST_RETRY_AFTER:
            return float(retry_after)
        # Jitter keeps clients that failed together from coming back together.
        return min(self.backoff * 2.0 ** (attempt - 1), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311
