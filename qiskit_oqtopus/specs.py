"""Programs and settings to job specs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, TypeAlias

import oqtopus_client
from qiskit_oqtopus.errors import CircuitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from oqtopus_client import OqtopusJobSpec
    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.programs import Program
    from qiskit_oqtopus.tags import Tag

Operator: TypeAlias = tuple[tuple[str, float], ...]
"""Labels and coefficients of Paulis; qubit 0 is rightmost in a label."""


def pauli_text(label: str) -> str:
    """A Pauli as servers take it: anything else they take for the identity, without a word.

    >>> pauli_text("XIZ")
    'Z 0 X 2'
    """
    return " ".join(f"{letter} {qubit}" for qubit, letter in enumerate(reversed(label)) if letter != "I")


def refuse_foreign(programs: Sequence[Program], device: str) -> None:
    """Refuse programs that a device would, as they are not of its own instructions.

    Raises:
        CircuitError: There is such a program.
    """
    for program in programs:
        if not program.is_isa:
            name = program.header.name if program.header else ""
            raise CircuitError(
                f"Circuit {name!r} is not of {device}'s own instructions, and transpile='none' leaves it so. Use "
                "qiskit.transpile(circuit, backend), or transpile='server'."
            )


def pack(programs: Sequence[Program], num_qubits: int | None) -> list[list[Program]]:
    """Share programs out, in their order, so that each share has no more qubits than a device."""
    shares: list[list[Program]] = []
    room = 0
    for program in programs:
        size = program.header.num_qubits if program.header else 0
        if not shares or (num_qubits is not None and size > room):
            shares.append([])
            room = num_qubits or 0
        shares[-1].append(program)
        room -= size
    return shares


def warn_of_mitigation(programs: Iterable[Program], settings: OqtopusOptions) -> None:
    """Warn of readout mitigation for programs that the server transpiles."""
    if settings.mitigation and any(settings.is_transpiled_by_server(is_isa=program.is_isa) for program in programs):
        warnings.warn(
            "A server that transpiles a circuit may correct the readout errors of other qubits than those it measures: "
            "it goes by their numbers in the circuit. Use qiskit.transpile(circuit, backend) before mitigation.",
            stacklevel=4,
        )


def to_spec(
    programs: Sequence[Program],
    device_id: str,
    settings: OqtopusOptions,
    shots: int,
    tag: Tag | None,
    operator: Operator | None = None,
) -> OqtopusJobSpec:
    """The job of a program, or of several that share one (`multi_manual`)."""
    spec = oqtopus_client.OqtopusJobSpec
    make = spec.estimation if operator else spec.multi_manual if settings.multi_manual else spec.sampling
    texts = [program.text for program in programs]
    header = programs[0].header
    return make(
        device_id=device_id,
        program=texts if settings.multi_manual else texts[0],
        shots=shots,
        name=settings.name or (header.name[:256] if header else None),
        description=" ".join(str(part) for part in (settings.full_description, tag) if part) or None,
        transpiler_info=settings.transpiler_info(is_isa=programs[0].is_isa),
        mitigation_info=settings.mitigation and {"ro_error_mitigation": settings.mitigation},
        operator=None if operator is None else [{"pauli": pauli_text(label), "coeff": c} for label, c in operator],
    )
