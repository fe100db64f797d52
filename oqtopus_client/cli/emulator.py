"""`oqtopus-client emulator`: serve and control an emulator."""

from __future__ import annotations

from typing import Any

import typer

import oqtopus_client
from oqtopus_client.cli import faults
from oqtopus_client.cli.devices import show_devices
from oqtopus_client.cli.emulator_admin import Data, Url, control
from oqtopus_client.cli.output import Json, console, counted, facts, show_json
from oqtopus_client.cli.session import Session

app = typer.Typer(
    no_args_is_help=True,
    help="Serve an emulated cloud on this computer and inject faults.\n\nExample: oqtopus-client emulator start",
)
app.add_typer(faults.app, name="faults")

_PASS_THROUGH: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command("start", context_settings=_PASS_THROUGH, add_help_option=False)
def start(context: typer.Context) -> None:
    """Serve an emulator until Ctrl-C; --help lists its options.

    It prints two lines that configure other programs for it.

    Example: oqtopus-client emulator start --port 8080
    """
    from oqtopus_client.emulator.__main__ import main

    main(context.args, program="oqtopus-client emulator start")


@app.command("status")
def status(context: typer.Context, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """Show whether an emulator is running, its devices, and its pending faults.

    Example: oqtopus-client emulator status
    """
    config, call = control(Session.of(context), url, data)
    pending = call("GET")
    with oqtopus_client.OqtopusClient(config) as client:
        offered = client.list_devices()
        waiting = sum(device.n_pending_jobs for device in offered)
    if as_json:
        names = [device.device_id for device in offered]
        show_json({"url": config.base_url, "devices": names, "n_pending_jobs": waiting, "faults": pending})
        return
    listed = ", ".join(device.device_id for device in offered)
    pairs = [
        ("Emulator", config.base_url),
        ("Devices", listed),
        ("Queue", counted(waiting, "job")),
        ("Faults", len(pending)),
    ]
    console().print(facts(pairs))


@app.command("devices")
def devices(context: typer.Context, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """List the devices of a served emulator.

    Example: oqtopus-client emulator devices
    """
    config, _ = control(Session.of(context), url, data)
    with oqtopus_client.OqtopusClient(config) as client:
        show_devices(client, as_json=as_json)
