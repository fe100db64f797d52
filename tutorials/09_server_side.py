# %% [markdown]
# # Queue less: packed circuits and server-side programs
#
# Each job waits in the queue. This tutorial shows two ways to queue only once: run several circuits side by side on one
# chip, or run a program next to the device and submit jobs from there. It runs on the emulator, without an account, in
# about ten seconds, and saves `chsh.png`. It needs matplotlib: `pip install 'oqtopus-client[emulator,visualization]'`.

# %%
import matplotlib.pyplot as plt
import numpy as np
from qiskit import QuantumCircuit

from oqtopus_client import OqtopusJobSpec
from qiskit_oqtopus import OqtopusProvider

provider = OqtopusProvider.emulator(":memory:")
chip = provider.get_backend("lattice64")
SHOTS = 4000

# %% [markdown]
# ## Pack circuits: Bell's inequality in one job
#
# Alice and Bob share a Bell state. Each measures in one of two bases, at angles a or a' and b or b'. The four
# correlations, E(a, b) = cos(a - b), combine to S = E(a, b) + E(a, b') + E(a', b) - E(a', b'). Local hidden variables
# limit S to 2 (Clauser, Horne, Shimony and Holt, [Phys. Rev. Lett. 23, 880
# (1969)](https://doi.org/10.1103/PhysRevLett.23.880)); quantum mechanics limits it to 2√2.


# %%
def bell_test(a: float, b: float) -> QuantumCircuit:
    """Return a Bell state measured along the angles a and b between Z and X."""
    circuit = QuantumCircuit(2, name=f"{a:.2f}, {b:.2f}")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ry(-a, 0)
    circuit.ry(-b, 1)
    circuit.measure_all()
    return circuit


def correlation(counts: dict[str, int]) -> float:
    """Return the average product of the outcomes 1 and -1."""
    return sum(number * (1 if key in {"00", "11"} else -1) for key, number in counts.items()) / sum(counts.values())


SETTINGS = [(a, b) for a in (0, np.pi / 2) for b in (np.pi / 4, -np.pi / 4)]
SIGNS = np.array([1, 1, 1, -1])

# %% [markdown]
# With `multi_manual=True`, `run` packs as many circuits into a job as fit on the chip. The server transpiles them
# together and gives each its own qubits. The job returns the counts of each circuit.

# %%
job = chip.run([bell_test(a, b) for a, b in SETTINGS], shots=SHOTS, multi_manual=True)
result = job.result()
correlations = np.array([correlation(result.get_counts(i)) for i in range(len(SETTINGS))])
errors = np.sqrt((1 - correlations**2) / SHOTS)
chsh, chsh_error = SIGNS @ correlations, np.linalg.norm(errors)
print(f"{len(SETTINGS)} circuits in {len(job.job_ids)} job, on qubits {sorted(job.layouts()[0])}")
print(f"S = {chsh:.3f} ± {chsh_error:.3f}; at most 2 classically, 2.828 in quantum mechanics")

# %% [markdown]
# Gate and readout errors reduce S, but the violation is still clear. All four circuits share one chip at the same time;
# on real hardware, watch out for crosstalk.

# %%
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
ideal = [np.cos(a - b) for a, b in SETTINGS]
axes.errorbar(range(4), correlations, errors, fmt="o", capsize=3, label="measured")
axes.plot(range(4), ideal, "k_", markersize=24, label="without noise")
axes.axhline(0, color="black", linewidth=0.8)
axes.set(
    title=f"Bell test: S = {chsh:.2f} ± {chsh_error:.2f}",
    xticks=range(4),
    xticklabels=["a, b", "a, b'", "a', b", "a', b'"],
    xlabel="Settings",
    ylabel="Correlation E",
    ylim=(-1, 1),
)
axes.legend(loc="lower left")
figure.savefig("chsh.png", dpi=150)

# %% [markdown]
# ## Run on the server: iterative phase estimation
#
# Here, each circuit depends on the result of the previous one, so they cannot be submitted together. An sse job is a
# Python program that runs on the server. There, `OqtopusClient()` reaches the device without queueing again.
#
# The program measures the phase of a gate bit by bit, starting from the last bit. A control qubit collects 2^k times
# the phase; the program rotates back by the known bits, and the remaining phase gives a 0 or a 1.

# %%
PROGRAM = '''
from math import pi
from oqtopus_client import OqtopusClient, OqtopusJobSpec

PHASE, N_BITS = 41 / 64, 6  # in turns; the gate is p(2 pi PHASE), its eigenstate 1

def circuit(power, known):
    """Return a phase kickback circuit for a power of the gate, corrected for the known bits."""
    return f"""
    OPENQASM 3;
    include "stdgates.inc";
    qubit[2] q;
    bit[1] c;
    x q[1];
    h q[0];
    cp({2 * pi * (PHASE * 2**power % 1)}) q[0], q[1];
    rz({-2 * pi * known}) q[0];
    h q[0];
    c[0] = measure q[0];
    """

with OqtopusClient() as client:
    known = 0.0  # the bits found so far, as a fraction: 0.b1b2...
    for power in reversed(range(N_BITS)):
        job = OqtopusJobSpec.sampling(device_id="lattice64", program=circuit(power, known / 2), shots=200)
        counts = client.run_sampling(job).raise_for_status().get_counts()
        bit = int(counts.get("1", 0) > counts.get("0", 0))
        known = known / 2 + bit / 2
        print(f"2^{power}: {counts}, bit {bit}")
    print(f"Phase {known} turns, exact {PHASE}")
'''

spec = OqtopusJobSpec.sse(device_id=chip.name, program=PROGRAM, name="phase estimation")
answer = provider.client.run_sse(spec).raise_for_status()

# %% [markdown]
# The program's output is returned as its log. The job's result is that of the last job that the program ran. The
# emulator runs such programs on this computer. A server runs them in a container without a network, and limits their
# time, memory and size (some 125 kB). Neither returns the log of a program that fails: catch what may fail, print it,
# and end with a job that succeeds.

# %%
answer.show_log()
print("Last counts:", answer.get_job_result().get_counts())
provider.close()
