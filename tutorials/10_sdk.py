# %% [markdown]
# # The SDK alone, asynchronously
#
# `oqtopus_client` needs no Qiskit in your program: programs are OpenQASM 3, jobs are specifications, results are typed.
# Here it estimates the energy of two spins for many states at once, and handles each result as it arrives. Runs on the
# emulator, without an account, in some five seconds, and draws `ising.png`. Needs matplotlib:
# `pip install 'oqtopus-client[emulator,visualization]'`.

# %%
import asyncio
from concurrent.futures import ThreadPoolExecutor
from math import pi

import matplotlib.pyplot as plt
import numpy as np

from oqtopus_client import AsyncOqtopusClient, OqtopusEstimationOperator, OqtopusJobResult, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.errors import JobFailedError

# %% [markdown]
# ## Two spins in a transverse field
#
# H = -X₀X₁ - h(Z₀ + Z₁). Its ground state is cos(θ/2) |00⟩ + sin(θ/2) |11⟩ for some angle, in which the energy is
# E(θ) = -sin θ - 2h cos θ, least -√(1 + 4h²).
#
# Each term names the qubits it acts on; qubits that are not named are left alone.

# %%
FIELD = 0.5
HAMILTONIAN = [
    OqtopusEstimationOperator("X 0 X 1", -1.0),
    OqtopusEstimationOperator("Z 0", -FIELD),
    OqtopusEstimationOperator("Z 1", -FIELD),
]
EXACT = -np.sqrt(1 + 4 * FIELD**2)


def program(angle: float, measurement: str = "") -> str:
    """The state at an angle, in OpenQASM 3."""
    return f"""
    OPENQASM 3;
    include "stdgates.inc";
    qubit[2] q;
    bit[2] c;
    ry({angle}) q[0];
    cx q[0], q[1];
    {measurement}
    """


# %% [markdown]
# Terms are checked when they are made, before any request: a server takes what it cannot read for the identity.

# %%
try:
    OqtopusEstimationOperator("XX", -1.0)
except ValueError as error:
    print("Refused:", error)

# %% [markdown]
# ## As they finish
#
# An estimation job has the server measure an expectation value of an operator. All jobs are submitted concurrently over
# a few connections, and one request for a hundred of them asks how they are. `as_completed` hands over each as soon as
# it has ended, whatever the order, and failed ones like any others.

# %%
angles = np.linspace(0, pi, 25)
energy_jobs = [
    OqtopusJobSpec.estimation(
        device_id="qulacs", program=program(angle), operator=HAMILTONIAN, shots=4000, name=f"angle {angle:.3f}"
    )
    for angle in angles
]


async def energies(client: AsyncOqtopusClient) -> tuple[np.ndarray, np.ndarray]:
    """The energy at each angle, and its standard error."""
    submitted = [answer.job_id for answer in await client.submit_jobs(energy_jobs)]
    found = {}
    async for job in client.as_completed(submitted, interval=0.2):
        found[job.job_id] = (job.raise_for_status().exp_value, job.stds)
    return tuple(np.transpose([found[job_id] for job_id in submitted]))


# %% [markdown]
# ## At the same time
#
# Everything is a coroutine, so one program does several things while it waits: here it also samples the state in the
# middle, on a noisy chip, and sees a job fail, as its program measures a qubit that it does not have. `Expecting value`
# are the server's words for a program that its transpiler cannot read.


# %%
async def sample(client: AsyncOqtopusClient, measurement: str) -> OqtopusJobResult:
    """Sample the state at a quarter turn."""
    spec = OqtopusJobSpec.sampling(device_id="lattice64", program=program(pi / 2, measurement), shots=1000)
    return await client.run_sampling(spec, interval=0.2)


async def main() -> tuple[np.ndarray, np.ndarray]:
    """All of it."""
    with Emulator(":memory:") as emulator:
        # For a server, set OQTOPUS_URL and OQTOPUS_API_TOKEN and write AsyncOqtopusClient().
        async with AsyncOqtopusClient(emulator.config) as client:
            print("Devices:", [device.device_id for device in await client.list_devices()])
            landscape, sampled, failed = await asyncio.gather(
                energies(client), sample(client, "c = measure q;"), sample(client, "measure q[2];")
            )
            print("Counts on a noisy chip:", sampled.get_counts())
            try:
                failed.raise_for_status()
            except JobFailedError as error:
                print("Failed:", error)
            names = [job.name async for job in client.iter_jobs(q="angle", fields="job_id,name")]
            print(f"{len(names)} jobs on the server, from {names[0]!r} on")
            return landscape


# %% [markdown]
# A script would say `asyncio.run(main())` and a notebook `await main()`; a thread of its own does for both.

# %%
with ThreadPoolExecutor(1) as thread:
    values, errors = thread.submit(asyncio.run, main()).result()

best = np.argmin(values)
print(f"Least energy {values[best]:.3f} ± {errors[best]:.3f} at {angles[best]:.2f} rad, exactly {EXACT:.3f}")

# %% [markdown]
# ## Picture
#
# The server adds up the errors of the terms, so that the bars are upper bounds.

# %%
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.errorbar(angles, values, errors, fmt="o", markersize=4, capsize=2, label="estimated")
fine = np.linspace(0, pi, 200)
axes.plot(fine, -np.sin(fine) - 2 * FIELD * np.cos(fine), linewidth=1, label="exact")
axes.axhline(EXACT, color="black", linewidth=0.8, linestyle="--", label="ground state")
axes.set(title="Two spins in a transverse field", xlabel="Angle θ (rad)", ylabel="Energy (coupling)")
axes.legend()
figure.savefig("ising.png", dpi=150)
