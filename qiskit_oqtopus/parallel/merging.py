"""One program for circuits on different qubits: `merge`, and its inverse `parts_of`."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from qiskit_oqtopus import rounds
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.header import PARALLEL, CircuitHeader, PartHeader
from qiskit_oqtopus.programs import Program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_LINE = re.compile(r"^(?:c\[(\d+)\] = )?((\w+).*?) (q\[.+);$", re.MULTILINE)
"""A line with qubits: the bit that it measures into, the text before the qubits, the operation, and the qubits."""

_QUBIT = re.compile(r"q\[(\d+)\]")

_DELAY = rounds.LONG + 1
"""The kind of delays. They go last, so that all parts get to a delay before it begins."""

_NO_GATES = frozenset({"barrier", "measure"})

_DIGITS = 6
"""Decimal places of the fidelities in headers."""


@dataclass(frozen=True)
class Part:
    """A circuit with its place in a program of several.

    Attributes:
        program: The circuit's program.
        qubits: The device's qubit for each qubit of the program's register; None for those that it does not use.
        index: Index of the circuit in the run.
        fidelity: The circuit's estimated fidelity there; None if unknown.
        replica: Index among the copies of the circuit.
        best_fidelity: The estimated fidelity at its best place; None if the circuit was not placed, or unknown.
    """

    program: Program
    qubits: tuple[int | None, ...]
    index: int
    fidelity: float | None = None
    replica: int = 0
    best_fidelity: float | None = None


@dataclass(frozen=True)
class _Order:
    """The order in which to play the gates of a program: equal for all bindings of a circuit.

    Attributes:
        qubits: The qubits in each text of operands; without those that only have barriers.
        batches: Kind and lines of each batch of gates on different qubits.
    """

    qubits: Mapping[str, tuple[int, ...]]
    batches: Sequence[tuple[int, Sequence[int]]]


class _Text:
    """The lines of a part, on the device's qubits.

    Attributes:
        name: The circuit's name.
        qubits: The device's qubit for each qubit of the circuit; None for those without gates and measurements.
    """

    def __init__(self, part: Part) -> None:
        self.name = part.program.header.name
        self._bits, self._heads, names, self._operands = zip(*_LINE.findall(part.program.body), strict=True)
        self._order = _order(names, self._operands)
        used = {qubit for on in self._order.qubits.values() for qubit in on}
        self.qubits = tuple([place if qubit in used else None for qubit, place in enumerate(part.qubits)])
        if len(self.qubits) - self.qubits.count(None) < len(used):
            raise ValueError(f"Circuit {self.name!r} has no device qubit for some of its qubits: {part.qubits}.")
        self._at = {text: _operands(self.qubits[qubit] for qubit in on) for text, on in self._order.qubits.items()}

    def delays(self) -> list[list[str]]:
        """Return the delays in each batch of them."""
        return [sorted(self._heads[line] for line in lines) for kind, lines in self._order.batches if kind == _DELAY]

    def batches(self) -> list[tuple[int, str]]:
        """Return kind and text of each batch of gates."""
        heads, operands, at = self._heads, self._operands, self._at
        return [
            (kind, "".join([f"{heads[line]} {at[operands[line]]};\n" for line in lines]))
            for kind, lines in self._order.batches
        ]

    def measurements(self, first_bit: int) -> Iterator[str]:
        """Yield the measurements into the bits from this one on."""
        for bit, head, operands in zip(self._bits, self._heads, self._operands, strict=True):
            if bit:
                yield f"c[{first_bit + int(bit)}] = {head} {self._at[operands]};\n"


def merge(parts: Sequence[Part], num_qubits: int) -> Program:
    """Return one program that runs circuits side by side.

    It has one register of bits, in which the first part has the lowest bits, and measures all of them at the end. Gates
    on the same qubit keep their order. Those of different qubits are interleaved as late as possible in rounds (see
    `rounds`), so that short parts wait in the ground state and all parts end together, except that a part with delays
    keeps its own order. Barriers between gates remain.

    Args:
        parts: The circuits, bound, with their places. If one has delays, all have the same ones.
        num_qubits: The device's number of qubits.

    Raises:
        CircuitError: Delays differ, so that a part would wait longer than written.
        ValueError: There are no parts, two have a qubit in common, or one has no place on the device.
    """
    texts = [_Text(part) for part in parts]
    _check_places(texts, num_qubits)
    _check_delays(texts)
    headers = _headers(parts, texts)
    width = sum(len(each.header.clbits) for each in headers)
    header = CircuitHeader(
        name=_name(parts),
        num_qubits=num_qubits,
        num_clbits=width,
        clbits=tuple(range(width)),
        memory=any(each.header.memory for each in headers),
        version=PARALLEL,
        parts=headers,
    )
    lines = [_start(width, num_qubits), *_late(texts)]
    for text, each in zip(texts, headers, strict=True):
        lines += text.measurements(each.first_bit)
    return Program(header, "".join(lines), is_isa=all(part.program.is_isa for part in parts))


def parts_of(program: Program) -> list[Part]:
    """Return the parts of a program that `merge` returned, each with its own program; empty for any other program.

    Raises:
        ValueError: The program has an operation that is not of one of the parts in its header.
    """
    parts = program.header.parts
    if not parts:
        return []
    owner = {qubit: (i, local) for i, part in enumerate(parts) for local, qubit in enumerate(part.qubits)}
    gates: list[list[str]] = [[] for _ in parts]
    measurements: list[list[str]] = [[] for _ in parts]
    for bit, head, _, operands in _LINE.findall(program.body):
        places = [owner.get(int(qubit), (-1, 0)) for qubit in _QUBIT.findall(operands)]
        numbers = {number for number, _ in places}
        if len(numbers) != 1 or -1 in numbers:
            raise ValueError(
                f"The operation '{head} {operands}' belongs to none of the circuits in the program's header."
            )
        (i,) = numbers
        line = f"{head} {_operands(local for _, local in places)};\n"
        if bit:
            measurements[i].append(f"c[{int(bit) - parts[i].first_bit}] = {line}")
        else:
            gates[i].append(line)
    return [
        Part(
            Program(part.header, _start(len(part.header.clbits), len(part.qubits)) + "".join(lines), program.is_isa),
            part.qubits,
            part.index,
            part.fidelity,
            part.replica,
            part.best_fidelity,
        )
        for part, lines in zip(parts, map(list.__add__, gates, measurements), strict=True)
    ]


def _operands(qubits: Iterable[int | None]) -> str:
    return ", ".join([f"q[{qubit}]" for qubit in qubits])


def _start(num_bits: int, num_qubits: int) -> str:
    return f'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[{num_bits}] c;\nqubit[{num_qubits}] q;\n'


def _name(parts: Sequence[Part]) -> str:
    name = parts[0].program.header.name
    return name if len(parts) == 1 else f"{name} and {len(parts) - 1} more"


def _headers(parts: Sequence[Part], texts: Sequence[_Text]) -> tuple[PartHeader, ...]:
    headers, first_bit = [], 0
    for part, text in zip(parts, texts, strict=True):
        header = part.program.header
        if header.tag or header.version > 1:
            header = replace(header, tag="", version=1)
        fidelities = _rounded(part.fidelity), _rounded(part.best_fidelity)
        headers.append(PartHeader(header, first_bit, text.qubits, part.index, part.replica, *fidelities))
        first_bit += len(header.clbits)
    return tuple(headers)


def _rounded(fidelity: float | None) -> float | None:
    return None if fidelity is None else round(fidelity, _DIGITS)


def _check_places(texts: Sequence[_Text], num_qubits: int) -> None:
    if not texts:
        raise ValueError("There are no circuits to merge.")
    uses = Counter(qubit for text in texts for qubit in text.qubits if qubit is not None)
    wrong = [qubit for qubit, number in uses.items() if number > 1 or not 0 <= qubit < num_qubits]
    if wrong:
        raise ValueError(f"The device has {num_qubits} qubits, and circuits must not share any, but they use {wrong}.")


def _check_delays(texts: Sequence[_Text]) -> None:
    first, *others = texts
    for text in others:
        if text.delays() != first.delays():
            raise CircuitError(
                f"Circuits {first.name!r} and {text.name!r} cannot share a program: their delays differ, so one "
                "would wait longer than written. Run them with parallel=False."
            )


def _late(texts: Sequence[_Text]) -> list[str]:
    """Return the gates of all parts, interleaved from the end on.

    Each part has the same batches as alone, and waits only for the others' batches of a lower kind.
    """
    remaining = [text.batches() for text in reversed(texts)]
    lines = []
    while any(remaining):
        kind = min(batches[-1][0] for batches in remaining if batches)
        lines += [batches.pop()[1] for batches in remaining if batches and batches[-1][0] == kind]
    return lines[::-1]


@lru_cache(maxsize=64)
def _order(names: tuple[str, ...], operands: tuple[str, ...]) -> _Order:
    """Return the order of lines with these operations and operands."""
    named = {text: tuple(map(int, _QUBIT.findall(text))) for text in dict.fromkeys(operands)}
    used = {qubit for name, text in zip(names, operands, strict=True) if name != "barrier" for qubit in named[text]}
    qubits = {text: tuple([qubit for qubit in on if qubit in used]) for text, on in named.items()}
    lines = _effective(names, [qubits[text] for text in operands])[::-1]
    on = [qubits[operands[line]] for line in lines]
    kinds = [rounds.kind_of(names[line], len(qubits[operands[line]])) for line in lines]
    if "delay" in names:
        kinds = [_DELAY if names[line] == "delay" else kind for line, kind in zip(lines, kinds, strict=True)]
        found = _as_written(kinds, on)
    else:
        found = rounds.in_rounds(kinds, on)
    return _Order(qubits, [(kinds[batch[0]], [lines[i] for i in reversed(batch)]) for batch in reversed(found)])


def _effective(names: Sequence[str], qubits: Sequence[tuple[int, ...]]) -> list[int]:
    """Return the lines of gates, and those of barriers with gates on both sides."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for line, (name, on) in enumerate(zip(names, qubits, strict=True)):
        if name not in _NO_GATES:
            last.update(dict.fromkeys(on, line))
            for qubit in on:
                first.setdefault(qubit, line)
    return [
        line
        for line, (name, on) in enumerate(zip(names, qubits, strict=True))
        if name not in _NO_GATES
        or (
            name == "barrier"
            and any(first.get(q, line) < line for q in on)
            and any(last.get(q, line) > line for q in on)
        )
    ]


def _as_written(kinds: Sequence[int], qubits: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Divide operations into batches of one kind on different qubits; keep their order."""
    batches: list[list[int]] = []
    busy: set[int] = set()
    for i, (kind, on) in enumerate(zip(kinds, qubits, strict=True)):
        if not batches or kind != kinds[batches[-1][0]] or not busy.isdisjoint(on):
            batches.append([])
            busy = set()
        batches[-1].append(i)
        busy.update(on)
    return batches
