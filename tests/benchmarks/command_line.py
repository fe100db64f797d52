"""How long the command line takes to answer, against a bare interpreter.

    python -m tests.benchmarks.command_line

Each is started a number of times in turn; the figures are medians of wall time, and the ratio to the bare interpreter's
is the one that holds on any machine. `devices` asks a served emulator on this computer.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.support.server_process import running_server

BARE = ["-c", "pass"]
COMMANDS = [["--version"], ["--help"], ["run", "--help"], ["devices"]]


def seconds(arguments: list[str], environment: dict[str, str]) -> float:
    """Wall time of an interpreter with these arguments."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env={**os.environ, **environment})
    return time.perf_counter() - start


def main(arguments: list[str] | None = None) -> None:
    """Print a row for each command: its milliseconds, and its ratio to a bare interpreter's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15, help="how often to measure each")
    options = parser.parse_args(arguments)
    rows = {"python -c pass": BARE}
    rows |= {" ".join(["oqtopus-client", *words]): ["-m", "oqtopus_client.cli", *words] for words in COMMANDS}
    taken: defaultdict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as environment:
        for turn in range(options.rounds + 1):
            for row, command in rows.items():
                lasted = seconds(command, environment)
                if turn > 0:  # the first fills the caches
                    taken[row].append(lasted)
    bare = statistics.median(taken["python -c pass"])
    for row, times in taken.items():
        middle = statistics.median(times)
        print(f"{row:28}{1000 * middle:6.0f} ms{middle / bare:7.1f} x")


if __name__ == "__main__":
    main()
