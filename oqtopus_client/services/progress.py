"""Optional progress bar."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oqtopus_client.services.queue_position import QueuePosition


class Progress(Protocol):
    """Receives the progress of a wait."""

    def advance(self) -> None:
        """Count one more finished job."""

    def outage(self, trouble: Exception | None) -> None:
        """Report that the server stopped responding, or with None that it responds again."""

    def queue(self, position: QueuePosition | None) -> None:
        """Report how many jobs are ahead, or with None that the jobs no longer wait."""


class _Unseen:
    def advance(self) -> None:
        pass

    def outage(self, trouble: Exception | None) -> None:
        pass

    def queue(self, position: QueuePosition | None) -> None:
        pass


class _Bar:
    def __init__(self, total: int) -> None:
        from tqdm.auto import tqdm  # noqa: PLC0415 - optional dependency

        self.bar = tqdm(total=total, unit="job")

    def advance(self) -> None:
        self.bar.update()

    def outage(self, trouble: Exception | None) -> None:
        self.bar.set_postfix_str("" if trouble is None else f"waiting for the server: {trouble}")

    def queue(self, position: QueuePosition | None) -> None:
        self.bar.set_description_str("" if position is None else str(position))


@contextmanager
def progress_bar(total: int, *, shown: bool) -> Iterator[Progress]:
    """Show a bar over `total` jobs in a terminal or notebook; yield the object to report progress to."""
    if not shown:
        yield _Unseen()
        return
    progress = _Bar(total)
    with progress.bar:
        yield progress
