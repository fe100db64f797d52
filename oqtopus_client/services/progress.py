"""A progress bar on request."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress_bar(total: int, *, shown: bool) -> Iterator[Callable[[], object]]:
    """Show a bar over `total` jobs, in a terminal or notebook; yields what advances it by one."""
    if not shown:
        yield lambda: None
        return
    from tqdm.auto import tqdm  # noqa: PLC0415 - for those who want it

    with tqdm(total=total, unit="job") as bar:
        yield bar.update
