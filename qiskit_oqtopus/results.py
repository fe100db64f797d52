"""Decoding of OQTOPUS results into Qiskit's `Result`."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.result import Result
from qiskit.result.models import ExperimentResult

import oqtopus_client
from oqtopus_client.errors import ResponseValidationError
from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.errors import reason
from qiskit_oqtopus.header import NOWHERE, CircuitHeader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oqtopus_client import OqtopusJobResult, OqtopusSamplingJobResult
    from oqtopus_client.rest.models import JobsS3TranspileResult
    from qiskit_oqtopus.programs import Program

_MOST_LISTED = 100_000_000

DONE = "DONE"
"""The status of a circuit with all its counts."""


def to_experiment(
    header: CircuitHeader, counts: Mapping[str, int], *, shots: int, job_id: str, status: str = DONE, **details: Any
) -> ExperimentResult:
    """Return Qiskit's result for one circuit.

    Args:
        header: The circuit's header.
        counts: The counts as sent by the server, with bit 0 of the program's register rightmost.
        shots: Number of shots requested. With readout mitigation, counts may sum to less; the result's `lost_shots` is
            the difference.
        job_id: The id of the OQTOPUS job.
        status: The status of the circuit.
        **details: Further fields of the result.

    Raises:
        ValueError: A key of `counts` is not a bitstring or is longer than the program's register, a value is not a
            number, or there are too many shots to list.
    """
    found = wire_to_clbits(counts, header.clbits)
    memory = counts_to_memory(found, shots=shots, seed=zlib.crc32(job_id.encode())) if header.memory else None
    return _experiment(
        header,
        {"counts": found, "memory": memory},
        shots=sum(found.values()),
        lost_shots=lost_shots(shots, sum(found.values())),
        success=True,
        status=status,
        job_id=job_id,
        **details,
    )


def lost_shots(requested: int, counted: int) -> int:
    """Return how many of the requested shots are missing from the counts."""
    return max(requested - counted, 0)


def warn_of_lost_shots(what: str, requested: int, lost: int) -> None:
    """Warn if so many shots are lost that a mean may be biased by more than its standard error."""
    if lost**2 > requested:
        warn_user(
            f"{what}: {lost:,} of {requested:,} shots ({lost / requested:.1%}) are missing from the server's counts. "
            "Readout mitigation truncates each count to an integer, which removes rare outcomes. Measure fewer qubits, "
            "take more shots, or use OqtopusEstimator, which loses none."
        )


def to_failed_experiment(header: CircuitHeader, *, status: str, shots: int, job_id: str) -> ExperimentResult:
    """Return Qiskit's result for a circuit without counts; its `get_counts` raises an error with `status`."""
    return _experiment(header, {}, shots=shots, success=False, status=status, job_id=job_id)


def _experiment(header: CircuitHeader, data: Mapping[str, Any], **fields: Any) -> ExperimentResult:
    # Qiskit 1 stores the header as an object, Qiskit 2 as a dictionary; from_dict creates the right one.
    return ExperimentResult.from_dict({"data": data, "header": result_header(header), **fields})


def to_result(backend_name: str, job_id: str, experiments: Sequence[ExperimentResult], **details: Any) -> Result:
    """Return one Qiskit result for all circuits, in order."""
    success = all(experiment.success for experiment in experiments)
    return Result(
        backend_name=backend_name,
        job_id=job_id,
        success=success,
        status="COMPLETED" if success else "PARTIAL COMPLETED",
        results=list(experiments),
        **details,
    )


def wire_to_clbits(counts: Mapping[str, int], clbits: Sequence[int]) -> dict[str, int]:
    """Return the counts with each bit of the server's keys moved to its index among the circuit's classical bits.

    Unmeasured bits are 0, and so are the missing bits of a short key. Bit 0 is rightmost in all keys; the returned keys
    are hexadecimal. Outcomes with a count of zero, which readout mitigation may leave, are dropped.

    >>> wire_to_clbits({"01": 3, "11": 4, "00": 0}, clbits=[0, 2])
    {'0x1': 3, '0x5': 4}
    >>> wire_to_clbits({"0": 3, "1": 4}, clbits=[NOWHERE])
    {'0x0': 7}

    Raises:
        ValueError: A key is not a bitstring or has more bits than `clbits`, or a value is not a number.
    """
    is_identity = list(clbits) == list(range(len(clbits)))
    moved: dict[str, int] = {}
    for key, number in counts.items():
        if not isinstance(number, int | float):
            raise ValueError(  # noqa: TRY004 - the server sent the value
                f"The server's count of the outcome {key!r} is {number!s:.20}, which is not a number."
            )
        value = _bits(key, len(clbits))
        if not is_identity:
            value = sum(1 << clbit for bit, clbit in enumerate(clbits) if clbit != NOWHERE and value >> bit & 1)
        if number:
            moved[hex(value)] = moved.get(hex(value), 0) + number
    return moved


def _bits(key: str, width: int) -> int:
    if not key or key.strip("01") or len(key) > width:
        raise ValueError(f"The server sent the outcome {key!r}, but {width} bits were measured.")
    return int(key, 2)


