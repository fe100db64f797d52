# %% [markdown]
# # Less waiting: several circuits in a job, and programs on the server
#
# Each job waits in the queue. Two ways to wait once rather than many times: circuits side by side on one chip, and a
# program that runs next to the device and submits from there. Runs on the emulator, without an account, in some ten
# seconds, and draws `chsh.png`. Needs matplotlib: `pip install 'oqtopus-client[emulator,visualization]'`.

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
# ## Side by side: Bell's inequality in one job
#
# Alice and Bob share a Bell state, and each measures in one of two bases, at angles a or a' and b or b'. The four
# correlations, E(a, b) = cos(a - b), combine to S = E(a, b) + E(a, b') + E(a', b) - E(a', b'), which local hidden
# variables keep within 2 (Clauser, Horne, Shimony and Holt, [Phys. Rev. Lett. 23, 880
# (1969)](https://doi.org/10.1103/PhysRevLett.23.880)), and quantum mechanics within 2√2.


# %%
def bell_test(a: float, b: float) -> QuantumCircuit:
    """A Bell state, measured along the angles a and b between Z and X."""
    circuit = QuantumCircuit(2, name=f"{a:.2f}, {b:.2f}")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ry(-a, 0)
    circuit.ry(-b, 1)
    circuit.measure_all()
    return circuit


def correlation(counts: dict[str, int]) -> float:
    """The average product of the outcomes, which are 1 and -1."""
    return sum(number * (1 if key in {"00", "11"} else -1) for key, number in counts.items()) / sum(counts.values())


SETTINGS = [(a, b) for a in (0, np.pi / 2) for b in (np.pi / 4, -np.pi / 4)]
SIGNS = np.array([1, 1, 1, -1])

# %% [markdown]
# With `multi_manual=True`, `run` packs as many circuits into a job as the chip has room for. The server transpiles them
# together, so that each has qubits of its own; the counts come back circuit by circuit.

# %%
job = chip.run([bell_test(a, b) for a, b in SETTINGS], shots=SHOTS, multi_manual=True)
result = job.result()
correlations = np.array([correlation(result.get_counts(i)) for i in range(len(SETTINGS))])
errors = np.sqrt((1 - correlations**2) / SHOTS)
chsh, chsh_error = SIGNS @ correlations, np.linalg.norm(errors)
print(f"{len(SETTINGS)} circuits in {len(job.job_ids)} job, on qubits {sorted(job.layouts()[0])}")
print(f"S = {chsh:.3f} ± {chsh_error:.3f}; at most 2 classically, 2.828 in quantum mechanics")

# %% [markdown]
# Gates and readout take their share, but the violation is beyond doubt. All four circuits share one chip at the same
# time, though: on real hardware, mind the crosstalk.

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
# ## On the server: iterative phase estimation
#
# Here each circuit depends on what the last one found, so they cannot be submitted together. An sse job is a Python
# program that runs on the server, where `OqtopusClient()` reaches the device without waiting in the queue again.
#
# The program measures the phase of a gate, bit by bit from the last: a control qubit collects 2^k times the phase, the
# bits that are known already are turned back, and what remains is 0 or 1.

# %%
PROGRAM = '''
from math import pi
from oqtopus_client import OqtopusClient, OqtopusJobSpec

PHASE, N_BITS = 41 / 64, 6  # in turns; the gate is p(2 pi PHASE), its eigenstate 1

def circuit(power, known):
    """Phase kickback of the gate's power, less the known bits."""
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
    print(f"Phase {known} turns, really {PHASE}")
'''

spec = OqtopusJobSpec.sse(device_id=chip.name, program=PROGRAM, name="phase estimation")
answer = provider.client.run_sse(spec).raise_for_status()

# %% [markdown]
# What the program prints comes back as its log; the job's result is that of the last job the program ran. The emulator
# runs such programs on this computer; a server does so in a container that has no network, and limits their time.

# %%
answer.show_log()
print("Last counts:", answer.get_job_result().get_counts())
provider.close()
