"""Figures are drawn in memory, and closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _figures_in_memory() -> Iterator[None]:
    plt.switch_backend("agg")
    plt.close("all")  # those of tests elsewhere, which ran in this process before
    yield
    plt.close("all")
