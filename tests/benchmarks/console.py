"""How fast the console's pages are with many stored jobs: on the server, and in a browser.

Run by hand: `python tests/benchmarks/console.py`. Figures depend on the machine; its cores and load are printed with
them. Processor time is that of the process that serves, for one page; it hardly depends on the machine's load.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator.database import Database
from tests.support.browser import chromium, visit
from tests.support.circuits import BELL
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Page

_STATUSES = ("succeeded", "failed", "cancelled")
_TICK = os.sysconf("SC_CLK_TCK")

_SHOWN = """() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => {
  const paints = performance.getEntriesByName("first-contentful-paint");
  resolve(Math.max(paints.length ? paints[0].startTime : 0, performance.timing.domContentLoadedEventEnd
    - performance.timing.navigationStart));
})))"""
"""Milliseconds from the start of the navigation until the whole page is there and has been painted."""


def fill(folder: Path, jobs: int) -> None:
    """Put finished jobs into a data folder."""
    database = Database(folder / "emulator.sqlite3")
    with database.transaction() as connection:
        connection.executemany(
            "INSERT INTO jobs (job_id, owner, status, name, job_type, device_id, shots, submitted_at, ready_at, "
            "running_at, ended_at, execution_time) VALUES (?, 'operator', ?, ?, 'sampling', ?, 1000, ?, ?, ?, ?, 0.5)",
            (
                (
                    f"00000000-0000-7000-8000-{i:012d}",
                    _STATUSES[i % 3],
                    f"bell {i}",
                    ("qulacs", "lattice64")[i % 2],
                    *(f"2026-01-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}.{part}Z" for part in range(4)),
                )
                for i in range(jobs)
            ),
        )
    database.close()


def pages(jobs: int, job_id: str) -> dict[str, str]:
    """Return the addresses of the pages by name."""
    return {
        "dashboard": "/",
        "jobs": "/console/jobs",
        "jobs, last page": f"/console/jobs?page={max(1, jobs)}",
        "jobs, filtered": "/console/jobs?status=failed&device=lattice64",
        "jobs, searched": "/console/jobs?q=bell+4242",
        "job": f"/console/jobs/{job_id}",
        "submit": "/console/submit",
        "devices": "/console/devices",
        "device, 64 qubits": "/console/devices/lattice64",
        "device, 144 qubits": "/console/devices/lattice144",
        "faults": "/console/faults",
        "news": "/console/news",
        "connect": "/console/connect",
    }


def processor_seconds(url: str) -> float:
    """Return the processor time so far of the process that listens at a URL."""
    port = f"{int(url.rpartition(':')[2]):04X}"
    sockets = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
        if line.split()[1].endswith(f":{port}") and line.split()[3] == "0A"
    }
    for process in Path("/proc").glob("[0-9]*"):
        try:
            links = {str(link.readlink()) for link in (process / "fd").iterdir()}
        except OSError:
            continue
        if any(f"socket:[{socket}]" in links for socket in sockets):
            fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / _TICK
    raise LookupError(url)


def on_server(client: httpx.Client, path: str, repeat: int) -> tuple[float, float]:
    """Return the median milliseconds of a page, and its processor time on the server in milliseconds."""
    times = []
    before = processor_seconds(str(client.base_url).rstrip("/"))
    for _ in range(repeat):
        start = time.perf_counter()
        client.get(path).raise_for_status()
        times.append((time.perf_counter() - start) * 1e3)
    spent = processor_seconds(str(client.base_url).rstrip("/")) - before
    return statistics.median(times), spent / repeat * 1e3


def in_browser(page: Page, path: str, repeat: int) -> float:
    """Return the median milliseconds until a page is shown."""
    times = []
    for _ in range(repeat):
        page.goto(path)
        times.append(float(page.evaluate(_SHOWN)))
    return statistics.median(times)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, options.jobs)
        with running_server(folder) as exports:
            url, token = exports["OQTOPUS_URL"], exports["OQTOPUS_API_TOKEN"]
            with OqtopusClient(OqtopusConfig(url, token)) as client:
                spec = OqtopusJobSpec.sampling(device_id="lattice64", program=BELL, shots=1000)
                job_id = client.submit_job(spec).job_id
                client.wait_for_job(job_id)
            print(f"{options.jobs:,} jobs; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            print(f"{'page':20} {'server':>12} {'processor':>12} {'shown':>12}")
            with httpx.Client(base_url=url) as http, chromium() as browser, visit(browser, url) as page:
                for title, path in pages(options.jobs, job_id).items():
                    server, processor = on_server(http, path, options.repeat)
                    shown = in_browser(page, path, max(3, options.repeat // 4))
                    print(f"{title:20} {server:9.1f} ms {processor:9.1f} ms {shown:9.0f} ms")


if __name__ == "__main__":
    main()
