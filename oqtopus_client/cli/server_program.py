"""`oqtopus-client program FILE.py`: run a Python script next to the device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import oqtopus_client
from oqtopus_client.cli import completion
from oqtopus_client.cli.devices import refuse_unknown
from oqtopus_client.cli.output import Json
from oqtopus_client.cli.program_view import show_program
from oqtopus_client.cli.session import Session
from oqtopus_client.cli.waiting import Timeout, finished_after_submission, show_submitted
from oqtopus_client.errors import JobSubmissionError, NotFoundError, PermissionDeniedError


def program(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.py", help="Python script.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="Arguments of the script; put -- before its options.")
    ] = None,
    *,
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Device to run on, as listed by `devices`.", autocompletion=completion.devices
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the job; by default the name of the file.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Print the script's output, before its result.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the result, or only print the job id.")
    ] = True,
    timeout: Timeout = None,
    as_json: Json = False,
) -> None:
    """Run a Python script next to the device and print the result of its last job.

    There, the jobs that it submits run one after the other, without the queue. The script runs as it is, in the
    server's Python with the packages installed there, for ten minutes at most. It must submit at least one job. Servers
    keep no log of a script that fails.

    Example: oqtopus-client program vqe.py 60 --device qulacs --log
    """
    session = Session.of(context)
    options = oqtopus_client.ProgramOptions(name=name)
    try:
        submitted = session.client.run_program(file, *(arguments or ()), device_id=device, options=options)
    except (JobSubmissionError, NotFoundError, PermissionDeniedError):
        refuse_unknown(session.client, device)
        raise
    if wait:
        finished_after_submission(session, submitted.job_id, timeout)
        show_program(session, submitted.job_id, log=log, json=as_json)
    else:
        show_submitted(session, submitted.job_id, json=as_json)
