"""`oqtopus-client device NAME`: one chip, qubit by qubit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oqtopus_client.cli.chip_map import chip_map
from oqtopus_client.cli.devices import description, find_device
from oqtopus_client.cli.medians import medians
from oqtopus_client.cli.output import Json, coloured, console, counted, facts, percent, say, show_json, table, utc
from oqtopus_client.cli.session import Session
from oqtopus_client.physics import cx_duration

if TYPE_CHECKING:
    from rich.table import Table

    from oqtopus_client import Calibration, OqtopusDevice

_QUBIT = ("Qubit", "Gate error", "Readout error", "T1 (µs)", "T2 (µs)")
_COUPLING = ("Control", "Target", "Gate error", "Duration (ns)")


def device(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The device, as `devices` lists it.")],
    *,
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the chip, coloured by its errors, into this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a device's calibration: the chip, every qubit, every coupling, and the medians.

    A coupling is a pair of qubits with a gate between them, an arrow from control to target. Qubits have the colours of
    their readout errors, arrows those of their gate errors: green up to the median, yellow up to twice that, then red.
    T1 and T2 say how long a qubit keeps its energy and its phase. With --png, a finer picture is drawn into a file; it
    needs Matplotlib.

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
            ("Expected back", utc(found.available_at)),
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
    try:
        from qiskit_oqtopus.visualization.chip import plot_chip
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Pictures need more packages ({error}): pip install 'oqtopus-client[visualization]'"
        ) from None
    plot_chip(found).savefig(file)
    say(f"Drawn into {file}.")
