"""`oqtopus-client devices`: the available devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from oqtopus_client.cli.exit_codes import CommandError, ExitCode
from oqtopus_client.cli.output import Json, coloured, percent, show, show_json, table
from oqtopus_client.cli.session import Session
from oqtopus_client.display import moment, suggestion
from oqtopus_client.errors import NotFoundError, OqtopusError, PermissionDeniedError
from oqtopus_client.physics import medians

if TYPE_CHECKING:
    from oqtopus_client import OqtopusClient, OqtopusDevice

_HEADINGS = ("Device", "Type", "Qubits", "Status", "Queue", "Calibrated", "Two-qubit\nerror", "Readout\nerror")


def devices(context: typer.Context, *, as_json: Json = False) -> None:
    """List the devices you can use, with their queues and typical errors.

    Queue is the number of waiting jobs. Errors are the medians of two-qubit gate errors and of readout errors in the
    last calibration. Some simulators publish none.

    Example: oqtopus-client devices
    """
    show_devices(Session.of(context).client, as_json=as_json)


def show_devices(client: OqtopusClient, *, as_json: bool) -> None:
    """Print the devices of a server."""
    found = client.list_devices()
    if as_json:
        show_json([description(device) for device in found])
        return
    numbers = {"Qubits", "Queue", *_HEADINGS[-2:]}
    show(table(_HEADINGS, map(_row, found), numbers=numbers, whole=set(_HEADINGS) - {"Calibrated"}))


def find_device(client: OqtopusClient, name: str) -> OqtopusDevice:
    """Return the device with this name.

    Raises:
        CommandError: The device does not exist; the message suggests others.
    """
    if not name:
        raise CommandError("The name of the device is empty; is a shell variable unset?", ExitCode.USAGE)
    try:
        return client.get_device(name)
    except (NotFoundError, PermissionDeniedError):
        # Servers answer 403 for unknown devices.
        refuse_unknown(client, name)
        raise


def refuse_unknown(client: OqtopusClient, name: str) -> None:
    """Check that the server lists a device with this name; if the server cannot list its devices, do nothing.

    Raises:
        CommandError: The device does not exist; the message suggests others.
    """
    try:
        names = [device.device_id for device in client.list_devices()]
    except OqtopusError:
        return  # the caller is handling an error that says more, such as a job's id
    if name not in names:
        hint = suggestion(name, names) or "This server offers no devices."
        raise CommandError(f"Unknown device {name!r}. {hint}", ExitCode.NOT_FOUND)


def description(device: OqtopusDevice) -> dict[str, Any]:
    """Return a device's fields for JSON output."""
    return {
        "device_id": device.device_id,
        "device_type": device.device_type,
        "n_qubits": device.n_qubits,
        "status": device.status,
        "n_pending_jobs": device.n_pending_jobs,
        "calibrated_at": device.calibrated_at,
        "available_at": device.available_at,
        "description": device.description,
        **medians(device.calibration),
    }


def _row(device: OqtopusDevice) -> tuple[object, ...]:
    typical = medians(device.calibration)
    return (
        device.device_id,
        device.device_type,
        device.n_qubits,
        coloured(device.status),
        device.n_pending_jobs,
        device.calibrated_at and moment(device.calibrated_at),
        percent(typical["median_two_qubit_error"]),
        percent(typical["median_readout_error"]),
    )
