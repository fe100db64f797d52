"""`/console/submit`: the form that submits a job."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from oqtopus_client.checks import shown
from oqtopus_client.emulator.api.dependencies import ApiError, Cloud, CloudParameter, UserParameter
from oqtopus_client.emulator.api.guard import MAX_BODY_BYTES
from oqtopus_client.emulator.api.job_rows import SETTINGS
from oqtopus_client.emulator.api.jobs import submit_job
from oqtopus_client.emulator.console.job import REPEATABLE
from oqtopus_client.emulator.console.job_files import UNREADABLE, read_input, terms_of
from oqtopus_client.emulator.console.pages import render
from oqtopus_client.emulator.console.program_check import Checked, check
from oqtopus_client.emulator.console.texts import texts
from oqtopus_client.emulator.database import Row
from oqtopus_client.emulator.seeds import seed_of
from oqtopus_client.emulator.users import may_use
from oqtopus_client.rest.storage import pack_input
from oqtopus_client.services.job_spec import OqtopusJobSpec
from oqtopus_client.services.openqasm import decode

router = APIRouter(prefix="/console/submit")

_TERM = re.compile(r"(?:(?P<coefficient>[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(?:\*\s*)?)?(?P<pauli>[A-Za-z].*)")
_LEVELS = ("0", "1", "2", "3")
_EXAMPLE = """OPENQASM 3;
include "stdgates.inc";
qubit[2] q;
bit[2] c;
h q[0];
cx q[0], q[1];
c = measure q;
"""
_MITIGATION = {"ro_error_mitigation": "pseudo_inverse"}


@dataclass(frozen=True)
class Fields:
    """The fields of the form, as typed.

    Attributes:
        program: OpenQASM 3 text.
        device: The device's id.
        type: `sampling` or `estimation`.
        operator: The observable, one term per line.
        shots: Number of shots.
        name: Name of the job.
        description: Description of the job.
        transpiler: Level of the transpiler, `off`, or empty for the default.
        mitigation: Not empty to mitigate readout errors.
        seed: Seed of the random numbers; empty for a random one.
    """

    program: str = ""
    device: str = ""
    type: str = "sampling"
    operator: str = ""
    shots: str = "1000"
    name: str = ""
    description: str = ""
    transpiler: str = ""
    mitigation: str = ""
    seed: str = ""

    @classmethod
    def of_job(cls, job: Row, content: Mapping[str, Any]) -> Self:
        """Return the fields that submit a job again."""
        transpiler = json.loads(job["transpiler_info"])
        level = (transpiler.get("transpiler_options") or {}).get("optimization_level", "")
        seed = seed_of(json.loads(job["simulator_info"]))
        return cls(
            program=(content.get("program") or [""])[0],
            device=job["device_id"],
            type=job["job_type"],
            operator="\n".join(
                f"{'' if coeff is None else coeff} {pauli}".strip() for pauli, coeff in terms_of(content)
            ),
            shots=str(job["shots"]),
            name=job["name"],
            description=job["description"],
            transpiler="off" if transpiler.get("transpiler_lib", "") is None else str(level),
            mitigation="yes" if json.loads(job["mitigation_info"]) == _MITIGATION else "",
            seed="" if seed is None else str(seed),
        )

    def spec(self) -> OqtopusJobSpec:
        """Return the job.

        Raises:
            ValueError: A field is not valid.
            TypeError: Likewise.
        """
        if self.type not in REPEATABLE:
            raise ValueError(texts().submit.unknown_type)
        transpiler: dict[str, Any] = {}
        if self.transpiler == "off":
            transpiler = {"transpiler_lib": None}
        elif self.transpiler in _LEVELS:
            options = {"optimization_level": int(self.transpiler)}
            transpiler = {"transpiler_lib": "qiskit", "transpiler_options": options}
        with warnings.catch_warnings(action="ignore"):  # the page shows its own
            return OqtopusJobSpec(
                self.device,
                self.type,
                self.program,
                _whole_number(self.shots, texts().submit.shots),
                self.name or None,
                self.description or None,
                transpiler_info=transpiler,
                simulator_info={"seed_simulation": _whole_number(self.seed, texts().submit.seed)} if self.seed else {},
                mitigation_info=_MITIGATION if self.mitigation else {},
                operator=_terms(self.operator) if self.type == "estimation" else None,
            )


@router.get("")
def show_form(request: Request, cloud: CloudParameter, user: UserParameter, again: str = "") -> Response:
    """Return the form, empty or with the fields of an earlier job."""
    job = cloud.store.get(again, user["id"]) if again else None
    if job is None or job["job_type"] not in REPEATABLE:
        device = request.query_params.get("device", "")
        return _page(request, cloud, user, Fields(device=device, program=_EXAMPLE))
    try:
        fields = Fields.of_job(job, read_input(cloud.store.get_file(f"{again}/input.zip") or b""))
    except UNREADABLE as error:
        raise ApiError(404, texts().submit.no_input) from error
    return _page(request, cloud, user, fields, again=job)


@router.post("")
async def submit(request: Request, cloud: CloudParameter, user: UserParameter) -> Response:
    """Check the form, and submit its job unless only the check was asked for."""
    async with request.form(max_part_size=MAX_BODY_BYTES) as form:
        fields = Fields(**{name: str(form.get(name, "")) for name in Fields.__dataclass_fields__})
        action = form.get("action")
        names, content = [texts().submit.program], fields.program.encode()
        upload = form.get("upload")
        if isinstance(upload, UploadFile) and upload.filename:
            names, content = [upload.filename, upload.filename], await upload.read()
            fields = replace(fields, name=fields.name or upload.filename)
    try:
        program = decode(content, *names)
        fields = replace(fields, program=program.text)
        spec = await run_in_threadpool(fields.spec)
        _require_device(cloud, user, spec.device_id)
    except (ValueError, TypeError) as error:
        return _page(request, cloud, user, fields, Checked([str(error)]), fixable=False)
    if action != "anyway":
        checked = await check(user["id"], program, spec, cloud.devices[spec.device_id])
        if action == "check" or checked.problems or checked.warnings:
            return _page(request, cloud, user, fields, checked)
    try:
        job_id = await _submit(cloud, user, spec)
    except ApiError as error:
        return _page(request, cloud, user, fields, Checked([error.message]), fixable=False)
    return RedirectResponse(f"/console/jobs/{job_id}?done=job_submitted", 303)


def _require_device(cloud: Cloud, user: Row, device_id: str) -> None:
    if device_id not in cloud.devices or not may_use(user, device_id):
        raise ValueError(texts().submit.unknown_device.format(device=device_id))


async def _submit(cloud: Cloud, user: Row, spec: OqtopusJobSpec) -> str:
    """Submit a job as clients do, in three steps, and return its id.

    Raises:
        ApiError: The API refuses the job, of which nothing is left.
    """
    job_id = cloud.store.register(user["id"])
    try:
        content = await run_in_threadpool(lambda: pack_input(spec.to_s3_submit_job_info()))
        cloud.store.put_file(f"{job_id}/input.zip", content)
        await submit_job(job_id, spec.to_model(), cloud, user)
    except ApiError:
        cloud.store.cancel(job_id)
        cloud.store.delete(job_id)
        raise
    return job_id


def _page(
    request: Request,
    cloud: Cloud,
    user: Row,
    fields: Fields,
    checked: Checked | None = None,
    *,
    fixable: bool = True,
    again: Row | None = None,
) -> Response:
    """Return the form as it was filled in, with the findings of a check.

    Args:
        request: The request.
        cloud: The cloud.
        user: The user.
        fields: The fields of the form.
        checked: The findings; None without a check.
        fixable: Whether the job could be submitted regardless.
        again: The job to submit again.
    """
    return render(
        request,
        "submit.html",
        status_code=422 if checked and checked.problems else 200,
        fields=fields,
        devices=[device for name, device in cloud.devices.items() if may_use(user, name)],
        types=REPEATABLE,
        levels=_LEVELS,
        checked=checked,
        fixable=fixable,
        again=again,
        lost=[] if again is None else _lost(again, fields),
    )


def _lost(job: Row, fields: Fields) -> list[str]:
    """Return the names of a job's settings that the form cannot express."""
    try:
        spec = fields.spec()
    except (ValueError, TypeError):
        return []
    return [name for name in SETTINGS if getattr(spec, name) != json.loads(job[name])]


def _whole_number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise ValueError(texts().submit.not_a_number.format(name=name, text=shown(text)))
    return int(text)


def _terms(text: str) -> list[dict[str, Any]]:
    terms = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = _TERM.fullmatch(line.strip())
        coefficient = match and _real(match["coefficient"] or "1")
        if match is None or coefficient is None:
            raise ValueError(texts().submit.not_a_term.format(line=number, text=shown(line.strip())))
        terms.append({"pauli": match["pauli"].strip(), "coeff": coefficient})
    return terms


def _real(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
