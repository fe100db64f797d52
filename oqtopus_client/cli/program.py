"""Programs in files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from oqtopus_client.services.openqasm import decode

if TYPE_CHECKING:
    from oqtopus_client.services.openqasm import Program


def read(file: str) -> Program:
    """Read a program from a file, or from standard input for `-`.

    Raises:
        ValueError: The file cannot be read, or is not UTF-8 text.
    """
    if not file:
        raise ValueError("The name of the file is empty; is a shell variable unset?")
    if file == "-":
        return decode(sys.stdin.buffer.read(), "Standard input")
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}.") from None
    return decode(content, file, file)
