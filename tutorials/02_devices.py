# %% [markdown]
# # Devices, calibrations and noise
#
# List the devices, compare their qubits, choose the best ones, and simulate a device's noise with Qiskit Aer before you
# queue for it. This tutorial runs on the emulator, without an account, in about ten seconds, and saves `chip.png` and
# `devices.png`. It needs matplotlib: `pip install 'oqtopus-client[emulator,visualization]'`.

# %%
import itertools
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator

from qiskit_oqtopus import OqtopusProvider

# %% [markdown]
# ## List devices
#
# One request fetches all devices; printing them shows a table. Pass filters as arguments, or your own function of a
# backend as `filters`. `least_busy` returns the device with the shortest queue.

# %%
provider = OqtopusProvider.emulator(":memory:")
print(provider.backends())
print("QPUs:", [backend.name for backend in provider.backends(simulator=False, operational=True)])
print("Shortest queue:", provider.least_busy(min_num_qubits=100).name)

# %% [markdown]
# ## Inspect a calibration
#
# A backend's `target` holds the calibration in Qiskit's terms, with times in seconds and errors as probabilities. The
# error of a gate is one minus its average fidelity; the error of a measurement is the probability of a wrong
# assignment. Medians describe a typical qubit. The worst values show why it matters which qubits a circuit uses.

# %%
chip = provider.get_backend("lattice64")
target = chip.target
calibration = {
    "T1 (µs)": [1e6 * qubit.t1 for qubit in target.qubit_properties],
    "T2 (µs)": [1e6 * qubit.t2 for qubit in target.qubit_properties],
    "readout error (%)": [100 * measure.error for measure in target["measure"].values()],
    "sx error (%)": [100 * gate.error for gate in target["sx"].values()],
    "cx error (%)": [100 * gate.error for gate in target["cx"].values()],
}
print(f"{chip.name}, calibrated {chip.calibrated_at:%Y-%m-%d}: {chip.num_qubits} qubits, {len(target['cx'])} couplings")
for quantity, values in calibration.items():
    print(f"{quantity:>18}: median {np.median(values):6.2f}, from {min(values):6.2f} to {max(values):6.2f}")

# %% [markdown]
# Chips are recalibrated from time to time. `refresh` asks the server and returns whether anything has changed; if so,
# transpile your circuits again.

# %%
print("Recalibrated:", chip.refresh())

# %% [markdown]
# ## Choose qubits
#
# A GHZ state of six qubits needs a line of qubits. This cell lists all lines of six on the chip and picks the one with
# the largest product of fidelities, including half a microsecond of waiting for other qubits. Qiskit's transpiler uses
# the same target and, above optimization level 0, also looks for good qubits. Level 0 leaves a circuit on the first
# qubits.


# %%
def ghz(n_qubits: int) -> QuantumCircuit:
    """Return a circuit that prepares and measures a superposition of all 0 and all 1."""
    circuit = QuantumCircuit(n_qubits, name="GHZ")
    circuit.h(0)
    for qubit in range(n_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def success_probability(circuit: QuantumCircuit) -> float:
    """Return the product of the fidelities of all gates and readouts in a transpiled circuit."""
    errors = [
        target[item.operation.name][tuple(circuit.find_bit(qubit).index for qubit in item.qubits)].error
        for item in circuit.data
        if item.operation.name in {"x", "sx", "cx", "measure"}  # barriers do nothing, and rz only changes the frame
    ]
    return float(np.prod(1 - np.array(errors)))


cx_errors = {frozenset(pair): gate.error for pair, gate in target["cx"].items()}


def lines(start: tuple[int, ...], length: int) -> Iterator[tuple[int, ...]]:
    """Yield all extensions of a line of coupled qubits to the given length."""
    if len(start) == length:
        yield start
        return
    for pair in cx_errors:
        if start[-1] in pair and not pair <= set(start):
            yield from lines((*start, *(pair - {start[-1]})), length)


def fidelity(line: tuple[int, ...]) -> float:
    """Return the product of the fidelities of a line's couplings and readouts, and of half a microsecond of waiting."""
    gates = [cx_errors[frozenset(pair)] for pair in itertools.pairwise(line)]
    readouts = [target["measure"][qubit,].error for qubit in line]
    waits = [0.5e-6 / target.qubit_properties[qubit].t1 for qubit in line]
    return float(np.prod([1 - error for error in [*gates, *readouts, *waits]]))


best = max((line for qubit in range(chip.num_qubits) for line in lines((qubit,), 6)), key=fidelity)
circuits = {
    "first": transpile(ghz(6), chip, optimization_level=0),
    "transpiler's": transpile(ghz(6), chip, optimization_level=3, seed_transpiler=1),
    "best": transpile(ghz(6), chip, optimization_level=1, initial_layout=best),
}
for place, circuit in circuits.items():
    qubits = circuit.layout.final_index_layout()
    print(f"The {place} qubits, {qubits}: estimated success probability {success_probability(circuit):.3f}")

# %% [markdown]
# In the picture, a disc is a qubit, its ring is the readout, and an arrow is a coupling; darker means a larger error.
# Everything that the circuit does not use is faded.

# %%
picture = chip.plot(circuit=circuits["best"])
picture.savefig("chip.png", dpi=150)
picture

# %% [markdown]
# ## Simulate the noise
#
# `noisy` adds the noise of the calibration to a circuit, for Qiskit Aer: relaxation during gates and while qubits wait,
# depolarization for the rest of the gate error, and asymmetric readout errors. You can therefore try out a circuit as
# often as you like before you send it to the device. The noise does not contain what the calibration does not cover:
# crosstalk, drift, leakage. On a real chip, these make the difference between both results.

# %%
SHOTS = 20_000


def in_agreement(counts: dict[str, int]) -> float:
    """Return the fraction of shots in which all qubits agree; 1 without noise."""
    return sum(counts.get(bit * 6, 0) for bit in "01") / SHOTS


simulator = AerSimulator(seed_simulator=2)
aer = [
    in_agreement(simulator.run(chip.noisy(circuit), shots=SHOTS).result().get_counts()) for circuit in circuits.values()
]
result = chip.run(list(circuits.values()), shots=SHOTS).result()
device = [in_agreement(result.get_counts(i)) for i in range(len(circuits))]
provider.close()


def error(share: float) -> float:
    """Return the standard error of a fraction of the shots."""
    return float(np.sqrt(share * (1 - share) / SHOTS))


for place, on_chip, in_aer in zip(circuits, device, aer, strict=True):
    print(f"On the {place} qubits: device {on_chip:.4f} ± {error(on_chip):.4f}, Aer {in_aer:.4f} ± {error(in_aer):.4f}")

# %% [markdown]
# Better qubits give better results. The product of fidelities leaves out that qubits relax while they wait, but counts
# phase errors, which this measurement does not detect.

# %%
estimated = [success_probability(circuit) for circuit in circuits.values()]
places = np.arange(len(circuits))
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.plot(places, estimated, "k_", markersize=22, label="product of fidelities")
for offset, label, shares in ((-0.05, "device", device), (0.05, "Aer", aer)):
    axes.errorbar(places + offset, shares, [error(share) for share in shares], fmt="o", capsize=3, label=label)
axes.set(
    title="GHZ state of six qubits",
    xlabel="Qubits of the chip",
    xticks=places,
    xticklabels=list(circuits),
    xlim=(-0.5, len(circuits) - 0.5),
    ylabel="All qubits agree (fraction of shots)",
)
axes.legend()
figure.savefig("devices.png", dpi=150)
