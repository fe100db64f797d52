"""`oqtopus-client emulator faults`: faults of a served emulator."""

from __future__ import annotations

from typing import Annotated

import typer

from oqtopus_client.cli import completion
from oqtopus_client.cli.emulator_admin import Data, Url, control
from oqtopus_client.cli.group import Group
from oqtopus_client.cli.output import Json, console, counted, show_json, table
from oqtopus_client.cli.session import Session
from oqtopus_client.display import suggestion

_METHODS = ("GET", "POST", "PATCH", "DELETE")

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Inject faults into a served emulator, to test software against them.\n\n"
    "Example: oqtopus-client emulator faults inject server_error --times 3",
)


@app.command("kinds")
def kinds(*, as_json: Json = False) -> None:
    """List the kinds of faults.

    Example: oqtopus-client emulator faults kinds
    """
    from oqtopus_client.emulator import FaultKind

    if as_json:
        show_json({kind.value: kind.about for kind in FaultKind})
    else:
        console().print(table(("Kind", "Effect"), [(kind.value, kind.about) for kind in FaultKind]))


@app.command("list")
def pending(context: typer.Context, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """List the pending faults.

    Example: oqtopus-client emulator faults list
    """
    _, call = control(Session.of(context), url, data)
    found = call("GET", "/faults")
    if as_json:
        show_json(found)
        return
    rows = [(f["kind"], f["method"] or "any", f["path"], f["times"] or "until cleared", f["seconds"]) for f in found]
    console().print(table(("Kind", "Method", "Path", "Times", "Seconds"), rows, numbers={"Seconds"}))


@app.command("inject")
def inject(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="The kind of fault, as listed by `kinds`.", autocompletion=completion.fault_kinds
        ),
    ],
    *,
    path: Annotated[str, typer.Option(help="Only requests with a matching path, such as '/jobs/*/status'.")] = "*",
    method: Annotated[str | None, typer.Option(help="Only requests with this HTTP method.")] = None,
    times: Annotated[int, typer.Option(min=0, help="How often the fault occurs; 0 means until cleared.")] = 1,
    seconds: Annotated[float | None, typer.Option(min=0, max=3600, help="Duration, for kinds that take one.")] = None,
    status: Annotated[str | None, typer.Option(help="Status, for kinds that take one.")] = None,
    message: Annotated[str | None, typer.Option(help="The error message of a failing job.")] = None,
    url: Url = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Inject a fault.

    Example: oqtopus-client emulator faults inject delay --seconds 2 --times 5
    """
    known = [each for each, _ in completion.fault_kinds()]
    if known and kind not in known:  # without the emulator's packages, the emulator checks it
        raise typer.BadParameter(f"Unknown kind {kind!r}. {suggestion(kind, known)}")
    if method is not None and method not in _METHODS:
        raise typer.BadParameter(f"--method must be {', '.join(_METHODS)}, not {method!r}.")
    fault = {"kind": kind, "path": path, "method": method, "seconds": seconds, "status": status, "message": message}
    given = {name: value for name, value in fault.items() if value is not None} | {"times": times or None}
    _, call = control(Session.of(context), url, data)
    added = call("POST", "/faults", given)
    if as_json:
        show_json(added)
    else:
        typer.echo(f"{kind}: {counted(times, 'time') if times else 'until cleared'}.")


@app.command("clear")
def clear(context: typer.Context, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """Clear all faults.

    Example: oqtopus-client emulator faults clear
    """
    _, call = control(Session.of(context), url, data)
    call("DELETE", "/faults", empty=True)
    if as_json:
        show_json([])
    else:
        typer.echo("All faults cleared.")
