"""Results as OQTOPUS sends them to Qiskit's `Result`."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.result import Result
from qiskit.result.models import ExperimentResult

import oqtopus_client
from oqtopus_client.errors import ResponseValidationError
from qiskit_oqtopus.errors import reason
from qiskit_oqtopus.header import NOWHERE, CircuitHeader
from qiskit_oqtopus.user_warnings import warn_user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oqtopus_client import OqtopusJobResult, OqtopusSamplingJobResult
    from oqtopus_client.rest.models import JobsS3TranspileResult
    from qiskit_oqtopus.programs import Program

_MOST_LISTED = 100_000_000


def to_experiment(
    header: CircuitHeader, counts: Mapping[str, int], *, shots: int, job_id: str, **details: Any
) -> ExperimentResult:
    """What Qiskit keeps of one circuit's run.

    Args:
        header: The circuit's.
        counts: The wire's, bit 0 of the program's register rightmost.
        shots: How many were asked for. With readout mitigation, counts may sum to less; the result's `lost_shots` says
            by how many.
        job_id: The OQTOPUS job.
        **details: What else is known of the run.

    Raises:
        ValueError: A key of `counts` is no bitstring, or longer than the program's register; a value is no number; or
            there are too many shots to list.
    """
    found = wire_to_clbits(counts, header.clbits)
    memory = counts_to_memory(found, shots=shots, seed=zlib.crc32(job_id.encode())) if header.memory else None
    return _experiment(
        header,
        {"counts": found, "memory": memory},
        shots=sum(found.values()),
        lost_shots=lost_shots(shots, sum(found.values())),
        success=True,
        status="DONE",
        job_id=job_id,
        **details,
    )


def lost_shots(asked: int, counted: int) -> int:
    """How many of the shots are not among the counts."""
    return max(asked - counted, 0)


def warn_of_lost_shots(what: str, asked: int, lost: int) -> None:
    """Warn where so many shots are lost that they may bias a mean by more than its standard error."""
    if lost**2 > asked:
        warn_user(
            f"{what}: {lost:,} of {asked:,} shots ({lost / asked:.1%}) are missing from the server's counts. "
            "Readout mitigation cuts each count to an integer, which removes rare outcomes. Measure fewer qubits, take "
            "more shots, or use OqtopusEstimator, which loses none."
        )


def to_failed_experiment(header: CircuitHeader, *, status: str, shots: int, job_id: str) -> ExperimentResult:
    """The same for a circuit without counts; Qiskit's `get_counts` raises `status`."""
    return _experiment(header, {}, shots=shots, success=False, status=status, job_id=job_id)


def _experiment(header: CircuitHeader, data: Mapping[str, Any], **fields: Any) -> ExperimentResult:
    # Qiskit 1 wants the header as an object of its own, Qiskit 2 as the dictionary; each makes what it wants of this.
    return ExperimentResult.from_dict({"data": data, "header": result_header(header), **fields})


def to_result(backend_name: str, job_id: str, experiments: Sequence[ExperimentResult], **details: Any) -> Result:
    """One Qiskit result over the runs of all circuits, in their order."""
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
    """Put each bit of the wire's keys at its place among the circuit's classical bits.

    Bits that were not measured are 0, and so are bits that a short key lacks. Keys come and go with bit 0 rightmost;
    those returned are hexadecimal. Outcomes never seen, which readout mitigation leaves behind, are dropped.

    >>> wire_to_clbits({"01": 3, "11": 4, "00": 0}, clbits=[0, 2])
    {'0x1': 3, '0x5': 4}
    >>> wire_to_clbits({"0": 3, "1": 4}, clbits=[NOWHERE])
    {'0x0': 7}

    Raises:
        ValueError: A key is no bitstring, or has more bits than `clbits`; or a value is no number.
    """
    in_place = list(clbits) == list(range(len(clbits)))
    placed: dict[str, int] = {}
    for key, number in counts.items():
        if not isinstance(number, int | float):
            raise ValueError(  # noqa: TRY004 - a value of the server's
                f"The server counted the outcome {key!r} {number!s:.20} times, which is no number."
            )
        value = _bits(key, len(clbits))
        if not in_place:
            value = sum(1 << clbit for bit, clbit in enumerate(clbits) if clbit != NOWHERE and value >> bit & 1)
        if number:
            placed[hex(value)] = placed.get(hex(value), 0) + number
    return placed


def _bits(key: str, width: int) -> int:
    if not key or key.strip("01") or len(key) > width:
        raise ValueError(f"The server counted the outcome {key!r} where {width} bits were measured.")
    return int(key, 2)


def counts_to_memory(counts: Mapping[str, int], *, shots: int, seed: int) -> list[str]:
    """List a histogram's shots one by one.

    OQTOPUS tells counts only, so the order is invented: drawn at random, the same for the same seed. It says nothing
    of time. Readout mitigation rounds counts down; the shots it lost are drawn from the rest.

    Args:
        counts: The histogram.
        shots: How many to list, if there are any counts; if they sum to more, all are listed.
        seed: Seed of the order.

    Raises:
        ValueError: A hundred million shots or more are to be listed, which no job has.

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
    """The header of a program that some other software wrote: its bits in one piece, as many as the keys have."""
    width = max(map(len, counts), default=0)
    return CircuitHeader(name, num_qubits=width, num_clbits=width, clbits=tuple(range(width)))


def result_header(header: CircuitHeader) -> dict[str, Any]:
    """The header of Qiskit's experiment results."""
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
    """The registers as Qiskit lays them over a key: from the right, each a run of consecutive bits.

    Bits without a register form runs of their own. None where the registers are not such runs (they share bits, or
    scatter them): a key is then best left in one piece.
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
    """The device's qubit that each qubit of a circuit ended up on; None if the server did not report it.

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
    """The run of each circuit of an OQTOPUS job; failed ones carry the reason."""
    if outcome is None:
        return [_failed(program, "has not ended", job_id) for program in programs]
    if isinstance(outcome, Exception):
        return [_failed(program, f"has an unreadable result: {outcome}", job_id) for program in programs]
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
    """The counts of each program of a job."""
    if not isinstance(job, oqtopus_client.OqtopusMultiManualJobResult):
        return [job.get_counts()]
    divided = job.divided_bitstring_counts()
    return [divided.get(str(i)) or _share(job.get_counts(), programs, i) for i in range(len(programs))]


def _share(counts: dict[str, int], programs: Sequence[Program], index: int) -> dict[str, int]:
    """One program's counts out of the combined ones, of which program 0 has the rightmost bits.

    For servers that do not divide the counts themselves.
    """
    widths = [len(program.header.clbits) for program in programs]
    end = -sum(widths[:index]) or None
    start = -sum(widths[: index + 1])
    share: dict[str, int] = {}
    for key, number in counts.items():
        share[key[start:end]] = share.get(key[start:end], 0) + number
    return share


def _failed(program: Program, why: str, job_id: str, shots: int = 0) -> ExperimentResult:
    header = program.header or anonymous_header("circuit", {})
    return to_failed_experiment(header, status=f"{header.name!r} ({job_id}) {why}", shots=shots, job_id=job_id)


def are_ours(programs: Sequence[Program]) -> bool:
    """Whether this package wrote programs."""
    return bool(programs) and all(program.header for program in programs)
