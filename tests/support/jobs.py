"""Jobs that take long, and waiting for a status."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator.device_files import built_in_devices


def entangling(qubits: int, layers: int, shots: int) -> OqtopusJobSpec:
    """A noisy job on a part of the chip as large as that, far from any Clifford circuit."""
    rows = [list(range(row, row + 8)) for row in range(0, 64, 8)]
    line = [qubit for number, row in enumerate(rows) for qubit in (row[::-1] if number % 2 else row)][:qubits]
    known = {(each["control"], each["target"]) for each in built_in_devices()["lattice64"].calibration["couplings"]}
    pairs = [pair if pair in known else pair[::-1] for pair in pairwise(line)]
    rotations = "".join(f"rz(0.3) q[{qubit}]; sx q[{qubit}]; " for qubit in line)
    gates = [f"cx q[{control}], q[{target}]; " for control, target in pairs]
    body = "".join(rotations + "".join(gates[layer % 2 :: 2]) for layer in range(layers))
    return OqtopusJobSpec.sampling(
        device_id="lattice64",
        program=f'OPENQASM 3; include "stdgates.inc"; qubit[64] q; bit[{qubits}] c; {body}'
        + " ".join(f"c[{bit}] = measure q[{qubit}];" for bit, qubit in enumerate(line)),
        shots=shots,
        transpiler_info={"transpiler_lib": None},
    )


SECONDS_LONG = entangling(14, 10, 600)
HOURS_LONG = entangling(20, 100, 1_000_000)


def await_status(client: OqtopusClient, job_id: str, status: str) -> None:
    """Wait until a job has a status."""
    await_condition(lambda: client.status(job_id) == status)


def await_condition(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
