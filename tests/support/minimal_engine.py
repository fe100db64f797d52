"""A minimal engine: it fetches jobs through the Provider API, runs them with the emulator's simulators, and reports.

`python -m tests.support.minimal_engine URL DEVICE_ID` runs until it is killed. It waits for a server
that cannot be reached. After a start and after each lost connection, it looks for jobs that it left behind.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import httpx

from oqtopus_client.emulator.device_files import EmulatedDevice, built_in_devices
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS, JobFailure
from oqtopus_client.emulator.simulation.pipeline import CircuitJob, prepare, run_prepared
from oqtopus_client.emulator.simulation.transpiling import DEFAULT_TRANSPILER
from oqtopus_client.emulator.sse.job import SseJob, read_sse_job, run_sse_job
from oqtopus_client.emulator.sse.limits import SseContainer
from oqtopus_client.emulator.store import Outcome

Job = dict[str, Any]


class MinimalEngine:
    """Runs the jobs of one device, one after the other.

    Args:
        http: A client of the Provider API.
        device: The device.
    """

    def __init__(self, http: httpx.Client, device: EmulatedDevice) -> None:
        self._http = http
        self._device = device

    def serve(self) -> None:
        """Run jobs until the process ends."""
        recovered = False
        while True:
            try:
                if not recovered:
                    self._announce()
                    for job in self.fetch("running") + self.fetch("ready"):
                        self.run(job)
                    recovered = True
                jobs = self.fetch("submitted")
                for job in jobs:
                    self.run(job)
            except httpx.TransportError:
                recovered, jobs = False, []
            if not jobs:
                time.sleep(0.1)

    def fetch(self, status: str) -> list[Job]:
        """Fetch jobs of a status."""
        query = {"device_id": self._device.device_id, "status": status, "limit": 10}
        return list(self._http.get("/jobs", params=query).raise_for_status().json())

    def run(self, job: Job) -> None:
        """Run a job to its end, unless it was cancelled."""
        listed: list[str] = []
        try:
            archive = self._http.get(job["input"]).raise_for_status().content
            if job["job_type"] == "sse":
                program = read_sse_job(job, archive, DEFAULT_LIMITS)
                if self._start(job, []):
                    sse_job = SseJob(program, self._device, DEFAULT_LIMITS, SseContainer())
                    self._finish(job, listed, run_sse_job(sse_job))
                return
            if not job["transpiler_info"]:
                self._http.put(f"/jobs/{job['job_id']}/transpiler_info", json=DEFAULT_TRANSPILER)
            settings = job["transpiler_info"] or DEFAULT_TRANSPILER
            circuits = CircuitJob(
                job["job_type"], archive, job["shots"], settings, job["mitigation_info"], self._device
            )
            prepared = prepare(circuits)
            listed += self._upload(job, prepared.files)
            if self._start(job, listed):
                self._finish(job, listed, run_prepared(circuits, prepared))
        except JobFailure as failure:
            self._report(job, "failed", listed, message=str(failure))

    def _announce(self) -> None:
        """Report on the device, as engines do when they start."""
        path = f"/devices/{self._device.device_id}"
        calibrated_at = "2026-08-19T21:14:03+00:00"
        calibration = {"device_info": self._device.device_info, "calibrated_at": calibrated_at}
        self._http.patch(path, json={"n_qubits": self._device.n_qubits}).raise_for_status()
        self._http.patch(f"{path}/device_info", json=calibration).raise_for_status()
        self._http.patch(f"{path}/status", json={"status": "available"}).raise_for_status()

    def _start(self, job: Job, listed: list[str]) -> bool:
        """Report that a job runs, which one that was left behind may do already; False if it was cancelled."""
        return job["status"] == "running" or self._report(job, "running", listed)

    def _finish(self, job: Job, listed: list[str], outcome: Outcome) -> None:
        files = listed + self._upload(job, dict(outcome.files))
        self._report(job, outcome.status, files, message=outcome.message, execution_time=outcome.seconds)

    def _upload(self, job: Job, files: dict[str, bytes]) -> list[str]:
        if not files:
            return []
        items = ",".join(name.removesuffix(".zip") for name in files)
        forms = self._http.get(f"/jobs/{job['job_id']}/upload", params={"items": items}).raise_for_status().json()
        for form, (name, content) in zip(forms, files.items(), strict=True):
            fields = {key: value for key, value in form["fields"].items() if value is not None}
            self._http.post(form["url"], data=fields, files={"file": (name, content)}).raise_for_status()
        return [form["fields"]["key"] for form in forms]

    def _report(self, job: Job, status: str, files: list[str], **details: Any) -> bool:
        """Report; False if the job has ended otherwise."""
        body = {"status": status, "output_files": files, **details}
        answer = self._http.patch(f"/jobs/{job['job_id']}/status", json=body)
        if answer.status_code == 409:
            return False
        answer.raise_for_status()
        return True


if __name__ == "__main__":
    with httpx.Client(base_url=sys.argv[1], timeout=30) as client:
        MinimalEngine(client, built_in_devices()[sys.argv[2]]).serve()
