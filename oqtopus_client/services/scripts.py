"""Python files that run on the server: `read_program`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client.checks import whole_number

if TYPE_CHECKING:
    from pathlib import Path


def read_program(file: Path, max_size: int) -> str:
    """Return the text of a Python file.

    Raises:
        ValueError: The file is missing, not a Python file, not UTF-8 text or larger than `max_size` bytes.
    """
    whole_number(max_size, "max_file_size must be a positive integer")
    if file.suffix != ".py":
        raise ValueError(f"{file} is not a Python file; its name must end in .py.")
    if not file.is_file():
        raise ValueError(f"{file} does not exist.")
    if file.stat().st_size > max_size:
        raise ValueError(f"{file} has {file.stat().st_size:,} bytes; at most {max_size:,} are allowed.")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}.") from error
