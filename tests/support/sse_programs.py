"""Programs for server-side execution."""

from __future__ import annotations

from tests.support.circuits import BELL

# The program's beginning: `submit(shots)` runs a Bell circuit through the driver, as libraries in the container do.
DRIVER = f"""
import os, subprocess, sys, time
import sse_driver
from oqtopus_client.rest.models import JobsS3SubmitJobInfo, JobsSubmitJobRequest

def submit(shots=10, program={BELL!r}, transpiler_info=None):
    request = JobsSubmitJobRequest(device_id="", job_type="sampling", shots=shots, transpiler_info=transpiler_info)
    return sse_driver.submit_job(request, JobsS3SubmitJobInfo(program=[program]))
"""
