"""The two steps of a job: preparation by the cloud's engine and execution on a device.

These are functions of picklable values, so that any `concurrent.futures.Executor` can run them.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit, qasm3

from oqtopus_client.emulator.mitigation import pseudo_inverse
from oqtopus_client.emulator.simulation import estimation, multi_manual
from oqtopus_client.emulator.simulation.circuits import active_qubits, measurements, parse, rebuilt
from oqtopus_client.emulator.simulation.inputs import (
    DEFAULT_LIMITS,
    JobFailure,
    ProgramLimits,
    ServiceFailure,
    first_of,
    invalid,
    logger,
    programs_of,
    read_input,
)
from oqtopus_client.emulator.simulation.methods import TooLargeError
from oqtopus_client.emulator.simulation.sampling import Sampled, sample, seconds
from oqtopus_client.emulator.simulation.transpiling import DEFAULT_TRANSPILER, transpile_for, transpiler_options
from oqtopus_client.emulator.store import Outcome
from oqtopus_client.rest.storage import pack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from oqtopus_client.emulator.device_files import EmulatedDevice

_HEAVY_SECONDS = 1.0
_REFUSED = "failed to execute job on device"
"""The servers' message for all programs that a device does not run."""


@dataclass(frozen=True)
class CircuitJob:
    """A job that runs circuits.

    Attributes:
        job_type: `sampling`, `estimation` or `multi_manual`.
        archive: The job's `input.zip`.
        shots: Number of shots per circuit.
        transpiler_info: The job's settings; empty for the default.
        mitigation_info: The job's settings.
        device: The device to run on.
        limits: Limits on its input.
        seed: Seed of the random numbers; None for different ones each time.
    """

    job_type: str
    archive: bytes
    shots: int
    transpiler_info: Mapping[str, Any]
    mitigation_info: Mapping[str, Any]
    device: EmulatedDevice
    limits: ProgramLimits = DEFAULT_LIMITS
    seed: int | None = None


