"""Physics of a chip, shared by provider, emulator and command line: calibration gaps, medians, times, relaxation."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from oqtopus_client.calibration import Calibration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from oqtopus_client.calibration import CouplingCalibration, QubitCalibration

CLOCK_NS = 2
"""Clock step of a device in nanoseconds: the unit `dt`; delays are rounded up to a multiple of it."""

_Value = TypeVar("_Value", float, tuple[float, float, float])


def completed(calibration: Calibration) -> Calibration:
    """Return a calibration with its gaps filled.

    A qubit or coupling that lacks an error, a duration or a lifetime gets the worst value of the others, as what
    could not be calibrated is rarely the best. A value that none of them has stays None: that noise is left out.

    - The assignment error is the published one, else the mean of both misread probabilities. These are the published
      ones if both exist; otherwise both are set to the assignment error, or to the one that is known.
    - `t2` is cut to its physical limit `2 * t1`, which a fit may exceed.
    - The duration of a `cx` is the published one, else that of its decomposition by servers: an `rzx90` and an `sx` on
      the target.

    Args:
        calibration: The calibration as published.
    """
    qubits = _completed_qubits(calibration.qubits)
    return Calibration(qubits, _completed_couplings(calibration.couplings, qubits))


def medians(calibration: Calibration) -> dict[str, float | None]:
    """Return the medians over a device; None for values that it does not publish."""
    qubits, couplings = calibration.qubits, calibration.couplings
    return {
        "median_gate_error": _median(qubit.gate_error for qubit in qubits),
        "median_two_qubit_error": _median(coupling.gate_error for coupling in couplings),
        "median_readout_error": _median(qubit.readout_error for qubit in qubits),
        "median_t1_us": _median(qubit.t1_us for qubit in qubits),
        "median_t2_us": _median(qubit.t2_us for qubit in qubits),
    }


def cx_duration(coupling: CouplingCalibration, target: QubitCalibration) -> float | None:
    """Return the duration of a coupling's `cx` in nanoseconds, or None if none is published."""
    cx, rzx90 = coupling.durations_ns.get("cx"), coupling.durations_ns.get("rzx90")
    return cx if cx is not None or rzx90 is None else rzx90 + target.durations_ns.get("sx", 0.0)


def gateway_times(operations: Iterable[tuple[str, tuple[int, ...], float]]) -> tuple[list[float], float]:
    """Return the start of each operation on an OQTOPUS QPU, and that of the readout.

    The gateway that executes programs on QPUs appends pulses in the order of the text, each as early as its qubits
    allow. A `barrier`, whichever qubits it names, and every `rz` first aligns all qubits of the program. (The gateway
    also aligns them after an `rz` on a target of a used coupling, which changes nothing, as an `rz` takes no time.) All
    qubits are read out together when the last pulse has ended, wherever the program measures them.

    Args:
        operations: Name, qubits and duration of each operation but measurements; 0 for `rz` and `barrier`. The times
            have the unit of the durations.
    """
    starts: list[float] = []
    ends: dict[int, float] = {}
    aligned = last = 0.0
    for name, qubits, duration in operations:
        if name in ("rz", "barrier"):
            start = aligned = last
        else:
            start = aligned
            for qubit in qubits:
                start = max(start, ends.get(qubit, 0.0))
            end = start + duration
            for qubit in qubits:
                ends[qubit] = end
            last = max(last, end)
        starts.append(start)
    return starts, last


def relaxation_fidelity(duration: float, lifetimes: Sequence[tuple[float, float]]) -> float:
    """Return the average gate fidelity of idling while qubits relax, an upper bound for a gate of that duration.

    Computed as `(d F_e + 1) / (d + 1)`, where the entanglement fidelity `F_e` is the product over qubits of
    `(1 + exp(-t/t1) + 2 exp(-t/t2)) / 4` (Horodecki, Phys. Rev. A 60, 1888 (1999); Nielsen, Phys. Lett. A 303,
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


def _median(values: Iterable[float | None]) -> float | None:
    """Return the median of the known values.

    >>> _median([0.5, None, 0.25])
    0.375
    """
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _completed_qubits(qubits: Sequence[QubitCalibration]) -> tuple[QubitCalibration, ...]:
    errors = _filled((qubit.gate_error for qubit in qubits), max)
    readouts = _filled(map(_readout, qubits), max)
    t1s = _filled((qubit.t1_us for qubit in qubits), min)
    t2s = _filled((qubit.t2_us for qubit in qubits), min)
    by_name = {name: _filled((q.durations_ns.get(name) for q in qubits), max) for name in ("x", "sx", "measure")}
    completed_qubits = []
    for i, qubit in enumerate(qubits):
        t1, t2 = t1s[i], t2s[i]
        readout_error, p10, p01 = readouts[i] or (None, None, None)
        durations = {name: duration for name, each in by_name.items() if (duration := each[i]) is not None}
        completed_qubits.append(
            replace(
                qubit,
                gate_error=errors[i],
                readout_error=readout_error,
                prob_meas1_prep0=p10,
                prob_meas0_prep1=p01,
                t1_us=t1,
                t2_us=t2 if t1 is None or t2 is None else min(t2, 2 * t1),
                durations_ns={**qubit.durations_ns, **durations},
            )
        )
    return tuple(completed_qubits)


def _completed_couplings(
    couplings: Sequence[CouplingCalibration], qubits: Sequence[QubitCalibration]
) -> tuple[CouplingCalibration, ...]:
    errors = _filled((coupling.gate_error for coupling in couplings), max)
    durations = _filled((cx_duration(coupling, qubits[coupling.target]) for coupling in couplings), max)
    return tuple(
        replace(
            coupling,
            gate_error=error,
            durations_ns=coupling.durations_ns if duration is None else {**coupling.durations_ns, "cx": duration},
        )
        for coupling, error, duration in zip(couplings, errors, durations, strict=True)
    )


def _readout(qubit: QubitCalibration) -> tuple[float, float, float] | None:
    """Return a qubit's assignment error and its probabilities of reading 1 from state 0 and 0 from state 1."""
    error, p10, p01 = qubit.readout_error, qubit.prob_meas1_prep0, qubit.prob_meas0_prep1
    if error is not None and p10 is not None and p01 is not None:
        return error, p10, p01
    known = next((value for value in (error, p10, p01) if value is not None), None)
    return None if known is None else (known, known, known)


def _filled(values: Iterable[_Value | None], worst: Callable[[list[_Value]], _Value]) -> list[_Value | None]:
    """Replace each None with the worst of the other values."""
    values = list(values)
    known = [value for value in values if value is not None]
    if not known:
        return values
    default = worst(known)
    return [default if value is None else value for value in values]
