"""The circuits of a Qiskit job in its OQTOPUS jobs: their programs, places and results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.errors import OqtopusJobError
from qiskit_oqtopus.parallel import packing
from qiskit_oqtopus.parallel.merging import parts_of
from qiskit_oqtopus.parallel.results import combined, pieces
from qiskit_oqtopus.results import DONE, to_experiments, warn_of_lost_shots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.result.models import ExperimentResult

    from oqtopus_client import OqtopusJobResult
    from qiskit_oqtopus.batch import JobBatch
    from qiskit_oqtopus.parallel.placement import Placement
    from qiskit_oqtopus.parallel.results import Piece
    from qiskit_oqtopus.programs import Program

    Outcomes = Sequence[OqtopusJobResult | Exception | None]


class JobPrograms:
    """The programs of OQTOPUS jobs, each of one or several circuits.

    Args:
        batch: The jobs.
        programs: The programs of each.

    Attributes:
        are_parallel: Whether the programs run circuits side by side.

    Raises:
        OqtopusJobError: Some of the programs cannot be read, so that it is unknown which circuits they run.
    """

    def __init__(self, batch: JobBatch, programs: Sequence[Sequence[Program]]) -> None:
        self._batch = batch
        self._by_job = programs
        have_parts = [any(program.header.parts for program in each) for each in programs]
        self.are_parallel = any(have_parts)
        if self.are_parallel and not all(have_parts):
            unread = [job_id for job_id, has_parts in zip(batch.job_ids, have_parts, strict=True) if not has_parts]
            message = f"the programs of {', '.join(unread)} cannot be read, so it is unknown which circuits they run."
            raise OqtopusJobError(batch.batch_id, message)

    def of_circuits(self) -> list[Program]:
        """Return the program of each circuit, without those that run side by side with it."""
        programs = [program for each in self._by_job for program in each]
        if not self.are_parallel:
            return programs
        parts = sorted((part for program in programs for part in parts_of(program)), key=lambda part: -part.replica)
        found = {part.index: part.program for part in parts}
        return [found[index] for index in sorted(found)]

    def placements(self) -> list[Placement]:
        """Return the place of each circuit that runs side by side with others."""
        programs = [each[0] for each in self._by_job] if self.are_parallel else []
        # Jobs with a share of the shots run the same program.
        distinct = {tuple((part.index, part.replica) for part in each.header.parts): each for each in programs}
        return packing.placements(list(distinct.values()))

    def pieces(self, outcomes: Outcomes) -> list[list[Piece]]:
        """Return the outcomes of each circuit that ran side by side with others."""
        return list(pieces(self._batch.job_ids, outcomes, [each[0] for each in self._by_job]).values())

    def experiments(self, outcomes: Outcomes) -> list[ExperimentResult]:
        """Return the result of each circuit."""
        if self.are_parallel:
            return [combined(each) for each in self.pieces(outcomes)]
        return [
            experiment
            for job_id, outcome, programs in zip(self._batch.job_ids, outcomes, self._by_job, strict=True)
            for experiment in to_experiments(job_id, outcome, programs)
        ]


def warn_of_missing_shots(experiments: Sequence[ExperimentResult]) -> None:
    """Warn of circuits with counts that lack shots."""
    for i, experiment in enumerate(experiments):
        lost = getattr(experiment, "lost_shots", 0)
        warn_of_lost_shots(f"Circuit {i}", experiment.shots + lost, lost)
        if experiment.success and experiment.status != DONE:
            warn_user(f"Circuit {i} has the counts of {experiment.shots:,} shots only: {experiment.status}.")