@dataclass(frozen=True)
class Prepared:
    """A job ready for the device.

    Attributes:
        circuit: The circuit to run; the program's text if it cannot be read.
        transpile_result: The content of the job's transpile result file; None without transpilation.
        combined_program: The content of that file; None if no programs were combined.
        groups: The groups of observables that an estimation job measures; None for other types.
        widths: The number of classical bits of each program of a multi_manual job; None if counts cannot be divided.
        heavy: Whether execution takes seconds rather than milliseconds.
        transpiler_info: The settings it was transpiled with; the default if the job has none.
    """

    circuit: QuantumCircuit | str
    transpile_result: dict[str, Any] | None = None
    combined_program: str | None = None
    groups: Sequence[estimation.Group] | None = None
    widths: Sequence[int] | None = None
    heavy: bool = False
    transpiler_info: Mapping[str, Any] | None = None

    @property
    def circuits(self) -> Iterator[QuantumCircuit | str]:
        """The circuits to run, created one at a time, as there may be thousands."""
        if isinstance(self.circuit, str) or self.groups is None:
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
        approximations: The approximations that were made.
    """

    result: dict[str, Any] = field(repr=False)
    seconds: float
    approximations: frozenset[str] = frozenset()

    @property
    def message(self) -> str:
        """The job's message, which is the servers' if the simulation was exact."""
        return "; the emulator ".join(["job is succeeded", *sorted(self.approximations)])


def prepare(job: CircuitJob) -> Prepared:
    """Read a job's input and prepare its circuits for the device.

    Raises:
        JobFailure: The input is not valid; the messages are those of servers.
    """
    content = read_input(job.archive, job.limits)
    programs, terms = programs_of(content), estimation.read_operator(content.get("operator"))
    if len(terms or ()) > job.limits.terms:
        raise invalid(f"the operator has {len(terms or ()):,} terms, more than {job.limits.terms:,}.")
    prepared = Prepared("", transpiler_info=job.transpiler_info or DEFAULT_TRANSPILER)
    if job.job_type == "multi_manual":
        if programs is None:
            raise JobFailure("failed to combine programs")
        combined, widths = multi_manual.combine(programs, job.device.n_qubits, job.limits)
        prepared = replace(prepared, circuit=combined, combined_program=qasm3.dumps(combined), widths=widths)
    try:
        prepared = _transpiled(job, prepared, programs)
        return _prepared_estimation(job, prepared, terms) if job.job_type == "estimation" else _weighed(job, prepared)
    except JobFailure as failure:
        if isinstance(failure, ServiceFailure) and job.device.quirks:
            failure.hide_reason()
        failure.files, failure.transpiler_info = prepared.files, prepared.transpiler_info
        raise


def execute(job: CircuitJob, prepared: Prepared) -> Executed:
    """Run a prepared job on the device.

    Raises:
        JobFailure: The device refuses the job, or its result cannot be mitigated.
    """
    try:
        return _executed(job, prepared)
    except JobFailure as failure:
        if job.device.quirks:
            if isinstance(failure, ServiceFailure):
                failure.hide_reason()
            if job.job_type == "estimation":
                # The engine waits for all circuits of the job, and does not learn that one has failed.
                failure.status = "running"
        raise


def _executed(job: CircuitJob, prepared: Prepared) -> Executed:
    if not job.device.available:
        raise JobFailure("device status is not available")
    start = time.perf_counter()
    random = np.random.default_rng(job.seed)
    approximations: set[str] = set()

    def run(circuit: QuantumCircuit | str) -> dict[str, int]:
        sampled = _sampled(circuit, job, random)
        approximations.update(sampled.approximations)
        return _mitigated(sampled, job)

    result: dict[str, Any]
    counts = map(run, prepared.circuits)
    if job.job_type == "estimation":
        value, error = estimation.estimate(prepared.groups or (), counts)
        result = {"sampling": None, "estimation": {"exp_value": value, "stds": error}}
        return Executed(result, _since(start), frozenset(approximations))
    (only,) = counts
    elapsed = _since(start)
    divided = None
    if job.job_type == "multi_manual":
        divided = {} if prepared.widths is None else multi_manual.divide(only, prepared.widths)
    result = {"sampling": {"counts": only, "divided_counts": divided}, "estimation": None}
    return Executed(result, elapsed, frozenset(approximations))


def run_prepared(job: CircuitJob, prepared: Prepared) -> Outcome:
    """Run a prepared job on the device and pack its result in the same process.

    A result may have hundreds of megabytes; receiving and packing them would block the server for seconds.

    Raises:
        JobFailure: The device refuses the job.
    """
    executed = execute(job, prepared)
    files = {"result.zip": pack_json("result", executed.result)}
    return Outcome("succeeded", executed.message, executed.seconds, files)


def _sampled(circuit: QuantumCircuit | str, job: CircuitJob, random: np.random.Generator) -> Sampled:
    try:
        return sample(circuit, job.device, job.shots, random)
    except TooLargeError as error:
        raise JobFailure(f"{_REFUSED}: {error}") from error
    except Exception as error:
        logger.warning("The emulated device refused a program: %s", str(error) or repr(error))
        raise JobFailure(_REFUSED) from error


def _since(start: float) -> float:
    """Return the seconds since `start` as servers store them: three decimals, and at least 0.001."""
    return max(round(time.perf_counter() - start, 3), 0.001)


def pack_json(name: str, content: object) -> bytes:
    """Pack a JSON file into a zip archive under the name that servers use."""
    return pack(json.dumps(content).encode(), f"{name}.json")


def _transpiled(job: CircuitJob, prepared: Prepared, programs: Sequence[str] | None) -> Prepared:
    off = (prepared.transpiler_info or {}).get("transpiler_lib", "") is None
    circuit = prepared.circuit
    if off or job.job_type != "multi_manual":
        # Further programs are ignored, also those of a multi_manual job whose transpiler is off.
        circuit = _try_to_read(first_of(programs), job.limits)
    options = transpiler_options(prepared.transpiler_info or {})
    if options is None:
        return replace(prepared, circuit=circuit, widths=None)
    circuit, transpile_result = transpile_for(job.device.calibration, circuit, options, job.seed)
    return replace(prepared, circuit=circuit, transpile_result=transpile_result)


def _weighed(job: CircuitJob, prepared: Prepared) -> Prepared:
    if isinstance(prepared.circuit, str):
        return prepared
    return replace(prepared, heavy=_is_heavy(prepared.circuit, measurements(prepared.circuit).values(), job))


def _prepared_estimation(job: CircuitJob, prepared: Prepared, terms: Sequence[tuple[str, float]] | None) -> Prepared:
    if terms is None:
        raise JobFailure("the operator is not specified in the job.")
    circuit, mapping = prepared.circuit, None
    if isinstance(circuit, str):
        raise ServiceFailure("the program cannot be read")
    n_qubits = circuit.num_qubits
    if prepared.transpile_result is not None:
        mapping = prepared.transpile_result["virtual_physical_mapping"]["qubit_mapping"]
        # The estimator reads the transpiled text, in which the last qubit is the last one in use.
        used = [circuit.find_bit(qubit).index for item in circuit.data for qubit in item.qubits]
        n_qubits = max(used, default=0) + 1
    gates = rebuilt(circuit, range(n_qubits), without={"measure"})
    groups = estimation.split(gates, [(estimation.factors_of(pauli), coeff) for pauli, coeff in terms], mapping)
    measured = {qubit for group in groups for qubit in group.basis}
    heavy = _is_heavy(gates, measured, job, runs=len(groups))
    return replace(prepared, circuit=gates, groups=groups, heavy=heavy)


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
    counts, qubits = sampled.counts, sampled.qubits
    if job.device.quirks:
        if job.job_type == "multi_manual":
            raise ServiceFailure("the first program measures fewer bits than there are")
        # The mitigator takes the first bits for the measured ones.
        qubits = [qubit for qubit in qubits if qubit is not None]
        counts = _first_bits(counts, len(qubits))
    try:
        return pseudo_inverse(counts, [_readout_errors(qubit, job.device) for qubit in qubits])
    except ValueError as error:
        raise ServiceFailure(str(error)) from error


def _first_bits(counts: Mapping[str, int], width: int) -> dict[str, int]:
    """Return the counts of the first classical bits, which are the last characters."""
    first: Counter[str] = Counter()
    for key, n in counts.items():
        first[key[len(key) - width :]] += n
    return dict(first)


def _readout_errors(qubit: int | None, device: EmulatedDevice) -> tuple[float, float]:
    if qubit is None:
        return 0.0, 0.0
    errors = device.calibration["qubits"][qubit]["meas_error"]
    return errors["prob_meas1_prep0"], errors["prob_meas0_prep1"]


def _is_heavy(circuit: QuantumCircuit, measured: Collection[int], job: CircuitJob, *, runs: int = 1) -> bool:
    """Whether the circuit takes seconds; a bound saves the estimate for most circuits that do not."""
    n_qubits = min(len(active_qubits(circuit, measured)), 100)
    amplitudes = min(job.shots << n_qubits, 8 << 2 * n_qubits) if job.device.noisy else 1 << n_qubits
    if len(circuit.data) * (4e-5 + 2e-9 * amplitudes) * runs < _HEAVY_SECONDS:
        return False
    return seconds(circuit, job.device, job.shots, measured) * runs > _HEAVY_SECONDS
