"""The terminal that a server-side program writes to, and the log that a container runtime writes of it."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from typing import Self

_PROMPT = b"$ "
"""Written by the container's first process, a shell that waits for input at the same terminal."""
MAX_OUTPUT_BYTES = 64 << 20
"""Maximum size of the output that is kept, in bytes; the last read may exceed it slightly."""
_LAST_SECONDS = 5.0
"""Time for the last output to arrive, in seconds."""
_PIECE_BYTES = 16 << 10
"""The container runtime logs longer lines in pieces of this size."""


class Terminal:
    """A pseudo-terminal of 0 x 0 characters; keeps what is written to it and never makes the writer wait.

    Attributes:
        device: File descriptor to write to, open in this process until the `with` block ends.
    """

    def __init__(self) -> None:
        self._controller, self.device = os.openpty()
        self._output = bytearray()
        self._thread = threading.Thread(target=self._read, name="oqtopus-sse-log", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        os.write(self.device, _PROMPT)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.device)

    def _read(self) -> None:
        # Linux reports EIO when the last process has closed the terminal.
        with open(self._controller, "rb", buffering=0) as controller, contextlib.suppress(OSError):  # noqa: PTH123
            while chunk := controller.read(1 << 16):
                if len(self._output) <= MAX_OUTPUT_BYTES:
                    self._output += chunk

    def output(self) -> bytes:
        """Wait until all processes have closed the terminal, and return what they wrote."""
        # A process that escaped the sandbox may hold it open.
        self._thread.join(_LAST_SECONDS)
        return bytes(self._output)


def container_log(output: bytes) -> str:
    """Decode a terminal's output as the container runtime does: each byte that is not UTF-8 becomes U+FFFD."""
    pieces = re.findall(rb"[^\n]{1,%d}|\n" % _PIECE_BYTES, output)
    text = "".join(piece.decode(errors="surrogateescape") for piece in pieces)
    return re.sub("[\udc80-\udcff]", "\ufffd", text)
