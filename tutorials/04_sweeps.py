# %% [markdown]
# # Parameter sweeps, and what becomes of their jobs
#
# Most experiments are one circuit with many values of a parameter. Here a qubit is driven (Rabi), and left alone
# (Ramsey); and jobs are found again, saved, and read where not all of them have worked out. Runs on the emulator,
# without an account, in some ten seconds, and draws `sweeps.png` and `timeline.png`. Needs SciPy and matplotlib:
# `pip install scipy 'oqtopus-client[emulator,visualization]'`.

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
    """How often some points of a sweep read 1, with standard errors."""
    shares = np.array([result.get_counts(int(i)).get("1", 0) / SHOTS for i in points])
    return shares, np.sqrt(np.maximum(shares * (1 - shares), 1 / SHOTS) / SHOTS)


# %% [markdown]
# ## Rabi oscillations
#
# A circuit with a parameter, and a row of values for each run. The circuit is looked at once, however many rows there
# are. One `run` is one Qiskit job; each row is a job of its own on the server, submitted concurrently.
#
# The lowest population is not 0 and the highest not 1. That is the readout, whose two errors the fit finds.

# %%
rabi = QuantumCircuit(1, name="Rabi")
rabi.rx(Parameter("angle"), 0)
rabi.measure_all()

angles = np.linspace(0, 4 * np.pi, 41)
rabi_job = chip.run(transpile(rabi, chip, initial_layout=[QUBIT]), parameter_values=angles[:, np.newaxis], shots=SHOTS)
oscillation, errors = excited(rabi_job.result(), range(len(angles)))


def rabi_model(angle: np.ndarray, low: float, high: float, period: float) -> np.ndarray:
    """Populations as they are read."""
    return low + (high - low) * np.sin(np.pi * angle / period) ** 2


(low, high, period), covariance = curve_fit(rabi_model, angles, oscillation, p0=[0, 1, 6], sigma=errors)
low_error, high_error, period_error = np.sqrt(np.diag(covariance))
print(f"Rabi period {period:.3f} ± {period_error:.3f} rad, a full turn {2 * np.pi:.3f}")
print(f"Reads 1 for 0: {low:.3f} ± {low_error:.3f}, calibrated {readout.prob_meas1_prep0:.3f}")
print(f"Reads 0 for 1: {1 - high:.3f} ± {high_error:.3f}, calibrated {readout.prob_meas0_prep1:.3f}")

# %% [markdown]
# ## Ramsey fringes
#
# A superposition is left alone for a while and turned on. The frame of the second pulse turns at a detuning, so the
# population oscillates at that frequency, and decays with T2. Now there are two parameters, the delay and the phase.

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
# ## When some of it fails
#
# Chips have bad moments; the emulator was told to have one. `result()` would rather raise an error than return less
# than was asked for; it says what failed, and how to get the rest. `partial=True` also gives what there is when time is
# up.

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
    """A decaying oscillation; two quarter turns without a delay in between are a half turn, to 1."""
    return offset + amplitude * np.exp(-time / t2) * np.cos(2 * np.pi * frequency * time)


fringe_fit, covariance = curve_fit(ramsey_model, times[there], fringes, p0=[0.5, 0.5, 0.1, 30], sigma=fringe_errors)
fringe_fit_errors = np.sqrt(np.diag(covariance))
print(f"Detuning {fringe_fit[2]:.5f} ± {fringe_fit_errors[2]:.5f} MHz, set to {DETUNING:.5f}")
print(f"T2 {fringe_fit[3]:.1f} ± {fringe_fit_errors[3]:.1f} µs, calibrated {1e6 * properties.t2:.1f}")

# %% [markdown]
# ## Jobs, later
#
# A job is on the server, with all that it takes to read it. So its id is enough, in any program, on any day; and who
# has lost the id finds the job by its name. A file keeps it without any server, for a paper's data.

# %%
again = OqtopusProvider(emulator.config).job(rabi_job.job_id())
print("The same counts:", again.result().get_counts() == rabi_job.result().get_counts())
for job in provider.jobs(name="Ramsey"):
    print("Found by name:", job.job_id() == ramsey_job.job_id(), len(job.job_ids), "runs,", job.status().name)

rabi_job.save("rabi.json")
print("From the file, half a period on:", OqtopusJob.load("rabi.json").result().get_counts(10))

# %% [markdown]
# When the server put them to work is known as well.

# %%
print(f"On the device: {rabi_job.execution_time:.3f} s")
timeline = rabi_job.plot_timeline()
timeline.savefig("timeline.png", dpi=150)
timeline

# %% [markdown]
# ## Pictures

# %%
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
