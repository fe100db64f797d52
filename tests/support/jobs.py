"""Jobs that take long, and waiting for a status."""

from __future__ import annotations

import time
from collections.abc import Callable

from oqtopus_client import OqtopusClient, OqtopusJobSpec

SECONDS_LONG = OqtopusJobSpec.sampling(
    device_id="qulacs",
    program='OPENQASM 3; include "stdgates.inc"; qubit[16] q; bit[16] c; h q; c = measure q;',
    shots=1_000_000,
)

HOURS_LONG = OqtopusJobSpec.sampling(
    device_id="lattice64",
    program='OPENQASM 3; include "stdgates.inc"; qubit[20] q; bit[20] c; rz(0.3) q; sx q; c = measure q;',
    shots=1_000_000,
    transpiler_info={"transpiler_lib": None},
)


def await_status(client: OqtopusClient, job_id: str, status: str) -> None:
    """Wait until a job has a status."""
    await_condition(lambda: client.status(job_id) == status)


def await_condition(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
