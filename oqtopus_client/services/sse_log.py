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
        """The program's log as a zip archive: its bytes, or with `persist` the path of the file it is written to.

        Args:
            save_dir: Folder to write to; by default the current one.
            file_name: Name to write under; by default the server's, without any folder in it.
            overwrite: Whether to replace a file of that name.
            persist: Whether to write a file at all.

        Raises:
            ValueError: The job has no client or no log, or the file cannot be written as asked.
            TypeError: The job is an `AsyncOqtopusClient`'s, which has `get_sselog`.
        """
        archive, default_name = self._log_archive()
        if persist:
            folder = Path.cwd() if save_dir is None else Path(save_dir)
            return str(save_log(archive, folder, file_name or default_name, overwrite=overwrite))
        if save_dir is not None or file_name is not None or overwrite:
            raise ValueError("save_dir, file_name and overwrite say how to write a file: pass persist=True as well.")
        return archive

    def read_log_text(self, *, encoding: str = "utf-8", errors: str = "replace") -> str:
        """The program's output, each file of the log under a heading with its name.

        Raises:
            ValueError: The job has no client or no log.
            TypeError: The job is an `AsyncOqtopusClient`'s, which has `get_sselog`.
        """
        return log_text(self._log_archive()[0], encoding=encoding, errors=errors)

    def show_log(
        self, *, encoding: str = "utf-8", errors: str = "replace", print_fn: Callable[[str], Any] = print
    ) -> str:
        """Print the program's output, and return it.

        Raises:
            ValueError: The job has no client or no log.
            TypeError: The job is an `AsyncOqtopusClient`'s, which has `get_sselog`.
        """
        text = self.read_log_text(encoding=encoding, errors=errors)
        print_fn(text)
        return text

    def _log_archive(self) -> tuple[bytes, str]:
        call = f"await client.get_sselog({self._job_id!r})"
        get_sselog = blocking_method(self._client, "get_sselog", f"The log has not been read; use `{call}`.")
        if get_sselog is None:
            raise ValueError("This job came without a client, so its log cannot be fetched.")
        try:
            answer: JobsGetSselogResponse = get_sselog(self._job_id)
        except ResponseValidationError as error:
            raise ValueError(str(error)) from error
        if not answer.file or not answer.file_name:
            raise ValueError(f"The server's log of job {self._job_id} has no content.")
        try:
            return base64.b64decode(answer.file, validate=True), answer.file_name
        except binascii.Error as error:
            raise ValueError(f"The server's log of job {self._job_id} is not base64 text.") from error


def log_text(archive: bytes, *, encoding: str, errors: str) -> str:
    """The text of every file in the archive, each under a heading; what is no archive is taken for the text itself.

    Raises:
        ValueError: The archive unpacks to more than 64 MiB, or is damaged.
    """
    size = 0
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as reader:
            size = sum(entry.file_size for entry in reader.infolist())
            names = [name for name in reader.namelist() if not name.endswith("/") and size <= _MAX_TEXT_BYTES]
            texts = [f"===== {name} =====\n{reader.read(name).decode(encoding, errors)}" for name in names]
    except zipfile.BadZipFile:
        return archive.decode(encoding, errors)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
        raise ValueError(f"The log cannot be read, its archive is damaged perhaps: {error}.") from error
    if size > _MAX_TEXT_BYTES:
        raise ValueError("The log unpacks to more than 64 MiB; download it and look for yourself.")
    return "\n".join(texts).rstrip()


def save_log(archive: bytes, folder: Path, name: str, *, overwrite: bool) -> Path:
    """Write the archive into the folder; folders and drives in `name`, which may come from a server, are dropped.

    Raises:
        ValueError: There is no such folder, there is such a file, or no file can have that name.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder.")
    plain = ntpath.basename(name)  # which splits at both kinds of slashes, and after a drive
    if plain in {"", ".", ".."} or set(plain) & set(":\0"):
        raise ValueError(f"{name!r} is no file's name.")
    file = folder / plain
    if overwrite and not file.is_dir():
        file.unlink(missing_ok=True)
    try:
        # Made anew: a link of that name would lead out of the folder.
        with file.open("xb") as stream:
            stream.write(archive)
    except FileExistsError:
        raise ValueError(f"{file} exists already; pass overwrite=True to replace it.") from None
    return file
