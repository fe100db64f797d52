# %% [markdown]
# # Transpiling for a chip
#
# A chip executes only a few gates, and two-qubit gates only between neighbours. Transpiling rewrites a circuit in these
# terms, either locally or on the server. Its quality determines how much of the result is noise. This tutorial runs on
# the emulator, without an account, in about ten seconds, and saves `transpiling.png`. It needs matplotlib: `pip install
# 'oqtopus-client[emulator,visualization]'`.

# %%
import matplotlib.pyplot as plt
import numpy as np
from qiskit import QuantumCircuit, transpile

from qiskit_oqtopus import CircuitError, OqtopusProvider

provider = OqtopusProvider.emulator(":memory:")
chip = provider.get_backend("lattice64")
SHOTS = 10_000

# %% [markdown]
# ## A circuit that does not fit
#
# This circuit is a Loschmidt echo: five spins on a ring evolve under Ising couplings and a transverse field, and then
# back again. Without noise, all spins end in 0. A square lattice has no rings of five, so the transpiler must insert
# swaps. The barrier keeps transpilers from cancelling the two halves.


# %%
def echo(n_spins: int = 5) -> QuantumCircuit:
    """Return a circuit with one Trotter step forward and one backward."""
    step = QuantumCircuit(n_spins)
    step.rx(0.8, range(n_spins))
    for spin in range(n_spins):
        step.rzz(0.6, spin, (spin + 1) % n_spins)
    circuit = step.copy(name="echo")
    circuit.barrier()
    circuit.compose(step.inverse(), inplace=True)
    circuit.measure_all()
    return circuit


circuit = echo()


def fidelities(circuits: list[QuantumCircuit]) -> tuple[np.ndarray, np.ndarray]:
    """Return how often all spins return to 0, with standard errors."""
    result = chip.run(circuits, shots=SHOTS).result()
    shares = np.array([result.get_counts(i).get("00000", 0) / SHOTS for i in range(len(circuits))])
    return shares, np.sqrt(shares * (1 - shares) / SHOTS)


# %% [markdown]
# ## Transpile locally: optimization levels
#
# `qiskit.transpile` reads the chip's gates, couplings and errors from the backend. Level 0 does only what is necessary,
# on the first qubits. Level 1 looks for the qubits with the smallest errors and merges gates; levels 2 and 3 try harder
# and merge more. `layout` shows where on the chip each spin ended up. The seed makes the result reproducible. Routing
# is randomized, so it is worth trying several seeds.

# %%
levels = [0, 1, 2, 3]
isa = [transpile(circuit, chip, optimization_level=level, seed_transpiler=1) for level in levels]
shares, errors = fidelities(isa)
for level, each, share, error in zip(levels, isa, shares, errors, strict=True):
    gates, qubits = each.count_ops()["cx"], each.layout.final_index_layout()
    print(f"Level {level}: {gates} cx, depth {each.depth():3}, qubits {qubits}, echo {share:.3f} ± {error:.3f}")

# %% [markdown]
# You can also set the layout yourself: spin 0 on qubit 27, and so on. Use this for experiments on particular qubits. A
# choice made without the calibration is rarely a good one.

# %%
placed = transpile(circuit, chip, optimization_level=3, initial_layout=[27, 28, 36, 35, 34], seed_transpiler=1)
(share,), (error,) = fidelities([placed])
print(f"On the chosen qubits: {placed.count_ops()['cx']} cx, echo {share:.3f} ± {error:.3f}")

# %% [markdown]
# ## Transpile on the server
#
# The server transpiles circuits that do not consist of the chip's own gates, so you need not transpile at all.
# `transpiler_options` are keyword arguments of `qiskit.transpile` on the server. Afterwards, the job returns the
# transpiled circuit and its layout.

# %%
job = chip.run(circuit, shots=SHOTS, transpiler_options={"optimization_level": 3, "seed_transpiler": 1})
share = job.result().get_counts().get("00000", 0) / SHOTS
(made,), (layout,) = job.transpiled_circuits(), job.layouts()
print(f"On the server: gates {dict(made.count_ops())}, depth {made.depth()}, qubits {layout}, echo {share:.3f}")

# %% [markdown]
# `transpile=` selects who transpiles. `"auto"`, the default, works as described above. With `"server"`, the server also
# transpiles circuits that could run as they are. With `"none"`, all circuits run as they are; those that the chip would
# refuse raise an error before anything is sent. `chip.programs` returns the programs that would be sent.

# %%
try:
    chip.run(circuit, transpile="none")
except CircuitError as refusal:
    print("Refused:", refusal)
for each in (circuit, isa[3]):
    (program,) = chip.programs(each)
    print(
        f"{each.num_qubits:2} qubits, in the chip's own gates: {program.is_isa}, {len(program.text.splitlines())} lines"
    )
provider.close()

# %% [markdown]
# ## Compare the results
#
# Two-qubit gates cause most of the errors, so the echo decreases with their number. The choice of qubits accounts for
# the rest.

# %%
gates = [each.count_ops()["cx"] for each in isa]
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
for level, number, share, error in zip(levels, gates, shares, errors, strict=True):
    axes.errorbar(number, share, error, fmt="o", capsize=3, label=f"level {level}")
axes.set(title="Loschmidt echo of five spins", xlabel="cx gates", ylabel="All spins back in 0 (fraction of shots)")
axes.legend()
figure.savefig("transpiling.png", dpi=150)
