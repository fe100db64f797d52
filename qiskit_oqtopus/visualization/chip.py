"""Picture of a chip with its couplings and errors: `plot_chip`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Patch
from qiskit.circuit import Barrier, Delay, QuantumCircuit

from oqtopus_client.display import printable
from qiskit_oqtopus.visualization.chip_data import ChipData
from qiskit_oqtopus.visualization.colors import UNKNOWN, Scale, colours
from qiskit_oqtopus.visualization.panel import BAR, BETWEEN, FADED, FOOT, HEAD, NARROWEST, Panel, axes_at, draw_title
from qiskit_oqtopus.visualization.style import canvas

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

    from oqtopus_client import OqtopusDevice


def plot_chip(device: OqtopusDevice, *, circuit: QuantumCircuit | None = None) -> Figure:
    """Draw a device and its calibration.

    Each qubit is a disc, coloured by its gate error, inside a ring, coloured by its readout error. Each coupling is an
    arrow from control to target, coloured by its gate error. Darker is worse; grey is unknown. Qubits are drawn at
    their published positions, or else at positions computed from the graph of couplings.

    Args:
        device: The device.
        circuit: A circuit transpiled for the device; unused qubits and couplings are faded.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: The device publishes no qubit data, or the circuit was not transpiled for the device.
    """
    chip = ChipData.of(device)
    gates = Scale.of("Gate error (disc)", "Blues", chip.gate_errors)
    readout = Scale.of("Readout error (ring)", "Oranges", chip.readout_errors)
    arrows = Scale.of("Two-qubit gate error (arrow)", "RdPu", chip.coupling_errors)
    discs = colours(gates, chip.gate_errors)
    rings = colours(readout, chip.readout_errors)
    shafts = colours(arrows, chip.coupling_errors)
    if circuit is not None:
        qubits, couplings = _used(circuit, chip, device.device_id)
        for rgba, used in ((discs, qubits), (rings, qubits), (shafts, couplings)):
            rgba[~used, 3] = FADED

    panel = Panel.of(chip)
    width, height = panel.size
    full_width = max(width, NARROWEST)
    with canvas(full_width, FOOT + height + HEAD) as figure:
        panel.draw(figure, (full_width - width) / 2, FOOT, rings=rings, discs=discs, arrows=shafts)
        use = [] if circuit is None else [f"as used by {printable(circuit.name)}"]
        draw_title(figure, device, f"{len(discs)} qubits", *use)
        scales = [scale for scale in (gates, readout, arrows) if scale is not None]
        left = (full_width - len(scales) * (BAR + BETWEEN) + BETWEEN) / 2
        for i, scale in enumerate(scales):
            scale.draw(figure, axes_at(figure, left + i * (BAR + BETWEEN), 0.55, BAR, 0.12))
        if np.isnan(np.concatenate([chip.gate_errors, chip.readout_errors, chip.coupling_errors])).any():
            figure.legend(handles=[Patch(color=UNKNOWN, label="unknown")], loc="lower center", frameon=False)
    return figure


def _used(circuit: QuantumCircuit, chip: ChipData, device_id: str) -> tuple[npt.NDArray[np.bool_], ...]:
    """Return masks of the qubits and couplings that a circuit uses; a coupling counts in either direction."""
    n_qubits = len(chip.gate_errors)
    if not isinstance(circuit, QuantumCircuit):
        raise TypeError(f"circuit must be a QuantumCircuit, not {circuit!r}.")
    if circuit.num_qubits != n_qubits:
        raise ValueError(
            f"Circuit {circuit.name!r} has {circuit.num_qubits} qubits, but device {device_id!r} has {n_qubits}: "
            "transpile it for the backend first."
        )
    used = {
        frozenset(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        for instruction in circuit.data
        if not isinstance(instruction.operation, Barrier | Delay)
    }
    qubits = np.isin(np.arange(n_qubits), list(frozenset().union(*used)))
    return qubits, np.array([frozenset(coupling) in used for coupling in chip.couplings.tolist()], dtype=bool)
