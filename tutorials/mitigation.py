# %% [markdown]
# # Less noise in expectation values
#
# The server corrects readout errors; [mitiq](https://mitiq.readthedocs.io) extrapolates to zero gate noise. Runs on the
# noisy chip of the emulator, without an account, in some twenty seconds. Needs mitiq:
# `pip install 'mitiq[qiskit]' 'oqtopus-client[emulator]'`.

# %%
import os

from mitiq.benchmarks import generate_rb_circuits
from mitiq.zne import execute_with_zne
from mitiq.zne.inference import LinearFactory
from mitiq.zne.scaling import fold_global
from qiskit import QuantumCircuit

from qiskit_oqtopus import OqtopusProvider

provider = OqtopusProvider() if "OQTOPUS_URL" in os.environ else OqtopusProvider.emulator(":memory:")
backend = provider.get_backend("lattice64")
SHOTS = 50_000

# %% [markdown]
# ## A circuit that does nothing, at length
#
# A randomized benchmarking circuit returns to 00, so without noise every shot ends there.

# %%
(circuit,) = generate_rb_circuits(n_qubits=2, num_cliffords=8, return_type="qiskit", seed=1)
circuit.measure_all()


def survival(circuits: list[QuantumCircuit], mitigation: str | None = None) -> list[float]:
    """How often each circuit ends in 00."""
    # At a higher level, the server's transpiler would cancel the gates that make the circuit longer.
    options = {"optimization_level": 0}
    result = backend.run(circuits, shots=SHOTS, transpiler_options=options, mitigation=mitigation).result()
    counts = [result.get_counts(i) for i in range(len(circuits))]
    return [each.get("00", 0) / sum(each.values()) for each in counts]


# %% [markdown]
# ## Readout errors, corrected by the server

# %%
(raw,) = survival([circuit])
(read_right,) = survival([circuit], mitigation="pseudo_inverse")
print(f"As measured {raw:.3f}, readout corrected {read_right:.3f}; 1 without noise")

# %% [markdown]
# ## Gate noise, extrapolated to zero
#
# mitiq makes the circuit two and three times as long without changing what it does, and follows the line that the
# values lie on back to no noise at all. All three circuits are submitted at once, as the annotations tell mitiq.

# %%
factory = LinearFactory(scale_factors=[1, 2, 3])


def corrected(circuits: list[QuantumCircuit]) -> list[float]:
    """The same with readout corrected."""
    return survival(circuits, mitigation="pseudo_inverse")


extrapolated = execute_with_zne(circuit, corrected, factory=factory, scale_noise=fold_global)
scaled = ", ".join(f"{value:.3f}" for value in factory.get_expectation_values())
print(f"With one, two and three times the noise {scaled}; with none {extrapolated:.3f}")
provider.close()
