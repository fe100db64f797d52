# %% [markdown]
# # Error mitigation for expectation values
#
# The server or [mthree](https://github.com/Qiskit/qiskit-addon-mthree) corrects readout errors;
# [mitiq](https://mitiq.readthedocs.io) extrapolates gate noise to zero. This tutorial runs on the emulator's noisy
# chip, without an account, in about ten seconds, and saves `mitigation.png`. It needs mthree, mitiq and matplotlib:
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
# ## A long circuit that does nothing
#
# A randomized benchmarking circuit returns to 00. Without noise, every shot ends there.

# %%
(circuit,) = generate_rb_circuits(n_qubits=2, num_cliffords=8, return_type="qiskit", seed=1)
circuit.measure_all()


def survival(circuits: list[QuantumCircuit], mitigation: str | None = None) -> list[float]:
    """Return the fraction of shots of each circuit that end in 00."""
    # At a higher level, the transpiler would cancel the gates that make the circuit longer.
    isa = transpile(circuits, backend, optimization_level=0)
    result = backend.run(isa, shots=SHOTS, mitigation=mitigation).result()
    counts = [result.get_counts(i) for i in range(len(circuits))]
    return [each.get("00", 0) / sum(each.values()) for each in counts]


def error(share: float) -> float:
    """Return the standard error of a fraction of the shots; readout correction makes it a few percent larger."""
    return float(np.sqrt(share * (1 - share) / SHOTS))


# %% [markdown]
# ## Correct readout errors on the server
#
# The server applies the inverse of the confusion matrix that the calibration gives for each qubit. This needs no
# further shots, and is as good as the calibration is recent.

# %%
(raw,) = survival([circuit])
(read_right,) = survival([circuit], mitigation="pseudo_inverse")
print(f"As measured {raw:.4f} ± {error(raw):.4f}; 1 without noise")
print(f"Readout corrected by the server {read_right:.4f} ± {error(read_right):.4f}")

# %% [markdown]
# ## Measure and correct readout errors with mthree
#
# mthree measures the current confusion matrix by preparing 0 and 1 on the qubits, and solves only for the outcomes that
# occurred, which scales to tens of qubits. The error that it reports is an upper bound.

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
# ## Extrapolate gate noise to zero
#
# mitiq makes the circuit two and three times as long without changing its effect, and extrapolates a straight line
# through the values to zero noise. With the type annotations, mitiq submits all three circuits at once.

# %%
factory = LinearFactory(scale_factors=[1, 2, 3])


def corrected(circuits: list[QuantumCircuit]) -> list[float]:
    """Return the same fractions with readout correction."""
    return survival(circuits, mitigation="pseudo_inverse")


extrapolated = execute_with_zne(circuit, corrected, factory=factory, scale_noise=fold_global)
scales, values = np.array(factory.get_scale_factors()), np.array(factory.get_expectation_values())
errors = np.array([error(value) for value in values])
# The line through three equidistant points extrapolates to (4 a + b - 2 c) / 3.
extrapolated_error = float(np.hypot.reduce(errors * np.array([4, 1, 2]) / 3))
scaled = ", ".join(f"{value:.3f}" for value in values)
print(f"With one, two and three times the noise {scaled}; with none {extrapolated:.3f} ± {extrapolated_error:.3f}")
provider.close()

# %% [markdown]
# The true curve is not straight: noise that halves the signal once halves it again, so a straight line underestimates
# the value. `ExpFactory` fits an exponential instead, at the cost of a larger statistical error.

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
