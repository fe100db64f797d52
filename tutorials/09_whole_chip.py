# %% [markdown]
# # The whole chip at once
#
# A circuit of two qubits leaves 62 of 64 qubits idle, and each circuit waits in the queue. With `parallel=True`,
# circuits run side by side: each is placed on good qubits, and all share one program. This tutorial violates Bell's
# inequality on 16 pairs of qubits at once, collects shots on many pairs, and measures Rabi oscillations and lifetimes
# of all qubits of a chip. It runs on the emulator, without an account, in about ten seconds, and saves `pairs.png`,
# `chsh_map.png`, `rabi_map.png` and `t1_map.png`. It needs matplotlib and scipy:
# `pip install scipy 'oqtopus-client[emulator,visualization]'`.

# %%
import os

import numpy as np
from qiskit import QuantumCircuit, transpile
from scipy.optimize import curve_fit

from qiskit_oqtopus import OqtopusProvider

provider = OqtopusProvider() if "OQTOPUS_URL" in os.environ else OqtopusProvider.emulator(":memory:")
chip = provider.get_backend("lattice64")

# %% [markdown]
# ## Bell's inequality on 16 pairs
#
# Two qubits in a Bell state are measured in one of two bases each, at angles a or a' and b or b'. Their correlations
# combine to S = E(a, b) + E(a, b') + E(a', b) - E(a', b'), which local hidden variables limit to 2 and quantum
# mechanics to 2√2.


# %%
def bell_test(a: float, b: float) -> QuantumCircuit:
    """Return a Bell state measured along the angles a and b between Z and X."""
    circuit = QuantumCircuit(2, name=f"CHSH {a:.2f}, {b:.2f}")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ry(-a, 0)
    circuit.ry(-b, 1)
    circuit.measure_all()
    return circuit


def correlation(counts: dict[str, int]) -> float:
    """Return the average product of the outcomes 1 and -1."""
    return sum(number * (1 if key in {"00", "11"} else -1) for key, number in counts.items()) / sum(counts.values())


SETTINGS = [(a, b) for a in (0, np.pi / 2) for b in (np.pi / 4, -np.pi / 4)]
SIGNS = np.array([1, 1, 1, -1])

# %% [markdown]
# `placements` finds the places without running anything. Each circuit takes the best free qubits by their calibration,
# with one idle qubit between it and the next (`spacing=1`), and loses at most 10 % of the fidelity that it would have
# on the best pair (`max_error=0.1`). Circuits beyond those that fit go to further programs.

# %%
places = chip.placements([bell_test(*SETTINGS[0])] * 16)
pairs = [place.qubits for place in places]
fidelities = [place.fidelity for place in places]
print(f"{len(pairs)} pairs in {len({place.program for place in places})} program")
best = places[0].best_fidelity
print(f"Estimated fidelity {min(fidelities):.3f} to {max(fidelities):.3f}, on the best pair {best:.3f}")
picture = chip.plot(placements=places)
picture.savefig("pairs.png", dpi=100)
picture

# %% [markdown]
# Circuits that are transpiled for the chip stay on their qubits, and share a program when they are disjoint. So each
# pair measures all four settings: 64 circuits in four jobs.

# %%
SHOTS = 4000
circuits = [
    transpile(bell_test(a, b), chip, initial_layout=pair, optimization_level=1) for a, b in SETTINGS for pair in pairs
]
job = chip.run(circuits, parallel=True, shots=SHOTS)
correlations = np.array([correlation(counts) for counts in job.result().get_counts()]).reshape(4, len(pairs))
chsh = SIGNS @ correlations
errors = np.sqrt(((1 - correlations**2) / SHOTS).sum(axis=0))
print(f"{len(circuits)} circuits in {len(job.job_ids)} jobs")
print(f"S = {chsh.mean():.3f} on average, {chsh.min():.3f} to {chsh.max():.3f}, each ± {errors.mean():.3f}")
print(f"Pairs that violate the inequality by more than five standard errors: {sum(chsh > 2 + 5 * errors)}")
picture = chip.plot(values=dict(zip(pairs, chsh, strict=True)), label="S")
picture.savefig("chsh_map.png", dpi=100)
picture

# %% [markdown]
# ## More shots in the same time
#
# `replicas=16` runs the same circuit on 16 places at once and adds the counts. The places differ, and so do their
# errors: `disagreement` is about 1 if only the number of shots makes their counts differ, and larger if their qubits
# do.

# %%
job = chip.run(bell_test(0, 0), parallel=True, replicas=16, shots=1000)
result = job.result()
counts = result.get_counts()
each = [1 - (counts.get("00", 0) + counts.get("11", 0)) / 1000 for counts in job.replica_counts()]
print(f"{sum(counts.values())} shots in {len(job.job_ids)} job: {counts}")
print(f"Unequal bits: {min(each):.3f} to {max(each):.3f}; disagreement {result.results[0].disagreement:.1f}")

