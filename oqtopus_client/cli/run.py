"""`oqtopus-client run FILE`: run a circuit on a device."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import oqtopus_client
from oqtopus_client.cli import completion
from oqtopus_client.cli.devices import find_device, refuse_unknown
from oqtopus_client.cli.job_view import show_outcome
from oqtopus_client.cli.output import Json, say
from oqtopus_client.cli.program import read
from oqtopus_client.cli.session import Session
from oqtopus_client.cli.waiting import Timeout, finished_after_submission, show_submitted
from oqtopus_client.errors import (
    JobSubmissionError,
    NotFoundError,
    OqtopusStorageError,
    PermissionDeniedError,
    ResponseValidationError,
    UserApiError,
)

if TYPE_CHECKING:
    from oqtopus_client.services.openqasm import Program


def run(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="OpenQASM 3 file, or - for standard input.")],
    *,
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Device to run on, as listed by `devices`.", autocompletion=completion.devices
        ),
    ],
    shots: Annotated[int, typer.Option(min=1, help="Number of shots.")] = 1000,
    name: Annotated[str | None, typer.Option(help="Name of the job; by default the name of the file.")] = None,
    transpile: Annotated[
        bool,
        typer.Option(
            "--transpile/--no-transpile",
            help="Let the server transpile the circuit, or run it as it is, in the device's own gates.",
        ),
    ] = True,
    optimization_level: Annotated[
        int | None,
        typer.Option(min=0, max=3, help="Optimization level of the server's transpiler; 1 by default."),
    ] = None,
    mitigate: Annotated[bool, typer.Option("--mitigate", help="Correct the counts for readout errors.")] = False,
    check: Annotated[
        bool,
        typer.Option("--check/--no-check", help="Check the program before sending it, and refuse what no server runs."),
    ] = True,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the counts, or only print the job id.")
    ] = True,
    timeout: Timeout = None,
    bars: Annotated[bool, typer.Option("--bars", help="Draw a bar for each outcome.")] = False,
    as_json: Json = False,
) -> None:
    """Run a circuit and print its counts.

    The circuit is an OpenQASM 3 program that measures its qubits. In an outcome, classical bit 0 is rightmost. Ctrl-C
    while waiting leaves the job running and prints its id.

    Example: oqtopus-client run bell.qasm --device qulacs --shots 1000 --bars
    """
    session = Session.of(context)
    if optimization_level is not None and not transpile:
        raise typer.BadParameter("--optimization-level needs the transpiler, which --no-transpile turns off.")
    program = read(file)
    if check:
        program.check()
    with warnings.catch_warnings(action="ignore"):  # `_check_for` prints them, with the program's name
        spec = oqtopus_client.OqtopusJobSpec.sampling(
            device_id=device,
            program=program.text,
            shots=shots,
            name=name or (None if file == "-" else Path(file).name),
            transpiler_info=_transpiler(optimization_level, on=transpile),
            mitigation_info={"ro_error_mitigation": "pseudo_inverse"} if mitigate else {},
        )
    if check:
        _check_for(session, program, device, transpiled=transpile)
    try:
        job_id = session.client.submit_job(spec).job_id
    except (JobSubmissionError, NotFoundError, PermissionDeniedError):
        refuse_unknown(session.client, device)
        raise
    if wait:
        show_outcome(finished_after_submission(session, job_id, timeout), bars=bars, json=as_json)
    else:
        show_submitted(session, job_id, json=as_json)


def _check_for(session: Session, program: Program, device: str, *, transpiled: bool) -> None:
    """Check a program against its device, and print warnings about what may still go wrong.

    Raises:
        ValueError: The device cannot run the program.
        CommandError: The device does not exist.
    """
    try:
        found = find_device(session.client, device)
    except (UserApiError, OqtopusStorageError, ResponseValidationError):
        pass  # if something is wrong, submitting the job reports it
    else:
        program.check_for(found, transpiled=transpiled)
    for warning in program.warnings():
        say(f"Warning: {warning}")


def _transpiler(level: int | None, *, on: bool) -> dict[str, Any]:
    if not on:
        return {"transpiler_lib": None}
    if level is None:
        return {}
    return {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": level}}
