"""How long importing the client takes, ours and the published one, side by side.

    python tests/benchmarks/import_time.py OUR_PYTHON PUBLISHED_PYTHON

Both must be the same version of Python, each with its own client installed. What a bare interpreter takes is measured
in between and subtracted; the figures are medians, and the ratio is the one that holds on any machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from collections import defaultdict

BARE = "pass"
STATEMENTS = [
    "import oqtopus_client",
    "from oqtopus_client import OqtopusClient, OqtopusConfig",
    "from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec",
]


def seconds(python: str, statement: str) -> float:
    """Wall time of an interpreter that runs one statement."""
    start = time.perf_counter()
    subprocess.run([python, "-P", "-c", statement], check=True)
    return time.perf_counter() - start


def main(arguments: list[str] | None = None) -> None:
    """Print a row for each way to import: ours and theirs in milliseconds, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("ours", help="a Python that has this client")
    parser.add_argument("published", help="a Python that has the published client")
    parser.add_argument("--rounds", type=int, default=15, help="how often to measure each")
    options = parser.parse_args(arguments)
    pythons = (options.ours, options.published)
    taken: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    for turn in range(options.rounds + 1):
        for statement in [BARE, *STATEMENTS]:
            for side, python in enumerate(pythons):
                lasted = seconds(python, statement)
                if turn > 0:  # the first fills the caches
                    taken[statement, side].append(lasted)
    for statement in STATEMENTS:
        ours, theirs = (
            statistics.median(taken[statement, side]) - statistics.median(taken[BARE, side]) for side in (0, 1)
        )
        print(f"{statement:72}{1000 * ours:6.0f} ms{1000 * theirs:6.0f} ms{ours / theirs:7.2f}")


if __name__ == "__main__":
    main()
