"""Prepared jobs on their way between worker processes: `PackedJob`."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit, qpy

from oqtopus_client.emulator.simulation.circuits import PLAIN_OPERATIONS, rebuilt
from oqtopus_client.emulator.simulation.pipeline import prepare, run_prepared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client.emulator.simulation.pipeline import CircuitJob, Prepared
    from oqtopus_client.emulator.store import Outcome


@dataclass(frozen=True)
class PackedJob:
    """A prepared job between its two steps; in other processes, its circuit is bytes until it runs.

    Attributes:
        prepared: The job, without the circuit if that is in bytes.
        files: The files that users can read while the job runs.
        heavy: Whether execution takes seconds rather than milliseconds.
        transpiler_info: The settings it was transpiled with.
        circuit: The bytes of the circuit, if any.
    """

    prepared: Prepared = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)
    heavy: bool
    transpiler_info: Mapping[str, Any] | None
    circuit: bytes | None = field(default=None, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy to another process; the server's, which only passes it on, does not read the circuit."""
        prepared, circuit = self.prepared, self.circuit
        if circuit is None:
            circuit = _packed(prepared.circuit)
            left = prepared.circuit if circuit is None else ""
            prepared = replace(prepared, circuit=left, transpile_result=None, combined_program=None)
        return PackedJob, (prepared, self.files, self.heavy, self.transpiler_info, circuit)


def prepare_packed(job: CircuitJob) -> PackedJob:
    """Prepare a job as `prepare` does.

    Raises:
        JobFailure: The input is not valid.
    """
    prepared = prepare(job)
    return PackedJob(prepared, prepared.files, prepared.heavy, prepared.transpiler_info)


def run_packed(job: CircuitJob, packed: PackedJob) -> Outcome:
    """Run a prepared job as `run_prepared` does.

    Raises:
        JobFailure: The device refuses the job.
    """
    prepared = packed.prepared
    if packed.circuit is not None:
        prepared = replace(prepared, circuit=qpy.load(io.BytesIO(packed.circuit))[0])
    return run_prepared(job, prepared)


def _packed(circuit: QuantumCircuit | str) -> bytes | None:
    """Return a circuit's bytes; None for a circuit with delays or other gates, as QPY does not restore all of these."""
    if isinstance(circuit, str) or not PLAIN_OPERATIONS.issuperset(circuit.count_ops()):
        return None
    file = io.BytesIO()
    qpy.dump(rebuilt(circuit), file)
    return file.getvalue()
