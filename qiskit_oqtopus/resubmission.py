"""Resubmission of jobs: `submit_again`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import oqtopus_client
from oqtopus_client.rest.enums import JobsJobType
from qiskit_oqtopus.batch import JobBatch
from qiskit_oqtopus.tags import new_tags, without_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oqtopus_client import OqtopusClient, OqtopusJobResult, OqtopusJobSpec
    from qiskit_oqtopus.programs import Program
    from qiskit_oqtopus.tags import Tag


def submit_again(
    client: OqtopusClient, jobs: Sequence[tuple[OqtopusJobResult, Sequence[Program]]]
) -> tuple[JobBatch, list[list[Program]]]:
    """Submit jobs again, as a batch of their own.

    Args:
        client: The client to submit with.
        jobs: The jobs and the programs of each.

    Returns:
        The new jobs and the programs of each. Circuits side by side are numbered from 0.

    Raises:
        OqtopusError: A job could not be submitted; cancellation of the others has been requested.
    """
    programs = _renumbered([each for _, each in jobs])
    tags = new_tags("batch", len(jobs), without_tag(jobs[0][0].description))
    sent = [[program.with_tag(tag or "") for program in each] for each, tag in zip(programs, tags, strict=True)]
    specs = [_spec(job, each, tag) for (job, _), each, tag in zip(jobs, sent, tags, strict=True)]
    return JobBatch.submit(client, specs, tags[0]), sent


def _spec(job: OqtopusJobResult, programs: Sequence[Program], tag: Tag | None) -> OqtopusJobSpec:
    texts = [program.text for program in programs]
    return oqtopus_client.OqtopusJobSpec(
        device_id=job.device_id,
        job_type=job.job_type,
        program=texts if job.job_type == JobsJobType.MULTI_MANUAL else texts[0],
        shots=job.shots,
        name=job.name,
        description=" ".join(str(part) for part in (without_tag(job.description), tag) if part) or None,
        transpiler_info=job.transpiler_info or {},
        simulator_info=job.simulator_info or {},
        mitigation_info=job.mitigation_info or {},
    )


def _renumbered(programs: Sequence[Sequence[Program]]) -> list[list[Program]]:
    """Return programs whose circuits side by side have the indices from 0 on, in their order."""
    indices = sorted({part.index for each in programs for program in each for part in program.header.parts})
    number = {index: i for i, index in enumerate(indices)}
    return [[_with_indices(program, number) for program in each] for each in programs]


def _with_indices(program: Program, number: dict[int, int]) -> Program:
    parts = tuple(replace(part, index=number[part.index]) for part in program.header.parts)
    return replace(program, header=replace(program.header, parts=parts))
