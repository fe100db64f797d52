# %% [markdown]
# # Error mitigation, from raw values to zero noise
#
# `OqtopusEstimator` corrects readout errors and extrapolates gate noise to zero, with qiskit-ibm-runtime's options.
# [mthree](https://github.com/Qiskit/qiskit-addon-mthree) and [mitiq](https://mitiq.readthedocs.io) do parts of it as
# libraries of their own. This tutorial runs on the emulator's noisy chips, without an account, in about half a minute,
# and saves `mitigation.png` and `decoupling.png`. It needs mthree, mitiq and matplotlib: `pip install mthree
# 'mitiq[qiskit]' 'oqtopus-client[emulator,visualization]'`.

# %%
import os

import matplotlib.pyplot as plt
import mthree
from mitiq.zne import execute_with_zne
from mitiq.zne.inference import ExpFactory
from mitiq.zne.scaling import fold_gates_at_random
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp, Statevector

from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider

provider = OqtopusProvider() if "OQTOPUS_URL" in os.environ else OqtopusProvider.emulator(":memory:")
backend = provider.get_backend("lattice64")
SHOTS = 8192

# %% [markdown]
# ## A chain of spins
#
# Six spins of an Ising chain start parallel, and a transverse field turns them. Three Trotter steps take thirty `cx`
# gates. The observable is the correlation of the two spins in the middle.

# %%
chain = QuantumCircuit(6, name="chain")
for _ in range(3):
    for qubit in (0, 2, 4, 1, 3):
        chain.rzz(-0.5, qubit, qubit + 1)
    chain.rx(0.5, range(6))
correlation = SparsePauliOp.from_sparse_list([("ZZ", [2, 3], 1.0)], 6)
exact = float(Statevector(chain).expectation_value(correlation).real)

isa = transpile(chain, backend, optimization_level=3, seed_transpiler=1)
observable = correlation.apply_layout(isa.layout)
print(f"{isa.count_ops()['cx']} cx gates; the exact value is {exact:.3f}")


def run(name: str, **options: object) -> tuple[float, float]:
    """Return the value and its standard error, with options of the estimator, and print them with their price."""
    estimator = OqtopusEstimator(backend, **options)
    plan = estimator.plan([(isa, observable)], shots=SHOTS)
    data = estimator.run([(isa, observable)], shots=SHOTS).result()[0].data
    print(f"{name}: {float(data.evs):.3f} ± {float(data.stds):.3f}, {plan.jobs} jobs, {plan.shots} shots")
    return float(data.evs), float(data.stds)


# %% [markdown]
# ## As measured
#
# Level 0, the default, adds nothing. Noise has removed a part of the signal.

# %%
raw, raw_error = run("Level 0", resilience_level=0)

# %% [markdown]
# ## Without readout errors
#
# Level 1 runs two more circuits, which read all qubits in 0 and in 1, and applies the inverse of what they show to each
# shot. `mitigation="pseudo_inverse"` would do so with the errors that the device publishes, without more jobs.

# %%
read, read_error = run("Level 1", resilience_level=1)
published, _ = run("Published errors", mitigation="pseudo_inverse", route="sampling")

# %% [markdown]
# mthree measures the confusion matrices, too, and corrects the counts, from which the value is calculated.

# %%
qubits = isa.layout.final_index_layout()
pair = QuantumCircuit(isa.num_qubits, 2)
pair.compose(isa, inplace=True)
pair.measure([qubits[2], qubits[3]], [0, 1])
m3 = mthree.M3Mitigation(backend)
m3.cals_from_system([qubits[2], qubits[3]], shots=SHOTS)
counts = backend.run(pair, shots=SHOTS).result().get_counts()
quasi = m3.apply_correction(counts, [qubits[2], qubits[3]])
by_mthree = float(quasi.expval("ZZ"))
print(f"mthree: {by_mthree:.3f}")

# %% [markdown]
# ## Without gate errors
#
# Level 2 also runs the circuit with three and five times as many `cx` gates, each in sixteen randomizations whose
# random Paulis turn errors into ones that decay exponentially, and extrapolates to zero. Each randomization is a job,
# so this is the most expensive level. `plan` shows the price before anything is submitted.