# %% [markdown]
# ## Rabi oscillations of the whole chip
#
# Neighbours should not be driven at the same time, so the chip is coloured like a chessboard: first the black qubits,
# then the white ones. Each angle and colour is one program with a circuit for each qubit.
#
# The circuits are as wide as the chip and consist of its own gates, so they stay where they are. The probability to
# read 1 is c - A/2 cos(angle); readout errors make its amplitude A less than 1.

# %%
COLOURS = [[q for q in range(chip.num_qubits) if (q // 8 + q % 8) % 2 == colour] for colour in (0, 1)]
ANGLES = np.linspace(0, 2 * np.pi, 9)


def rotation(qubit: int, angle: float) -> QuantumCircuit:
    """Return a rotation by an angle around X, in the chip's own gates."""
    circuit = QuantumCircuit(chip.num_qubits, 1, name=f"{angle:.2f} on {qubit}")
    for phase in (np.pi / 2, np.pi - angle):
        circuit.rz(phase, qubit)
        circuit.sx(qubit)
    circuit.measure(qubit, 0)
    return circuit


def ones(circuits: list[QuantumCircuit], shots: int = 1000) -> tuple[np.ndarray, int]:
    """Return the share of ones of each circuit, and the number of jobs."""
    job = chip.run(circuits, parallel=True, shots=shots)
    return np.array([counts.get("1", 0) / shots for counts in job.result().get_counts()]), len(job.job_ids)


amplitudes, jobs = {}, 0
for colour in COLOURS:
    shares, n_jobs = ones([rotation(qubit, angle) for angle in ANGLES for qubit in colour])
    jobs += n_jobs
    # The least-squares fit of c - A/2 cos(angle)
    model = np.column_stack([np.ones(len(ANGLES)), -np.cos(ANGLES) / 2])
    _, fitted = np.linalg.lstsq(model, shares.reshape(len(ANGLES), -1))[0]
    amplitudes |= dict(zip(colour, fitted.tolist(), strict=True))
readout = [chip.target["measure"][qubit,] for qubit in range(chip.num_qubits)]
expected = [1 - each.prob_meas1_prep0 - each.prob_meas0_prep1 for each in readout]
off = np.array([amplitudes[qubit] for qubit in range(chip.num_qubits)]) - expected
print(f"Rabi: {len(amplitudes)} qubits, {len(ANGLES)} angles, {jobs} jobs instead of {len(amplitudes) * len(ANGLES)}")
print(f"Amplitudes {min(amplitudes.values()):.3f} to {max(amplitudes.values()):.3f}, off by {np.std(off):.3f}")
picture = chip.plot(values=amplitudes, label="Rabi amplitude")
picture.savefig("rabi_map.png", dpi=100)
picture

# %% [markdown]
# ## Lifetimes of the whole chip
#
# The population of an excited qubit decays exponentially. A program holds circuits with the same delay only, as QPUs
# align all qubits at each `rz` gate and barrier, which would make the shorter delays longer.

# %%
DELAYS = np.array([0, 10, 20, 40, 60, 80])  # µs


def decay(qubit: int, delay: float) -> QuantumCircuit:
    """Return the relaxation of an excited qubit during a delay in microseconds."""
    circuit = QuantumCircuit(chip.num_qubits, 1, name=f"{delay} us on {qubit}")
    circuit.x(qubit)
    if delay:
        circuit.delay(float(delay), qubit, "us")
    circuit.measure(qubit, 0)
    return circuit


def exponential(time: np.ndarray, t1: float, top: float, bottom: float) -> np.ndarray:
    """Return the share of ones after a time."""
    return bottom + (top - bottom) * np.exp(-time / t1)


lifetimes, jobs = {}, 0
for colour in COLOURS:
    shares, n_jobs = ones([decay(qubit, delay) for delay in DELAYS for qubit in colour], shots=4000)
    jobs += n_jobs
    for qubit, measured in zip(colour, shares.reshape(len(DELAYS), -1).T, strict=True):
        bottom = readout[qubit].prob_meas1_prep0
        (t1, _), _ = curve_fit(lambda t, t1, top, low=bottom: exponential(t, t1, top, low), DELAYS, measured, (40, 1))
        lifetimes[qubit] = float(t1)
calibrated = np.array([1e6 * chip.target.qubit_properties[qubit].t1 for qubit in range(chip.num_qubits)])
ratio = np.array([lifetimes[qubit] for qubit in range(chip.num_qubits)]) / calibrated
print(f"T1: {len(lifetimes)} qubits, {len(DELAYS)} delays, {jobs} jobs instead of {len(lifetimes) * len(DELAYS)}")
print(f"T1 of {min(lifetimes.values()):.1f} to {max(lifetimes.values()):.1f} µs")
print(f"Measured over calibrated: {ratio.mean():.3f} on average, with a spread of {ratio.std():.3f}")
picture = chip.plot(values=lifetimes, label="T1", unit="µs")
picture.savefig("t1_map.png", dpi=100)
provider.close()
picture

# %% [markdown]
# The guide on circuits side by side shows what `spacing` is for: on a chip with crosstalk, circuits that touch disturb
# each other.
