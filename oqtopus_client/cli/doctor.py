"""`oqtopus-client doctor`: diagnostics."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from oqtopus_client.cli.output import Json, coloured, console, show_json, table
from oqtopus_client.cli.session import Session


def doctor(
    context: typer.Context,
    *,
    compare: Annotated[
        bool, typer.Option("--compare", help="Show instead how the server's responses differ from the emulator's.")
    ] = False,
    with_jobs: Annotated[
        bool, typer.Option("--with-jobs", help="With --compare, also run a Bell circuit, and delete its job.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check versions, configuration, network, certificate, clock and token, and suggest fixes.

    The token itself is never shown. The exit code is 0 unless a check fails; then it is the code of that kind of error.

    With --compare, requests that change nothing are sent to the server and to an emulator in this process. The report
    lists the differences and contains no secrets, so you can attach it to a bug report.

    Example: oqtopus-client doctor
    """
    if with_jobs and not compare:
        raise typer.BadParameter("--with-jobs needs --compare.")
    if compare:
        _compare(Session.of(context), with_jobs=with_jobs, as_json=as_json)
        return
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


def _compare(session: Session, *, with_jobs: bool, as_json: bool) -> None:
    from oqtopus_client.cli.compare import compare, requests
    from oqtopus_client.emulator import Emulator

    with Emulator(":memory:") as emulator:
        differences = compare(session.config(), emulator.config, with_jobs=with_jobs)
    if as_json:
        show_json([asdict(difference) for difference in differences])
    elif differences:
        rows = [(found.request, found.aspect, found.server, found.emulator) for found in differences]
        console().print(table(("Request", "Differs", "Server", "Emulator"), rows, whole=()))
    else:
        sent = sum(with_jobs or not request.get("jobs") for request in requests())
        console().print(f"The server answers {sent} requests as the emulator does.")
