# %% [markdown]
# # Calibration experiments with Qiskit Experiments
#
# Does a chip perform as its calibration says? [Qiskit
# Experiments](https://qiskit-community.github.io/qiskit-experiments) has circuits and fits for the standard
# measurements: lifetimes, readout errors, and randomized benchmarking of gates. This tutorial runs on the emulator's
# noisy chip, without an account, in about twenty seconds, and saves `t1.png` and `rb.png`. It needs Qiskit Experiments:
# `pip install qiskit-experiments 'oqtopus-client[emulator,visualization]'`.

# %%
import os

import numpy as np
from qiskit_experiments.framework import BaseExperiment, BatchExperiment, ExperimentData
from qiskit_experiments.library import T1, LocalReadoutError, StandardRB, T2Ramsey
from uncertainties import UFloat, ufloat

from qiskit_oqtopus import OqtopusProvider

provider = OqtopusProvider() if "OQTOPUS_URL" in os.environ else OqtopusProvider.emulator(":memory:")
chip = provider.get_backend("lattice64")
target = chip.target
QUBITS = [0, 2, 4, 27]


def run(experiment: BaseExperiment, shots: int) -> ExperimentData:
    """Run an experiment with `chip.run`, which submits all circuits at once, and wait for its analysis."""
    return experiment.run(chip, backend_run=True, shots=shots).block_for_results()


def compare(what: str, measured: UFloat, calibrated: float, unit: str) -> None:
    """Print a measured value next to its calibrated value."""
    print(
        f"{what:15} ({measured.nominal_value:.3f} ± {measured.std_dev:.3f}) {unit}, calibrated {calibrated:.3f} {unit}"
    )


# %% [markdown]
# ## T1 of several qubits
#
# The experiment excites each qubit, waits for a delay, and measures it. The population decays exponentially with T1.
# `BatchExperiment` submits the circuits of all qubits at once. A `ParallelExperiment`, which puts them into the same
# circuits, would measure wrong lifetimes: the gateway of OQTOPUS's QPUs, which the emulator follows, lets all qubits
# wait at every barrier, and so for the delays of each other.

# %%
lifetimes = [target.qubit_properties[qubit] for qubit in QUBITS]
delays = np.linspace(0, 120e-6, 20)  # s
relaxation = run(BatchExperiment([T1([q], delays) for q in QUBITS], backend=chip, flatten_results=True), shots=4000)
t1s = [1e6 * value for value in relaxation.analysis_results("T1", dataframe=True).value]
for qubit, t1, lifetime in zip(QUBITS, t1s, lifetimes, strict=True):
    compare(f"T1 of qubit {qubit}", t1, 1e6 * lifetime.t1, "µs")
relaxation.figure(0).figure.savefig("t1.png", dpi=150, bbox_inches="tight")
relaxation.figure(0)

# %% [markdown]
# ## T2 from Ramsey fringes
#
# This experiment measures the decay of the phase. On real chips, slow noise makes it faster than the calibrated T2,
# which is often measured with an echo; `T2Hahn` does the same.

# %%
QUBIT = 27
fringes = run(T2Ramsey([QUBIT], np.linspace(0, 90e-6, 46), backend=chip, osc_freq=1e5), shots=4000)
(t2,) = fringes.analysis_results("T2star", dataframe=True).value
compare(f"T2* of qubit {QUBIT}", 1e6 * t2, 1e6 * target.qubit_properties[QUBIT].t2, "µs")

# %% [markdown]
# ## Readout errors
#
# This experiment prepares qubits in 0 and in 1. The assignment matrix contains the probabilities of the outcomes:
# column 0 for qubits prepared in 0, column 1 for those prepared in 1. It is asymmetric, because a qubit in 1 may relax
# during its readout.

# %%
SHOTS = 20_000
preparation = run(LocalReadoutError([QUBIT], backend=chip), shots=SHOTS)
(mitigator,) = preparation.analysis_results("Local Readout Mitigator", dataframe=True).value
matrix = mitigator.assignment_matrix()
readout = target["measure"][QUBIT,]
for what, share, calibrated in (
    ("1 read for 0", matrix[1, 0], readout.prob_meas1_prep0),
    ("0 read for 1", matrix[0, 1], readout.prob_meas0_prep1),
):
    compare(what, 100 * ufloat(share, np.sqrt(share * (1 - share) / SHOTS)), 100 * calibrated, "%")

# %% [markdown]
# ## Gate errors from randomized benchmarking
#
# Random Clifford gates that together do nothing return to 0 less often the longer the sequence is. The decay rate gives
# the error of a gate, independently of readout and preparation errors. Benchmark single qubits first, and then pairs,
# from which the errors of single-qubit gates are subtracted.

# %%
PAIR = min((pair for pair in target["cx"] if QUBIT in pair), key=lambda pair: target["cx"][pair].error)
singles = [StandardRB([qubit], [1, 150, 300, 500], num_samples=3, seed=qubit) for qubit in PAIR]
single = run(BatchExperiment(singles, backend=chip, flatten_results=True), shots=4000)
for qubit, epg in zip(PAIR, single.analysis_results("EPG_sx", dataframe=True).value, strict=True):
    compare(f"sx on qubit {qubit}", 100 * epg, 100 * target["sx"][qubit,].error, "%")

double = StandardRB(PAIR, [1, 8, 16, 30, 50], num_samples=4, seed=1, backend=chip)
double.analysis.set_options(epg_1_qubit=single.analysis_results(dataframe=True))
decay = run(double, shots=4000)
(epg,) = decay.analysis_results("EPG_cx", dataframe=True).value
compare(f"cx on {PAIR}", 100 * epg, 100 * target["cx"][PAIR].error, "%")
decay.figure(0).figure.savefig("rb.png", dpi=150, bbox_inches="tight")
provider.close()
decay.figure(0)

# %% [markdown]
# The errors are those of the fit. The sequences differ by more, as some Cliffords are longer than others; more
# sequences (`num_samples`) average this out.
