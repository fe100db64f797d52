# ruff: noqa: PLC0415 - functions that are sent import what they use
# %% [markdown]
# # Queue once: programs beside the chip
#
# An algorithm that decides on each circuit after measuring the one before waits in the queue again and again. A program
# that runs next to the device waits once. This tutorial runs a variational eigensolver here and there, and times both;
# then an adaptive phase estimation. It runs on the emulator, without an account, in about half a minute, and saves
# `beside.png`. It needs SciPy and matplotlib: `pip install scipy 'oqtopus-client[emulator,visualization]'`.

# %%
import time
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

from oqtopus_client import OqtopusClient
from oqtopus_client.emulator import Emulator
from qiskit_oqtopus import OqtopusBackend, OqtopusProvider, ProgramError

# %% [markdown]
# On this emulator, each job waits for a second in the queue. Jobs of a program that runs next to the device do not.

# %%
emulator = Emulator(":memory:")
emulator.inject("hold_job", status="ready", seconds=1.0, times=None)
provider = OqtopusProvider(emulator.config)

# %% [markdown]
# ## One function, here and there
#
# The function takes a backend and its other arguments, imports its libraries, and returns a result. It minimizes the
# energy of a hydrogen molecule at a bond length of 0.735 Å; tutorial 5 explains how. The parity mapping
# leaves two qubits, and the exact energy is -1.8573 hartree without the repulsion of the nuclei.

# %%
HAMILTONIAN = SparsePauliOp.from_list(
    [("II", -1.05237325), ("IZ", 0.39793742), ("ZI", -0.39793742), ("ZZ", -0.01128010), ("XX", 0.18093120)]
)
EXACT = float(np.linalg.eigvalsh(HAMILTONIAN.to_matrix())[0])

angles = ParameterVector("angle", 2)
ansatz = QuantumCircuit(2, name="H2")
ansatz.ry(angles[0], 0)
ansatz.ry(angles[1], 1)
ansatz.cx(0, 1)


def vqe(backend: OqtopusBackend, ansatz: QuantumCircuit, hamiltonian: SparsePauliOp, *, steps: int) -> dict[str, Any]:
    """Return the lowest energy, its standard error, and energies and times of all steps."""
    import time

    from scipy.optimize import minimize

    from qiskit_oqtopus import OqtopusEstimator

    estimator = OqtopusEstimator(backend)
    start, times, energies = time.monotonic(), [], []

    def energy(values: list[float]) -> float:
        (result,) = estimator.run([(ansatz, hamiltonian, values)], precision=0.005).result()
        times.append(time.monotonic() - start)
        energies.append(float(result.data.evs))
        return energies[-1]

    found = minimize(energy, [2.9, 3.3], method="COBYLA", options={"maxiter": steps, "rhobeg": 0.3})
    (final,) = estimator.run([(ansatz, hamiltonian, found.x)], precision=0.002).result()
    print(f"{len(energies)} steps, the last at the angles {found.x}")
    return {"energy": float(final.data.evs), "error": float(final.data.stds), "times": times, "energies": energies}


# %% [markdown]
# Here, each step is a job in the queue:

# %%
start = time.monotonic()
here = vqe(provider.get_backend("qulacs"), ansatz, HAMILTONIAN, steps=16)
seconds_here = time.monotonic() - start

# %% [markdown]
# `run_program` takes the same function and arguments, and the name of the backend. It sends the function's source with
# its arguments, and returns a job at once. The job's result is what the function returns, and its log is what the
# function prints.

# %%
start = time.monotonic()
job = provider.run_program(vqe, ansatz, HAMILTONIAN, steps=16, backend="qulacs")
there = job.result()
seconds_there = time.monotonic() - start
print(f"Its log: {job.logs().strip()}")
for place, found, seconds in (("Here", here, seconds_here), ("Beside the chip", there, seconds_there)):
    print(f"{place}: {found['energy']:.4f} ± {found['error']:.4f} hartree in {seconds:.1f} s")
print(f"Exact: {EXACT:.4f}. The program ran {len(job.inner_jobs)} jobs and waited once.")

# %% [markdown]
# Both take the same steps, apart from the noise of the measurements. Most of the program's time is the start of Python;
# on a server with other users, where a job waits for minutes, the difference is far larger.

# %%
figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
axes.plot(here["times"], here["energies"], "o-", markersize=4, label="here")
axes.plot(there["times"], there["energies"], "s-", markersize=4, label="beside the chip")
axes.axhline(EXACT, color="black", linewidth=0.8, label="exact")
axes.set(title="VQE of H2, 16 steps", xlabel="Time since the function began (s)", ylabel="Energy (hartree)")
axes.legend()
figure.savefig("beside.png", dpi=150)

# %% [markdown]
# ## Without Qiskit: iterative phase estimation
#
# `client.run_program` passes an `OqtopusClient` instead of a backend. This function measures the phase of a gate bit by
# bit, starting from the last bit. A control qubit collects 2^k times the phase; the program rotates back by the known
# bits, and the remaining phase gives a 0 or a 1. Each circuit depends on the result of the previous one.

# %%


def phase_estimation(client: OqtopusClient, phase: float, n_bits: int) -> float:
    """Return the phase of a gate p(2 pi phase) in turns, as measured on its eigenstate 1."""
    from math import pi

    from oqtopus_client import OqtopusJobSpec

    known = 0.0  # the bits found so far, as a fraction: 0.b1b2...
    for power in reversed(range(n_bits)):
        program = f"""
        OPENQASM 3;
        include "stdgates.inc";
        qubit[2] q;
        bit[1] c;
        x q[1];
        h q[0];
        cp({2 * pi * (phase * 2**power % 1)}) q[0], q[1];
        rz({-pi * known}) q[0];
        h q[0];
        c[0] = measure q[0];
        """
        job = client.run_sampling(OqtopusJobSpec.sampling(device_id="", program=program, shots=200))
        counts = job.raise_for_status().get_counts()
        bit = int(counts.get("1", 0) > counts.get("0", 0))
        known = known / 2 + bit / 2
        print(f"2^{power}: {counts}, bit {bit}")
    return known


found_phase = provider.client.run_program(phase_estimation, 41 / 64, 6, device_id="lattice64")
print(found_phase.logs())
print(f"Phase {found_phase.result()} turns, exact {41 / 64}")

# %% [markdown]
# ## Errors
#
# An error of the function is raised here, and its traceback is shown. A server runs programs in a container without a
# network, and limits their time (ten minutes), memory and size (some 125 kB). If the container ends a program, its log
# is lost, and the error lists the likely causes.

# %%
try:
    provider.client.run_program(phase_estimation, 0.64, "6", device_id="lattice64").result()
except ProgramError as error:
    print(f"{error.type_name}: {error.error_message}")

provider.close()
emulator.close()
