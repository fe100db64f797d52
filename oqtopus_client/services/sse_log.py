"""Logs of server-side programs: zip archives, fetched through a client, read as text or written to a file."""

from __future__ import annotations

import base64
import binascii
import io
import lzma
import ntpath
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oqtopus_client.errors import ResponseValidationError
from oqtopus_client.services.side_files import blocking_method
from oqtopus_client.shipping.frames import read_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from oqtopus_client.rest.models import JobsGetSselogResponse

_MAX_TEXT_BYTES = 64 << 20


class JobLog:
    """The log of a server-side program, read through the client that returned its job."""

    _job_id: str
    _client: object | None

    def download_log(
        self,
        *,
        save_dir: str | Path | None = None,
        file_name: str | None = None,
        overwrite: bool = False,
        persist: bool = False,
    ) -> bytes | str:
        """Return the program's log as the bytes of a zip archive, or with `persist` the path of the file written.

        Args:
            save_dir: Folder to write to; by default the current one.
            file_name: Name of the file; by default the server's, without any folder.
            overwrite: Whether to replace a file with this name.
            persist: Whether to write a file.

        Raises:
            ValueError: The job has no client or no log, or the file cannot be written.
            TypeError: The job is from an `AsyncOqtopusClient`; use its `get_sselog`.
        """
        archive, default_name = self._log_archive()
        if persist:
            folder = Path.cwd() if save_dir is None else Path(save_dir)
            return str(save_log(archive, folder, file_name or default_name, overwrite=overwrite))
        if save_dir is not None or file_name is not None or overwrite:
            raise ValueError("save_dir, file_name and overwrite require persist=True.")
        return archive

    def read_log_text(self, *, encoding: str = "utf-8", errors: str = "replace") -> str:
        """Return the program's output, each file of the log under a heading with its name.

        Raises:
            ValueError: The job has no client or no log.
            TypeError: The job is from an `AsyncOqtopusClient`; use its `get_sselog`.
        """
        return log_text(self._log_archive()[0], encoding=encoding, errors=errors)

    def show_log(
        self, *, encoding: str = "utf-8", errors: str = "replace", print_fn: Callable[[str], Any] = print
    ) -> str:
        """Print the program's output, and return it.

        Raises:
            ValueError: The job has no client or no log.
            TypeError: The job is from an `AsyncOqtopusClient`; use its `get_sselog`.
        """
        text = self.read_log_text(encoding=encoding, errors=errors)
        print_fn(text)
        return text

    def _log_archive(self) -> tuple[bytes, str]:
        call = f"await client.get_sselog({self._job_id!r})"
        get_sselog = blocking_method(self._client, "get_sselog", f"The log has not been read; use `{call}`.")
        if get_sselog is None:
            raise ValueError("This job has no client to fetch its log.")
        try:
            answer: JobsGetSselogResponse = get_sselog(self._job_id)
        except ResponseValidationError as error:
            raise ValueError(str(error)) from error
        if not answer.file or not answer.file_name:
            raise ValueError(f"The log of job {self._job_id} is empty.")
        try:
            return base64.b64decode(answer.file, validate=True), answer.file_name
        except binascii.Error as error:
            raise ValueError(f"The log of job {self._job_id} is not base64 text.") from error


def log_text(archive: bytes, *, encoding: str, errors: str) -> str:
    """Return the text of every file in the archive, each under a heading; other content is returned as text.

    The report in which a program of `run_program` returns its result is left out.

    Raises:
        ValueError: The archive unpacks to more than 64 MiB, or is damaged.
    """
    files = _files(archive)
    if files is None:
        return _without_report(archive.decode(encoding, errors))
    texts = (f"===== {name} =====\n{_without_report(content.decode(encoding, errors))}" for name, content in files)
    return "\n".join(texts).rstrip()


def raw_log(archive: bytes) -> str:
    """Return the text of every file in the archive as it is; other content is returned as text.

    Raises:
        ValueError: The archive unpacks to more than 64 MiB, or is damaged.
    """
    files = _files(archive)
    contents = [archive] if files is None else [content for _, content in files]
    return "\n".join(content.decode(errors="replace") for content in contents)


def _without_report(text: str) -> str:
    frames = read_frames(text, "header")
    return frames.text if frames.tag else text


def _files(archive: bytes) -> list[tuple[str, bytes]] | None:
    """Return the name and content of each file in the archive; None if it is not an archive."""
    size = 0
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as reader:
            size = sum(entry.file_size for entry in reader.infolist())
            names = [name for name in reader.namelist() if not name.endswith("/") and size <= _MAX_TEXT_BYTES]
            files = [(name, reader.read(name)) for name in names]
    except zipfile.BadZipFile:
        return None
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
        raise ValueError(f"The log cannot be read; its archive may be damaged: {error}.") from error
    if size > _MAX_TEXT_BYTES:
        raise ValueError("The log unpacks to more than 64 MiB; use download_log() and open the archive yourself.")
    return files


def save_log(archive: bytes, folder: Path, name: str, *, overwrite: bool) -> Path:
    """Write the archive into the folder; drop folders and drives from `name`, as it may come from a server.

    Raises:
        ValueError: The folder does not exist, the file exists, or the name is not valid.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder.")
    plain = ntpath.basename(name)  # splits at both kinds of slashes, and after a drive
    if plain in {"", ".", ".."} or set(plain) & set(":\0"):
        raise ValueError(f"{name!r} is not a valid file name.")
    file = folder / plain
    if overwrite and not file.is_dir():
        file.unlink(missing_ok=True)
    try:
        # Exclusive creation does not follow a link out of the folder.
        with file.open("xb") as stream:
            stream.write(archive)
    except FileExistsError:
        raise ValueError(f"{file} exists already; pass overwrite=True to replace it.") from None
    return file
