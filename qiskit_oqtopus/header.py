"""The circuit metadata needed to decode its counts; it is sent with the program, as a comment."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from qiskit_oqtopus.errors import LaterReleaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qiskit import QuantumCircuit

_PREFIX = "// qiskit_oqtopus "
_VERSION = 1

NOWHERE = -1
"""In place of a classical bit's index: the outcome is none of the circuit's."""

_MOST_LOOSE_BITS = 1 << 16
"""More bits than any circuit has outside its registers, whose bits the header lists one by one.

Results are laid out by these numbers, and a wrong one could take all memory.
"""


@dataclass(frozen=True)
class CircuitHeader:
    """A circuit as results need it.

    Any process that can read the job's input can rebuild the header from the program's first line, and so the Qiskit
    result from the job alone. A program that other software wrote has an empty header, `CircuitHeader()`, which is
    false.

    Attributes:
        name: The circuit's name.
        num_qubits: How many qubits it has.
        num_clbits: How many classical bits it has.
        clbits: For each bit of the program's register, bit 0 first, the index of the circuit's classical bit, or
            `NOWHERE`.
        qregs: Name and size of each quantum register.
        cregs: Name and indices of bits of each classical register.
        metadata: The circuit's metadata.
        memory: Whether results list the shots one by one.
        extra: What else who submitted it wants back.
        tag: That of the job's description, as a description is easily copied; empty for a job that is alone, None for
            one of an earlier version, which did not say.
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

    @classmethod
    def of(cls, circuit: QuantumCircuit, clbits: tuple[int, ...]) -> Self:
        """The header of a circuit, of which the program has those classical bits."""
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
        # A program of ours measures at least one bit.
        return bool(self.clbits)

    def to_comment(self) -> str:
        """The header as one line of OpenQASM; nothing if it is empty.

        Metadata that JSON cannot hold is left out, as libraries put all sorts of objects there; the job object that
        `run` returns has it all.
        """
        if not self:
            return ""
        fields = {"v": _VERSION, **vars(self), "metadata": as_json(self.metadata)}
        if self.tag is None:
            del fields["tag"]
        return f"{_PREFIX}{json.dumps(fields, separators=(',', ':'))}\n"

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
        if version != _VERSION:
            raise LaterReleaseError("Its header", version)
        return cls._from_fields(fields)

    @classmethod
    def _from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Return the header with those fields; empty if they are not valid."""
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
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return cls()


def as_json(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What of the metadata JSON can hold, numbers and arrays of numpy's as plain ones."""
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
