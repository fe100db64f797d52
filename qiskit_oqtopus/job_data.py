"""Data about a job, the same for runs of circuits and of primitives: `JobData`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Never, Protocol, Self

from qiskit.providers import JobError, JobStatus
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from oqtopus_client.checks import real_number, seconds_until, shown
from qiskit_oqtopus.elsewhere import Hinting, refuse_others
from qiskit_oqtopus.equivalents import JOB
from qiskit_oqtopus.errors import reason, timed_out
from qiskit_oqtopus.job_times import JobTimes, stages, timeline
from qiskit_oqtopus.results import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from matplotlib.figure import Figure
    from qiskit import QuantumCircuit
    from qiskit.providers import BackendV2

    from oqtopus_client import OqtopusClient, OqtopusJobResult
    from oqtopus_client.services.queue_position import QueuePosition
    from qiskit_oqtopus.archive import SavedJob
    from qiskit_oqtopus.batch import JobBatch
    from qiskit_oqtopus.last_seen import LastSeen


class Provider(Protocol):
    """The parts of `OqtopusProvider` that a job loaded from a file uses."""

    @property
    def client(self) -> OqtopusClient:
        """The client to request the job with."""

    def get_backend(self, name: str) -> BackendV2:
        """Return the device with this name."""


class JobData(Hinting):
    """Base of jobs that consist of OQTOPUS jobs."""

    _elsewhere = JOB

    if TYPE_CHECKING:
        _backend: BackendV2 | None
        _find_backend: Callable[[str], BackendV2] | None

        @property
        def _batch(self) -> JobBatch | None:
            """The OQTOPUS jobs; None for a job without any."""

        def status(self) -> JobStatus:
            """Return the status of the job."""

        def job_id(self) -> str:
            """Return the id of the job."""

        @property
        def job_ids(self) -> list[str]:
            """The ids of the jobs."""

        def _wait(self, timeout: float | None) -> None:
            """Wait for all parts of the job; see `wait_for_final_state`."""

        @classmethod
        def from_saved(cls, saved: SavedJob, provider: Provider | None = None) -> Self:
            """Return the job that was loaded from a file."""

        @property
        def _num_inputs(self) -> tuple[int | None, str]:
            """Number of circuits or PUBs, None if it would take a request, and the word for one."""

    def jobs(self) -> list[OqtopusJobResult]:
        """Return the current state of the OQTOPUS jobs, with all data that the server has; empty without any."""
        return [] if self._batch is None else self._batch.jobs()

    def backend(self) -> BackendV2:
        """Return the backend that runs the job.

        Raises:
            JobError: The job was loaded from a file without a provider, or needed no backend.
            QiskitBackendNotFoundError: The server no longer has the device.
        """
        if self._backend is None:
            if self._batch is None:
                raise JobError("This run needed no job, so its backend is unknown.")
            if self._find_backend is None:
                raise JobError(
                    "This job was loaded without a provider, so its backend is unknown; use provider.load_job(path)."
                )
            self._backend = self._find_backend(self._batch.device_id())
        return self._backend

    @property
    def tags(self) -> list[str]:
        """The words that the option `job_tags` attached to the job; none if it has no OQTOPUS jobs."""
        return [] if self._batch is None else self._batch.tags()

    @property
    def last_seen(self) -> LastSeen | None:
        """Name, status, device, time and tags as last seen, without a request; None for a job without OQTOPUS jobs."""
        return None if self._batch is None else self._batch.seen

    def done(self) -> bool:
        """Return whether the job has succeeded."""
        return self.status() is JobStatus.DONE

    def running(self) -> bool:
        """Return whether a part of the job is running and none is waiting."""
        return self.status() is JobStatus.RUNNING

    def cancelled(self) -> bool:
        """Return whether the job was cancelled."""
        return self.status() is JobStatus.CANCELLED

    def errored(self) -> bool:
        """Return whether the job has failed."""
        return self.status() is JobStatus.ERROR

    def in_final_state(self) -> bool:
        """Return whether the job has ended, however it ended."""
        return self.status() in JOB_FINAL_STATES

    def wait_for_final_state(
        self,
        timeout: float | None = None,
        wait: float | None = None,
        callback: Callable[[str, JobStatus, Self], object] | None = None,
        **unknown: Never,
    ) -> None:
        """Wait until the job has ended, however it ended.

        Args:
            timeout: Maximum time to wait in seconds, including time in the queue; None waits without limit.
            wait: Seconds between two requests for the status; by default they increase from 0.05 to 5.
            callback: A function that is called with the id, the status and the job after each of these requests, until
                the job has ended; `wait` is then 5 by default.
            **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

        Raises:
            TypeError: An argument is unknown or has the wrong type.
            ValueError: `timeout` or `wait` is negative.
            OqtopusJobTimeoutError: The job did not end in time and is still running.
        """
        refuse_others("wait_for_final_state()", unknown, {"poll_interval": "use wait", "interval": "use wait"})
        pause = 5.0 if wait is None else real_number(wait, "wait must be at least 0 seconds or None", least=0)
        if not (callback is None or callable(callback)):
            raise TypeError(f"callback must be a function of the job's id, status and the job, not {shown(callback)}.")
        if wait is None and callback is None:
            self._wait(timeout)
            return
        deadline = time.monotonic() + seconds_until(timeout)
        while (status := self.status()) not in JOB_FINAL_STATES:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise timed_out(self.job_id(), timeout)
            if callback is not None:
                callback(self.job_id(), status, self)
            time.sleep(min(pause, remaining))

    def transpiled_circuits(self) -> list[QuantumCircuit | None]:
        """Return the output of the server's transpiler for each OQTOPUS job; None if it has not run.

        Qubits are those of the device. The circuits of a `multi_manual` job are combined into one.

        Raises:
            MissingOptionalLibraryError: Package `qiskit-qasm3-import` is not installed.
        """
        from qiskit import qasm3  # noqa: PLC0415 - needs another package

        results = [] if self._batch is None else self._batch.transpile_results()
        programs = [result and result.transpiled_program for result in results]
        return [qasm3.loads(program) if program else None for program in programs]

    def layouts(self) -> Sequence[Sequence[int | None] | None]:
        """Return, for each OQTOPUS job, the device qubit that each circuit qubit ended up on.

        Routing is included; None if the server's transpiler has not run.

        Raises:
            ResponseValidationError: The server sent an invalid mapping.
        """
        return [] if self._batch is None else [layout(result) for result in self._batch.transpile_results()]

    def error_message(self) -> str | None:
        """Return the server's messages for failed and cancelled OQTOPUS jobs; None if there are none."""
        jobs = self.jobs()
        pairs = zip(jobs, self._are_ours(len(jobs)), strict=True)
        failed = [(job, ours) for job, ours in pairs if job.status in {"failed", "cancelled"}]
        return "\n".join(f"{job.name!r} ({job.job_id}) {reason(job, ours=ours)}" for job, ours in failed) or None

    def _are_ours(self, number: int) -> Sequence[bool]:
        """Return whether this package wrote the programs of each of so many OQTOPUS jobs."""
        return [True] * number

    def times(self) -> list[JobTimes]:
        """Return the times at which each OQTOPUS job reached each stage."""
        return [JobTimes.of(job) for job in self.jobs()]

    def plot_timeline(self) -> Figure:
        """Draw how long each OQTOPUS job waited and ran.

        Raises:
            ImportError: The extra `visualization` is not installed.
            ValueError: No job has been submitted.
        """
        from qiskit_oqtopus.visualization.timeline import plot_timeline  # noqa: PLC0415 - an extra

        return plot_timeline(timeline(self.jobs()))

    @property
    def timestamps(self) -> dict[str, datetime | None]:
        """UTC times at which the first OQTOPUS job was `submitted`, `ready` and `running`, and the last had `ended`.

        A stage that no job has reached is None; `ended` is None until all jobs have ended.
        """
        return stages(self.times())

    @property
    def creation_date(self) -> datetime | None:
        """Time at which the first OQTOPUS job was submitted, in UTC."""
        return self.timestamps["submitted"]

    @property
    def execution_time(self) -> float | None:
        """Total time of all OQTOPUS jobs on the device in seconds; None until one has run."""
        seconds = [time.execution_time for time in self.times() if time.execution_time is not None]
        return sum(seconds) if seconds else None

    def usage(self) -> float:
        """Return `execution_time` as in qiskit-ibm-runtime: 0 until a job has run."""
        return self.execution_time or 0.0

    def metrics(self) -> dict[str, Any]:
        """Return times and usage in the form of qiskit-ibm-runtime: times as ISO 8601, durations in seconds."""
        times = self.times()
        reached = stages(times)
        named = {"created": reached["submitted"], "running": reached["running"], "finished": reached["ended"]}
        seconds = sum((time.execution_time or 0.0 for time in times), 0.0)
        return {
            "timestamps": {name: time and time.isoformat() for name, time in named.items()},
            "usage": {"seconds": seconds, "quantum_seconds": seconds},
        }

    def queue_position(self, **unknown: Never) -> int | None:
        """Return the place of the job in the device's queue, at worst: 1 if it is next.

        The user's own earlier jobs are ahead. Of other users' jobs, servers report only the number, about once a
        minute, so all of them count as ahead. `queue_info()` has both numbers.

        Args:
            **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

        Returns:
            The place of the first OQTOPUS job that waits; None if one runs or none waits.

        Raises:
            TypeError: An argument is unknown.
        """
        refuse_others("queue_position()", unknown, {"refresh": "each call asks the server; leave it out"})
        info = self.queue_info()
        return None if info is None else info.position

    def queue_info(self) -> QueuePosition | None:
        """Return how many jobs are ahead, the user's own and others; `print` shows a phrase.

        Returns:
            See `queue_position`.
        """
        return None if self._batch is None else self._batch.queue_info()

    @classmethod
    def load(cls, path: str | Path, provider: Provider | None = None) -> Self:
        """Load a job that `save` wrote.

        Args:
            path: The file.
            provider: The provider that finds the backend and requests OQTOPUS jobs that had not ended when the job was
                saved, as in `provider.load_job(path)`. By default the job is loaded without a server.

        Raises:
            ValueError: The file is not a saved job of this class, or a later release wrote it (`LaterReleaseError`).
        """
        from qiskit_oqtopus.archive import load  # noqa: PLC0415 - rarely needed

        return cls.from_saved(load(path), provider)

    def __repr__(self) -> str:
        number, word = self._num_inputs
        phrases = [] if self.last_seen is None else self.last_seen.phrases()
        phrases += [] if number is None else [counted(number, word)]
        phrases += [] if number == len(self.job_ids) else [counted(len(self.job_ids), "job")]
        return f"<{type(self).__name__} {self.job_id()!r}: {', '.join(phrases)}>"


def counted(number: int, noun: str) -> str:
    """Return a number of things.

    >>> counted(1, "circuit"), counted(2000, "circuit")
    ('1 circuit', '2,000 circuits')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
