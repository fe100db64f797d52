# %% [markdown]
# # Parameter sweeps and their jobs
#
# Most experiments run one circuit with many parameter values. This tutorial drives a qubit (Rabi) and lets it evolve
# freely (Ramsey). It then finds jobs again, saves them, and reads results when some circuits have failed. It runs on
# the emulator, without an account, in about ten seconds, and saves `sweeps.png` and `timeline.png`. It needs SciPy and
# matplotlib: `pip install scipy 'oqtopus-client[emulator,visualization]'`.

# %%
from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.result import Result
from scipy.optimize import curve_fit

from oqtopus_client.emulator import Emulator
from qiskit_oqtopus import OqtopusJob, OqtopusJobError, OqtopusProvider

emulator = Emulator(":memory:")
provider = OqtopusProvider(emulator.config)
chip = provider.get_backend("lattice64")
QUBIT, SHOTS = 27, 2000
properties, readout = chip.target.qubit_properties[QUBIT], chip.target["measure"][QUBIT,]


def excited(result: Result, points: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return how often the points of a sweep read 1, with standard errors."""
    shares = np.array([result.get_counts(int(i)).get("1", 0) / SHOTS for i in points])
    return shares, np.sqrt(np.maximum(shares * (1 - shares), 1 / SHOTS) / SHOTS)


# %% [markdown]
# ## Rabi oscillations
#
# Pass a circuit with a parameter and one row of values for each run. The circuit is analysed only once, however many
# rows there are. One call of `run` is one Qiskit job; on the server, each row is a separate job, and all are submitted
# concurrently.
#
# The smallest population is not 0 and the largest is not 1, because of readout errors. The fit determines both of them.

# %%
rabi = QuantumCircuit(1, name="Rabi")
rabi.rx(Parameter("angle"), 0)
rabi.measure_all()

angles = np.linspace(0, 4 * np.pi, 41)
rabi_job = chip.run(transpile(rabi, chip, initial_layout=[QUBIT]), parameter_values=angles[:, np.newaxis], shots=SHOTS)
oscillation, errors = excited(rabi_job.result(), range(len(angles)))


def rabi_model(angle: np.ndarray, low: float, high: float, period: float) -> np.ndarray:
    """Return the populations, including readout errors."""
    return low + (high - low) * np.sin(np.pi * angle / period) ** 2


(low, high, period), covariance = curve_fit(rabi_model, angles, oscillation, p0=[0, 1, 6], sigma=errors)
low_error, high_error, period_error = np.sqrt(np.diag(covariance))
print(f"Rabi period {period:.3f} ± {period_error:.3f} rad, a full turn {2 * np.pi:.3f}")
print(f"Reads 1 for 0: {low:.3f} ± {low_error:.3f}, calibrated {readout.prob_meas1_prep0:.3f}")
print(f"Reads 0 for 1: {1 - high:.3f} ± {high_error:.3f}, calibrated {readout.prob_meas0_prep1:.3f}")

# %% [markdown]
# ## Ramsey fringes
#
# Two quarter turns enclose a delay. The frame of the second pulse rotates at a detuning, so the population oscillates
# at that frequency and decays with T2. This circuit has two parameters, the delay and the phase.

# %%
delay, phase = Parameter("delay"), Parameter("phase")
ramsey = QuantumCircuit(1, name="Ramsey")
ramsey.sx(0)
ramsey.delay(delay, 0, unit="us")
ramsey.rz(phase, 0)
ramsey.sx(0)
ramsey.measure_all()

DETUNING = 0.1  # MHz
times = np.linspace(0, 80, 41)  # µs
values = np.column_stack([times, 2 * np.pi * DETUNING * times])  # in the order of ramsey.parameters
emulator.inject("fail_job", message="The control electronics lost its clock.", times=1)
ramsey_job = chip.run(transpile(ramsey, chip, initial_layout=[QUBIT]), parameter_values=values, shots=SHOTS)

# %% [markdown]
# ## Partial failures
#
# Chips sometimes fail; here, a fault is injected into the emulator. `result()` raises an error rather than return less
# than you asked for. The error says what failed and how to get the other results. `result(partial=True)` returns these;
# if the timeout passes, it returns the results so far.

# %%
try:
    ramsey_job.result()
except OqtopusJobError as error:
    print(error)

result = ramsey_job.result(partial=True)
there = np.array([experiment.success for experiment in result.results])
print(f"Points measured: {there.sum()} of {len(times)}")

# %%
fringes, fringe_errors = excited(result, np.flatnonzero(there))


def ramsey_model(time: np.ndarray, offset: float, amplitude: float, frequency: float, t2: float) -> np.ndarray:
    """Return a decaying oscillation; without a delay, two quarter turns make a half turn to 1."""
    return offset + amplitude * np.exp(-time / t2) * np.cos(2 * np.pi * frequency * time)


fringe_fit, covariance = curve_fit(ramsey_model, times[there], fringes, p0=[0.5, 0.5, 0.1, 30], sigma=fringe_errors)
fringe_fit_errors = np.sqrt(np.diag(covariance))
print(f"Detuning {fringe_fit[2]:.5f} ± {fringe_fit_errors[2]:.5f} MHz, set to {DETUNING:.5f}")
print(f"T2 {fringe_fit[3]:.1f} ± {fringe_fit_errors[3]:.1f} µs, calibrated {1e6 * properties.t2:.1f}")

# %% [markdown]
# ## Find and save jobs
#
# Jobs are self-describing, so the id is enough to read one in any program, on any day. If you have lost the id, find
# the job by its name. A saved file can be read without a server, for example to publish the data of a paper.

# %%
again = OqtopusProvider(emulator.config).job(rabi_job.job_id())
print("The same counts:", again.result().get_counts() == rabi_job.result().get_counts())
for job in provider.jobs(name="Ramsey"):
    print("Found by name:", job.job_id() == ramsey_job.job_id(), len(job.job_ids), "runs,", job.status().name)

rabi_job.save("rabi.json")
print("From the file, after half a period:", OqtopusJob.load("rabi.json").result().get_counts(10))

# %% [markdown]
# The job also knows when the server worked on each circuit.

# %%
print(f"On the device: {rabi_job.execution_time:.3f} s")
timeline = rabi_job.plot_timeline()
timeline.savefig("timeline.png", dpi=150)
timeline

# %% [markdown]
# ## Figures

# %% tags=["thumbnail"]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
left.errorbar(angles / np.pi, oscillation, errors, fmt="o", markersize=4)
fine = np.linspace(angles[0], angles[-1], 400)
left.plot(fine / np.pi, rabi_model(fine, low, high, period), linewidth=1)
left.set(title="Rabi", xlabel="Angle (π rad)", ylabel="Population of 1")
right.errorbar(times[there], fringes, fringe_errors, fmt="o", markersize=4)
fine = np.linspace(times[0], times[-1], 400)
right.plot(fine, ramsey_model(fine, *fringe_fit), linewidth=1)
right.set(title="Ramsey", xlabel="Delay (µs)")
figure.savefig("sweeps.png", dpi=150)
provider.close()
emulator.close()
