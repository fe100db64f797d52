"""A chip's published calibration, the `device_info` of the User API, validated and with its gaps filled."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from oqtopus_client.calibration import Calibration
from oqtopus_client.checks import sentence
from oqtopus_client.physics import completed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationError

    from oqtopus_client.calibration import CouplingCalibration, QubitCalibration


def calibration(device_info: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chip's qubits and couplings in the published form, with gaps filled by `physics.completed`.

    A value that no qubit publishes is ideal: no readout error, infinite lifetimes, zero duration. A fidelity that none
    publishes is None: only relaxation then limits the gates. A chip without couplings has no `cx`.

    Args:
        device_info: The published object; lifetimes in microseconds, gate durations in nanoseconds.

    Raises:
        ValueError: The object is not a calibration, or a value in it is not valid; the message names field and value.
    """
    if "qubits" not in device_info:
        legacy = {"calibration_data", "n_nodes"} & device_info.keys()
        hint = " This looks like the format before qubits had fields of their own." if legacy else ""
        raise ValueError(f"device_info has no 'qubits'.{hint}")
    published, problems = Calibration.read(device_info)
    if problems:
        raise ValueError(f"device_info: {problems[0]}")
    if not published.qubits:
        raise ValueError(f"device_info: qubits is {device_info['qubits']!r}; there should be at least one.")
    return completed_form(published)


def completed_form(published: Calibration) -> dict[str, Any]:
    """Return the same as `calibration` for a calibration that has been read."""
    chip = completed(published)
    return {
        "qubits": [_qubit(index, qubit) for index, qubit in enumerate(chip.qubits)],
        "couplings": [_coupling(coupling) for coupling in chip.couplings],
    }


def _qubit(index: int, qubit: QubitCalibration) -> dict[str, Any]:
    t1 = math.inf if qubit.t1_us is None else qubit.t1_us
    return {
        "id": index,
        "fidelity": _fidelity(qubit.gate_error),
        "meas_error": {
            "prob_meas1_prep0": qubit.prob_meas1_prep0 or 0.0,
            "prob_meas0_prep1": qubit.prob_meas0_prep1 or 0.0,
            "readout_assignment_error": qubit.readout_error or 0.0,
        },
        "qubit_lifetime": {"t1": t1, "t2": 2 * t1 if qubit.t2_us is None else qubit.t2_us},
        "gate_duration": {"rz": 0.0, "sx": 0.0, "x": 0.0, **qubit.durations_ns},
    }


def _coupling(coupling: CouplingCalibration) -> dict[str, Any]:
    return {
        "control": coupling.control,
        "target": coupling.target,
        "fidelity": _fidelity(coupling.gate_error),
        "gate_duration": {"cx": 0.0, **coupling.durations_ns},
    }


def _fidelity(error: float | None) -> float | None:
    return None if error is None else 1 - error


def read_device_info(text: str) -> dict[str, Any]:
    """Parse the JSON text of a `device_info`.

    Raises:
        ValueError: The text is not a JSON object.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"device_info is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"device_info is a JSON {type(content).__name__}, not an object.")  # noqa: TRY004 - the value of a file
    return content


_TAGS = {"all", "each", "[key]"}
"""Parts of a field's location that pydantic adds."""


def first_error(error: ValidationError) -> str:
    """Describe the first error in one line: the field, its value, the rule."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part not in _TAGS)
    if first["type"] == "missing":
        return f"{field} is missing."
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        return f"{field} does not exist."
    reason = first["msg"].removeprefix("Value error, ")
    if not field:  # the whole of it is wrong, such as two values that exclude each other
        return f"{reason}."
    return sentence(field, reason, first["input"])
