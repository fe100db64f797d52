# %% [markdown]
# # Less noise in expectation values
#
# Readout errors are corrected by the server or with [mthree](https://github.com/Qiskit/qiskit-addon-mthree); gate noise
# is extrapolated to zero with [mitiq](https://mitiq.readthedocs.io). Runs on the noisy chip of the emulator, without an
# account, in some ten seconds, and draws `mitigation.png`. Needs mthree, mitiq and matplotlib:
# `pip install mthree 'mitiq[qiskit]' 'oqtopus-client[emulator,visualization]'`.

# %%
import os

import matplotlib.pyplot as plt
import mthree
import numpy as np
from mitiq.benchmarks import generate_rb_circuits
from mitiq.zne import execute_with_zne
from mitiq.zne.inference import LinearFactory
from mitiq.zne.scaling import fold_global
from qiskit import QuantumCircuit, transpile

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
    # At a higher level, the transpiler would cancel the gates that make the circuit longer.
    isa = transpile(circuits, backend, optimization_level=0)
    result = backend.run(isa, shots=SHOTS, mitigation=mitigation).result()
    counts = [result.get_counts(i) for i in range(len(circuits))]
    return [each.get("00", 0) / sum(each.values()) for each in counts]


def error(share: float) -> float:
    """The standard error of a share of the shots, to which readout correction adds some percent."""
    return float(np.sqrt(share * (1 - share) / SHOTS))


# %% [markdown]
# ## Readout errors, corrected by the server
#
# It applies the inverse of the confusion matrix that the calibration tells of each qubit. No further shots are needed,
# and the result is as good as the calibration is recent.

# %%
(raw,) = survival([circuit])
(read_right,) = survival([circuit], mitigation="pseudo_inverse")
print(f"As measured {raw:.4f} ± {error(raw):.4f}; 1 without noise")
print(f"Readout corrected by the server {read_right:.4f} ± {error(read_right):.4f}")

# %% [markdown]
# ## Readout errors, measured and corrected by mthree
#
# mthree measures the confusion now, by preparing 0 and 1 on the qubits, and solves for those outcomes only that were
# seen: that is possible for tens of qubits. The error it tells is an upper bound.

# %%
isa = transpile(circuit, backend, optimization_level=0)
qubits = isa.layout.final_index_layout()
m3 = mthree.M3Mitigation(backend)
m3.cals_from_system(qubits, shots=SHOTS)
counts = backend.run(isa, shots=SHOTS).result().get_counts()
quasi = m3.apply_correction(counts, qubits, return_mitigation_overhead=True)
by_mthree = quasi.get("00", 0.0)
print(f"Readout corrected by mthree {by_mthree:.4f} ± {quasi.stddev():.4f}")

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
scales, values = np.array(factory.get_scale_factors()), np.array(factory.get_expectation_values())
errors = np.array([error(value) for value in values])
# The line through three equidistant points ends at (4 a + b - 2 c) / 3.
extrapolated_error = float(np.hypot.reduce(errors * np.array([4, 1, 2]) / 3))
scaled = ", ".join(f"{value:.3f}" for value in values)
print(f"With one, two and three times the noise {scaled}; with none {extrapolated:.3f} ± {extrapolated_error:.3f}")
provider.close()

# %% [markdown]
# The curve that the values really lie on is bent: noise that halves a signal halves it again, so that a line
# underestimates. `ExpFactory` follows an exponential instead, at the price of a larger statistical error.

# %%
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.errorbar(scales, values, errors, fmt="o", capsize=3, label="readout corrected")
axes.errorbar(1, raw, error(raw), fmt="s", capsize=3, label="as measured")
axes.errorbar(0, extrapolated, extrapolated_error, fmt="D", capsize=3, label="extrapolated")
line = np.linspace(0, 3)
axes.plot(line, np.polyval(np.polyfit(scales, values, 1), line), "k--", linewidth=0.8)
axes.axhline(1, color="black", linewidth=0.8)
axes.set(
    title="Randomized benchmarking, 8 Cliffords", xlabel="Noise (times that of the circuit)", ylabel="Probability of 00"
)
axes.legend()
figure.savefig("mitigation.png", dpi=150)
