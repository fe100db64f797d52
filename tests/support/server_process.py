"""The emulator as users start it: a process with a port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def running_server(
    data: Path,
    *options: str,
    python: str | Path = sys.executable,
    folder: Path | None = None,
    stop: signal.Signals = signal.SIGTERM,
    exports: int = 2,
) -> Iterator[dict[str, str]]:
    """Serve the data folder on a free port; yields the variables that the server says to export.

    Args:
        data: The data folder.
        *options: More of the command's options.
        python: Whose emulator it is.
        folder: Where to start it: Python imports from there before it imports what is installed.
        stop: How it is stopped.
        exports: How many variables it says to export.
    """
    command = [str(python), "-m", "oqtopus_client.emulator", "--port", "0", "--data", str(data), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ, cwd=folder) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline() for _ in range(exports)]
            yield dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        finally:
            process.send_signal(stop)
            process.stdout.close()
            process.wait(timeout=30)


def last_words(script: str, environment: dict[str, str]) -> str:
    """What a script printed that ended by killing itself."""
    died = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    return died.stdout.strip()
