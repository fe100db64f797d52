"""Stand-in for the emulator's own engine where an external one runs the jobs."""

from __future__ import annotations


class ExternalEngine:
    """An engine that takes no jobs: they wait until an external one fetches them."""

    name = "external"

    def runs(self, _job_type: str) -> bool:
        """Return True: the external engine decides which types of jobs it runs."""
        return True

    def wake(self) -> None:
        """Do nothing: an external engine asks for jobs."""

    def recheck(self) -> None:
        """Do nothing: an external engine learns of a cancellation from the response to its next report."""

    def close(self) -> None:
        """Do nothing: the jobs stay as they are, for the external engine to report on when the emulator is back."""
