# %% [markdown]
# # Transpiling for a chip
#
# A chip executes few gates, and gates of two qubits only between neighbours. Transpiling writes a circuit in those
# terms, here or on the server, and how well it is done decides how much of the result is noise. Runs on the emulator,
# without an account, in some ten seconds, and draws `transpiling.png`. Needs matplotlib:
# `pip install 'oqtopus-client[emulator,visualization]'`.

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
# A Loschmidt echo: five spins on a ring evolve under Ising couplings and a transverse field, and back again. Without
# noise, all are found in 0 in the end. A square lattice has no rings of five, so some states must be swapped on the
# way. The barrier keeps transpilers from cancelling the two halves.


# %%
def echo(n_spins: int = 5) -> QuantumCircuit:
    """One Trotter step forward, and one backward."""
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
    """How often all spins come back to 0, with standard errors."""
    result = chip.run(circuits, shots=SHOTS).result()
    shares = np.array([result.get_counts(i).get("00000", 0) / SHOTS for i in range(len(circuits))])
    return shares, np.sqrt(shares * (1 - shares) / SHOTS)


# %% [markdown]
# ## Here: levels of optimization
#
# `qiskit.transpile` reads the chip's gates, couplings and errors from the backend. Level 0 does what it must, on the
# first qubits; 1 looks for the qubits with the fewest errors, and merges gates; 2 and 3 look harder, and merge more.
# `layout` tells which qubit of the chip each spin ended up on. The seed makes this reproducible: routing is guided by
# chance, and it is worth while to try several seeds.

# %%
levels = [0, 1, 2, 3]
isa = [transpile(circuit, chip, optimization_level=level, seed_transpiler=1) for level in levels]
shares, errors = fidelities(isa)
for level, each, share, error in zip(levels, isa, shares, errors, strict=True):
    gates, qubits = each.count_ops()["cx"], each.layout.final_index_layout()
    print(f"Level {level}: {gates} cx, depth {each.depth():3}, qubits {qubits}, echo {share:.3f} ± {error:.3f}")

# %% [markdown]
# A layout can be given as well: spin 0 on qubit 27, and so on. That is for experiments on certain qubits; a choice that
# knows no calibration is rarely a good one.

# %%
placed = transpile(circuit, chip, optimization_level=3, initial_layout=[27, 28, 36, 35, 34], seed_transpiler=1)
(share,), (error,) = fidelities([placed])
print(f"On qubits of our choice: {placed.count_ops()['cx']} cx, echo {share:.3f} ± {error:.3f}")

# %% [markdown]
# ## There: the server's transpiler
#
# A circuit that is not made of the chip's own gates is transpiled by the server, so there is no need to transpile at
# all; `transpiler_options` are keywords of `qiskit.transpile` for it. Afterwards the job tells what the server made of
# the circuit, and where its qubits went.

# %%
job = chip.run(circuit, shots=SHOTS, transpiler_options={"optimization_level": 3, "seed_transpiler": 1})
share = job.result().get_counts().get("00000", 0) / SHOTS
(made,), (layout,) = job.transpiled_circuits(), job.layouts()
print(f"By the server: gates {dict(made.count_ops())}, depth {made.depth()}, qubits {layout}, echo {share:.3f}")

# %% [markdown]
# `transpile=` says who does it. `"auto"`, the default, is as just described; `"server"` has the server transpile even
# what would run as it is; `"none"` sends all as it is, and refuses what the chip would, before anything is sent.
# `chip.programs` shows what would be sent.

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
# ## What it is worth
#
# Gates between two qubits are what costs most, so the echo follows their number; the rest is which qubits they are on.

# %%
gates = [each.count_ops()["cx"] for each in isa]
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
for level, number, share, error in zip(levels, gates, shares, errors, strict=True):
    axes.errorbar(number, share, error, fmt="o", capsize=3, label=f"level {level}")
axes.set(title="Loschmidt echo of five spins", xlabel="cx gates", ylabel="All spins back in 0 (share of shots)")
axes.legend()
figure.savefig("transpiling.png", dpi=150)