# %%
level2, level2_error = run("Level 2", resilience_level=2)

# %% [markdown]
# The result has the values at each noise factor, and those of each extrapolator. Readout mitigation is inside: it
# corrects the values before they are extrapolated.

# %%
points = [round(0.25 * i, 2) for i in range(21)]
estimator = OqtopusEstimator(backend, resilience_level=2, resilience={"zne": {"extrapolated_noise_factors": points}})
data = estimator.run([(isa, observable)], shots=SHOTS).result()[0].data
exponential, linear = data.evs_extrapolated

# %% [markdown]
# mitiq folds and extrapolates as well. Its executor may return values of the estimator, here those of level 1.


# %%
def executor(circuits: list[QuantumCircuit]) -> list[float]:
    """Return the value of each circuit without readout errors, all circuits submitted at once."""
    folded = transpile(circuits, backend, initial_layout=qubits, optimization_level=0)
    pubs = [(each, correlation.apply_layout(each.layout)) for each in folded]
    result = OqtopusEstimator(backend, resilience_level=1).run(pubs, shots=SHOTS).result()
    return [float(pub.data.evs) for pub in result]


factory = ExpFactory([1, 3, 5], asymptote=0.0)
by_mitiq = float(execute_with_zne(chain, executor, factory=factory, scale_noise=fold_gates_at_random))
print(f"mitiq, exponential: {by_mitiq:.3f}")

# %%
figure, axes = plt.subplots(figsize=(6, 3.8), layout="constrained")
axes.axhline(exact, color="black", linewidth=0.8, label="exact")
axes.errorbar(1, raw, raw_error, fmt="s", capsize=3, label="level 0")
axes.errorbar(1, read, read_error, fmt="^", capsize=3, label="level 1")
axes.errorbar([1, 3, 5], data.evs_noise_factors, data.stds_noise_factors, fmt="o", capsize=3, label="twirled")
axes.plot(points, exponential, "k--", linewidth=0.8, label="exponential")
axes.plot(points, linear, "k:", linewidth=0.8, label="linear")
axes.errorbar(0, level2, level2_error, fmt="D", capsize=3, label="level 2")
axes.plot(0, by_mitiq, "x", label="mitiq")
axes.set(title="Ising chain, 30 cx", xlabel="Noise (times that of the circuit)", ylabel="Correlation of two spins")
axes.legend(fontsize="small")
figure.savefig("mitigation.png", dpi=150)

# %% [markdown]
# ## A qubit that waits
#
# lattice64c has the same chip with coherent errors: qubits are detuned, and shift their neighbours' frequencies.
# Dynamical decoupling turns a waiting qubit over and back, so that it forgets them. It takes no more jobs and shots,
# but it cannot undo relaxation.

# %%
coherent = provider.get_backend("lattice64c")
LENGTHS = (0, 10, 20, 30, 40)
waiting = []
for length in LENGTHS:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.barrier()
    for _ in range(length):
        circuit.cx(1, 2)
        circuit.barrier(1, 2)
    circuit.barrier()
    waiting.append(transpile(circuit, coherent, initial_layout=[27, 28, 36], optimization_level=1))
pubs = [(each, SparsePauliOp("IIX").apply_layout(each.layout)) for each in waiting]
coherences = {}
for name, decoupling in (("without", False), ("with", True)):
    estimator = OqtopusEstimator(coherent, dynamical_decoupling={"enable": decoupling, "sequence_type": "XY4"})
    coherences[name] = [float(pub.data.evs) for pub in estimator.run(pubs, shots=SHOTS).result()]
    print(f"{name.capitalize()} decoupling: " + ", ".join(f"{value:.2f}" for value in coherences[name]))
provider.close()

# %%
figure, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
for name, values in coherences.items():
    axes.plot(LENGTHS, values, "o-", label=f"{name} decoupling")
axes.axhline(0, color="black", linewidth=0.8)
axes.set(title="A qubit in a superposition waits", xlabel="cx gates of its neighbours", ylabel="Coherence")
axes.legend()
figure.savefig("decoupling.png", dpi=150)

# %% [markdown]
# The page on error suppression and mitigation in the documentation has the formulas, the price of each option, and when
# it hurts.
