"""A chip's published calibration - the `device_info` of the User API - checked, and with its gaps filled."""

from __future__ import annotations

import json
import math
import reprlib
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, ValidationError, model_validator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Probability = Annotated[float, Field(ge=0, le=1)]
_Lifetime = Annotated[float, Field(gt=0)]
_Duration = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Published(BaseModel):
    """A part of a calibration. A null says no more than an absent field; unknown fields mean nothing here."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: object) -> object:
        return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


class _MeasError(_Published):
    prob_meas1_prep0: _Probability = 0.0
    prob_meas0_prep1: _Probability = 0.0


class _QubitLifetime(_Published):
    t1: _Lifetime = math.inf
    t2: _Lifetime = math.inf


class _QubitGateDuration(_Published):
    rz: _Duration = 0.0
    sx: _Duration = 0.0
    x: _Duration = 0.0


class _CouplingGateDuration(_Published):
    rzx90: _Duration = 0.0
    cx: _Duration = 0.0

    @model_validator(mode="before")
    @classmethod
    def _cx_lasts_as_long_as_rzx90(cls, value: object) -> object:
        return {"cx": value.get("rzx90"), **value} if isinstance(value, dict) else value


class _Qubit(_Published):
    id: int
    fidelity: _Probability = 1.0
    meas_error: _MeasError = _MeasError()
    qubit_lifetime: _QubitLifetime = _QubitLifetime()
    gate_duration: _QubitGateDuration = _QubitGateDuration()


class _Coupling(_Published):
    control: int
    target: int
    fidelity: _Probability = 1.0
    gate_duration: _CouplingGateDuration = _CouplingGateDuration()


class _Calibration(_Published):
    qubits: Annotated[list[_Qubit], Field(min_length=1)]
    couplings: list[_Coupling] = []


def calibration(device_info: Mapping[str, Any]) -> dict[str, Any]:
    """Qubits and couplings of a chip, every field present.

    What is not published counts as ideal: fidelity 1, no readout error, infinite lifetimes, no duration. `cx` lasts as
    long as the `rzx90` it is made of where only that is published. Where there are no couplings there is no `cx`.
    `t2` is cut to `2 * t1`, beyond which no qubit can be; a fit may well put it there.

    Args:
        device_info: The published object; lifetimes in microseconds, gate durations in nanoseconds.

    Raises:
        ValueError: It is no such object, or a value in it makes no sense; the message names field and value.
    """
    if "qubits" not in device_info:
        legacy = {"calibration_data", "n_nodes"} & device_info.keys()
        hint = " This looks like the format before qubits had fields of their own." if legacy else ""
        raise ValueError(f"device_info has no 'qubits'.{hint}")
    try:
        published = _Calibration.model_validate(device_info)
    except ValidationError as error:
        raise ValueError(f"device_info: {first_error(error)}") from None
    for index, qubit in enumerate(published.qubits):
        if qubit.id != index:
            raise ValueError(f"device_info: qubits.{index}.id is {qubit.id}; ids count 0, 1, 2 and so on, in order.")
        lifetime = qubit.qubit_lifetime
        lifetime.t2 = min(lifetime.t2, 2 * lifetime.t1)
    ids = range(len(published.qubits))
    for index, coupling in enumerate(published.couplings):
        for end in ("control", "target"):
            if getattr(coupling, end) not in ids:
                raise ValueError(
                    f"device_info: couplings.{index}.{end} is {getattr(coupling, end)}; qubits are 0 to {ids[-1]}."
                )
        if coupling.control == coupling.target:
            raise ValueError(f"device_info: couplings.{index} joins qubit {coupling.control} to itself.")
    return published.model_dump()


def read_device_info(text: str) -> dict[str, Any]:
    """A `device_info` from its JSON text.

    Raises:
        ValueError: The text is no JSON object.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"device_info is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"device_info is a JSON {type(content).__name__}, not an object.")  # noqa: TRY004 - the value of a file
    return content


def relaxation_fidelity(duration: float, lifetimes: Sequence[tuple[float, float]]) -> float:
    """Average gate fidelity of doing nothing while qubits relax: the best that a gate of that duration can have.

    From the entanglement fidelity of the relaxation of one qubit, `(1 + exp(-t/t1) + 2 exp(-t/t2)) / 4`, those of
    several multiplied, by `(d F_e + 1) / (d + 1)` (Horodecki, Phys. Rev. A 60, 1888 (1999); Nielsen, Phys. Lett. A 303,
    249 (2002)).

    Args:
        duration: In nanoseconds.
        lifetimes: `(t1, t2)` of each qubit, in microseconds.

    >>> relaxation_fidelity(0, [(40, 30)])
    1.0
    >>> round(relaxation_fidelity(250, [(40, 30), (20, 40)]), 4)
    0.9905
    """
    time = duration * 1e-3
    entanglement = math.prod((1 + math.exp(-time / t1) + 2 * math.exp(-time / t2)) / 4 for t1, t2 in lifetimes)
    dimension: int = 2 ** len(lifetimes)
    return (dimension * entanglement + 1) / (dimension + 1)


def first_error(error: ValidationError) -> str:
    """What is wrong, in one line: the field, its value, the rule."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"{field} is missing."
    return f"{field} is {reprlib.repr(first['input'])}: {first['msg']}."
