"""Logs of server-side programs: zip archives, read as text or kept as a file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

_MAX_TEXT_BYTES = 64 << 20


def log_text(archive: bytes, *, encoding: str, errors: str) -> str:
    """The text of every file in the archive, each under a heading; what is no archive is taken for the text itself.

    Raises:
        ValueError: The archive unpacks to more than 64 MiB.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as reader:
            if sum(entry.file_size for entry in reader.infolist()) > _MAX_TEXT_BYTES:
                raise ValueError("The log unpacks to more than 64 MiB; download it and look for yourself.")
            names = [name for name in reader.namelist() if not name.endswith("/")]
            texts = [f"===== {name} =====\n{reader.read(name).decode(encoding, errors)}" for name in names]
    except zipfile.BadZipFile:
        return archive.decode(encoding, errors)
    return "\n".join(texts).rstrip()


def save_log(archive: bytes, folder: Path, name: str, *, overwrite: bool) -> Path:
    """Write the archive into the folder; folders in `name`, which may come from a server, are dropped.

    Raises:
        ValueError: There is no such folder, or there is such a file.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder.")
    file = folder / Path(name.replace("\\", "/")).name
    if file.exists() and not overwrite:
        raise ValueError(f"{file} exists already; pass overwrite=True to replace it.")
    file.write_bytes(archive)
    return file
