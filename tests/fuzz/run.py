"""Coverage-guided fuzzing of what reads a server's files and answers: `python tests/fuzz/run.py --seconds 600`.

It needs `pip install atheris`. One process after the other, each for its share of the time; an input that breaks
something is written to the current folder and named.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
NAMES = ["zip", "json"]


def fuzz(name: str, seconds: int, found: str) -> None:
    """Fuzz one target in this process, which ends with it; new inputs are collected in the folder `found`."""
    import atheris

    sys.path.insert(0, str(ROOT))
    with atheris.instrument_imports(include=["oqtopus_client", "qiskit_oqtopus", "zipfile", "json"]):
        from tests.fuzz.targets import TARGETS
    limits = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=3000"]
    options = [*limits, "-verbosity=0", "-print_final_stats=1", found, str(CORPUS / name)]
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    """Fuzz the targets; returns 0 if nothing broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for all targets together (default: %(default)s)")
    parser.add_argument("--in-process", nargs=2, metavar=("TARGET", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_process:
        fuzz(options.in_process[0], options.seconds, options.in_process[1])
    command = [sys.executable, __file__, "--seconds", str(max(1, options.seconds // len(NAMES))), "--in-process"]
    broken = False
    for name in NAMES:
        with tempfile.TemporaryDirectory() as found:
            broken |= subprocess.run([*command, name, found], check=False).returncode != 0
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
