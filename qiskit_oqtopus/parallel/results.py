"""The results of circuits that ran side by side: `pieces`, `combined`, `by_replica`, `disagreement`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import oqtopus_client
from qiskit_oqtopus.errors import reason
from qiskit_oqtopus.parallel.splitting import split
from qiskit_oqtopus.results import DONE, to_experiment, to_failed_experiment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qiskit.result.models import ExperimentResult

    from oqtopus_client import OqtopusJobResult
    from qiskit_oqtopus.header import PartHeader
    from qiskit_oqtopus.programs import Program


@dataclass(frozen=True)
class Piece:
    """The outcome of a circuit, or of one of its copies, in one OQTOPUS job.

    Attributes:
        part: The circuit in the job's program.
        job_id: The id of the OQTOPUS job.
        shots: Number of shots requested.
        counts: The counts of the circuit's bits; None if the job has none.
        failure: The reason why there are none.
        execution_time: Seconds on the device, of the whole program.
    """

    part: PartHeader
    job_id: str
    shots: int
    counts: Mapping[str, int] | None = None
    failure: str = ""
    execution_time: float | None = None


def pieces(
    job_ids: Sequence[str],
    outcomes: Sequence[OqtopusJobResult | Exception | None],
    programs: Sequence[Program],
) -> dict[int, list[Piece]]:
    """Return the pieces of each circuit by its index, in ascending order.

    Args:
        job_ids: The ids of the OQTOPUS jobs.
        outcomes: Each job, if it has ended, or the error that prevented reading it.
        programs: The program of each.
    """
    found: dict[int, list[Piece]] = {}
    for job_id, outcome, program in zip(job_ids, outcomes, programs, strict=True):
        for piece in _pieces_of(job_id, outcome, program):
            found.setdefault(piece.part.index, []).append(piece)
    return dict(sorted(found.items()))


def _pieces_of(job_id: str, outcome: OqtopusJobResult | Exception | None, program: Program) -> list[Piece]:
    parts = program.header.parts
    if outcome is None or isinstance(outcome, Exception):
        why = "has not ended" if outcome is None else f"has an unreadable result: {outcome}"
        return [Piece(part, job_id, 0, failure=why) for part in parts]
    if not isinstance(outcome, oqtopus_client.OqtopusSamplingJobResult) or outcome.sampling is None:
        return [Piece(part, job_id, outcome.shots, failure=reason(outcome, ours=True)) for part in parts]
    try:
        counts: list[Any] = split(outcome.get_counts(), [len(part.header.clbits) for part in parts])
    except ValueError as error:
        why = f"has an unreadable result: {error}"
        return [Piece(part, job_id, outcome.shots, failure=why) for part in parts]
    return [
        Piece(part, job_id, outcome.shots, each, execution_time=outcome.execution_time)
        for part, each in zip(parts, counts, strict=True)
    ]


def combined(pieces: Sequence[Piece]) -> ExperimentResult:
    """Return Qiskit's result for a circuit: the sum of its pieces' counts.

    If some have failed, its status has the reasons; if all have, there are no counts. With several copies of the
    circuit, `replicas` lists their qubits, and `disagreement` compares their counts.
    """
    first = pieces[0]
    header = first.part.header
    failed = [piece for piece in pieces if piece.counts is None]
    status = "; ".join(f"{header.name!r} ({piece.job_id}) {piece.failure}" for piece in failed) or DONE
    counted = [piece for piece in pieces if piece.counts is not None]
    if not counted:
        shots = sum(piece.shots for piece in pieces)
        return to_failed_experiment(header, status=status, shots=shots, job_id=first.job_id)
    times = {piece.job_id: piece.execution_time for piece in counted if piece.execution_time is not None}
    details: dict[str, Any] = {"execution_time": sum(times.values()) if times else None}
    by_copy = _by_copy(counted)
    if len(by_copy) > 1:
        details["replicas"] = [list(copy[0].part.qubits) for copy in by_copy]
        details["disagreement"] = disagreement([_total(copy) for copy in by_copy])
    shots = sum(piece.shots for piece in counted)
    return to_experiment(header, _total(counted), shots=shots, job_id=counted[0].job_id, status=status, **details)


def by_replica(pieces: Sequence[Piece]) -> list[ExperimentResult]:
    """Return Qiskit's result for each copy of a circuit."""
    return [combined(copy) for copy in _by_copy(pieces)]


def disagreement(counts: Sequence[Mapping[str, int]]) -> float:
    """Return how much more the counts of several copies of a circuit differ than by chance.

    This is Pearson's chi-squared of the hypothesis that all have the same distribution, divided by its expected value:
    about 1 if only the finite number of shots makes them differ, whatever the number of outcomes. 0 if there is only
    one outcome.

    >>> round(disagreement([{"0": 500, "1": 500}, {"0": 450, "1": 550}]), 2)
    5.01
    """
    outcomes = sorted(set().union(*counts))
    table = np.array([[each.get(outcome, 0) for outcome in outcomes] for each in counts], dtype=np.float64)
    total = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / total
    freedom = (len(counts) - 1) * (len(outcomes) - 1)
    if not freedom:
        return 0.0
    return float(((table - expected) ** 2 / expected).sum() * (total - 1) / total / freedom)


def _by_copy(pieces: Sequence[Piece]) -> list[list[Piece]]:
    copies: dict[int, list[Piece]] = {}
    for piece in pieces:
        copies.setdefault(piece.part.replica, []).append(piece)
    return [copies[replica] for replica in sorted(copies)]


def _total(pieces: Sequence[Piece]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for piece in pieces:
        total.update(piece.counts or {})
    return dict(total)
