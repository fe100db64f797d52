"""NumPy's linear algebra in one thread: `one_thread`."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import numpy as np  # noqa: F401 - its library is found only once it is loaded
from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator

_guard = threading.Lock()
_limits: list[object] = []
"""One entry per thread that simulates; the first one knows the numbers of threads to restore."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Let linear algebra use one thread while this process simulates.

    OpenBLAS starts as many threads as there are cores, which wait for each other in busy loops. Beside other
    simulations, matrices of a few hundred rows then take up to 20 times as long.
    """
    with _guard:
        _limits.append(None if _limits else _controller().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _guard:
            if len(_limits) == 1:
                _limits[0].restore_original_limits()  # type: ignore[attr-defined]
            _limits.pop()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
