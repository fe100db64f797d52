"""Picture of a chip with its couplings and errors: `plot_chip`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import EllipseCollection
from matplotlib.patches import Patch
from qiskit.circuit import Barrier, Delay

from oqtopus_client.display import moment, printable
from qiskit_oqtopus.visualization.chip_data import ChipData
from qiskit_oqtopus.visualization.chip_layout import place_qubits
from qiskit_oqtopus.visualization.colors import UNKNOWN, Scale, colours
from qiskit_oqtopus.visualization.style import INK, canvas

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from qiskit import QuantumCircuit

    from oqtopus_client import OqtopusDevice
    from qiskit_oqtopus.visualization.chip_data import Floats

# In units of the smallest distance between qubits: radii, margins, and the offset of opposite arrows.
_RING, _GAP, _DISC = 0.33, 0.255, 0.235
_MARGIN = 0.5
_ASIDE = 0.11
_SHAFT, _HEAD_WIDTH, _HEAD_LENGTH = 0.085, 2.7, 2.4

# In inches: the smallest distance between qubits, and the dimensions around the chip.
_PITCH, _WIDEST = 0.95, 13.0
_NARROWEST, _HEAD, _FOOT = 6.5, 0.85, 1.0
_BAR, _BETWEEN = 1.8, 0.4

_LARGEST_FONT = 11.0
_DARK = 0.55
_FADED, _FADED_INK = 0.15, "#aaaaaa"


def plot_chip(device: OqtopusDevice, *, circuit: QuantumCircuit | None = None) -> Figure:
    """Draw a device and its calibration.

    Each qubit is a disc, coloured by its gate error, inside a ring, coloured by its readout error. Each coupling is an
    arrow from control to target, coloured by its gate error. Darker is worse; grey is unknown. Qubits are drawn at
    their published positions, or else at positions computed from the graph of couplings.

    Args:
        device: The device.
        circuit: A circuit transpiled for the device; unused qubits and couplings are faded.

    Raises:
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
            rgba[~used, 3] = _FADED

    positions = place_qubits(chip)
    span = np.ptp(positions, axis=0) + 2 * _MARGIN
    pitch = min(_PITCH, _WIDEST / span.max())
    width, height = span * pitch
    full_width = max(width, _NARROWEST)
    with canvas(full_width, _FOOT + height + _HEAD) as figure:
        axes = _axes(figure, (full_width - width) / 2, _FOOT, width, height)
        axes.set(xlim=(-_MARGIN, span[0] - _MARGIN), ylim=(-_MARGIN, span[1] - _MARGIN))
        axes.axis("off")
        _draw_couplings(axes, positions, chip.couplings, shafts)
        _draw_qubits(axes, positions, rings, discs, 72 * pitch)
        _draw_title(figure, device, len(positions), circuit)
        scales = [scale for scale in (gates, readout, arrows) if scale is not None]
        left = (full_width - len(scales) * (_BAR + _BETWEEN) + _BETWEEN) / 2
        for i, scale in enumerate(scales):
            scale.draw(figure, _axes(figure, left + i * (_BAR + _BETWEEN), 0.55, _BAR, 0.12))
        if np.isnan(np.concatenate([chip.gate_errors, chip.readout_errors, chip.coupling_errors])).any():
            figure.legend(handles=[Patch(color=UNKNOWN, label="unknown")], loc="lower center", frameon=False)
    return figure


def _used(circuit: QuantumCircuit, chip: ChipData, device_id: str) -> tuple[npt.NDArray[np.bool_], ...]:
    """Return masks of the qubits and couplings that a circuit uses; a coupling counts in either direction."""
    n_qubits = len(chip.gate_errors)
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


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes with this position and size in inches."""
    full_width, full_height = figure.get_size_inches()
    return figure.add_axes((left / full_width, bottom / full_height, width / full_width, height / full_height))


def _draw_couplings(axes: Axes, positions: Floats, couplings: npt.NDArray[np.int64], rgba: Floats) -> None:
    if not len(couplings):
        return
    start, end = (positions[couplings[:, i]] for i in (0, 1))
    along = (end - start) / np.linalg.norm(end - start, axis=1, keepdims=True)
    pairs = set(map(tuple, couplings.tolist()))
    both = np.array([[(target, control) in pairs] for control, target in couplings.tolist()])
    aside = np.column_stack([-along[:, 1], along[:, 0]]) * _ASIDE * both
    start, end = start + _RING * along + aside, end - _RING * along + aside
    axes.quiver(
        *start.T,
        *(end - start).T,
        color=rgba,
        angles="xy",
        units="xy",
        scale_units="xy",
        scale=1,
        minlength=0,
        edgecolor="white",  # separates crossing arrows
        linewidth=0.7,
        zorder=1,
        width=_SHAFT,
        headwidth=_HEAD_WIDTH,
        headlength=_HEAD_LENGTH,
        headaxislength=_HEAD_LENGTH,
    )


def _draw_qubits(axes: Axes, positions: Floats, rings: Floats, discs: Floats, points: float) -> None:
    """Draw rings, discs and numbers; `points` is the length of a unit in points."""
    for radius, colour in ((_RING, rings), (_GAP, "white"), (_DISC, discs)):
        axes.add_collection(
            EllipseCollection(
                2 * radius,
                2 * radius,
                0,
                units="xy",
                offsets=positions,
                offset_transform=axes.transData,
                facecolors=colour,
                linewidth=0,
            )
        )
    digits = len(str(len(positions) - 1))
    size = min(_LARGEST_FONT, 2 * _DISC * points / (0.75 * digits))
    for i, (x, y) in enumerate(positions):
        axes.text(x, y, str(i), ha="center", va="center_baseline", fontsize=size, color=_ink_on(discs[i]))


def _ink_on(rgba: Floats) -> str:
    if rgba[3] < 1:
        return _FADED_INK
    luminance = rgba[:3] @ [0.299, 0.587, 0.114]
    return "white" if luminance < _DARK else INK


def _draw_title(figure: Figure, device: OqtopusDevice, n_qubits: int, circuit: QuantumCircuit | None) -> None:
    height = figure.get_size_inches()[1]
    about = [f"{n_qubits} qubits"]
    if device.calibrated_at is not None:
        about.append(f"calibrated {moment(device.calibrated_at)}")
    if circuit is not None:
        about.append(f"as used by {printable(circuit.name)}")
    title, subtitle = 1 - 0.3 / height, 1 - 0.58 / height
    centred: dict[str, Any] = {"ha": "center", "va": "center", "parse_math": False}
    figure.text(0.5, title, printable(device.device_id), fontsize="xx-large", weight="bold", **centred)
    figure.text(0.5, subtitle, ", ".join(about), **centred)
