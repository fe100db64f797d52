"""`oqtopus-client emulator faults`: what goes wrong in a served emulator."""

from __future__ import annotations

from typing import Annotated

import typer

from oqtopus_client.cli.emulator_admin import Data, Url, control
from oqtopus_client.cli.output import Json, console, show_json, table
from oqtopus_client.cli.session import Session

app = typer.Typer(
    no_args_is_help=True,
    help="Let things go wrong in a served emulator, to test what is built on it.\n\n"
    "Example: oqtopus-client emulator faults inject server_error --times 3",
)


@app.command("kinds")
def kinds(*, as_json: Json = False) -> None:
    """List what can go wrong.

    Example: oqtopus-client emulator faults kinds
    """
    from oqtopus_client.emulator import FaultKind

    if as_json:
        show_json({kind.value: kind.about for kind in FaultKind})
    else:
        console().print(table(("Kind", "What goes wrong"), [(kind.value, kind.about) for kind in FaultKind]))


@app.command("list")
def pending(context: typer.Context, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """List the faults that are still to happen.

    Example: oqtopus-client emulator faults list
    """
    _, call = control(Session.of(context), url, data)
    found = call("GET")
    if as_json:
        show_json(found)
        return
    rows = [(f["kind"], f["method"] or "any", f["path"], f["times"] or "until cleared", f["seconds"]) for f in found]
    console().print(table(("Kind", "Method", "Path", "Times", "Seconds"), rows, numbers={"Seconds"}))


@app.command("inject")
def inject(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="What goes wrong; `kinds` lists what can.")],
    *,
    path: Annotated[str, typer.Option(help="Only requests whose path is like this, such as '/jobs/*/status'.")] = "*",
    method: Annotated[str | None, typer.Option(help="Only requests of this HTTP method.")] = None,
    times: Annotated[int, typer.Option(min=0, help="How often it happens; 0 until it is cleared.")] = 1,
    seconds: Annotated[float | None, typer.Option(help="How long, where the kind says so.")] = None,
    status: Annotated[str | None, typer.Option(help="The status, where the kind says so.")] = None,
    message: Annotated[str | None, typer.Option(help="The message of a job that fails.")] = None,
    url: Url = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Let something go wrong.

    Example: oqtopus-client emulator faults inject delay --seconds 2 --times 5
    """
    fault = {"kind": kind, "path": path, "method": method, "seconds": seconds, "status": status, "message": message}
    given = {name: value for name, value in fault.items() if value is not None} | {"times": times or None}
    _, call = control(Session.of(context), url, data)
    added = call("POST", given)
    if as_json:
        show_json(added)
    else:
        typer.echo(f"{kind}: {f'{times} times' if times else 'until cleared'}.")


@app.command("clear")
def clear(context: typer.Context, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """Let no more go wrong.

    Example: oqtopus-client emulator faults clear
    """
    _, call = control(Session.of(context), url, data)
    call("DELETE")
    if as_json:
        show_json([])
    else:
        typer.echo("Nothing more goes wrong.")
