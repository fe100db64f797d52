"""Jobs in files: JSON, with the circuits as QPY."""

from __future__ import annotations

import base64
import io
import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qiskit import QiskitError, qpy

from oqtopus_client import rest
from oqtopus_client.files import write_atomically
from oqtopus_client.services.job_results import typed_result
from qiskit_oqtopus.batch import JobBatch
from qiskit_oqtopus.header import as_json
from qiskit_oqtopus.programs import Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit import QuantumCircuit

    from oqtopus_client import OqtopusJobResult
    from qiskit_oqtopus.job import OqtopusJob
    from qiskit_oqtopus.provider import OqtopusProvider

_Job = TypeVar("_Job", bound="OqtopusJob")

_FORMAT = "qiskit_oqtopus job"
_VERSION = 1


def save(job: OqtopusJob, circuits: Sequence[QuantumCircuit] | None, path: str | Path) -> None:
    """Write a job to a file. No token and no URL of storage, which gives access to files, is in it."""
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "job_id": job.job_id(),
        "programs": [[program.text for program in programs] for programs in job.programs_by_job()],
        "is_isa": [[program.is_isa for program in programs] for programs in job.programs_by_job()],
        "circuits": None if circuits is None else _packed(circuits),
        "jobs": [_without_files(outcome) for outcome in job.jobs()],
    }
    write_atomically(Path(path), json.dumps(content))


def load(kind: type[_Job], path: str | Path, provider: OqtopusProvider | None) -> _Job:
    """Read a job that `save` wrote."""
    try:
        content = json.loads(Path(path).read_text("utf-8"))
        _check_format(content)
        jobs = [typed_result(rest.JobsJob.from_dict(job)) for job in content["jobs"]]
        programs = [
            [Program.from_text(text, is_isa=is_isa) for text, is_isa in zip(*pair, strict=True)]
            for pair in zip(content["programs"], content["is_isa"], strict=True)
        ]
        circuits = None if content["circuits"] is None else _unpacked(content["circuits"])
    except (ValueError, KeyError, TypeError, AttributeError, struct.error, QiskitError) as error:
        raise ValueError(f"{path} is no job saved by this version of qiskit_oqtopus: {error}.") from error
    client = provider.client if provider else None
    batch = JobBatch(client, content["job_id"], [job.job_id for job in jobs], jobs)
    return kind(provider, batch, programs, circuits=circuits)


def _check_format(content: dict[str, Any]) -> None:
    if content["format"] != _FORMAT or content["version"] > _VERSION:
        raise ValueError(f"it has the format {content['format']!r}, version {content['version']!r}")


def _without_files(job: OqtopusJobResult) -> dict[str, Any]:
    fields = {name: getattr(job, name) for name in rest.JobsJob.model_fields if name != "job_info"}
    info = rest.JobsJobInfo(result=job.job_info.result, message=job.message)
    saved: dict[str, Any] = json.loads(rest.JobsJob(**fields, job_info=info).to_json())
    return saved


def _packed(circuits: Sequence[QuantumCircuit]) -> str:
    copies = [circuit.copy() for circuit in circuits]
    for copy in copies:
        copy.metadata = as_json(copy.metadata or {})
    stream = io.BytesIO()
    qpy.dump(copies, stream)
    return base64.b64encode(stream.getvalue()).decode()


def _unpacked(text: str) -> list[QuantumCircuit]:
    return list(qpy.load(io.BytesIO(base64.b64decode(text, validate=True))))
