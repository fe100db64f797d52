"""A terminal as a user sees it: a shell in tmux, whose screen can be read."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING

from tests.support.programs import required

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROMPT = "ready> "
_SECONDS = 90


class Terminal:
    """A shell of a given size, in which `oqtopus-client` is this one.

    Args:
        folder: Where the shell starts.
        width: Number of columns.
        height: Number of lines.
        kind: The kind of terminal, as in TERM.
    """

    def __init__(self, folder: Path, width: int, height: int, *, kind: str = "screen-256color") -> None:
        self._tmux = [required("tmux"), "-L", f"oqtopus-{uuid.uuid4().hex}", "-f", os.devnull]
        command = folder / "bin" / "oqtopus-client"
        command.parent.mkdir(exist_ok=True)
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m oqtopus_client.cli "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        unset = ("-u", "COLUMNS", "-u", "LINES", "-u", "FORCE_COLOR", "-u", "NO_COLOR")
        variables = (f"PATH={command.parent}:{os.environ['PATH']}", f"PS1={_PROMPT}", f"TERM={kind}", "LC_ALL=C.UTF-8")
        shell = ["env", *unset, *variables, required("bash"), "--norc", "--noprofile"]
        self._run("new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(folder), *shell)
        self._commands = 0
        self.wait_for(_PROMPT.strip())

    def _run(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], capture_output=True, text=True, check=True).stdout

    def lines(self) -> list[str]:
        """Return the lines of the screen."""
        return self._run("capture-pane", "-p").split("\n")[:-1]

    def press(self, text: str, *keys: str) -> None:
        """Type a text, then press keys, such as `Enter` and `C-c`."""
        if text:
            self._run("send-keys", "-l", "--", text)
        if keys:
            self._run("send-keys", *keys)

    def cursor(self) -> int:
        """Return the column of the cursor."""
        return int(self._run("display-message", "-p", "#{cursor_x}"))

    def resize(self, width: int, height: int) -> None:
        """Change the size."""
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def wait_for(self, text: str, *, press: str = "") -> list[str]:
        """Wait until the screen shows a text, and return its lines; meanwhile, press a key each second."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            lines = self.lines()
            if any(text in line for line in lines):
                return lines
            if press:
                self.press("", press)
            time.sleep(1 if press else 0.05)
        raise AssertionError(f"The screen does not show {text!r}:\n" + "\n".join(self.lines()))

    def type(self, line: str) -> list[str]:
        """Run a command on an empty screen, and return the lines that the screen shows at its end."""
        self._commands += 1
        self.press(f"clear; {line}; echo end-of-'command' {self._commands}: $?", "Enter")
        return self.wait_for(f"end-of-command {self._commands}: ")

    def close(self) -> None:
        """End the shell and what runs in it."""
        self._run("kill-server")


@contextlib.contextmanager
def terminal(folder: Path, width: int, height: int, *, kind: str = "screen-256color") -> Iterator[Terminal]:
    """Open a terminal, and close it at the end."""
    opened = Terminal(folder, width, height, kind=kind)
    try:
        yield opened
    finally:
        opened.close()
