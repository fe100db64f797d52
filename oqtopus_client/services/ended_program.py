"""A program next to the device that has ended: `EndedProgram`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from oqtopus_client.errors import ProgramError
from oqtopus_client.services.program_failures import explain
from oqtopus_client.shipping.program import is_built
from oqtopus_client.shipping.reading import read

if TYPE_CHECKING:
    from oqtopus_client.services.job_results import OqtopusJobResult
    from oqtopus_client.shipping.reading import ProgramOutcome


@dataclass(frozen=True)
class EndedProgram:
    """A program that has ended.

    Attributes:
        job: Its OQTOPUS job.
        log: Its output, as the server returns it; None if its job failed, as servers then keep no log.
        outcome: The report of a function in the log.
        text: Its text, needed only if it reported nothing; None if unknown.
    """

    job: OqtopusJobResult
    log: str | None
    outcome: ProgramOutcome
    text: str | None = None

    @classmethod
    def of(cls, job: OqtopusJobResult, log: str | None, text: str | None = None) -> Self:
        """Return the program with this log."""
        return cls(job, log, read(log or ""), text)

    def value(self) -> Any:
        """Return the function's return value; None for a script.

        Raises:
            ProgramError: It raised an error, or ended without a report.
        """
        if error := self.outcome.error:
            raise ProgramError(
                self.job.job_id,
                f"raised {error.type_name}: {error.message}",
                type_name=error.type_name,
                error_message=error.message,
                traceback=error.traceback,
            )
        if self.outcome.is_complete:
            return self.outcome.value
        if self.log is not None and not self.is_function:
            return None
        raise self._failure()

    def printed(self) -> str:
        """Return the program's output, without its report and with plain line ends.

        Raises:
            ProgramError: The server has no log.
        """
        if self.log is None:
            raise self._failure()
        return self.outcome.printed

    @property
    def is_function(self) -> bool:
        """Whether it is a function rather than a script."""
        return bool(self.outcome.tag) or is_built(self.text or "")

    def _failure(self) -> ProgramError:
        message = explain(self.job, self.text, is_function=self.is_function, missing=self.outcome.missing)
        return ProgramError(self.job.job_id, message)
