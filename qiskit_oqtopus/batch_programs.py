"""The programs of OQTOPUS jobs, verified to belong to their batch: `verified`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client.errors import OqtopusStorageError
from qiskit_oqtopus.errors import LaterReleaseError, OqtopusJobError, is_sent_as_is
from qiskit_oqtopus.programs import Program

if TYPE_CHECKING:
    from oqtopus_client import OqtopusJobResult
    from qiskit_oqtopus.tags import Tag


def verified(job: OqtopusJobResult, tag: Tag | None) -> list[Program]:
    """Return the programs of a job, none if they cannot be read.

    Args:
        job: The job.
        tag: The tag of the job in its batch; None for a single job.

    Raises:
        OqtopusJobError: The job does not belong to the batch, although its description says so, or a later release
            wrote its program.
    """
    batch_id = job.job_id if tag is None else tag.batch_id
    is_isa = is_sent_as_is(job)
    try:
        texts = job.input and job.input.program
    except OqtopusStorageError:
        texts = None
    try:
        programs = [Program.from_text(text, is_isa=is_isa) for text in texts or []]
    except LaterReleaseError as error:
        raise OqtopusJobError(batch_id, f"the program of {job.job_id} cannot be read. {error}") from error
    if tag is not None and any(program.header.tag not in {None, str(tag)} for program in programs):
        raise OqtopusJobError(
            batch_id,
            f"was not submitted by this version of qiskit_oqtopus, or its job {tag.number} has been deleted: "
            f"{job.job_id} has that job's description, but a different program. Retrieve each job by its own id.",
        )
    return programs
