"""Circuits and settings to programs, and programs and settings to job specs: `encode`, `to_jobs`, `Job.to_spec`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeAlias

import oqtopus_client
from qiskit_oqtopus.deferral import deferred_on
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.programs import as_bindings
from qiskit_oqtopus.qasm import to_program, to_template
from qiskit_oqtopus.tags import new_tags
from qiskit_oqtopus.user_warnings import warn_user

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target

    from oqtopus_client import OqtopusJobSpec
    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.programs import Program
    from qiskit_oqtopus.tags import Tag

Operator: TypeAlias = tuple[tuple[str, float], ...]
"""Labels and coefficients of Paulis; qubit 0 is rightmost in a label."""


@dataclass(frozen=True)
class Job:
    """An OQTOPUS job to submit.

    Attributes:
        programs: Its program, or those that share the device in it (`multi_manual`).
        shots: Number of shots.
        operator: The operator that the server estimates; None if the server counts.
        mitigated: Whether the server mitigates readout errors, if the settings say so.
        tag: Ends the description, if the job is of a batch.
    """

    programs: Sequence[Program]
    shots: int
    operator: Operator | None = None
    mitigated: bool = True
    tag: Tag | None = None

    def with_tag(self, tag: Tag | None) -> Self:
        """The job with a tag, which its programs carry as well."""
        return replace(self, programs=[program.with_tag(tag) for program in self.programs], tag=tag)

    def to_spec(self, device_id: str, settings: OqtopusOptions) -> OqtopusJobSpec:
        """The job as it is submitted to a device."""
        spec = oqtopus_client.OqtopusJobSpec
        make = spec.estimation if self.operator else spec.multi_manual if settings.multi_manual else spec.sampling
        texts = [program.text for program in self.programs]
        first, mitigation = self.programs[0], settings.mitigation if self.mitigated else None
        return make(
            device_id=device_id,
            program=texts if settings.multi_manual else texts[0],
            shots=self.shots,
            name=settings.name or first.header.name[:256],
            description=" ".join(str(part) for part in (settings.full_description, self.tag) if part) or None,
            transpiler_info=settings.transpiler_info(is_isa=first.is_isa),
            mitigation_info=mitigation and {"ro_error_mitigation": mitigation},
            operator=None if self.operator is None else _terms(self.operator),
        )


def encode(
    circuits: Sequence[QuantumCircuit], values: npt.ArrayLike | None, target: Target, settings: OqtopusOptions
) -> list[Program]:
    """The programs of circuits, or of one circuit with each of some parameter values.

    Args:
        circuits: The circuits.
        values: Parameter values of the only circuit, of shape (bindings, parameters); None for bound circuits.
        target: What the device can do.
        settings: The options of the run.

    Raises:
        CircuitError: The device cannot run a circuit as meant.
        ValueError: There are parameter values and several circuits, or they have another shape.
    """
    if settings.defer_measurements:
        circuits = [deferred_on(circuit, target) for circuit in circuits]
    if values is None:
        programs = [to_program(circuit, target, unmeasured=settings.memory) for circuit in circuits]
    elif len(circuits) == 1:
        template = to_template(circuits[0], target, unmeasured=settings.memory)
        programs = template.bind(as_bindings(values, template.parameters))
    else:
        raise ValueError(f"parameter_values belong to one circuit; there are {len(circuits)}.")
    refuse_foreign(programs, target, settings)
    warn_of_mitigation(programs, settings)
    return [program.with_memory() for program in programs] if settings.memory else programs


def to_jobs(programs: Sequence[Program], target: Target, settings: OqtopusOptions) -> list[Job]:
    """The jobs of a run: one for each program, or for as many as the device holds side by side (`multi_manual`)."""
    shares = pack(programs, target.num_qubits) if settings.multi_manual else [[program] for program in programs]
    return with_tags([Job(share, settings.shots) for share in shares], "batch", settings)


def with_tags(jobs: Sequence[Job], kind: str, settings: OqtopusOptions) -> list[Job]:
    """The jobs as one batch of that kind."""
    tags = new_tags(kind, len(jobs), settings.full_description)
    return [job.with_tag(tag) for job, tag in zip(jobs, tags, strict=True)]


def refuse_foreign(programs: Iterable[Program], target: Target, settings: OqtopusOptions) -> None:
    """Refuse programs that nothing transpiles, and that are not of the device's own instructions.

    Raises:
        CircuitError: There is such a program.
    """
    if settings.transpile != "none" or target.qargs is None:
        return
    for program in programs:
        if not program.is_isa:
            raise CircuitError(
                f"Circuit {program.header.name!r} is not of {target.description}'s own instructions, and "
                "transpile='none' leaves it so. Use qiskit.transpile(circuit, backend), or transpile='server'."
            )


def warn_of_mitigation(programs: Iterable[Program], settings: OqtopusOptions) -> None:
    """Warn of readout mitigation for programs that the server transpiles."""
    if settings.mitigation and any(settings.is_transpiled_by_server(is_isa=program.is_isa) for program in programs):
        warn_user(
            "A server that transpiles a circuit may correct the readout errors of other qubits than those it measures: "
            "it goes by their numbers in the circuit. Use qiskit.transpile(circuit, backend) before mitigation."
        )


def pack(programs: Sequence[Program], num_qubits: int | None) -> list[list[Program]]:
    """Share programs out in their order, so that no share has more qubits than the device."""
    shares: list[list[Program]] = []
    room = 0
    for program in programs:
        size = program.header.num_qubits
        if not shares or (num_qubits is not None and size > room):
            shares.append([])
            room = num_qubits or 0
        shares[-1].append(program)
        room -= size
    return shares


def _terms(operator: Operator) -> list[dict[str, str | float]]:
    """An operator as job specs have it."""
    return [{"pauli": pauli_text(label), "coeff": coefficient} for label, coefficient in operator]


def pauli_text(label: str) -> str:
    """A Pauli as servers read it; they silently read any other text as the identity.

    >>> pauli_text("XIZ")
    'Z 0 X 2'
    """
    return " ".join(f"{letter} {qubit}" for qubit, letter in enumerate(reversed(label)) if letter != "I")
