"""Circuits and values to programs under way, on any backend: `submit`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from qiskit.providers import BackendV2

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.plain import plain
from qiskit_oqtopus.primitives.cloud_run import BackendRun, Chunk, CloudRun
from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob
from qiskit_oqtopus.primitives.plan import Block, pack, shares
from qiskit_oqtopus.qasm import to_template
from qiskit_oqtopus.specs import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target

    from qiskit_oqtopus.primitives.options import PrimitiveOptions
    from qiskit_oqtopus.primitives.plan import Plan
    from qiskit_oqtopus.programs import Program


@dataclass(frozen=True)
class Task:
    """A circuit to run with each of some values: a program for each row.

    Attributes:
        circuit: The circuit, which measures something.
        values: Values of `circuit.parameters`, of shape (programs, parameters).
        shots: How often to run each program.
        operator: Labels and coefficients of Paulis, if the server is to estimate their sum rather than to count.
        mitigated: Whether the server is to mitigate readout errors, if the options say so.
    """

    circuit: QuantumCircuit
    values: npt.NDArray[np.float64]
    shots: int
    operator: tuple[tuple[str, float], ...] | None = None
    mitigated: bool = True


def checked_backend(mode: object) -> BackendV2:
    """The backend that a primitive was given as `mode`.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(mode, BackendV2):
        raise TypeError(f"mode must be a backend, as provider.get_backend() returns, not {mode!r}.")
    return mode


def submit(backend: BackendV2, tasks: Sequence[Task], plan: Plan, options: PrimitiveOptions) -> OqtopusPrimitiveJob:
    """Start what a primitive wants run.

    On an OQTOPUS device each program is a job, or several that share its shots; circuits are written once for all
    their values. On any other backend circuits are bound, and counts are all that is read.

    Args:
        backend: Where.
        tasks: What; none is fine, and runs nothing.
        plan: What becomes of the outcomes.
        options: What the user wants.

    Raises:
        ValueError: A circuit that the device cannot run as meant (`CircuitError`), or an impossible option.
        OqtopusError: A program could not be submitted; the others have been asked to cancel.
    """
    tasks = [task for task in tasks if len(task.values)]
    if not tasks:
        return OqtopusPrimitiveJob(BackendRun([], (plan, [])))
    if isinstance(backend, OqtopusBackend):
        return OqtopusPrimitiveJob(_on_device(backend, tasks, plan, options))
    return OqtopusPrimitiveJob(_on_backend(backend, tasks, plan, options))


def _on_device(backend: OqtopusBackend, tasks: Sequence[Task], plan: Plan, options: PrimitiveOptions) -> CloudRun:
    max_shots = min(options.max_shots, backend.max_shots)
    blocks, jobs = [], []
    for task, programs in zip(tasks, _programs(tasks, backend.target), strict=True):
        block = _block(task, max_shots, programs[0].header.clbits)
        blocks.append(block)
        jobs += [
            Job([program], shots, task.operator, task.mitigated) for program in programs for shots in block.shares()
        ]
    first = jobs[0]
    jobs[0] = replace(first, programs=[first.programs[0].with_extra(pack(plan, blocks))])
    return CloudRun(backend.submit(jobs, kind=plan.kind, **options.for_device()), (plan, blocks))


def _programs(tasks: Sequence[Task], target: Target) -> list[list[Program]]:
    """The programs of each task; tasks that have the same circuit are written together."""
    alike: dict[int, list[int]] = {}
    for i, task in enumerate(tasks):
        alike.setdefault(id(task.circuit), []).append(i)
    programs: list[list[Program]] = [[] for _ in tasks]
    for places in alike.values():
        template = to_template(tasks[places[0]].circuit, target)
        written = iter(template.bind(np.concatenate([tasks[i].values for i in places])))
        for i in places:
            programs[i] = list(islice(written, len(tasks[i].values)))
    return programs


def _on_backend(backend: BackendV2, tasks: Sequence[Task], plan: Plan, options: PrimitiveOptions) -> BackendRun:
    options.for_other_backend(str(backend.name))
    blocks = [_block(task, options.max_shots, tuple(range(task.circuit.num_clbits))) for task in tasks]
    circuits = [circuit for task in tasks for circuit in _bound(task)]
    wanted = list(shares(blocks))
    by_shots: dict[int, list[int]] = {}
    for part, (_, _, shots) in enumerate(wanted):
        by_shots.setdefault(shots, []).append(part)
    size = backend.max_circuits or len(wanted)
    batches = [
        (shots, parts[start : start + size])
        for shots, parts in by_shots.items()
        for start in range(0, len(parts), size)
    ]
    chunks = []
    for (shots, parts), seed in zip(batches, _seeds(backend, options.seed, len(batches)), strict=True):
        job = backend.run([circuits[wanted[part][0]] for part in parts], shots=shots, **seed)
        chunks.append(Chunk(job, parts))
    return BackendRun(chunks, (plan, blocks))


def _bound(task: Task) -> list[QuantumCircuit]:
    """The task's circuit with each of its values."""
    circuit, parameters = plain(task.circuit), task.circuit.parameters
    return [circuit.assign_parameters(dict(zip(parameters, row, strict=True))) for row in task.values]


def _seeds(backend: BackendV2, seed: int | None, number: int) -> list[dict[str, int]]:
    """The keyword that seeds each of some runs, each differently; empty where there is no seed or no such option."""
    if seed is None or not hasattr(backend.options, "seed_simulator"):
        return [{}] * number
    return [{"seed_simulator": int(word) >> 1} for word in np.random.SeedSequence(seed).generate_state(number)]


def _block(task: Task, max_shots: int, clbits: tuple[int, ...]) -> Block:
    jobs = -(-task.shots // max_shots)
    return Block(len(task.values), task.shots, jobs, clbits, task.circuit.num_clbits)
