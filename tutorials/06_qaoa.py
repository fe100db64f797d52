# %% [markdown]
# # MaxCut with QAOA
#
# The quantum approximate optimization algorithm looks for the largest cut of a graph: it tunes a circuit to favour
# large cuts, and then samples it. This tutorial runs on the emulator, without an account, in about ten seconds, and
# saves `qaoa.png`. It needs SciPy and matplotlib: `pip install scipy 'oqtopus-client[emulator,visualization]'`.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from scipy.optimize import minimize

from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider, OqtopusSampler

# %% [markdown]
# ## The graph

# %%
# Eight nodes, each joined to its neighbours on a ring and to the node across.
NODES = 8
EDGES = [(i, (i + 1) % NODES) for i in range(NODES)] + [(i, i + NODES // 2) for i in range(NODES // 2)]
LAYERS = 2


def cut(bits: str) -> int:
    """Return the number of edges that a cut crosses; node 0 is rightmost."""
    sides = bits[::-1]
    return sum(sides[a] != sides[b] for a, b in EDGES)


# An edge is cut if its ends differ: (1 - ZZ) / 2.
EXPECTED_CUT = SparsePauliOp.from_sparse_list(
    [("ZZ", edge, -0.5) for edge in EDGES] + [("", [], len(EDGES) / 2)], num_qubits=NODES
)
BEST = max(cut("".join(bits)) for bits in itertools.product("01", repeat=NODES))


# %% [markdown]
# ## The circuit


# %%
def ansatz() -> QuantumCircuit:
    """Return a circuit that superposes all cuts, with phases by their size and a mixer in each layer."""
    circuit = QuantumCircuit(NODES, name="MaxCut")
    angles = ParameterVector("angle", 2 * LAYERS)
    circuit.h(range(NODES))
    for layer in range(LAYERS):
        for edge in EDGES:
            circuit.rzz(angles[2 * layer], *edge)
        circuit.rx(2 * angles[2 * layer + 1], range(NODES))
    return circuit


# %% [markdown]
# ## Optimize the angles
#
# All terms consist of Z operators only, so one measurement covers all of them, and each step is one job.

# %%
provider = OqtopusProvider.emulator(":memory:")
backend = provider.get_backend("qulacs")
circuit = ansatz()
estimator = OqtopusEstimator(backend, default_precision=0.02)
steps: list[float] = []


def negative_cut(angles: np.ndarray) -> float:
    """Return the negative of the average cut, which the optimizer minimizes."""
    average = float(estimator.run([(circuit, EXPECTED_CUT, angles)]).result()[0].data.evs)
    steps.append(average)
    return -average


found = minimize(negative_cut, x0=[-0.2, 0.2, -0.2, 0.2], method="COBYLA", options={"rhobeg": 0.3, "maxiter": 60})

# %% [markdown]
# ## Sample cuts

# %%
circuit.measure_all()
sampled = OqtopusSampler(backend).run([(circuit, found.x)], shots=2000).result()[0]
provider.close()

counts = sampled.data.meas.get_counts()
best = max(counts, key=cut)
print(f"Best cut found: {cut(best)} of {len(EDGES)} edges, with {best}; the maximum is {BEST}")
print(
    f"Average cut: {steps[0]:.2f} at first, {max(steps):.2f} after {len(steps)} steps; {len(EDGES) / 2:.0f} by chance"
)

# %% [markdown]
# ## Figures

# %%
sizes = np.arange(len(EDGES) + 1)
shares = np.array([sum(n for bits, n in counts.items() if cut(bits) == size) for size in sizes]) / sum(counts.values())
by_chance = np.array([sum(cut("".join(b)) == size for b in itertools.product("01", repeat=NODES)) for size in sizes])

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(range(1, len(steps) + 1), steps, "o-", markersize=4)
left.axhline(BEST, color="black", linewidth=0.8, linestyle="--", label="best cut")
left.set(title="Optimization", xlabel="Step", ylabel="Average cut (edges)")
left.legend()
right.bar(sizes - 0.2, shares, 0.4, label="QAOA")
right.bar(sizes + 0.2, by_chance / 2**NODES, 0.4, label="by chance")
right.set(title="Cuts sampled", xlabel="Edges cut", ylabel="Fraction of shots")
right.legend()
figure.savefig("qaoa.png", dpi=150)
