"""Tasks to a submitted job, on any backend: `submit`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit.providers import BackendV2

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.primitives.backend_run import BackendRun
from qiskit_oqtopus.primitives.cloud_run import CloudRun
from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob
from qiskit_oqtopus.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit_oqtopus.primitives.options import PrimitiveOptions
    from qiskit_oqtopus.primitives.plan import Plan
    from qiskit_oqtopus.primitives.run import Run
    from qiskit_oqtopus.primitives.task import Task
    from qiskit_oqtopus.primitives.task_packer import TaskPacker


def checked_backend(mode: object) -> BackendV2:
    """Return the backend that a primitive was given as `mode`, or as that of a `Session`.

    Raises:
        TypeError: It is not a backend.
    """
    if isinstance(mode, Session):
        mode = mode.backend()
    if not isinstance(mode, BackendV2):
        raise TypeError(f"mode must be a backend, as provider.get_backend() returns, not {mode!r}.")
    return mode


def submit(
    backend: BackendV2,
    tasks: Sequence[Task],
    plan: Plan,
    options: PrimitiveOptions,
    packer: TaskPacker | None = None,
) -> OqtopusPrimitiveJob:
    """Submit a primitive's tasks.

    Args:
        backend: The backend to run on.
        tasks: The tasks; without any, nothing is run.
        plan: Turns the outcomes into the result.
        options: The primitive's options.
        packer: The packer that has packed the tasks, if they run side by side.

    Raises:
        ValueError: The device cannot run a circuit as intended (`CircuitError`), or an option has an invalid value.
        OqtopusError: A program could not be submitted; cancellation of the others has been requested.
    """
    tasks = [task for task in tasks if len(task.values)]
    run: Run
    if not tasks:
        run = BackendRun.empty(plan)
    elif isinstance(backend, OqtopusBackend) and packer is not None:
        run = CloudRun.submit_packed(backend, packer, plan, options)
    elif isinstance(backend, OqtopusBackend):
        run = CloudRun.submit(backend, tasks, plan, options)
    else:
        run = BackendRun.submit(backend, tasks, plan, options)
    return OqtopusPrimitiveJob(run, backend)
