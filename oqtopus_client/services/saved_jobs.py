"""Jobs in files: `without_files` and `from_file`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oqtopus_client import rest
from oqtopus_client.services.job_results import typed_result

if TYPE_CHECKING:
    from oqtopus_client.services.job_results import OqtopusJobResult


def without_files(job: OqtopusJobResult) -> dict[str, Any]:
    """Return a job as JSON, with its result and its transpile result, if that has been read.

    URLs of its files are left out, as they grant access to them.
    """
    fields = {name: getattr(job, name) for name in rest.JobsJob.model_fields if name != "job_info"}
    transpiled = job.job_info.transpile_result
    info = rest.JobsJobInfo(
        result=job.job_info.result,
        message=job.message,
        transpile_result=transpiled if isinstance(transpiled, rest.JobsS3TranspileResult) else None,
    )
    saved: dict[str, Any] = json.loads(rest.JobsJob(**fields, job_info=info).to_json())
    return saved


def from_file(saved: dict[str, Any]) -> OqtopusJobResult:
    """Return the job that `without_files` wrote.

    Raises:
        ValueError: It is not a valid job.
    """
    job = rest.JobsJob.from_dict(saved)
    info = job.job_info
    if info is not None and info.transpile_result is not None:
        info.transpile_result = rest.JobsS3TranspileResult.from_dict(info.transpile_result)
    if info is not None and info.result is not None:
        info.result = rest.JobsS3JobResult.from_dict(info.result)
    return typed_result(job)
