"""The check of a program before it is submitted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi.concurrency import run_in_threadpool

from oqtopus_client.emulator.console.drawing.circuit import Drawing
from oqtopus_client.emulator.console.limited import try_to_draw, within_limits
from oqtopus_client.emulator.console.texts import texts
from oqtopus_client.services.device import OqtopusDevice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oqtopus_client.emulator.device_files import EmulatedDevice
    from oqtopus_client.services.job_spec import OqtopusJobSpec
    from oqtopus_client.services.openqasm import Program

_QUBIT = re.compile(r"[XYZ] ?(\d+)")


@dataclass(frozen=True)
class Checked:
    """The findings of a check.

    Attributes:
        problems: Reasons for which the job would fail.
        warnings: Properties of the program that are probably not intended.
        drawing: The circuit, if the program can be read.
    """

    problems: Sequence[str] = ()
    warnings: Sequence[str] = ()
    drawing: Drawing | None = None


async def check(user_id: str, program: Program, spec: OqtopusJobSpec, device: EmulatedDevice) -> Checked:
    """Check that a device can run a job, as `oqtopus-client run` does."""
    published = OqtopusDevice(device.info(n_pending_jobs=0))
    info = await run_in_threadpool(spec.to_s3_submit_job_info)
    paulis = [term.pauli for term in info.operator or ()]
    transpiled = spec.transpiler_info.get("transpiler_lib", "") is not None
    checked = await within_limits(user_id, _check, program, published, paulis, transpiled=transpiled)
    if checked is None:
        return Checked(warnings=[texts().submit.slow])
    if not device.available:
        unavailable = texts().submit.unavailable.format(device=device.device_id)
        return Checked([*checked.problems, unavailable], checked.warnings, checked.drawing)
    return checked


def _check(program: Program, device: OqtopusDevice, paulis: Sequence[str], *, transpiled: bool) -> Checked:
    try:
        program.check()
    except ValueError as error:
        return Checked([str(error)])
    drawing = try_to_draw(program.text)
    if isinstance(drawing, str):
        return Checked([f"{program.name}: {drawing}"])  # the emulator has limits that the check does not know
    problems = []
    try:
        program.check_for(device, transpiled=transpiled)
    except ValueError as error:
        problems.append(str(error))
    highest = max((int(number) for pauli in paulis for number in _QUBIT.findall(pauli)), default=-1)
    if highest >= drawing.n_qubits:
        problems.append(texts().submit.operator_too_wide.format(qubit=highest, n_qubits=drawing.n_qubits))
    # An estimation measures what its operator needs, whatever the program measures.
    return Checked(problems, [] if paulis else program.warnings(), drawing)
