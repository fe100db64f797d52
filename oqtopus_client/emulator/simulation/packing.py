"""Prepared jobs on their way between worker processes: `PackedJob`."""

from __future__ import annotations

import io
import pickle
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
        content: The job, or its bytes.
        files: The files that users can read while the job runs.
        heavy: Whether execution takes seconds rather than milliseconds.
        transpiler_info: The settings it was transpiled with.
    """

    content: Prepared | bytes = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)
    heavy: bool
    transpiler_info: Mapping[str, Any] | None

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy to another process; the server's, which only passes it on, does not read the circuit."""
        content = self.content if isinstance(self.content, bytes) else _packed(self.content)
        return PackedJob, (content, self.files, self.heavy, self.transpiler_info)


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
    content = packed.content
    return run_prepared(job, _unpacked(content) if isinstance(content, bytes) else content)


def _packed(prepared: Prepared) -> bytes:
    """Return a job's bytes. Qiskit's QPY takes a tenth of pickle's time, but does not restore all delays."""
    circuit: Any = prepared.circuit
    if isinstance(circuit, QuantumCircuit) and PLAIN_OPERATIONS.issuperset(circuit.count_ops()):
        file = io.BytesIO()
        qpy.dump(rebuilt(circuit), file)
        circuit = file.getvalue()
    rest = replace(prepared, circuit="", transpile_result=None, combined_program=None)
    return pickle.dumps((rest, circuit))


def _unpacked(content: bytes) -> Prepared:
    rest: Prepared
    rest, circuit = pickle.loads(content)  # noqa: S301 - written by `_packed`
    return replace(rest, circuit=qpy.load(io.BytesIO(circuit))[0] if isinstance(circuit, bytes) else circuit)
