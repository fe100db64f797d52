"""`oqtopus-client device NAME`: the calibration of one device."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oqtopus_client.cli import completion
from oqtopus_client.cli.chip_map import chip_map
from oqtopus_client.cli.devices import description, find_device
from oqtopus_client.cli.output import Json, coloured, console, counted, facts, percent, say, show_json, table, utc
from oqtopus_client.cli.session import Session
from oqtopus_client.physics import cx_duration, medians

if TYPE_CHECKING:
    from rich.table import Table

    from oqtopus_client import Calibration, OqtopusDevice

_QUBIT = ("Qubit", "Gate error", "Readout error", "T1 (µs)", "T2 (µs)")
_COUPLING = ("Control", "Target", "Gate error", "Duration (ns)")


def device(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The device name, as listed by `devices`.", autocompletion=completion.devices
        ),
    ],
    *,
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save a picture of the chip, coloured by its errors.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a device's calibration: the chip, every qubit, every coupling, and the medians.

    A coupling is a pair of qubits with a two-qubit gate, drawn as an arrow from control to target. Colours show readout
    errors of qubits and gate errors of couplings: green up to the median, yellow up to twice the median, red above. T1
    and T2 are the times for which a qubit keeps its energy and its phase. --png saves a more detailed picture; it needs
    Matplotlib.

    Example: oqtopus-client device lattice64 --png chip.png
    """
    found = find_device(Session.of(context).client, name)
    if png is not None:
        _draw(found, png)
    if as_json:
        show_json({**description(found), **dataclasses.asdict(found.calibration)})
        return
    terminal = console()
    terminal.print(_summary(found))
    drawing = chip_map(found.calibration, terminal.width)
    if drawing is not None:
        terminal.print()
        terminal.print(drawing)
    for made in (_qubits(found.calibration), _couplings(found.calibration)):
        if made.row_count:
            terminal.print()
            terminal.print(made)


def _summary(found: OqtopusDevice) -> Table:
    typical = medians(found.calibration)
    return facts(
        [
            ("Device", found.device_id),
            ("Description", found.description or None),
            ("Type", found.device_type),
            ("Status", coloured(found.status)),
            ("Available from", utc(found.available_at)),
            ("Queue", counted(found.n_pending_jobs, "job")),
            ("Qubits", found.n_qubits),
            ("Couplings", len(found.calibration.couplings) or None),
            ("Native gates", ", ".join(found.basis_gates) or None),
            ("Calibrated", utc(found.calibrated_at)),
            ("Median gate error", percent(typical["median_gate_error"])),
            ("Median two-qubit error", percent(typical["median_two_qubit_error"])),
            ("Median readout error", percent(typical["median_readout_error"])),
            ("Median T1", _microseconds(typical["median_t1_us"])),
            ("Median T2", _microseconds(typical["median_t2_us"])),
        ]
    )


def _microseconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} µs"


def _qubits(calibration: Calibration) -> Table:
    rows = [
        (i, percent(qubit.gate_error), percent(qubit.readout_error), qubit.t1_us, qubit.t2_us)
        for i, qubit in enumerate(calibration.qubits)
    ]
    return table(_QUBIT, rows, numbers=_QUBIT)


def _couplings(calibration: Calibration) -> Table:
    rows = [
        (c.control, c.target, percent(c.gate_error), cx_duration(c, calibration.qubits[c.target]))
        for c in calibration.couplings
    ]
    return table(_COUPLING, rows, numbers=_COUPLING)


def _draw(found: OqtopusDevice, file: Path) -> None:
    if not file.suffix:  # Matplotlib would save to another file, of its own choice
        raise ValueError(f"--png: the name {str(file)!r} has no ending; name the file chip.png, for example.")
    try:
        from qiskit_oqtopus.visualization.chip import plot_chip
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Drawing the chip needs more packages ({error}): pip install 'oqtopus-client[visualization]'"
        ) from None
    try:
        plot_chip(found).savefig(file)
    except ValueError as error:  # an unknown format
        raise ValueError(f"{file}: {error}; name the file chip.png, for example.") from None
    say(f"Saved to {file}.")
