"""The two steps of a job: preparation by the cloud's engine and execution on a device.

These are functions of picklable values, so that any `concurrent.futures.Executor` can run them.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit, qasm3

from oqtopus_client.emulator.mitigation import pseudo_inverse
from oqtopus_client.emulator.simulation import estimation, multi_manual
from oqtopus_client.emulator.simulation.circuits import active_qubits, measurements, parse, rebuilt
from oqtopus_client.emulator.simulation.inputs import (
    DEFAULT_LIMITS,
    JobFailure,
    ProgramLimits,
    invalid,
    logger,
    programs_of,
    read_input,
)
from oqtopus_client.emulator.simulation.sampling import Sampled, sample
from oqtopus_client.emulator.simulation.transpiling import transpile_for, transpiler_options
from oqtopus_client.emulator.store import Outcome
from oqtopus_client.rest.storage import pack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from oqtopus_client.emulator.device_files import EmulatedDevice

_HEAVY = 1 << 30


@dataclass(frozen=True)
class CircuitJob:
    """A job that runs circuits.

    Attributes:
        job_type: `sampling`, `estimation` or `multi_manual`.
        archive: The job's `input.zip`.
        shots: Number of shots per circuit.
        transpiler_info: The job's settings, or the default if it has none.
        mitigation_info: The job's settings.
        device: The device to run on.
        limits: Limits on its input.
    """

    job_type: str
    archive: bytes
    shots: int
    transpiler_info: Mapping[str, Any]
    mitigation_info: Mapping[str, Any]
    device: EmulatedDevice
    limits: ProgramLimits = DEFAULT_LIMITS


@dataclass(frozen=True)
class Prepared:
    """A job ready for the device.

    Attributes:
        circuit: The circuit to run; the program's text if it cannot be read.
        transpile_result: The content of the job's transpile result file; None without transpilation.
        combined_program: The content of that file; None if no programs were combined.
        groups: The groups of observables that an estimation job measures.
        widths: The number of classical bits of each program of a multi_manual job; None if counts cannot be divided.
        heavy: Whether execution takes seconds rather than milliseconds.
    """

    circuit: QuantumCircuit | str
    transpile_result: dict[str, Any] | None = None
    combined_program: str | None = None
    groups: Sequence[estimation.Group] = ()
    widths: Sequence[int] | None = None
    heavy: bool = False

    @property
    def circuits(self) -> Iterator[QuantumCircuit | str]:
        """The circuits to run, created one at a time, as there may be thousands."""
        if isinstance(self.circuit, str) or not self.groups:
            yield self.circuit
            return
        for group in self.groups:
            yield group.measuring(self.circuit)

    @property
    def files(self) -> dict[str, bytes]:
        """The files that users can read while the job runs."""
        files = {}
        if self.transpile_result is not None:
            files["transpile_result.zip"] = pack_json("transpile_result", self.transpile_result)
        if self.combined_program is not None:
            files["combined_program.zip"] = pack(self.combined_program.encode(), "combined_program")
        return files


@dataclass(frozen=True)
class Executed:
    """A job that succeeded.

    Attributes:
        result: The content of the job's result file.
        seconds: Time on the device.
    """

    result: dict[str, Any] = field(repr=False)
    seconds: float


def prepare(job: CircuitJob) -> Prepared:
    """Read a job's input and prepare its circuits for the device.

    Raises:
        JobFailure: The input is not valid; the messages are those of servers.
    """
    content = read_input(job.archive, job.limits)
    # As on servers, job types that run a single program silently ignore further ones.
    program, *_ = programs = programs_of(content)
    terms = estimation.read_operator(content.get("operator")) if job.job_type == "estimation" else []
    if len(terms) > job.limits.terms:
        raise invalid(f"the operator has {len(terms):,} terms, more than {job.limits.terms:,}.")
    circuit = _try_to_read(program, job.limits)
    combined_program = widths = transpile_result = None
    options = transpiler_options(job.transpiler_info)
    if job.job_type == "multi_manual":
        combined, widths = multi_manual.combine(programs, job.device.n_qubits, job.limits)
        combined_program = qasm3.dumps(combined)
        if options is None:
            # Without the transpiler, servers send the first program alone.
            widths = None
        else:
            circuit = combined
    if options is not None:
        circuit, transpile_result = transpile_for(job.device.calibration, circuit, options)
    if job.job_type == "estimation":
        return _prepare_estimation(job, circuit, terms, transpile_result)
    heavy = not isinstance(circuit, str) and _is_heavy(circuit, measurements(circuit).values(), job)
    return Prepared(circuit, transpile_result, combined_program, widths=widths, heavy=heavy)


def execute(job: CircuitJob, prepared: Prepared) -> Executed:
    """Run a prepared job on the device.

    Raises:
        JobFailure: The device refuses the job.
    """
    start = time.perf_counter()
    counts = (_mitigated(_sampled(circuit, job), job) for circuit in prepared.circuits)
    if job.job_type == "estimation":
        value, error = estimation.estimate(prepared.groups, counts)
        return Executed({"sampling": None, "estimation": {"exp_value": value, "stds": error}}, _since(start))
    (only,) = counts
    seconds = _since(start)
    divided = None
    if job.job_type == "multi_manual":
        divided = {} if prepared.widths is None else multi_manual.divide(only, prepared.widths)
    return Executed({"sampling": {"counts": only, "divided_counts": divided}, "estimation": None}, seconds)


def run_prepared(job: CircuitJob, prepared: Prepared) -> Outcome:
    """Run a prepared job on the device and pack its result in the same process.

    A result may have hundreds of megabytes; receiving and packing them would block the server for seconds.

    Raises:
        JobFailure: The device refuses the job.
    """
    executed = execute(job, prepared)
    files = {"result.zip": pack_json("result", executed.result)}
    return Outcome("succeeded", "job is succeeded", executed.seconds, files)


def _sampled(circuit: QuantumCircuit | str, job: CircuitJob) -> Sampled:
    try:
        return sample(circuit, job.device, job.shots)
    except Exception as error:
        logger.warning("The emulated device refused a program: %s", str(error) or repr(error))
        raise JobFailure("failed to execute job on device") from error


def _since(start: float) -> float:
    """Return the seconds since `start` as servers store them: three decimals, and at least 0.001."""
    return max(round(time.perf_counter() - start, 3), 0.001)


def pack_json(name: str, content: object) -> bytes:
    """Pack a JSON file into a zip archive under the name that servers use."""
    return pack(json.dumps(content).encode(), f"{name}.json")


def _prepare_estimation(
    job: CircuitJob,
    circuit: QuantumCircuit | str,
    terms: Sequence[tuple[Mapping[int, str], float]],
    transpile_result: dict[str, Any] | None,
) -> Prepared:
    if isinstance(circuit, str):
        raise JobFailure("Exception calling application: the program cannot be read")
    mapping, n_qubits = None, circuit.num_qubits
    if transpile_result is not None:
        mapping = transpile_result["virtual_physical_mapping"]["qubit_mapping"]
        # The estimator reads the transpiled text and knows no qubit beyond the last one in it.
        used = [circuit.find_bit(qubit).index for item in circuit.data for qubit in item.qubits]
        n_qubits = max(used, default=0) + 1
    gates = rebuilt(circuit, range(n_qubits), without={"measure"})
    groups = estimation.split(gates, terms, mapping)
    measured = {qubit for group in groups for qubit in group.basis}
    return Prepared(gates, transpile_result, groups=groups, heavy=_is_heavy(gates, measured, job, runs=len(groups)))


def _try_to_read(program: str, limits: ProgramLimits) -> QuantumCircuit | str:
    """Return the program's circuit, or its text if it cannot be read; it then fails at the same step as on servers."""
    try:
        return parse(program, limits)
    except JobFailure:
        raise
    except Exception as error:  # noqa: BLE001 - the parser fails with any kind
        logger.warning("The emulated server could not read a program: %s", str(error) or repr(error))
        return program


def _mitigated(sampled: Sampled, job: CircuitJob) -> dict[str, int]:
    """Return the counts, with readout mitigation if the job requests it. As on servers, other settings are ignored."""
    if job.mitigation_info.get("ro_error_mitigation") != "pseudo_inverse":
        return sampled.counts
    try:
        return pseudo_inverse(sampled.counts, [_readout_errors(qubit, job.device) for qubit in sampled.qubits])
    except ValueError as error:
        raise JobFailure(f"Exception calling application: {error}") from error


def _readout_errors(qubit: int | None, device: EmulatedDevice) -> tuple[float, float]:
    if qubit is None:
        return 0.0, 0.0
    errors = device.calibration["qubits"][qubit]["meas_error"]
    return errors["prob_meas1_prep0"], errors["prob_meas0_prep1"]


def _is_heavy(circuit: QuantumCircuit, measured: Collection[int], job: CircuitJob, *, runs: int = 1) -> bool:
    """Whether a circuit takes seconds, by a rough count of the operations of a state vector simulation."""
    n_qubits = len(active_qubits(circuit, measured))
    repeated = job.shots if job.device.noisy else 1
    return len(circuit.data) * repeated * runs << n_qubits > _HEAVY