def counts_to_memory(counts: Mapping[str, int], *, shots: int, seed: int) -> list[str]:
    """List the shots of a histogram one by one.

    OQTOPUS returns counts only, so the order is random, determined by the seed, and carries no information. Readout
    mitigation rounds counts down; the lost shots are drawn from the others.

    Args:
        counts: The histogram.
        shots: Number of shots to list, unless `counts` is empty; if the counts sum to more, all are listed.
        seed: Seed of the order.

    Raises:
        ValueError: There are more than a hundred million shots, more than any job has.

    >>> counts_to_memory({"0x0": 2, "0x3": 1}, shots=3, seed=1)
    ['0x0', '0x0', '0x3']
    """
    if not max(sum(counts.values()), shots) <= _MOST_LISTED:
        raise ValueError(f"More than {_MOST_LISTED:,} shots cannot be listed one by one.")
    rng = np.random.default_rng(seed)
    numbers = np.fromiter(counts.values(), np.int64, len(counts))
    rows = np.repeat(np.arange(len(counts)), numbers)
    if 0 < len(rows) < shots:
        rows = np.append(rows, rng.choice(rows, shots - len(rows)))
    rng.shuffle(rows)
    keys = list(counts)
    return [keys[row] for row in rows.tolist()]


def anonymous_header(name: str, counts: Mapping[str, int]) -> CircuitHeader:
    """Return a header for a program written by other software: as many bits as the keys have, without registers."""
    width = max(map(len, counts), default=0)
    return CircuitHeader(name, num_qubits=width, num_clbits=width, clbits=tuple(range(width)))


def result_header(header: CircuitHeader) -> dict[str, Any]:
    """Return the header for Qiskit's experiment results."""
    fields = {
        "name": header.name,
        "metadata": dict(header.metadata),
        "n_qubits": header.num_qubits,
        "qreg_sizes": [list(register) for register in header.qregs],
        "memory_slots": header.num_clbits,
    }
    sizes = creg_sizes(header)
    return fields if sizes is None else {**fields, "creg_sizes": sizes}


def creg_sizes(header: CircuitHeader) -> list[list[Any]] | None:
    """Return the registers as Qiskit splits keys by them: from the right, each a run of consecutive bits.

    Runs of bits without a register get an empty name. None if the registers are not such runs (they share bits, or
    their bits are scattered), so that keys are not split.
    """
    sizes: list[list[Any]] = []
    position = 0
    for name, bits in header.cregs:
        start = bits[0] if bits else position
        if start < position or list(bits) != list(range(start, start + len(bits))):
            return None
        if start > position:
            sizes.append(["", start - position])
        sizes.append([name, len(bits)])
        position = start + len(bits)
    if header.num_clbits > position:
        sizes.append(["", header.num_clbits - position])
    return sizes


def layout(result: JobsS3TranspileResult | None) -> list[int] | None:
    """Return the device qubit that each circuit qubit ended up on; None if the server did not report it.

    Raises:
        ResponseValidationError: The server sent an invalid mapping.
    """
    mapping = ((result and result.virtual_physical_mapping) or {}).get("qubit_mapping")
    try:
        return mapping and [int(mapping[virtual]) for virtual in sorted(mapping, key=int)]
    except (TypeError, ValueError, LookupError):
        raise ResponseValidationError(f"qubit_mapping is not a mapping of qubits to qubits: {mapping!r}.") from None


def to_experiments(
    job_id: str, outcome: OqtopusJobResult | Exception | None, programs: Sequence[Program]
) -> list[ExperimentResult]:
    """Return the result of each circuit of an OQTOPUS job; failed ones carry the reason."""
    if outcome is None:
        return [_failed(program, "has not ended", job_id) for program in programs]
    if isinstance(outcome, Exception):
        return [_failed(program, f"has an unreadable result: {outcome}", job_id) for program in programs]
    if outcome.is_estimation():
        why = "is an estimation job without counts; client.get_job(job_id).exp_value is its value"
        return [_failed(program, why, job_id, outcome.shots) for program in programs]
    if not isinstance(outcome, oqtopus_client.OqtopusSamplingJobResult) or outcome.sampling is None:
        why = reason(outcome, ours=are_ours(programs))
        return [_failed(program, why, job_id, outcome.shots) for program in programs]
    return [
        _counted(program, counts, outcome)
        for program, counts in zip(programs, _counts_of_each(outcome, programs), strict=True)
    ]


def _counted(program: Program, counts: dict[str, int], job: OqtopusJobResult) -> ExperimentResult:
    header = program.header or anonymous_header(job.name, counts)
    try:
        return to_experiment(header, counts, shots=job.shots, job_id=job.job_id, execution_time=job.execution_time)
    except ValueError as error:
        return _failed(program, f"has an unreadable result: {error}", job.job_id, job.shots)


def _counts_of_each(job: OqtopusSamplingJobResult, programs: Sequence[Program]) -> list[dict[str, int]]:
    """Return the counts of each program of a job."""
    if not isinstance(job, oqtopus_client.OqtopusMultiManualJobResult):
        return [job.get_counts()]
    divided = job.divided_bitstring_counts()
    return [divided.get(str(i)) or _counts_of(programs, i, job.get_counts()) for i in range(len(programs))]


def _counts_of(programs: Sequence[Program], index: int, combined: dict[str, int]) -> dict[str, int]:
    """Return one program's part of the combined counts, in which program 0 has the rightmost bits.

    Used for servers that do not divide the counts themselves.
    """
    widths = [len(program.header.clbits) for program in programs]
    end = -sum(widths[:index]) or None
    start = -sum(widths[: index + 1])
    counts: dict[str, int] = {}
    for key, number in combined.items():
        counts[key[start:end]] = counts.get(key[start:end], 0) + number
    return counts


def _failed(program: Program, why: str, job_id: str, shots: int = 0) -> ExperimentResult:
    header = program.header or anonymous_header("circuit", {})
    return to_failed_experiment(header, status=f"{header.name!r} ({job_id}) {why}", shots=shots, job_id=job_id)


def are_ours(programs: Sequence[Program]) -> bool:
    """Return whether this package wrote all of the programs."""
    return bool(programs) and all(program.header for program in programs)
