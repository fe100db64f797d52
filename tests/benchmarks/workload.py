"""One workload of the SDK, timed; runs with ours and with the published client, as it uses what both have.

python tests/benchmarks/workload.py URL WORKLOAD COUNT
"""

from __future__ import annotations

import json
import resource
import sys
import time
import urllib.request

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec


def counters(url: str) -> dict[str, int]:
    """Requests and connections that the server has counted."""
    with urllib.request.urlopen(f"{url}/counters") as answer:  # noqa: S310 - a loopback URL
        return dict(json.load(answer))


def run(client: OqtopusClient, workload: str, count: int, ids: list[str]) -> None:
    """Do the workload."""
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program="OPENQASM 3;", shots=1000)
    if workload.startswith("submit"):
        client.submit_jobs([spec] * count, max_workers=int(workload[6:]))
    elif workload == "batch":
        client.run_jobs_batch([spec] * count, submit_workers=16, wait_workers=16)
    elif workload == "wait":
        client.wait_for_jobs(ids, max_workers=32)
    else:
        call = {
            "devices": lambda: client.list_devices()[0].device_info,
            "list": lambda: client.list_jobs(size=100),
            "status": lambda: client.get_job_status(ids[0]),
            "result": lambda: client.get_job(ids[0]).get_counts(),
        }[workload]
        for _ in range(count):
            call()


def main() -> None:
    """Print wall time, CPU time, requests and connections as JSON."""
    url, workload, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    client = OqtopusClient(OqtopusConfig(url, "id.secret"))
    # Before the clock runs: imports, the first connection, and the jobs to wait for.
    spec = OqtopusJobSpec.sampling(device_id="q", program="OPENQASM 3;")
    ids = [
        answer.job_id for answer in client.submit_jobs([spec] * (count if workload == "wait" else 1), max_workers=32)
    ]
    before, cpu, start = counters(url), time.process_time(), time.perf_counter()
    run(client, workload, count, ids)
    wall, used, after = time.perf_counter() - start, time.process_time() - cpu, counters(url)
    figures = {name: after[name] - before[name] - 1 for name in after}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": used, "peak_mib": peak, **figures}))


if __name__ == "__main__":
    main()
