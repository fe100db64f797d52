"""Several small programs as one device job: combined before execution, divided afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit

from oqtopus_client.emulator.simulation.circuits import parse
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS, JobFailure, ProgramLimits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def combine(
    programs: Sequence[str], n_qubits: int, limits: ProgramLimits = DEFAULT_LIMITS
) -> tuple[QuantumCircuit, list[int]]:
    """Combine programs side by side: program 0 has the lowest qubits and the rightmost classical bits.

    All measurements come last.

    Args:
        programs: OpenQASM 3 programs.
        n_qubits: Number of qubits of the device.
        limits: Limits on each program.

    Returns:
        The circuit and the number of classical bits of each program.

    Raises:
        JobFailure: A program cannot be read, or they do not fit on the device.
    """
    try:
        circuits = [parse(program, limits) for program in programs]
    except JobFailure:
        raise
    except Exception as error:
        raise JobFailure("failed to combine programs") from error
    widths = [circuit.num_clbits for circuit in circuits]
    if sum(circuit.num_qubits for circuit in circuits) > n_qubits:
        raise JobFailure("failed to combine programs: invalid qubit size")
    combined = QuantumCircuit(sum(circuit.num_qubits for circuit in circuits), sum(widths))
    measured: list[tuple[int, int]] = []
    qubit = clbit = 0
    for circuit in circuits:
        for item in circuit.data:
            qubits = [qubit + circuit.find_bit(bit).index for bit in item.qubits]
            clbits = [clbit + circuit.find_bit(bit).index for bit in item.clbits]
            if item.name == "measure":
                measured.append((qubits[0], clbits[0]))
            else:
                combined.append(item.operation, qubits, clbits)
        qubit, clbit = qubit + circuit.num_qubits, clbit + circuit.num_clbits
    for qubit, clbit in measured:
        combined.measure(qubit, clbit)
    return combined, widths


def divide(counts: Mapping[str, int], widths: Sequence[int]) -> dict[str, dict[str, int]]:
    """Return each program's counts by its index as text, the last program first; empty if the key widths differ."""
    if any(len(key) != sum(widths) for key in counts):
        return {}
    divided: dict[str, dict[str, Any]] = {}
    for index in reversed(range(len(widths))):
        right = sum(widths[:index])
        mine = divided[str(index)] = {}
        for key, n in counts.items():
            part = key[len(key) - right - widths[index] : len(key) - right]
            mine[part] = mine.get(part, 0) + n
    return divided
