# %% [markdown]
# # The ground state of a hydrogen molecule
#
# The variational quantum eigensolver: vary a circuit until the energy of its state is least. Runs on the emulator,
# without an account, in some ten seconds, and draws `vqe.png`. Needs SciPy and matplotlib:
# `pip install scipy 'oqtopus-client[emulator,visualization]'`.

# %%
import matplotlib.pyplot as plt
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from scipy.optimize import minimize

from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider, OqtopusSampler

# %% [markdown]
# ## The molecule
#
# The electrons of H2 at a bond length of 0.735 Å, in the STO-3G basis, mapped to qubits after Jordan and Wigner.
# Energies are in hartree. Qubits 0 and 1 are the spin-up orbitals, bonding and antibonding, qubits 2 and 3
# the spin-down ones.
#
# The coefficients are sums of the integrals over molecular orbitals that [PySCF](https://pyscf.org) calculates for
# `gto.M(atom="H 0 0 0; H 0 0 0.735", basis="sto-3g")`, and agree with its full configuration interaction: -1.137306
# hartree together with the repulsion of the nuclei. How they follow from the integrals is in Seeley, Richard and Love,
# [J. Chem. Phys. 137, 224109 (2012)](https://doi.org/10.1063/1.4768229).

# %%
HAMILTONIAN = SparsePauliOp.from_list(
    [
        ("IIII", -0.81054798),
        ("IIIZ", 0.17218393),
        ("IIZI", -0.22575349),
        ("IZII", 0.17218393),
        ("ZIII", -0.22575349),
        ("IIZZ", 0.12091263),
        ("IZIZ", 0.16892754),
        ("ZIIZ", 0.16614543),
        ("IZZI", 0.16614543),
        ("ZIZI", 0.17464343),
        ("ZZII", 0.12091263),
        ("XXXX", 0.0452328),
        ("YYYY", 0.0452328),
        ("XXYY", 0.0452328),
        ("YYXX", 0.0452328),
    ]
)
NUCLEAR_REPULSION = 0.71996899
energies, states = np.linalg.eigh(HAMILTONIAN.to_matrix())
EXACT = float(energies[0])


# %% [markdown]
# ## A circuit with an angle


# %%
def ansatz() -> QuantumCircuit:
    """Both electrons in the bonding orbital, and moved to the antibonding one by an angle."""
    circuit = QuantumCircuit(4, name="H2")
    circuit.x([0, 2])
    # exp(-i angle/2 XXXY): a change of basis, a parity, a rotation, and back.
    circuit.h([1, 2, 3])
    circuit.sx(0)
    for qubit in range(3):
        circuit.cx(qubit, qubit + 1)
    circuit.rz(Parameter("angle"), 3)
    for qubit in reversed(range(3)):
        circuit.cx(qubit, qubit + 1)
    circuit.sxdg(0)
    circuit.h([1, 2, 3])
    return circuit


# %% [markdown]
# ## The whole landscape
#
# The estimator takes a circuit, an observable and values of the parameters together, which Qiskit calls a PUB. Here is
# one with 21 values of the angle, all submitted at once. `evs` are expectation values, `stds` their standard errors.

# %%
provider = OqtopusProvider.emulator(":memory:")
backend = provider.get_backend("qulacs")
estimator = OqtopusEstimator(backend, default_precision=0.002)
circuit = ansatz()
angles = np.linspace(-1, 1, 21)
landscape = estimator.run([(circuit, HAMILTONIAN, angles[:, np.newaxis])]).result()[0].data

# %% [markdown]
# ## The way down, a step at a time
#
# With more parameters no one can afford the whole landscape; an optimizer asks for one point after another.

# %%
steps: list[tuple[float, float]] = []


def energy(parameters: np.ndarray) -> float:
    """The energy of the state at an angle."""
    data = estimator.run([(circuit, HAMILTONIAN, parameters)]).result()[0].data
    steps.append((float(data.evs), float(data.stds)))
    return float(data.evs)


found = minimize(energy, x0=[0.0], method="COBYLA", options={"rhobeg": 0.4, "maxiter": 25, "tol": 0.01})
# The optimizer keeps the luckiest value; a fresh look is unbiased.
final = estimator.run([(circuit, HAMILTONIAN, found.x)], precision=0.001).result()[0].data

print(f"Ground state of H2: {final.evs + NUCLEAR_REPULSION:.4f} hartree, exactly {EXACT + NUCLEAR_REPULSION:.4f}")
print(f"Off by {1e3 * abs(final.evs - EXACT):.1f} ± {1e3 * final.stds:.1f} millihartree after {len(steps)} steps")

# %% [markdown]
# ## What the state is
#
# The sampler tells more of it than the energy: how often both electrons are in the antibonding orbital. That share
# is the correlation of the electrons, which no single way to put them into orbitals has.

# %%
SHOTS = 20_000
circuit.measure_all()
sampled = OqtopusSampler(backend).run([(circuit, found.x)], shots=SHOTS).result()[0]
provider.close()

counts = sampled.data.meas.get_counts()
antibonding = counts.get("1010", 0) / SHOTS
error = np.sqrt(antibonding * (1 - antibonding) / SHOTS)
print(f"Both electrons antibonding: {antibonding:.4f} ± {error:.4f}, exactly {abs(states[0b1010, 0]) ** 2:.4f}")
print(f"One of them: {1 - antibonding - counts['0101'] / SHOTS:.4f}")

# %% [markdown]
# ## Pictures

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
left.errorbar(angles, landscape.evs + NUCLEAR_REPULSION, landscape.stds, fmt="o", markersize=4)
left.set(title="Landscape", xlabel="Angle (radians)", ylabel="Energy (hartree)")
values, errors = np.transpose(steps)
right.errorbar(range(1, len(steps) + 1), values + NUCLEAR_REPULSION, errors, fmt="o-", markersize=4)
right.set(title="Optimization", xlabel="Step")
for axes in (left, right):
    axes.axhline(EXACT + NUCLEAR_REPULSION, color="black", linewidth=0.8, linestyle="--", label="exact")
right.legend()
figure.savefig("vqe.png", dpi=150)
