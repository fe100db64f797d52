"""Conversion of circuits to programs, and of programs to job specs: `encode`, `to_jobs`, `Job.to_spec`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

import oqtopus_client
from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.deferral import deferred_on
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.parallel.embedding import Embedder
from qiskit_oqtopus.parallel.packing import most_replicas, pack, shares
from qiskit_oqtopus.programs import Template, as_bindings
from qiskit_oqtopus.qasm import to_program, to_template
from qiskit_oqtopus.tags import new_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target

    from oqtopus_client import OqtopusJobSpec
    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.parallel.chip import Chip
    from qiskit_oqtopus.parallel.embedding import Item
    from qiskit_oqtopus.programs import Program
    from qiskit_oqtopus.qasm import BindingTemplate
    from qiskit_oqtopus.tags import Tag

    Floats = npt.NDArray[np.float64]

Operator: TypeAlias = tuple[tuple[str, float], ...]
"""Labels and coefficients of Paulis, with qubit 0 rightmost in a label."""


@dataclass(frozen=True)
class Job:
    """An OQTOPUS job to submit.

    Attributes:
        programs: Its program, or several that run side by side (`multi_manual`).
        shots: Number of shots.
        operator: The operator that the server estimates; None if the server returns counts.
        mitigated: Whether the server mitigates readout errors if the settings request it.
        tag: The tag at the end of the description, if the job belongs to a batch.
    """

    programs: Sequence[Program]
    shots: int
    operator: Operator | None = None
    mitigated: bool = True
    tag: Tag | None = None

    def with_tag(self, tag: Tag | None) -> Self:
        """Return the job with this tag, also in its programs."""
        return replace(self, programs=[program.with_tag(tag) for program in self.programs], tag=tag)

    def to_spec(self, device_id: str, settings: OqtopusOptions, seed: int | None = None) -> OqtopusJobSpec:
        """Return the spec to submit to a device, for an emulated one with a seed."""
        spec = oqtopus_client.OqtopusJobSpec
        make = spec.estimation if self.operator else spec.multi_manual if settings.multi_manual else spec.sampling
        texts = [program.text for program in self.programs]
        first, mitigation = self.programs[0], settings.mitigation if self.mitigated else None
        return make(
            device_id=device_id,
            program=texts if settings.multi_manual else texts[0],
            shots=self.shots,
            # A server's search may stop at a NUL, before it reaches the tag.
            name=settings.name or first.header.name[:256].replace("\0", " "),
            description=" ".join(str(part) for part in (settings.full_description, self.tag) if part) or None,
            transpiler_info=settings.transpiler_info(is_isa=first.is_isa),
            simulator_info=None if seed is None else {"seed_simulation": seed},
            mitigation_info=mitigation and {"ro_error_mitigation": mitigation},
            operator=None if self.operator is None else _terms(self.operator),
        )


def encode(
    circuits: Sequence[QuantumCircuit],
    parameter_values: npt.ArrayLike | None,
    chip: Chip | None,
    target: Target,
    settings: OqtopusOptions,
) -> list[Program]:
    """Return the programs of bound circuits, or of one circuit with each of several bindings.

    Args:
        circuits: The circuits.
        parameter_values: Values for a single circuit, of shape (bindings, parameters); None for bound circuits.
        chip: The device's qubits, on which circuits are placed side by side; None if each has a program of its own.
        target: The device's target.
        settings: The options of the run.

    Raises:
        CircuitError: The device cannot run a circuit as intended.
        ValueError: There are parameter values for several circuits, or their shape does not match.
    """
    if settings.defer_measurements:
        circuits = [deferred_on(circuit, target) for circuit in circuits]
    if parameter_values is None:
        programs = [to_program(circuit, target, unmeasured=settings.memory) for circuit in circuits]
        templates: list[tuple[Template | BindingTemplate, Floats]]
        templates = [(Template.constant(program), np.empty((1, 0))) for program in programs]
    elif len(circuits) == 1:
        template = to_template(circuits[0], target, unmeasured=settings.memory)
        templates = [(template, as_bindings(parameter_values, template.parameters))]
    else:
        raise ValueError(f"parameter_values can be used with one circuit only, not with {len(circuits)}.")
    if chip is not None:
        have_layouts = [circuit.layout is not None for circuit in circuits]
        return _side_by_side(templates, have_layouts, chip, target, settings)
    if settings.replicas != 1:
        raise ValueError(f"replicas={settings.replicas!r} needs parallel=True, which runs copies side by side.")
    programs = [program for template, values in templates for program in template.bind(values)]
    refuse_foreign(programs, target, settings)
    warn_of_mitigation(programs, settings)
    return [program.with_memory() for program in programs] if settings.memory else programs


def _side_by_side(
    templates: Sequence[tuple[Template | BindingTemplate, Floats]],
    have_layouts: Sequence[bool],
    chip: Chip,
    target: Target,
    settings: OqtopusOptions,
) -> list[Program]:
    """Return programs of several circuits each; see `encode`."""
    if settings.mitigation:
        raise ValueError(
            f"mitigation={settings.mitigation!r} cannot be combined with parallel={settings.parallel!r}, as servers "
            "correct the wrong qubits of such jobs; use either of them, or OqtopusEstimator, which takes both."
        )
    embedder = Embedder(chip, target, as_is=settings.transpile == "none")
    items: list[Item] = []
    for (template, values), has_layout in zip(templates, have_layouts, strict=True):
        if settings.transpile == "none":
            refuse_foreign(template.bind(values), target, settings)
        items += embedder.items(template, values, index=len(items), has_layout=has_layout)
    if settings.memory:
        items = [replace(item, header=replace(item.header, memory=True)) for item in items]
    replicas = most_replicas(items, chip, settings) if settings.replicas == "max" else settings.replicas
    return pack(items, chip, settings, replicas)


def to_jobs(programs: Sequence[Program], target: Target, settings: OqtopusOptions) -> list[Job]:
    """Return the jobs of a run.

    There is one per program, or per group that the device fits side by side (`multi_manual`). The shots of a program of
    many circuits may be split across several jobs.
    """
    groups = side_by_side(programs, target.num_qubits) if settings.multi_manual else [[each] for each in programs]
    jobs = [Job(group, shots) for group in groups for shots in shares(group[0], settings.shots)]
    return with_tags(jobs, "batch", settings)


def with_tags(jobs: Sequence[Job], kind: str, settings: OqtopusOptions) -> list[Job]:
    """Return the jobs as one batch of this kind."""
    tags = new_tags(kind, len(jobs), settings.full_description)
    return [job.with_tag(tag) for job, tag in zip(jobs, tags, strict=True)]


def seeds(seed: int | None, number: int) -> list[int | None]:
    """Return a different seed for each job of a run: the given one, and others derived from it.

    With the same seed, two jobs across which the shots of a circuit are split would have the same outcomes.

    >>> seeds(7, 1), seeds(None, 2)
    ([7], [None, None])
    """
    if seed is None:
        return [None] * number
    # JSON numbers are exact up to 53 bits everywhere.
    derived = np.random.SeedSequence(seed).generate_state(number - 1, np.uint64) >> 11
    return [seed, *derived.tolist()]


def refuse_foreign(programs: Iterable[Program], target: Target, settings: OqtopusOptions) -> None:
    """Refuse programs that are not native and that the server is not to transpile.

    Raises:
        CircuitError: A program is not native.
    """
    if settings.transpile != "none" or target.qargs is None:
        return
    for program in programs:
        if not program.is_isa:
            raise CircuitError(
                f"Circuit {program.header.name!r} has instructions that are not native to {target.description}, and "
                "transpile='none' forbids transpilation. Use qiskit.transpile(circuit, backend), or transpile='server'."
            )


def warn_of_mitigation(programs: Iterable[Program], settings: OqtopusOptions) -> None:
    """Warn about readout mitigation of programs that the server transpiles."""
    if settings.mitigation and any(settings.is_transpiled_by_server(is_isa=program.is_isa) for program in programs):
        warn_user(
            "A server that transpiles a circuit may correct readout errors of the wrong qubits, as it uses the numbers "
            "of the circuit's qubits. For mitigation, use qiskit.transpile(circuit, backend) first."
        )


def warn_of_transpiler_options(programs: Iterable[Program], settings: OqtopusOptions) -> None:
    """Warn about options of the server's transpiler if it transpiles none of the programs."""
    if settings.transpiler_options and not any(
        settings.is_transpiled_by_server(is_isa=program.is_isa) for program in programs
    ):
        warn_user(
            "transpiler_options have no effect, as circuits of native instructions run as they are. Leave them out, or "
            "use transpile='server'."
        )


def side_by_side(programs: Sequence[Program], num_qubits: int | None) -> list[list[Program]]:
    """Split programs into consecutive groups, so that no group has more qubits than the device."""
    groups: list[list[Program]] = []
    room = 0
    for program in programs:
        size = program.header.num_qubits
        if not groups or (num_qubits is not None and size > room):
            groups.append([])
            room = num_qubits or 0
        groups[-1].append(program)
        room -= size
    return groups


def _terms(operator: Operator) -> list[dict[str, str | float]]:
    """Return an operator in the format of job specs."""
    return [{"pauli": pauli_text(label), "coeff": coefficient} for label, coefficient in operator]


def pauli_text(label: str) -> str:
    """Return a Pauli in the servers' format; they silently take any other text for the identity.

    >>> pauli_text("XIZ")
    'Z 0 X 2'
    """
    return " ".join(f"{letter} {qubit}" for qubit, letter in enumerate(reversed(label)) if letter != "I")
