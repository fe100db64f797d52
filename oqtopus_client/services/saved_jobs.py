"""Jobs in files: `without_files`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oqtopus_client import rest

if TYPE_CHECKING:
    from oqtopus_client.services.job_results import OqtopusJobResult


def without_files(job: OqtopusJobResult) -> dict[str, Any]:
    """Return a job as JSON, with its result but without the URLs of its files, which grant access to them."""
    fields = {name: getattr(job, name) for name in rest.JobsJob.model_fields if name != "job_info"}
    info = rest.JobsJobInfo(result=job.job_info.result, message=job.message)
    saved: dict[str, Any] = json.loads(rest.JobsJob(**fields, job_info=info).to_json())
    return saved
