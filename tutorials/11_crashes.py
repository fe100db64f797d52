# %% [markdown]
# # Surviving crashes and outages
#
# Campaigns run for days; laptops close, processes are killed, networks break. Here a program is really killed in the
# middle of a campaign, and nothing is lost and nothing is measured twice; then a cloud has a bad day. Runs on the
# emulator, without an account, in some ten seconds, and draws `crashes.png`. Needs matplotlib:
# `pip install 'oqtopus-client[emulator,visualization]'`.

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
# ## A server of your own
#
# Several programs are involved, so the emulator is served from a process of its own. It prints the two lines that point
# a client to it.

# %%
serve = [sys.executable, "-m", "oqtopus_client.emulator", "--port", "0", "--data", str(folder / "server")]
server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
atexit.register(server.terminate)  # should the rest of this fail
variables = dict(server.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(2))
print("Served at", variables["OQTOPUS_URL"])

# %% [markdown]
# To be killed in the middle, a campaign must last a little. The emulator brings about what goes wrong in clouds when
# asked to; here, that each submission takes a tenth of a second.

# %%
httpx.post(
    variables["OQTOPUS_URL"] + "/emulator/faults",
    json={"kind": "delay", "path": "/jobs/*/submit", "seconds": 0.1, "times": 30},
    headers={"q-api-token": variables["OQTOPUS_API_TOKEN"]},
).raise_for_status()

# %% [markdown]
# ## The campaign
#
# A sweep of 40 angles. What makes it safe is `journal=`: each job is recorded in that file before it is submitted, and
# when it has been.

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
    """Names of the campaign's jobs on the server."""
    return [job.name for job in client.iter_jobs(q="campaign", fields="name,status")]


ENOUGH = 15
while len(on_server()) < ENOUGH:
    time.sleep(0.02)
program.kill()  # SIGKILL: it cannot be caught, and nothing is tidied up
print("Killed, exit code", program.wait())

# %% [markdown]
# ## What is known now
#
# The journal knows what was meant to be submitted, and which of it has been. About jobs it is not sure of - the program
# died between asking the server and hearing its answer - it asks the server. With `submit=False`, `resume` only looks.

# %%
journal = folder / "campaign.sqlite3"
entries = client.resume(journal, submit=False)
before = {entry.spec.name for entry in entries if entry.state == "submitted"}
print(f"Of {len(entries)} jobs:", dict(Counter(str(entry.state) for entry in entries)))

# %% [markdown]
# ## And on
#
# `resume` submits the rest. The program could just as well call it itself when it starts: `if not client.resume():
# client.submit_jobs(jobs)`.

# %%
entries = client.resume(journal)
names = on_server()
print(f"On the server: {len(names)} jobs, {len(set(names))} different ones")
shares = [job.get_counts().get("1", 0) / job.shots for job in client.wait_for_jobs([e.job_id for e in entries])]

# %%
angles = 2 * np.arange(len(entries)) / len(entries)  # in units of pi
values = np.array(shares)
errors = np.sqrt(np.maximum(values * (1 - values), 1e-3) / 1000)
early = np.array([entry.spec.name in before for entry in entries])
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
for chosen, label in ((early, "before the kill"), (~early, "after it")):
    axes.errorbar(angles[chosen], values[chosen], errors[chosen], fmt="o", markersize=4, capsize=2, label=label)
axes.plot(angles, np.sin(np.pi * angles / 2) ** 2, "k--", linewidth=0.8)
axes.set(title="A campaign that was killed", xlabel="Angle (π rad)", ylabel="Share of 1")
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
# ## A bad day
#
# Requests that fail in passing are sent again, where that does no harm. Whether a job has been submitted cannot be told
# from an answer that got lost; then the job itself is asked, rather than submitted a second time.

# %%
BELL = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
BAD_DAY = {
    "too many requests": ("too_many_requests", {"path": "/jobs/*/status", "times": 2, "seconds": 0.1}),
    "an internal error": ("server_error", {"path": "/jobs/*/status", "times": 2}),
    "a broken connection": ("drop", {"path": "/devices/*"}),
    "the answer lost": ("lost_answer", {"path": "/jobs/*/submit"}),
    "half of the result": ("truncate", {"path": "/storage*", "method": "GET"}),
}
for what, (kind, settings) in BAD_DAY.items():
    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        emulator.inject(kind, **settings)
        client.get_device("qulacs")
        spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=1000)
        counts = client.run_sampling(spec, interval=0.1).raise_for_status().get_counts()
        jobs = len(list(client.iter_jobs()))
        print(f"{what:20} {sum(counts.values())} shots in {sorted(counts)}, {jobs} job")

# %% [markdown]
# What cannot be helped is said in the server's words: a job that failed is not run again behind your back.

# %%
with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
    emulator.inject("fail_job", message="the refrigerator is warm")
    failed = client.run_sampling(spec, interval=0.1)
    print("Status:", failed.status, "- message:", failed.message)
