"""Drift of a calibration: what a chip's next calibration could measure."""

from __future__ import annotations

import copy
import math
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_READOUT = ("prob_meas1_prep0", "prob_meas0_prep1", "readout_assignment_error")


def drifted(device_info: Mapping[str, Any], relative: float, *, seed: int | None = None) -> dict[str, Any]:
    """Return a calibration whose errors and lifetimes have changed, without its date.

    Each is multiplied by the exponential of a normally distributed number: the error of each gate, T1 and T2 on their
    own, a qubit's misread probabilities together. Durations stay as they are. Errors never exceed 1. Repeated, this is
    a random walk, as of a chip that is not tuned.

    Args:
        device_info: A valid calibration, as published.
        relative: Standard deviation of the exponent, about the relative size of the changes; 0 for none.
        seed: Seed of the random numbers; None for others each time.
    """
    random = Random(seed)  # noqa: S311 - a reproducible spread, not a secret
    info = copy.deepcopy(dict(device_info))
    info.pop("calibrated_at", None)

    def factor() -> float:
        return math.exp(random.gauss(0, relative))

    for qubit in info["qubits"]:
        _scale(qubit.get("meas_error"), dict.fromkeys(_READOUT, factor()), highest=1.0)
        _scale(qubit.get("qubit_lifetime"), {"t1": factor(), "t2": factor()})
    for part in (*info["qubits"], *(info.get("couplings") or ())):
        change = factor()
        if part.get("fidelity") is not None:
            part["fidelity"] = round(1 - min((1 - part["fidelity"]) * change, 1.0), 7)
    return info


def _scale(values: dict[str, Any] | None, factors: Mapping[str, float], *, highest: float = math.inf) -> None:
    """Multiply published values by factors, to six digits."""
    for name, factor in factors.items():
        if values and values.get(name) is not None:
            values[name] = min(float(f"{values[name] * factor:.6g}"), highest)
