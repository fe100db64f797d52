"""A progress bar on request."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Progress(Protocol):
    """What is told of work under way."""

    def advance(self) -> None:
        """One more job is done."""

    def outage(self, trouble: Exception | None) -> None:
        """The server is away; with None, it is back."""


class _Unseen:
    def advance(self) -> None:
        pass

    def outage(self, trouble: Exception | None) -> None:
        pass


class _Bar:
    def __init__(self, total: int) -> None:
        from tqdm.auto import tqdm  # noqa: PLC0415 - for those who want it

        self.bar = tqdm(total=total, unit="job")

    def advance(self) -> None:
        self.bar.update()

    def outage(self, trouble: Exception | None) -> None:
        self.bar.set_postfix_str("" if trouble is None else f"waiting for the server: {trouble}")


@contextmanager
def progress_bar(total: int, *, shown: bool) -> Iterator[Progress]:
    """Show a bar over `total` jobs, in a terminal or notebook; yields whom to tell of their progress."""
    if not shown:
        yield _Unseen()
        return
    progress = _Bar(total)
    with progress.bar:
        yield progress
