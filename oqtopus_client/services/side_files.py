"""A job's side files - input, transpile result, combined program - read through the client that returned the job."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

from oqtopus_client.errors import OqtopusError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oqtopus_client.rest.models import JobsJobInfo, JobsS3SubmitJobInfo, JobsS3TranspileResult

JobFile = Literal["input", "combined_program", "transpile_result"]
"""Names of a job's side files."""


class SideFiles:
    """Side files of a job, each read on first access."""

    _job_id: str
    _job_info: JobsJobInfo
    _transpile_result: JobsS3TranspileResult | Mapping[str, Any] | None
    _client: object | None

    @property
    def transpile_result(self) -> JobsS3TranspileResult | Mapping[str, Any] | None:
        """The server's transpilation: program, statistics and qubit mapping; None if the program was not transpiled.

        Raises:
            OqtopusStorageError: The file cannot be downloaded or read.
        """
        if self._transpile_result is None:
            self._transpile_result = self._side_file("transpile_result")
        return self._transpile_result

    @property
    def input(self) -> JobsS3SubmitJobInfo | None:
        """The submitted programs and operator.

        Raises:
            OqtopusStorageError: The file cannot be downloaded or read.
        """
        submitted: JobsS3SubmitJobInfo | None = self._side_file("input")
        return submitted

    @property
    def combined_program(self) -> str | None:
        """The program into which the server combined those of a multi_manual job, as OpenQASM 3 text.

        Raises:
            OqtopusStorageError: The file cannot be downloaded or read.
        """
        program: str | None = self._side_file("combined_program")
        return program

    def _side_file(self, name: JobFile) -> Any:
        """Return a side file's content, read through the client if only its URL is known."""
        content = getattr(self._job_info, name)
        if is_url(content):
            call = f"await client.read_job_file({self._job_id!r}, {name!r})"
            read = blocking_method(self._client, "read_job_file", f"{name} has not been read; use `{call}`.")
            if read is not None:
                content = read(self._job_id, name, url=content)
                setattr(self._job_info, name, content)
        return content

    def _read_for_dict(self, name: JobFile) -> None:
        """Read a side file if possible; otherwise keep its URL."""
        with contextlib.suppress(TypeError, OqtopusError):
            self._side_file(name)


def is_url(content: object) -> TypeGuard[str]:
    """Whether a side file has not been read, so that only its URL is known."""
    return isinstance(content, str) and content.startswith(("http://", "https://"))


def blocking_method(client: object | None, name: str, otherwise: str) -> Callable[..., Any] | None:
    """Return a client's method, or None without a client or such a method.

    Raises:
        TypeError: It is a coroutine function, which cannot be awaited here; `otherwise` is the message.
    """
    method: Callable[..., Any] | None = getattr(client, name, None)
    if inspect.iscoroutinefunction(method):
        raise TypeError(otherwise)
    return method
