"""Retry policy for requests."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oqtopus_client.rest.endpoints import Operation

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
"""HTTP statuses that are retried by default."""

TRANSIENT_STATUSES = RETRIED_STATUSES | {408}
"""HTTP statuses that say nothing about the request itself, only that it cannot be served now."""

_LONGEST_PAUSE = 8.0
_LONGEST_RETRY_AFTER = 60.0
_MOST_DOUBLINGS = 60


@dataclass(frozen=True)
class RetryPolicy:
    """When to retry a request.

    Attributes:
        max_attempts: Maximum number of attempts, including the first.
        backoff: Longest first pause in seconds; it doubles with each retry, up to 8 s.
        status_codes: HTTP statuses to retry.
        methods: HTTP methods to retry; None retries idempotent operations.
        budget: Seconds after the first attempt within which the last one must begin.
    """

    max_attempts: int = 3
    backoff: float = 0.2
    status_codes: frozenset[int] = RETRIED_STATUSES
    methods: frozenset[str] | None = None
    budget: float = 60.0

    def pause(
        self,
        operation: Operation,
        attempt: int,
        *,
        elapsed: float = 0.0,
        status: int | None = None,
        retry_after: str = "",
    ) -> float | None:
        """Return the seconds to wait before the next attempt, or None if there is to be none.

        Args:
            operation: The operation to retry.
            attempt: Attempts made so far.
            elapsed: Seconds since the first attempt.
            status: The response's status; None if no response arrived.
            retry_after: The response's `Retry-After` header; values up to 60 seconds are honoured.

        >>> from oqtopus_client.rest.endpoints import CREATE_API_TOKEN, LIST_DEVICES
        >>> RetryPolicy().pause(CREATE_API_TOKEN, 1) is None
        True
        >>> RetryPolicy().pause(LIST_DEVICES, 1, status=429, retry_after="3")
        3.0
        """
        may_repeat = operation.idempotent if self.methods is None else operation.method in self.methods
        if attempt >= self.max_attempts or not may_repeat:
            return None
        if status is not None and status not in self.status_codes:
            return None
        # Python refuses to parse numbers of thousands of digits.
        if re.fullmatch(r"\d{1,3}", retry_after) and int(retry_after) <= _LONGEST_RETRY_AFTER:
            pause = float(retry_after)
        else:
            # Full jitter keeps clients that failed together from retrying together.
            pause = random.uniform(0.0, min(self.backoff * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS), _LONGEST_PAUSE))  # noqa: S311
        return pause if elapsed + pause <= self.budget else None
