"""The counts of a program of several parts as the outcomes of each: `part_outcomes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit_oqtopus.parallel.splitting import split
from qiskit_oqtopus.primitives.counts import Outcomes, Region

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qiskit_oqtopus.header import CircuitHeader, PartHeader
    from qiskit_oqtopus.primitives.plan import PlannedJob


def part_outcomes(
    counts: Mapping[str, int], header: CircuitHeader, planned: Sequence[PlannedJob], number: int
) -> Iterator[tuple[int, Outcomes]]:
    """Yield the outcomes of each part of a program, with the index of the planned job that it is.

    Args:
        counts: The counts of the program.
        header: Its header.
        planned: The planned jobs of the run.
        number: Index of the OQTOPUS job.

    Raises:
        ValueError: The counts cannot be read.
    """
    histograms = split(counts, [len(part.header.clbits) for part in header.parts])
    for part, histogram in zip(header.parts, histograms, strict=True):
        block = planned[part.index].block
        outcomes = Outcomes.from_bitstrings(histogram, block.clbits, block.num_clbits)
        qubits = tuple(qubit for qubit in part.qubits if qubit is not None)
        if not _is_fixed(part, header.num_qubits):
            outcomes = outcomes.measured_on([qubits[0] if qubit is None else qubit for qubit in part.qubits])
        yield part.index, outcomes.in_region(Region(qubits, part.fidelity, number))


def _is_fixed(part: PartHeader, num_qubits: int) -> bool:
    """Return whether a circuit's qubits are the device's."""
    return len(part.qubits) == num_qubits and all(qubit in {None, i} for i, qubit in enumerate(part.qubits))
