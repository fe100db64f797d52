"""Programs saved to files: `save_program` and `load_program`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from oqtopus_client.files import as_path, write_atomically
from oqtopus_client.services.ended_program import EndedProgram
from oqtopus_client.services.saved_jobs import from_file, without_files

_FORMAT = "oqtopus_client program"
_VERSION = 1


def save_program(job_id: str, ended: EndedProgram | None, path: str | Path) -> None:
    """Write a program's id to a file and, once it has ended, its job and its log."""
    content: dict[str, Any] = {"format": _FORMAT, "version": _VERSION, "job_id": job_id, "ended": None}
    if ended is not None:
        content["ended"] = {"job": without_files(ended.job), "log": ended.log, "text": ended.text}
    write_atomically(as_path(path, "path"), json.dumps(content))


def load_program(path: str | Path) -> tuple[str, EndedProgram | None]:
    """Read the id and the ended program that `save_program` wrote.

    Raises:
        ValueError: The file is not a saved program, or a later release wrote it.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"))
        _check_format(content)
        job_id, saved = str(content["job_id"]), content["ended"]
        if saved is None:
            return job_id, None
        return job_id, EndedProgram.of(from_file(saved["job"]), saved["log"], saved["text"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a valid saved program: {str(error).rstrip('.')}.") from error


def _check_format(content: dict[str, Any]) -> None:
    if content["format"] != _FORMAT:
        raise ValueError(f"its format is {content['format']!r}, not {_FORMAT!r}")
    if content["version"] != _VERSION:
        raise ValueError(f"a later release wrote it, in version {content['version']!r:.20} of the format")
