"""Atomic writing of private files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from oqtopus_client.checks import shown


def as_path(path: object, name: str) -> Path:
    """Return the path of a file that a user named.

    Raises:
        TypeError: It is not a path.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} must be the path of a file, not {shown(path)}.")
    return Path(path)


def write_atomically(file: Path, text: str) -> None:
    """Write a text file atomically, readable by its owner only; create missing folders.

    A concurrent reader sees either the old content or the new.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # mkstemp creates files that only their owner can read.
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
