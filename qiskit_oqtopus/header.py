"""The circuit metadata needed to decode its counts, sent with the program as a comment."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from qiskit_oqtopus.errors import LaterReleaseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qiskit import QuantumCircuit

_PREFIX = "// qiskit_oqtopus "

SUPPRESSED = 2
"""The version of a header with the plan of a run whose circuits are changed, which early versions would misread."""

PARALLEL = 3
"""The version of a header with several parts, which earlier releases would take for one circuit."""

_VERSIONS = (1, SUPPRESSED, PARALLEL)

NOWHERE = -1
"""Stands for the index of a classical bit where an outcome belongs to none of the circuit's bits."""

_MOST_LOOSE_BITS = 1 << 16
"""More classical bits than any circuit has outside its registers, whose bits the header lists.

Results are allocated by these numbers, so a wrong one could exhaust the memory.
"""


@dataclass(frozen=True)
class CircuitHeader:
    """The circuit metadata needed to decode its counts.

    Any process that can read the job's input can rebuild the header from the program's first line, and so build the
    Qiskit result from the job alone. A program written by other software has an empty header, `CircuitHeader()`, which
    is false.

    Attributes:
        name: The circuit's name.
        num_qubits: Its number of qubits.
        num_clbits: Its number of classical bits.
        clbits: For each bit of the program's register, bit 0 first, the index of the circuit's classical bit, or
            `NOWHERE`.
        qregs: Name and size of each quantum register.
        cregs: Name and bit indices of each classical register.
        metadata: The circuit's metadata.
        memory: Whether results list the shots one by one.
        extra: Additional data of the submitter, such as a primitive's plan.
        tag: The tag in the job's description, repeated here because descriptions get copied; empty for a single job,
            None for a job of an early version, which did not record it.
        version: The version of the header's format.
        parts: The circuits that the program runs side by side; empty if it runs one circuit.
    """

    name: str = ""
    num_qubits: int = 0
    num_clbits: int = 0
    clbits: tuple[int, ...] = ()
    qregs: tuple[tuple[str, int], ...] = ()
    cregs: tuple[tuple[str, tuple[int, ...]], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    memory: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    tag: str | None = ""
    version: int = 1
    parts: tuple[PartHeader, ...] = ()

    @classmethod
    def of(cls, circuit: QuantumCircuit, clbits: tuple[int, ...]) -> Self:
        """Return the header of a circuit whose program writes these classical bits."""
        index = {bit: i for i, bit in enumerate(circuit.clbits)}
        return cls(
            name=circuit.name,
            num_qubits=circuit.num_qubits,
            num_clbits=circuit.num_clbits,
            clbits=clbits,
            qregs=tuple((register.name, register.size) for register in circuit.qregs),
            cregs=tuple((register.name, tuple(index[bit] for bit in register)) for register in circuit.cregs),
            metadata=circuit.metadata or {},
        )

    def __bool__(self) -> bool:
        # Every program of this package measures at least one bit.
        return bool(self.clbits)

    def to_comment(self) -> str:
        """Return the header as a line of OpenQASM; an empty string if the header is empty.

        Metadata that JSON cannot represent is left out, as libraries store arbitrary objects there; the job object
        that `run` returns has all metadata.
        """
        if not self:
            return ""
        fields = {"v": self.version, **self._fields(), "tag": self.tag}
        if self.tag is None:
            del fields["tag"]
        if self.parts:
            fields |= _parts_to_json(self.parts)
        return f"{_PREFIX}{json.dumps(fields, separators=(',', ':'))}\n"

    def _fields(self) -> dict[str, Any]:
        """Return the fields that describe the circuit."""
        fields = {**vars(self), "metadata": as_json(self.metadata)}
        for name in ("tag", "version", "parts"):
            del fields[name]
        return fields

    @classmethod
    def from_program(cls, text: str) -> Self:
        """Return the header of a program; empty if the program has none that can be read.

        Raises:
            LaterReleaseError: The header has a version that this release does not know.

        >>> header = CircuitHeader("bell", num_qubits=2, num_clbits=2, clbits=(0, 1))
        >>> CircuitHeader.from_program(header.to_comment() + "OPENQASM 3.0;") == header
        True
        >>> CircuitHeader.from_program("OPENQASM 3.0;") == CircuitHeader()
        True
        """
        line, _, _ = text.partition("\n")
        if not line.startswith(_PREFIX):
            return cls()
        try:
            fields = json.loads(line.removeprefix(_PREFIX))
            version = fields["v"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return cls()
        if version not in _VERSIONS:
            raise LaterReleaseError("Its header", version)
        return cls._from_fields(fields)

    @classmethod
    def _from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Return the header with these fields; empty if they are not valid."""
        try:
            cregs = tuple((str(name), tuple(map(int, bits))) for name, bits in fields["cregs"])
            clbits = tuple(map(int, fields["clbits"]))
            num_clbits = int(fields["num_clbits"])
            listed = {*clbits, *itertools.chain.from_iterable(bits for _, bits in cregs)}
            most = len(listed) + _MOST_LOOSE_BITS
            if not (0 <= num_clbits <= most and all(NOWHERE <= bit <= most for bit in listed)):
                return cls()
            return cls(
                name=str(fields["name"]),
                num_qubits=int(fields["num_qubits"]),
                num_clbits=num_clbits,
                clbits=clbits,
                qregs=tuple((str(name), int(size)) for name, size in fields["qregs"]),
                cregs=cregs,
                metadata=dict(fields["metadata"]),
                memory=bool(fields["memory"]),
                extra=dict(fields["extra"]),
                tag=str(fields["tag"]) if "tag" in fields else None,
                version=fields["v"],
                parts=_parts_from_json(fields, len(clbits)),
            )
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
            return cls()


@dataclass(frozen=True)
class PartHeader:
    """One of the circuits that a program runs side by side.

    Attributes:
        header: The circuit's header, without a tag. Its `clbits` are for the bits of the part only.
        first_bit: The first of the part's bits in the program's register; the others follow.
        qubits: The device's qubit for each qubit of the circuit; None for those that it does not use.
        index: Index of the circuit in the run.
        replica: Index among the copies of the circuit.
        fidelity: The circuit's estimated fidelity on these qubits; None if unknown.
        best_fidelity: The same on the best qubits of the device; None if the circuit was not placed, or unknown.
    """

    header: CircuitHeader
    first_bit: int
    qubits: tuple[int | None, ...]
    index: int
    replica: int = 0
    fidelity: float | None = None
    best_fidelity: float | None = None


def _parts_to_json(parts: Sequence[PartHeader]) -> dict[str, Any]:
    """Return parts as fields, with equal headers once."""
    headers = {id(part.header): part.header for part in parts}
    texts = {key: json.dumps(header._fields()) for key, header in headers.items()}
    distinct = {text: number for number, text in enumerate(dict.fromkeys(texts.values()))}
    rows = []
    for part in parts:
        used = [[qubit, place] for qubit, place in enumerate(part.qubits) if place is not None]
        qubits = part.qubits if len(used) == len(part.qubits) else {"of": len(part.qubits), "at": used}
        number = distinct[texts[id(part.header)]]
        rows.append([number, part.first_bit, qubits, part.index, part.replica, part.fidelity, part.best_fidelity])
    return {"headers": list(map(json.loads, distinct)), "parts": rows}


def _parts_from_json(fields: Mapping[str, Any], num_bits: int) -> tuple[PartHeader, ...]:
    """Return the parts in fields.

    Raises:
        ValueError, TypeError, LookupError: They are not valid.
    """
    only = {"v": 1, "tag": "", "headers": (), "parts": ()}
    headers = [CircuitHeader._from_fields({**each, **only}) for each in fields.get("headers", ())]  # noqa: SLF001
    parts: list[PartHeader] = []
    end = 0
    for number, first_bit, qubits, index, replica, *fidelities in fields.get("parts", ()):
        header, places = headers[int(number)], _qubits_from_json(qubits)
        fidelity, best_fidelity = map(_fidelity_from_json, fidelities)
        if not header or first_bit != end:
            raise ValueError
        parts.append(PartHeader(header, end, places, int(index), int(replica), fidelity, best_fidelity))
        end += len(header.clbits)
    if parts and end != num_bits:
        raise ValueError
    return tuple(parts)


def _fidelity_from_json(fidelity: Any) -> float | None:
    if fidelity is not None and not 0 <= fidelity <= 1:
        raise ValueError
    return None if fidelity is None else float(fidelity)


def _qubits_from_json(qubits: Any) -> tuple[int | None, ...]:
    if not isinstance(qubits, dict):
        return tuple(map(int, qubits))
    size, places = int(qubits["of"]), {int(qubit): int(place) for qubit, place in qubits["at"]}
    if size > len(places) + _MOST_LOOSE_BITS:
        raise ValueError
    return tuple(map(places.get, range(size)))


def as_json(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that JSON can represent, with NumPy numbers and arrays as plain ones."""
    kept = {}
    for key, value in metadata.items():
        try:
            kept[str(key)] = json.loads(json.dumps(value, default=_plain))
        except (TypeError, ValueError, RecursionError):
            continue
    return kept


def _plain(value: object) -> object:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError
