# %% [markdown]
# # The SDK and asyncio
#
# `oqtopus_client` works without Qiskit: programs are OpenQASM 3, jobs are typed specifications, and results are typed
# objects. This tutorial estimates the energy of two spins for many states at once, and handles each result as it
# arrives. It runs on the emulator, without an account, in about five seconds, and saves `ising.png`. It needs
# matplotlib: `pip install 'oqtopus-client[emulator,visualization]'`.

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
# The Hamiltonian is H = -X₀X₁ - h(Z₀ + Z₁). Its ground state is cos(θ/2) |00⟩ + sin(θ/2) |11⟩ for some angle θ. The
# energy of this state is E(θ) = -sin θ - 2h cos θ, with minimum -√(1 + 4h²).
#
# Each term names the qubits that it acts on; it does not act on the others.

# %%
FIELD = 0.5
HAMILTONIAN = [
    OqtopusEstimationOperator("X 0 X 1", -1.0),
    OqtopusEstimationOperator("Z 0", -FIELD),
    OqtopusEstimationOperator("Z 1", -FIELD),
]
EXACT = -np.sqrt(1 + 4 * FIELD**2)


def program(angle: float, measurement: str = "") -> str:
    """Return a program that prepares the state at an angle, in OpenQASM 3."""
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
# Terms are checked when you create them, before any request, because servers treat text that they cannot parse as the
# identity.

# %%
try:
    OqtopusEstimationOperator("XX", -1.0)
except ValueError as error:
    print("Refused:", error)

# %% [markdown]
# ## Process results as they finish
#
# In an estimation job, the server measures the expectation value of an operator. The client submits all jobs
# concurrently over a few connections, and polls up to a hundred of them with one request. `as_completed` yields each
# job as soon as it has finished, in any order, including failed ones.

# %%
angles = np.linspace(0, pi, 25)
energy_jobs = [
    OqtopusJobSpec.estimation(
        device_id="qulacs", program=program(angle), operator=HAMILTONIAN, shots=4000, name=f"angle {angle:.3f}"
    )
    for angle in angles
]


async def energies(client: AsyncOqtopusClient) -> tuple[np.ndarray, np.ndarray]:
    """Return the energy at each angle, and its standard error."""
    submitted = [answer.job_id for answer in await client.submit_jobs(energy_jobs)]
    found = {}
    async for job in client.as_completed(submitted, interval=0.2):
        found[job.job_id] = (job.raise_for_status().exp_value, job.stds)
    return tuple(np.transpose([found[job_id] for job_id in submitted]))


# %% [markdown]
# ## Do several things at once
#
# Every method is a coroutine, so a program can do other things while it waits. Here it also samples one of the states
# on a noisy chip, and runs a job that fails because its program measures a qubit that does not exist. `Expecting value`
# is the server's message for a program that its transpiler cannot parse.


# %%
async def sample(client: AsyncOqtopusClient, measurement: str) -> OqtopusJobResult:
    """Sample the state at the angle π/2."""
    spec = OqtopusJobSpec.sampling(device_id="lattice64", program=program(pi / 2, measurement), shots=1000)
    return await client.run_sampling(spec, interval=0.2)


async def main() -> tuple[np.ndarray, np.ndarray]:
    """Run everything concurrently."""
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
            print(f"{len(names)} jobs on the server, starting with {names[0]!r}")
            return landscape


# %% [markdown]
# A script would call `asyncio.run(main())` and a notebook `await main()`; running it in a separate thread works in
# both.

# %%
with ThreadPoolExecutor(1) as thread:
    values, errors = thread.submit(asyncio.run, main()).result()

best = np.argmin(values)
print(f"Least energy {values[best]:.3f} ± {errors[best]:.3f} at {angles[best]:.2f} rad, exact {EXACT:.3f}")

# %% [markdown]
# ## Figure
#
# The server adds the errors of the terms, so the error bars are upper bounds.

# %%
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.errorbar(angles, values, errors, fmt="o", markersize=4, capsize=2, label="estimated")
fine = np.linspace(0, pi, 200)
axes.plot(fine, -np.sin(fine) - 2 * FIELD * np.cos(fine), linewidth=1, label="exact")
axes.axhline(EXACT, color="black", linewidth=0.8, linestyle="--", label="ground state")
axes.set(title="Two spins in a transverse field", xlabel="Angle θ (rad)", ylabel="Energy (coupling)")
axes.legend()
figure.savefig("ising.png", dpi=150)
