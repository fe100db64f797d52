# %% [markdown]
# # Crash and outage recovery
#
# Campaigns run for days; meanwhile laptops close, processes are killed, and networks break. This tutorial kills a
# program in the middle of a campaign and shows that no job is lost and none runs twice. It then injects faults into the
# cloud. It runs on the emulator, without an account, in about ten seconds, and saves `crashes.png`. It needs
# matplotlib: `pip install 'oqtopus-client[emulator,visualization]'`.

# %%
import atexit
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import matplotlib.pyplot as plt
import numpy as np

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator import Emulator

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)

# %% [markdown]
# ## Serve an emulator
#
# Several programs use this emulator, so it runs in its own process. It prints two lines that configure a client for it.

# %%
serve = [sys.executable, "-m", "oqtopus_client.emulator", "--port", "0", "--data", str(folder / "server")]
server = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
atexit.register(server.terminate)  # in case a later cell fails
variables = dict(server.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(2))
print("Served at", variables["OQTOPUS_URL"])

# %% [markdown]
# The campaign must take long enough to be killed in the middle. The emulator can inject faults; this one delays each
# submission by a tenth of a second.

# %%
httpx.post(
    variables["OQTOPUS_URL"] + "/emulator/faults",
    json={"kind": "delay", "path": "/jobs/*/submit", "seconds": 0.1, "times": 30},
    headers={"q-api-token": variables["OQTOPUS_API_TOKEN"]},
).raise_for_status()

# %% [markdown]
# ## Start the campaign
#
# The campaign is a sweep of 40 angles. `journal=` makes it safe: the client records each job in this file before and
# after its submission.

# %%
CAMPAIGN = """
from math import pi
from oqtopus_client import OqtopusClient, OqtopusJobSpec

def program(angle):
    return f'OPENQASM 3; include "stdgates.inc"; qubit[1] q; bit[1] c; ry({angle}) q[0]; c[0] = measure q[0];'

jobs = [
    OqtopusJobSpec.sampling(device_id="qulacs", program=program(2 * pi * i / 40), shots=1000, name=f"campaign {i}")
    for i in range(40)
]
with OqtopusClient(journal="campaign.sqlite3") as client:
    client.submit_jobs(jobs)
"""

program = subprocess.Popen([sys.executable, "-c", CAMPAIGN], cwd=folder, env={**os.environ, **variables})
client = OqtopusClient(OqtopusConfig(variables["OQTOPUS_URL"], api_token=variables["OQTOPUS_API_TOKEN"]))


def on_server() -> list[str]:
    """Return the names of the campaign's jobs on the server."""
    return [job.name for job in client.iter_jobs(q="campaign", fields="name,status")]


ENOUGH = 15
while len(on_server()) < ENOUGH:
    time.sleep(0.02)
program.kill()  # SIGKILL cannot be caught, so the program cannot clean up
print("Killed, exit code", program.wait())

# %% [markdown]
# ## Inspect the journal
#
# The journal knows which jobs were to be submitted and which of them have been. The program may have died between a
# request and its response; `resume` asks the server about such jobs. With `submit=False`, it submits nothing.

# %%
journal = folder / "campaign.sqlite3"
entries = client.resume(journal, submit=False)
before = {entry.spec.name for entry in entries if entry.state == "submitted"}
print(f"Of {len(entries)} jobs:", dict(Counter(str(entry.state) for entry in entries)))

# %% [markdown]
# ## Resume the campaign
#
# `resume` submits the remaining jobs. The program could also call it at its start: `if not client.resume():
# client.submit_jobs(jobs)`.

# %%
entries = client.resume(journal)
names = on_server()
print(f"On the server: {len(names)} jobs, {len(set(names))} of them distinct")
shares = [job.get_counts().get("1", 0) / job.shots for job in client.wait_for_jobs([e.job_id for e in entries])]

# %%
angles = 2 * np.arange(len(entries)) / len(entries)  # in units of pi
values = np.array(shares)
errors = np.sqrt(np.maximum(values * (1 - values), 1e-3) / 1000)
early = np.array([entry.spec.name in before for entry in entries])
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
for chosen, label in ((early, "before the kill"), (~early, "after the kill")):
    axes.errorbar(angles[chosen], values[chosen], errors[chosen], fmt="o", markersize=4, capsize=2, label=label)
axes.plot(angles, np.sin(np.pi * angles / 2) ** 2, "k--", linewidth=0.8)
axes.set(title="Campaign killed and resumed", xlabel="Angle (π rad)", ylabel="Fraction of 1")
axes.legend()
figure.savefig("crashes.png", dpi=150)
exact = np.sin(np.pi * angles / 2) ** 2
deviations = np.abs(values - exact) / np.sqrt(np.maximum(exact * (1 - exact), 1e-3) / 1000)
print(f"Largest deviation from sin²: {np.max(deviations):.1f} errors")

client.close()
server.terminate()
server.wait()
server.stdout.close()
temporary.cleanup()

# %% [markdown]
# ## Inject faults
#
# The client retries idempotent requests that fail temporarily. If the response to a submission is lost, the client
# cannot know whether it succeeded; it asks for the status of the job rather than submit it again.

# %%
BELL = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
FAULTS = {
    "too many requests": ("too_many_requests", {"path": "/jobs/*/status", "times": 2, "seconds": 0.1}),
    "an internal error": ("server_error", {"path": "/jobs/*/status", "times": 2}),
    "a broken connection": ("drop", {"path": "/devices/*"}),
    "a lost response": ("lost_answer", {"path": "/jobs/*/submit"}),
    "a truncated result": ("truncate", {"path": "/storage*", "method": "GET"}),
}
for what, (kind, settings) in FAULTS.items():
    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        emulator.inject(kind, **settings)
        client.get_device("qulacs")
        spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=1000)
        counts = client.run_sampling(spec, interval=0.1).raise_for_status().get_counts()
        jobs = len(list(client.iter_jobs()))
        print(f"{what:20} {sum(counts.values())} shots in {sorted(counts)}, {jobs} job")

# %% [markdown]
# If a job fails, the client returns the server's message. It never runs a failed job again on its own.

# %%
with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
    emulator.inject("fail_job", message="the refrigerator is warm")
    failed = client.run_sampling(spec, interval=0.1)
    print("Status:", failed.status, "- message:", failed.message)
