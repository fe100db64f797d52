"""Draw the pictures of the console, `docs/pictures/console/*.png`, from an emulator with a few jobs; needs Chromium.

    python docs/console.py [FOLDER]

Ids and times differ between runs; everything else stays the same.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from PIL import Image
from playwright.sync_api import sync_playwright

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

FOLDER = Path(__file__).parent / "pictures" / "console"
SIZE = {"width": 1180, "height": 830}
MAX_BYTES = 120_000
SCHEMES = ("light", "dark")

PAGES = {
    "dashboard": "/",
    "jobs": "/console/jobs",
    "job": "/console/jobs/{job}",
    "device": "/console/devices/lattice64",
}
"""Addresses of the pictures; the form is filled in first."""

TYPO = """OPENQASM 3;
include "stdgates.inc";
qubit[3] q;
bit[3] c;
h q[0];
cx q[0], q[1];
cx q[1] q[2];
c = measure q;
"""


def ghz(n_qubits: int) -> str:
    """Return a program that prepares and measures a GHZ state."""
    gates = "".join(f"cx q[{i}], q[{i + 1}];\n" for i in range(n_qubits - 1))
    head = f'OPENQASM 3;\ninclude "stdgates.inc";\nqubit[{n_qubits}] q;\nbit[{n_qubits}] c;\n'
    return f"{head}h q[0];\n{gates}c = measure q;\n"


def sampling(device: str, n_qubits: int, name: str) -> OqtopusJobSpec:
    """Return a job that samples a GHZ state."""
    return OqtopusJobSpec.sampling(device_id=device, program=ghz(n_qubits), shots=1000, name=name)


@contextmanager
def serving(data: Path) -> Iterator[OqtopusConfig]:
    """Serve an emulator."""
    options = ["--port", "0", "--data", str(data), "--seed", "7"]
    search = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-m", "oqtopus_client.emulator", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
    ) as process:
        try:
            lines = [line for _, line in zip(range(2), process.stdout or (), strict=False)]
            exports = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
            yield OqtopusConfig(exports["OQTOPUS_URL"], exports["OQTOPUS_API_TOKEN"])
        finally:
            process.terminate()


def prepare(config: OqtopusConfig, client: OqtopusClient) -> str:
    """Calibrate a device, publish an announcement, submit jobs, and return the id of one that has succeeded."""

    def control(method: str, path: str, body: object) -> None:
        headers = {"q-api-token": config.api_token}
        httpx.request(method, f"{config.base_url}/emulator/{path}", json=body, headers=headers).raise_for_status()

    info = dict(client.get_device("lattice64").device_info or {})
    info.pop("calibrated_at")
    control("PATCH", "devices/lattice64", {"device_info": info})
    control("PATCH", "devices/lattice64c", {"status": "unavailable"})
    now = datetime.now(UTC)
    times = {"start_time": now.isoformat(), "end_time": (now + timedelta(days=7)).isoformat()}
    text = "lattice64c is warm until Friday. Jobs for it are not accepted."
    control("POST", "announcements", {"title": "lattice64c is warm until Friday", "content": text, **times})
    ended = [
        sampling("qulacs", 2, "Bell state"),
        sampling("lattice144", 12, "GHZ, 12 qubits"),
        OqtopusJobSpec.sampling(
            device_id="lattice64", program="OPENQASM 3; qubit q; bit c; h q c = measure q;", shots=100, name="typo"
        ),
        OqtopusJobSpec.estimation(
            device_id="qulacs",
            program=ghz(2).replace("c = measure q;\n", ""),
            shots=1000,
            name="ZZ correlation",
            operator=[{"pauli": "Z 0 Z 1", "coeff": 1.0}],
        ),
        sampling("lattice64", 4, "GHZ, 4 qubits"),
    ]
    ids = [client.submit_job(spec).job_id for spec in ended]
    for job_id in ids:
        client.wait_for_job(job_id)
    client.cancel_job(client.submit_job(sampling("lattice144", 40, "GHZ, 40 qubits")).job_id)
    control("POST", "faults", {"kind": "hold_job", "status": "running", "seconds": 3600, "times": None})
    for n_qubits in range(10, 14):
        client.submit_job(sampling("lattice64", n_qubits, f"Scan, {n_qubits} qubits"))
    while not any(job.status == "running" for job in client.list_jobs(fields="job_id,status")):
        time.sleep(0.1)
    return ids[-1]


def photograph(browser: Browser, config: OqtopusConfig, scheme: str, job_id: str) -> Iterator[tuple[str, bytes]]:
    """Return names of pictures and their PNG files, in light or dark."""
    with browser.new_context(base_url=config.base_url, viewport=SIZE, color_scheme=scheme) as context:
        page = context.new_page()
        for name, address in PAGES.items():
            page.goto(address.format(job=job_id), wait_until="networkidle")
            if name == "job":
                page.locator("#circuit-transpiled pre").wait_for()
            yield name, page.screenshot()
        page.goto("/console/submit?device=lattice64")
        page.get_by_label("Program").fill(TYPO)
        page.get_by_role("button", name="Check", exact=True).click()
        page.get_by_role("alert").wait_for()
        yield "submit", page.screenshot()


def compressed(png: bytes) -> bytes:
    """Return a picture with at most 256 colours, which pages of this kind hardly exceed."""
    packed = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        packed, "PNG", optimize=True
    )
    return packed.getvalue()


def main(folder: Path = FOLDER) -> None:
    """Serve an emulator, submit jobs and draw its pages."""
    folder.mkdir(parents=True, exist_ok=True)
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as data, serving(Path(data)) as config, OqtopusClient(config) as client:
        job_id = prepare(config, client)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            for scheme in SCHEMES:
                for name, png in photograph(browser, config, scheme, job_id):
                    picture = compressed(png)
                    if len(picture) > MAX_BYTES:
                        raise SystemExit(f"{name}-{scheme}.png would have {len(picture):,} bytes.")
                    (folder / f"{name}-{scheme}.png").write_bytes(picture)
            browser.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
