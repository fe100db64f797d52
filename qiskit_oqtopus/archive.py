"""Jobs saved to files: JSON, with the circuits as QPY."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qiskit import qpy

from oqtopus_client.files import as_path, write_atomically
from oqtopus_client.services.saved_jobs import from_file, without_files
from oqtopus_client.shipping.equality import alike
from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.errors import LaterReleaseError
from qiskit_oqtopus.header import as_json
from qiskit_oqtopus.plain import copied
from qiskit_oqtopus.programs import Program
from qiskit_oqtopus.tags import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit import QuantumCircuit

    from oqtopus_client import OqtopusJobResult

_FORMAT = "qiskit_oqtopus job"
_CIRCUITS, _PRIMITIVE = _VERSIONS = (1, 2)
"""Versions of the format for runs of circuits and of primitives, which early versions would take for circuits."""

_QPY = b"QISKIT"
"""The first bytes of QPY data of any version."""

_LOST = "Circuits that QPY cannot represent are rebuilt from their programs on loading; results are not affected."


@dataclass(frozen=True)
class SavedJob:
    """The content of a saved job.

    Attributes:
        job_id: The id of the Qiskit job.
        programs: The programs of each OQTOPUS job.
        circuits: The circuits, with None for unknown ones; None if all are unknown.
        jobs: The OQTOPUS jobs, as of the time of saving.
    """

    job_id: str
    programs: Sequence[Sequence[Program]]
    circuits: Sequence[QuantumCircuit | None] | None
    jobs: Sequence[OqtopusJobResult]

    @property
    def is_primitive(self) -> bool:
        """Whether the job is that of a primitive."""
        # The id of a primitive's run without jobs holds the run.
        return kind_of(self.job_id) != "batch" or not self.jobs


def save(job: SavedJob, path: str | Path) -> None:
    """Write a job to a file, without tokens and without storage URLs, which grant access to files.

    A circuit that does not survive a round trip through QPY is left out with a warning.
    """
    content = {
        "format": _FORMAT,
        "version": _PRIMITIVE if job.is_primitive else _CIRCUITS,
        "job_id": job.job_id,
        "programs": [[program.text for program in programs] for programs in job.programs],
        "is_isa": [[program.is_isa for program in programs] for programs in job.programs],
        "circuits": None if job.circuits is None else _packed(job.circuits),
        "jobs": [without_files(outcome) for outcome in job.jobs],
    }
    write_atomically(as_path(path, "path"), json.dumps(content))


def load(path: str | Path) -> SavedJob:
    """Read a job that `save` wrote.

    Raises:
        ValueError: The file is not a saved job.
        LaterReleaseError: A later release wrote the file, or one of the programs in it.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"))
        _check_format(content, path)
        jobs = [from_file(job) for job in content["jobs"]]
        programs = [
            [Program.from_text(text, is_isa=is_isa) for text, is_isa in zip(texts, are_isa, strict=True)]
            for texts, are_isa, _ in zip(content["programs"], content["is_isa"], jobs, strict=True)
        ]
        circuits = None if content["circuits"] is None else _unpacked(content["circuits"])
        return SavedJob(str(content["job_id"]), programs, circuits, jobs)
    except LaterReleaseError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is not a valid saved job: {str(error).rstrip('.')}.") from error


def _check_format(content: dict[str, Any], path: str | Path) -> None:
    if content["format"] != _FORMAT:
        raise ValueError(f"its format is {content['format']!r}, not {_FORMAT!r}")
    if content["version"] not in _VERSIONS:
        raise LaterReleaseError(str(path), content["version"])


def _packed(circuits: Sequence[QuantumCircuit | None]) -> list[str | None]:
    """Return each circuit as QPY; None for one that is unknown or does not survive a round trip."""
    packed, lost = [], []
    for i, circuit in enumerate(circuits):
        text, reason = (None, "") if circuit is None else _kept(circuit)
        packed.append(text)
        if circuit is not None and text is None:
            lost.append(f"{circuit.name!r} ({i}): {reason}")
    if lost:
        warn_user(f"{_LOST} Left out: {'; '.join(lost)}.")
    return packed


def _kept(circuit: QuantumCircuit) -> tuple[str | None, str]:
    """Return the circuit as QPY, verified by reading it back, or None and the reason."""
    copy = copied(circuit)
    copy.metadata = as_json(circuit.metadata or {})
    stream = io.BytesIO()
    try:
        qpy.dump(copy, stream)
        stream.seek(0)
        (read,) = qpy.load(stream)
        if not alike(read, copy):
            return None, "QPY reads back a different circuit"
    except Exception as error:  # noqa: BLE001 - gates, including custom ones, raise anything
        return None, f"{type(error).__name__}: {error}".rstrip(".")
    return base64.b64encode(stream.getvalue()).decode(), ""


def _unpacked(packed: str | list[str | None]) -> list[QuantumCircuit | None] | None:
    """Return the circuits; None for those that are not in the file or that this version of Qiskit cannot read."""
    if isinstance(packed, str):  # early versions stored all circuits in one piece
        return _read(packed)
    found: list[QuantumCircuit | None] = []
    for text in packed:
        read = None if text is None else _read(text)
        found.append(read[0] if read else None)
    return found


def _read(text: str) -> list[QuantumCircuit] | None:
    data = base64.b64decode(text, validate=True)
    if not data.startswith(_QPY):
        raise ValueError("its circuits are not QPY")
    try:
        return list(qpy.load(io.BytesIO(data)))
    except Exception as error:  # noqa: BLE001 - as above, and files of later versions of Qiskit
        warn_user(f"{_LOST} {type(error).__name__}: {error}".rstrip(".") + ".")
        return None
