"""`oqtopus-client doctor`: diagnostics."""

from __future__ import annotations

from dataclasses import asdict

import typer

from oqtopus_client.cli.output import Json, coloured, console, show_json, table
from oqtopus_client.cli.session import Session


def doctor(context: typer.Context, *, as_json: Json = False) -> None:
    """Check versions, configuration, network, certificate, clock and token, and suggest fixes.

    The token itself is never shown. The exit code is 0 unless a check fails; then it is the code of that kind of error.

    Example: oqtopus-client doctor
    """
    from oqtopus_client.cli.checks import checks

    found = list(checks(Session.of(context)))
    if as_json:
        show_json([{name: value for name, value in asdict(check).items() if name != "code"} for check in found])
    else:
        rows = [(coloured(check.state), check.name, check.found, check.remedy) for check in found]
        console().print(table(("", "Check", "Found", "Remedy"), rows))
    failed = next((check for check in found if check.state == "fail"), None)
    if failed is not None:
        raise typer.Exit(failed.code)
