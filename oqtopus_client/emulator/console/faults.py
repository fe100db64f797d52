"""`/console/faults`: faults that the operator injects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from oqtopus_client.emulator.api.dependencies import CloudParameter, require_operator
from oqtopus_client.emulator.calibration import first_error
from oqtopus_client.emulator.console.pages import render
from oqtopus_client.emulator.faults import Fault, FaultKind

router = APIRouter(prefix="/console/faults", dependencies=[Depends(require_operator)])

_CHOICES = {"kind": tuple(FaultKind), "method": ("", "GET", "POST", "PUT", "PATCH", "DELETE")}


@dataclass(frozen=True)
class Input:
    """A field of the form, as `Fault` declares it.

    Attributes:
        name: The field's name.
        value: What it holds at first.
        choices: What it can be, if that is a list.
        limits: The attributes `min`, `max` and `step` of a number; empty for text.
        required: Whether it must have a value.
    """

    name: str
    value: Any
    choices: tuple[str, ...] = ()
    limits: dict[str, Any] = field(default_factory=dict)
    required: bool = False

    @classmethod
    def of(cls, name: str, declared: FieldInfo, value: object) -> Self:
        """Return the input for a field."""
        limits: dict[str, Any] = {}
        for limit in declared.metadata:
            limits |= {
                end: getattr(limit, rule) for end, rule in (("min", "ge"), ("max", "le")) if hasattr(limit, rule)
            }
        if limits:
            limits["step"] = "any" if declared.annotation is float else 1
        optional = declared.annotation is not None and None in getattr(declared.annotation, "__args__", ())
        return cls(name, value, _CHOICES.get(name, ()), limits, required=not optional)


@router.get("")
async def show(request: Request, cloud: CloudParameter) -> Response:
    """Return the pending faults and the form for another one."""
    declared = {name: field.get_default() for name, field in Fault.model_fields.items()}
    initial = {name: f"{value:g}" if isinstance(value, float) else value for name, value in declared.items()}
    return _page(request, cloud, {**initial, "kind": request.query_params.get("kind", "")})


@router.post("")
async def inject(request: Request, cloud: CloudParameter) -> Response:
    """Inject a fault."""
    form = {name: str(value) for name, value in (await request.form()).items() if name in Fault.model_fields}
    try:
        cloud.faults.add(Fault.model_validate({name: value.strip() or None for name, value in form.items()}))
    except ValidationError as error:
        first = error.errors()[0]
        problem = first_error(error) if first["loc"] else str(first["ctx"]["error"])
        return _page(request, cloud, form, problem)
    return RedirectResponse("/console/faults?done=fault_injected", 303)


@router.post("/clear")
async def clear(cloud: CloudParameter) -> Response:
    """Clear all faults."""
    cloud.faults.clear()
    return RedirectResponse("/console/faults?done=faults_cleared", 303)


def _page(request: Request, cloud: CloudParameter, values: dict[str, Any], problem: str | None = None) -> Response:
    return render(
        request,
        "faults.html",
        status_code=200 if problem is None else 422,
        faults=cloud.faults.pending,
        kinds=list(FaultKind),
        inputs=[Input.of(name, declared, values.get(name)) for name, declared in Fault.model_fields.items()],
        problem=problem,
    )
