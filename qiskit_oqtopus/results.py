"""Sampling results to Qiskit's `Result`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qiskit import QuantumCircuit

    from oqtopus_client import OqtopusSamplingJobResult


def to_experiment(
    circuit: QuantumCircuit, clbits: Sequence[int], sampled: OqtopusSamplingJobResult
) -> ExperimentResult:
    """What Qiskit keeps of one circuit's run.

    Args:
        circuit: The circuit, for its registers, name and metadata.
        clbits: For each bit of a wire key, rightmost first, the index of the circuit's classical bit.
        sampled: The job's result.
    """
    counts = wire_to_clbits(sampled.get_counts(), clbits)
    return ExperimentResult(
        shots=sum(counts.values()),
        success=True,
        status="DONE",
        data=ExperimentResultData(counts=counts),
        header=_header(circuit),
        job_id=sampled.job_id,
    )


def to_result(backend_name: str, job_id: str, experiments: list[ExperimentResult]) -> Result:
    """One Qiskit result over the runs of all circuits, in their order."""
    return Result(backend_name=backend_name, job_id=job_id, success=True, status="COMPLETED", results=experiments)


def wire_to_clbits(counts: Mapping[str, int], clbits: Sequence[int]) -> dict[str, int]:
    """Put each bit of the wire's keys at its place among the circuit's classical bits.

    Bits that were not measured are 0. Keys come and go with bit 0 rightmost; those returned are hexadecimal.

    >>> wire_to_clbits({"01": 3, "11": 4}, clbits=[0, 2])
    {'0x1': 3, '0x5': 4}
    """
    expanded: dict[str, int] = {}
    for key, number in counts.items():
        value = sum(1 << clbit for bit, clbit in zip(reversed(key), clbits, strict=False) if bit == "1")
        expanded[hex(value)] = expanded.get(hex(value), 0) + number
    return expanded


def _header(circuit: QuantumCircuit) -> dict[str, Any]:
    header = {
        "name": circuit.name,
        "metadata": circuit.metadata or {},
        "n_qubits": circuit.num_qubits,
        "qreg_sizes": [[register.name, register.size] for register in circuit.qregs],
        "global_phase": float(circuit.global_phase),
        "memory_slots": circuit.num_clbits,
    }
    sizes = creg_sizes(circuit)
    return header if sizes is None else {**header, "creg_sizes": sizes}


def creg_sizes(circuit: QuantumCircuit) -> list[list[Any]] | None:
    """The registers as Qiskit lays them over a key: from the right, each a run of consecutive bits.

    Bits without a register form runs of their own. None where the registers are not such runs (they share bits, or
    scatter them): a key is then best left in one piece.
    """
    sizes: list[list[Any]] = []
    position = 0
    for register in circuit.cregs:
        indices = [circuit.find_bit(bit).index for bit in register]
        start = indices[0] if indices else position
        if start < position or indices != list(range(start, start + len(indices))):
            return None
        if start > position:
            sizes.append(["", start - position])
        sizes.append([register.name, register.size])
        position = start + register.size
    if circuit.num_clbits > position:
        sizes.append(["", circuit.num_clbits - position])
    return sizes
