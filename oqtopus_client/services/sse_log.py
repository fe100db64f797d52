"""Logs of server-side programs: zip archives, read as text or kept as a file."""

from __future__ import annotations

import io
import lzma
import ntpath
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MAX_TEXT_BYTES = 64 << 20


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
