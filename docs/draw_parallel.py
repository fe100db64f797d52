"""Draw `pictures/parallel.png`, circuits side by side, and `pictures/spacing.png`, their crosstalk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import pyplot as plt
from qiskit import QuantumCircuit, transpile

from qiskit_oqtopus import OqtopusProvider

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from qiskit_oqtopus import OqtopusBackend, Placement

PICTURES = Path(__file__).parent / "pictures"
SHOTS = 10_000


def ghz(n_qubits: int) -> QuantumCircuit:
    """Return a GHZ state, measured."""
    circuit = QuantumCircuit(n_qubits, name=f"GHZ of {n_qubits}")
    circuit.h(0)
    for qubit in range(n_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def memory(delay: float = 1.0) -> QuantumCircuit:
    """Return a circuit that keeps a Bell state for a delay in microseconds, undoes it, and should measure 00."""
    circuit = QuantumCircuit(2, name="memory")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.delay(delay, [0, 1], "us")
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure_all()
    return circuit


def compare(chip: OqtopusBackend, spacing: int) -> tuple[list[Placement], np.ndarray, np.ndarray]:
    """Return the places of six pairs, and the share of 00 of each, side by side and alone on the same qubits."""
    job = chip.run([memory()] * 6, parallel=True, spacing=spacing, shots=SHOTS, seed_simulator=spacing)
    places = job.placements()
    circuits = [transpile(memory(), chip, initial_layout=place.qubits, optimization_level=1) for place in places]
    alone = chip.run(circuits, shots=SHOTS, seed_simulator=2 + spacing)
    shares = [np.array([counts.get("00", 0) / SHOTS for counts in each.result().get_counts()]) for each in (job, alone)]
    return places, shares[0], shares[1]


def draw(chip: OqtopusBackend) -> Figure:
    """Return the picture of both comparisons."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    for spacing, ax in zip((1, 0), axes, strict=True):
        places, together, alone = compare(chip, spacing)
        at = np.arange(len(places))
        for offset, shares, label in ((-0.12, alone, "alone"), (0.12, together, "side by side")):
            errors = np.sqrt(shares * (1 - shares) / SHOTS)
            ax.errorbar(
                at + offset, shares, errors, fmt="o", capsize=3, label=f"{label}: {shares.mean():.3f} on average"
            )
        ax.set(title=f"spacing={spacing}", xlabel="Qubits", xticks=at, ylim=(0.5, 1))
        ax.set_xticklabels(["{}-{}".format(*place.qubits) for place in places])
        ax.legend(loc="lower left", frameon=False)
    axes[0].set_ylabel("Share of 00")
    return figure


if __name__ == "__main__":
    with OqtopusProvider.emulator(":memory:") as provider:
        chip = provider.get_backend("lattice64")
        places = chip.placements([ghz(n_qubits) for n_qubits in (6, 5, 4, 4, 3, 3, 2, 2, 2)])
        chip.plot(placements=places).savefig(PICTURES / "parallel.png", dpi=80)
        draw(provider.get_backend("lattice64c")).savefig(PICTURES / "spacing.png", dpi=100)
