# %% [markdown]
# # The ground state of a hydrogen molecule
#
# The variational quantum eigensolver varies a circuit to minimize the energy of its state. This tutorial runs on the
# emulator, without an account, in about ten seconds, and saves `vqe.png`. It needs SciPy and matplotlib: `pip install
# scipy 'oqtopus-client[emulator,visualization]'`.

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
# The Hamiltonian describes the electrons of H2 at a bond length of 0.735 Å, in the STO-3G basis, mapped to qubits by
# the Jordan-Wigner transformation. Energies are in hartree. Qubits 0 and 1 are the bonding and antibonding orbitals
# with spin up; qubits 2 and 3 are those with spin down.
#
# The coefficients are sums of the molecular orbital integrals that [PySCF](https://pyscf.org) calculates for
# `gto.M(atom="H 0 0 0; H 0 0 0.735", basis="sto-3g")`. Together with the nuclear repulsion, they reproduce its full
# configuration interaction energy of -1.137306 hartree. Seeley, Richard and Love derive the coefficients from the
# integrals: [J. Chem. Phys. 137, 224109 (2012)](https://doi.org/10.1063/1.4768229).

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
# ## A parametrized circuit


# %%
def ansatz() -> QuantumCircuit:
    """Return a circuit with both electrons in the bonding orbital, rotated into the antibonding one by an angle."""
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
# ## Scan the energy landscape
#
# The estimator takes a circuit, an observable and parameter values together, which Qiskit calls a PUB. This PUB has 21
# values of the angle, all submitted at once. `evs` are the expectation values and `stds` their standard errors.

# %%
provider = OqtopusProvider.emulator(":memory:")
backend = provider.get_backend("qulacs")
estimator = OqtopusEstimator(backend, default_precision=0.002)
circuit = ansatz()
angles = np.linspace(-1, 1, 21)
landscape = estimator.run([(circuit, HAMILTONIAN, angles[:, np.newaxis])]).result()[0].data

# %% [markdown]
# ## Optimize step by step
#
# With more parameters, scanning the whole landscape is too expensive. An optimizer instead requests one point after
# another.

# %%
steps: list[tuple[float, float]] = []


def energy(parameters: np.ndarray) -> float:
    """Return the energy of the state at an angle."""
    data = estimator.run([(circuit, HAMILTONIAN, parameters)]).result()[0].data
    steps.append((float(data.evs), float(data.stds)))
    return float(data.evs)


found = minimize(energy, x0=[0.0], method="COBYLA", options={"rhobeg": 0.4, "maxiter": 25, "tol": 0.01})
# The optimizer keeps its luckiest value, which is biased; a new measurement is not.
final = estimator.run([(circuit, HAMILTONIAN, found.x)], precision=0.001).result()[0].data

print(f"Ground state of H2: {final.evs + NUCLEAR_REPULSION:.4f} hartree, exact {EXACT + NUCLEAR_REPULSION:.4f}")
print(f"Off by {1e3 * abs(final.evs - EXACT):.1f} ± {1e3 * final.stds:.1f} millihartree after {len(steps)} steps")

# %% [markdown]
# ## Inspect the state
#
# The sampler reveals more about the state than its energy: how often both electrons are in the antibonding orbital.
# This fraction measures the correlation of the electrons, which no single assignment of electrons to orbitals can
# describe.

# %%
SHOTS = 20_000
circuit.measure_all()
sampled = OqtopusSampler(backend).run([(circuit, found.x)], shots=SHOTS).result()[0]
provider.close()

counts = sampled.data.meas.get_counts()
antibonding = counts.get("1010", 0) / SHOTS
error = np.sqrt(antibonding * (1 - antibonding) / SHOTS)
print(f"Both electrons antibonding: {antibonding:.4f} ± {error:.4f}, exact {abs(states[0b1010, 0]) ** 2:.4f}")
print(f"One of them: {1 - antibonding - counts['0101'] / SHOTS:.4f}")

# %% [markdown]
# ## Figures

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
