"""Our SDK against the published client, workload by workload, side by side on one loopback server.

    python -m venv published && published/bin/pip install oqtopus-client==1.3.0
    python tests/benchmarks/compare_published.py published/bin/python

The published client builds a TLS context with the system's certificates for every call; `--no-certificates` points
SSL_CERT_FILE and SSL_CERT_DIR nowhere, which takes most of that cost away. Judge by requests, connections and CPU
time before wall time: these hold on any machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
# Name, workload, jobs or calls, and the server's options.
WORKLOADS = [
    ("get_job_status, one after the other", "status", 300, []),
    ("submit_jobs, 5 ms latency, 16 workers", "submit16", 200, ["--latency", "0.005"]),
    ("submit_jobs, 5 ms latency, 32 workers", "submit32", 200, ["--latency", "0.005"]),
    ("run_jobs_batch of jobs of 0.5 s", "batch", 200, ["--duration", "0.5"]),
    ("wait_for_jobs that end over 5 s", "wait", 1000, ["--spread", "5"]),
    ("results of 2^16 keys", "result", 5, ["--keys", "65536"]),
    ("results of 50,000 60-bit keys", "result", 5, ["--keys", "50000", "--width", "60"]),
    ("list_devices, 144 qubits", "devices", 100, []),
    ("list_jobs, 100 a page", "list", 30, []),
]


@contextmanager
def serving(options: list[str]) -> Iterator[str]:
    """A server of its own for each measurement; yields its URL."""
    command = [sys.executable, str(HERE / "server.py"), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def measure(python: str, workload: str, count: int, options: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """The figures of one run."""
    with serving(options) as url:
        command = [python, str(HERE / "workload.py"), url, workload, str(count)]
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE, env=environment)
    return dict(json.loads(run.stdout))


def main(arguments: list[str] | None = None) -> None:
    """Print a row for each workload: ours, theirs, and how many times better ours is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("published", help="a Python that has the published client")
    parser.add_argument("--no-certificates", action="store_true", help="point OpenSSL at no certificates")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the jobs or calls to measure with")
    options = parser.parse_args(arguments)
    nowhere = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull} if options.no_certificates else {}
    environment = {**os.environ, **nowhere}
    print(f"{'':40}{'calls/s':>18}{'':>8}{'CPU s':>16}{'':>8}{'requests':>14}{'connections':>14}{'peak MiB':>12}")
    for name, workload, full, server in WORKLOADS:
        count = max(1, int(full * options.scale))
        ours = measure(sys.executable, workload, count, server, environment)
        theirs = measure(options.published, workload, count, server, environment)
        print(
            f"{name:40}{count / ours['wall']:9.0f}{count / theirs['wall']:9.0f}{theirs['wall'] / ours['wall']:7.1f}x"
            f"{ours['cpu']:8.2f}{theirs['cpu']:8.2f}{theirs['cpu'] / ours['cpu']:7.1f}x"
            f"{ours['requests']:7}{theirs['requests']:7}{ours['connections']:7}{theirs['connections']:7}"
            f"{ours['peak_mib']:6.0f}{theirs['peak_mib']:6.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
