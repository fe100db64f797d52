"""Pictures of circuits on a chip, and of values measured on it: `plot_placements` and `plot_values`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.patches import Patch

from oqtopus_client.checks import qubit_index, shown
from oqtopus_client.display import printable
from qiskit_oqtopus.parallel.placement import Placement
from qiskit_oqtopus.visualization.chip_data import ChipData
from qiskit_oqtopus.visualization.colors import UNKNOWN, Scale, colours
from qiskit_oqtopus.visualization.panel import BAR, FADED, FOOT, HEAD, NARROWEST, Panel, axes_at, draw_title
from qiskit_oqtopus.visualization.style import canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from oqtopus_client import OqtopusDevice
    from qiskit_oqtopus.visualization.chip_data import Floats

_PALETTE = [mpl.colormaps["tab20"](i) for i in range(20)]
_MOST_PANELS, _MOST_LABELS, _LONGEST_LABEL = 12, 40, 20

# In inches: the longest side of one of several panels, the height of its title, and the size of a label.
_SMALL, _CAPTION, _LABEL_WIDTH, _LABEL_HEIGHT = 4.5, 0.3, 2.2, 0.19


def plot_placements(device: OqtopusDevice, placements: Sequence[Placement]) -> Figure:
    """Draw the places of circuits: a picture of the chip for each program, with a colour for each circuit.

    The first twelve programs are drawn. Up to forty circuits are listed, with their estimated fidelities.

    Args:
        device: The device.
        placements: The places of the circuits.

    Raises:
        TypeError: They are something else.
        ValueError: There are no placements, the device publishes no qubit data, or it does not have one of the qubits.
    """
    if not (isinstance(placements, Sequence) and all(isinstance(each, Placement) for each in placements)):
        raise TypeError(
            "placements must be a list as backend.placements() and job.placements() return it, not "
            f"{placements!r:.100}."
        )
    chip = ChipData.of(device)
    _check(device, chip, (qubit for each in placements for qubit in each.qubits if qubit is not None))
    if not placements:
        raise ValueError("placements is empty, so there is nothing to draw.")
    programs = sorted({each.program for each in placements})
    drawn = programs[:_MOST_PANELS]
    circuits = sorted({each.circuit for each in placements if each.program in drawn})
    tints = {circuit: _PALETTE[i % len(_PALETTE)] for i, circuit in enumerate(circuits)}
    labels = [_label(placements, circuit) for circuit in circuits if len(circuits) <= _MOST_LABELS]

    panel, caption = (Panel.of(chip), 0.0) if len(drawn) == 1 else (Panel.of(chip, _SMALL), _CAPTION)
    width, height = panel.size[0], panel.size[1] + caption
    columns = math.ceil(math.sqrt(len(drawn)))
    rows = math.ceil(len(drawn) / columns)
    full_width = max(columns * width, NARROWEST)
    label_columns = int(full_width / _LABEL_WIDTH)
    foot = 0.2 + _LABEL_HEIGHT * math.ceil(len(labels) / label_columns)
    with canvas(full_width, foot + rows * height + HEAD) as figure:
        for i, program in enumerate(drawn):
            left = (full_width - columns * width) / 2 + i % columns * width
            bottom = foot + (rows - 1 - i // columns) * height
            discs, arrows = _tinted(chip, [each for each in placements if each.program == program], tints)
            axes = panel.draw(figure, left, bottom, rings=discs, discs=discs, arrows=arrows)
            if caption:
                axes.set_title(f"Program {program}", fontsize="medium")
        about = [f"{len(placements)} circuits side by side", f"{len(programs)} programs"]
        draw_title(figure, device, *about[: 1 if len(programs) == 1 else 2])
        if labels:
            handles = [Patch(color=tints[circuit]) for circuit in circuits]
            legend = figure.legend(handles, labels, loc="lower center", ncols=label_columns, frameon=False)
            for text in legend.get_texts():
                text.set_parse_math(False)
    return figure


def plot_values(
    device: OqtopusDevice, values: Mapping[int | tuple[int, int], float], *, label: str = "", unit: str = ""
) -> Figure:
    """Draw values of qubits and couplings: darker is more; those without a value are grey.

    Args:
        device: The device.
        values: A value for each qubit, by its index, or for each coupling, by its pair of qubits in either order.
        label: Name of the values.
        unit: Their unit.

    Raises:
        TypeError: `values` is not a mapping of indices or pairs of them to numbers.
        ValueError: There are no values, the device publishes no qubit data, or it does not have one of the qubits or
            couplings.
    """
    if not (isinstance(values, Mapping) and all(isinstance(value, Real) for value in values.values())):
        raise TypeError(f"values must map qubits, or pairs of qubits, to numbers, not {shown(values)}.")
    chip = ChipData.of(device)
    qubits = {qubit_index(key): value for key, value in values.items() if not isinstance(key, Iterable)}
    pairs = {frozenset(map(qubit_index, key)): value for key, value in values.items() if isinstance(key, Iterable)}
    _check(device, chip, [*qubits, *(qubit for pair in pairs for qubit in pair)])
    if unknown := pairs.keys() - set(map(frozenset, chip.couplings.tolist())):
        raise ValueError(f"{device.device_id} does not couple qubits {sorted(unknown.pop())}.")
    on_qubits = np.array([qubits.get(i, math.nan) for i in range(len(chip.gate_errors))])
    on_pairs = np.array([pairs.get(frozenset(pair), math.nan) for pair in chip.couplings.tolist()], dtype=np.float64)
    scale = Scale.of(f"{label} ({unit})" if unit else label, "viridis_r", np.concatenate([on_qubits, on_pairs]), "")
    if scale is None:
        raise ValueError("values has no finite number, so there is nothing to draw.")
    discs, arrows = colours(scale, on_qubits), colours(scale, on_pairs)
    coupled = np.isin(np.arange(len(on_qubits)), list(frozenset().union(*pairs)))
    discs[np.isnan(on_qubits) & ~coupled, 3] = arrows[np.isnan(on_pairs), 3] = FADED

    panel = Panel.of(chip)
    width, height = panel.size
    full_width = max(width, NARROWEST)
    with canvas(full_width, FOOT + height + HEAD) as figure:
        panel.draw(figure, (full_width - width) / 2, FOOT, rings=discs, discs=discs, arrows=arrows)
        draw_title(figure, device, f"{len(on_qubits)} qubits")
        scale.draw(figure, axes_at(figure, full_width / 2 - BAR, 0.55, 2 * BAR, 0.12))
    return figure


def _check(device: OqtopusDevice, chip: ChipData, qubits: Iterable[int]) -> None:
    """Check that a device has these qubits."""
    n_qubits = len(chip.gate_errors)
    if unknown := set(qubits) - set(range(n_qubits)):
        raise ValueError(f"{device.device_id} has no qubit {min(unknown)}; it has 0 to {n_qubits - 1}.")


def _tinted(
    chip: ChipData, placements: Sequence[Placement], tints: Mapping[int, tuple[float, ...]]
) -> tuple[Floats, Floats]:
    """Return the colours of the qubits, and of the couplings within circuits; the others are faded."""
    discs, arrows = (np.tile(to_rgba(UNKNOWN, FADED), (len(each), 1)) for each in (chip.gate_errors, chip.couplings))
    for each in placements:
        qubits = [qubit for qubit in each.qubits if qubit is not None]
        discs[qubits] = tints[each.circuit]
        arrows[np.isin(chip.couplings, qubits).all(axis=1)] = tints[each.circuit]
    return discs, arrows


def _label(placements: Sequence[Placement], circuit: int) -> str:
    """Return a circuit's number, name and fidelity, with the lowest and highest fidelity of replicas."""
    alike = [each for each in placements if each.circuit == circuit]
    fidelities = sorted(each.fidelity for each in alike)
    ends = dict.fromkeys(f"{100 * fidelity:.1f}" for fidelity in (fidelities[0], fidelities[-1]))
    name = printable(alike[0].name)
    short = name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + "…"
    return f"{circuit}: {short} ({' to '.join(ends)} %)"
