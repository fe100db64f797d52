"""The entry point for Qiskit users: `OqtopusProvider`."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING, Any, Never, Self

from qiskit.providers import QiskitBackendNotFoundError

import oqtopus_client
from oqtopus_client.checks import real_number
from oqtopus_client.display import suggestion
from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.backend_table import BackendTable
from qiskit_oqtopus.batch import CIRCUIT_JOBS, JobBatch
from qiskit_oqtopus.errors import OqtopusJobError
from qiskit_oqtopus.filters import Criteria
from qiskit_oqtopus.job import OqtopusJob
from qiskit_oqtopus.primitives.backend_run import BackendRun
from qiskit_oqtopus.primitives.cloud_run import CloudRun
from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob
from qiskit_oqtopus.primitives.plan import from_run_id
from qiskit_oqtopus.program_runs import ProgramRuns
from qiskit_oqtopus.status import wire_statuses
from qiskit_oqtopus.tags import Tag, is_batch_id
from qiskit_oqtopus.target import MEASURE_DURATION
from qiskit_oqtopus.user_warnings import warn_user

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from qiskit.providers import JobStatus

    from oqtopus_client import OqtopusConfig, OqtopusProgramJob
    from oqtopus_client.emulator import Emulator
    from oqtopus_client.rest.models import JobsJob
    from qiskit_oqtopus.filters import BackendFilter

_SPECIAL = re.compile(r"[\\\0]")
"""Characters that a server's search does not match literally; `_`, its wildcard for one character, replaces them."""


class OqtopusProvider(ProgramRuns):
    """The devices of an OQTOPUS server as Qiskit backends.

    Creating a provider sends no request.

    Args:
        config: Server URL and credentials. By default the environment, else the default profile.
        journal: A file that records each job before and after its submission, for `resume`.
        measure_duration: The duration of measurements, in seconds, that the Targets of devices have if the server
            publishes none, as is usual: without one, Qiskit schedules no circuit. The default, 1 microsecond, is
            typical of dispersive readout. Gates do not depend on it, as measurements are last. None means unknown.

    Raises:
        TypeError: `config` is not an `OqtopusConfig`, or `measure_duration` is not a number.
        ValueError: `measure_duration` is not positive and finite.
        OqtopusConfigError: No server is configured.

    Attributes:
        client: The SDK's client, for everything outside Qiskit's interface.

    Example:
        >>> with OqtopusProvider.emulator(":memory:") as provider:
        ...     [backend.name for backend in provider.backends()]
        ['qulacs', 'lattice64', 'lattice64c', 'lattice144']
    """

    def __init__(
        self,
        config: OqtopusConfig | None = None,
        *,
        journal: str | Path | None = None,
        measure_duration: float | None = MEASURE_DURATION,
    ) -> None:
        if measure_duration is not None:
            wanted = "measure_duration must be a positive number of seconds, such as 1e-6, or None"
            measure_duration = real_number(measure_duration, wanted, least=math.ulp(0.0))
        self.client = oqtopus_client.OqtopusClient(config, journal=journal)
        self._measure_duration = measure_duration
        self._emulator: Emulator | None = None

    @classmethod
    def emulator(
        cls,
        data: str | Path | None = None,
        *,
        journal: str | Path | None = None,
        measure_duration: float | None = MEASURE_DURATION,
    ) -> OqtopusProvider:
        """Create a provider whose devices are emulated in this process; it needs no account and no configuration.

        Args:
            data: The folder for jobs and results, or `":memory:"`. By default the user's data folder.
            journal: See the class.
            measure_duration: See the class.

        Raises:
            ImportError: The extra `emulator` is not installed.
        """
        from oqtopus_client.emulator import Emulator  # noqa: PLC0415 - an extra

        emulator = Emulator(data)
        provider = cls(emulator.config, journal=journal, measure_duration=measure_duration)
        provider._emulator = emulator
        return provider

    def backends(
        self,
        name: str | None = None,
        *,
        min_num_qubits: int | None = None,
        simulator: bool | None = None,
        operational: bool | None = None,
        filters: BackendFilter | None = None,
        **unknown: Never,
    ) -> BackendTable:
        """Return the devices that the user may use, with one request; `print` and notebooks show them as a table.

        Args:
            name: Only the device with this name.
            min_num_qubits: Only devices with at least this many qubits.
            simulator: Only simulators if True, only other devices if False.
            operational: Only available devices if True, only unavailable ones if False.
            filters: Only devices for which this function returns a true value; it takes the backend.
            **unknown: Not accepted; a misspelt filter raises an error that suggests the right name.

        Raises:
            TypeError: A filter is unknown, or its value has the wrong type.
        """
        criteria = Criteria.checked(
            min_num_qubits=min_num_qubits, simulator=simulator, operational=operational, filters=filters, **unknown
        )
        if not (name is None or isinstance(name, str)):
            raise TypeError(f"name must be the name of a device, not {name!r}; pass functions as filters.")
        named = [backend for backend in self._all() if name is None or backend.name == name]
        return BackendTable(backend for backend in named if criteria.objection(backend) is None)

    def get_backend(self, name: str | None = None, **filters: Any) -> OqtopusBackend:
        """Return the device with this name.

        Args:
            name: The name. It may be omitted if there is only one device, as in a server-side program.
            **filters: Criteria that the device must meet; see `backends`.

        Raises:
            QiskitBackendNotFoundError: The server offers no such device, and the message lists similar names; or the
                device does not meet the criteria, and the message says why.
            TypeError: A filter is unknown, or its value has the wrong type.
        """
        criteria = Criteria.checked(**filters)
        backends = {backend.name: backend for backend in self._all()}
        if name is None:
            if len(backends) != 1:
                raise QiskitBackendNotFoundError(f"Name one of this server's devices: {', '.join(backends) or 'none'}.")
            (name,) = backends
        if name not in backends:
            hint = suggestion(name, sorted(backends), lambda other: _with_objection(backends[other], criteria))
            raise QiskitBackendNotFoundError(f"Unknown device {name!r}. {hint or 'This server offers no devices.'}")
        objection = criteria.objection(backends[name])
        if objection is not None:
            raise QiskitBackendNotFoundError(f"Device {name!r} {objection}.")
        return backends[name]

    def least_busy(
        self,
        min_num_qubits: int | None = None,
        *,
        simulator: bool | None = False,
        operational: bool | None = True,
        filters: BackendFilter | None = None,
        **unknown: Never,
    ) -> OqtopusBackend:
        """Return the device with the fewest pending jobs, with one request; more qubits break ties.

        Args:
            min_num_qubits: Only devices with at least this many qubits.
            simulator: Only simulators if True, only other devices if False, all if None.
            operational: Only available devices if True, only unavailable ones if False, all if None.
            filters: Only devices for which this function returns a true value; it takes the backend.
            **unknown: Not accepted; a misspelt filter raises an error that suggests the right name.

        Raises:
            QiskitBackendNotFoundError: No device meets the criteria; the message says why, for each.
            TypeError: A filter is unknown, or its value has the wrong type.
        """
        criteria = Criteria.checked(
            min_num_qubits=min_num_qubits, simulator=simulator, operational=operational, filters=filters, **unknown
        )
        backends = self._all()
        fitting = [backend for backend in backends if criteria.objection(backend) is None]
        if not fitting:
            reasons = ", ".join(f"{backend.name!r} {criteria.objection(backend)}" for backend in backends)
            raise QiskitBackendNotFoundError(f"No device qualifies: {reasons or 'this server offers none'}.")
        return min(fitting, key=lambda backend: (backend.device.n_pending_jobs, -(backend.num_qubits or 0)))

    def _all(self) -> list[OqtopusBackend]:
        devices, duration = self.client.list_devices(), self._measure_duration
        return [OqtopusBackend(self, device, self.client, measure_duration=duration) for device in devices]

    def job(self, job_id: str) -> OqtopusJob | OqtopusPrimitiveJob | OqtopusProgramJob:
        """Return the job with this id, whichever process submitted it: of a run, a primitive's run or a program.

        This includes runs of primitives that measured nothing and so needed no job: their ids contain all their data.

        Args:
            job_id: The value of `job_id()`, or the id of any OQTOPUS job.

        Raises:
            NotFoundError: The server has no job with this id.
            LaterReleaseError: The id contains a run of a later release.
            OqtopusJobError: The server no longer has all jobs of the batch.
        """
        if isinstance(job_id, str) and (plan := from_run_id(job_id)):
            return OqtopusPrimitiveJob(BackendRun.empty(plan))
        if isinstance(job_id, str) and not is_batch_id(job_id) and (program := self._program(job_id)):
            return program
        return self._job(JobBatch.find(self.client, job_id))

    def _job(self, batch: JobBatch) -> OqtopusJob | OqtopusPrimitiveJob:
        if batch.kind == "batch":
            return OqtopusJob(batch, find_backend=self.get_backend)
        return OqtopusPrimitiveJob(CloudRun(batch))

    def load_job(self, path: str | Path) -> OqtopusJob:
        """Load a job that `OqtopusJob.save` wrote; the server is asked about the parts that had not ended by then.

        Args:
            path: The file.

        Raises:
            ValueError: The file is not a saved job, or a later release wrote it (`LaterReleaseError`).
        """
        from qiskit_oqtopus.archive import load  # noqa: PLC0415 - rarely needed

        return OqtopusJob.from_saved(load(path), self)

    def resume(self) -> list[OqtopusJob | OqtopusPrimitiveJob]:
        """Return every job in the journal, in order, however far the program that submitted it got.

        Parts that were not submitted yet are submitted now; nothing is submitted twice. A job is left out, with a
        warning that lists the ids of its remaining parts, if the server refused a part or a part was deleted.

        Raises:
            ValueError: This provider keeps no journal.
            OqtopusError: The server could not be reached, or a job could not be submitted; call `resume` again.
        """
        return [self._job(batch) for batch in JobBatch.resume(self.client)]

    def jobs(
        self,
        *,
        limit: int | None = 10,
        status: JobStatus | str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
        name: str | None = None,
    ) -> Iterator[OqtopusJob | OqtopusPrimitiveJob]:
        """Iterate over earlier jobs, newest first; each page of a hundred is requested when it is needed.

        The circuits of one `backend.run`, or one run of a primitive, form one job; a job with missing parts is left out
        with a warning. Estimation jobs of other software and server-side jobs are not included; `client.iter_jobs`
        returns every job.

        Args:
            limit: Maximum number of jobs; None for all.
            status: Only jobs with an OQTOPUS job in this status, named as Qiskit or as the server names it.
            after: Only jobs submitted at this time or later; local time if it has no time zone.
            before: Only jobs submitted at this time or earlier; local time if it has no time zone.
            name: Only jobs with this text in their id, name or description.

        Raises:
            ValueError: `status` is not a valid status, or `limit` is negative.
        """
        wanted = wire_statuses(status)
        if limit is not None and limit < 0:
            raise ValueError(f"limit must be at least 0 or None, not {limit!r}.")
        found = self.client.iter_jobs(
            order="DESC",
            fields="job_id,job_type,status,name,description",
            status=next(iter(wanted)) if len(wanted) == 1 else None,
            start_time=after,
            end_time=before,
            q=name and _SPECIAL.sub("_", name),
        )
        matching = (
            job for job in found if (not wanted or job.status in wanted) and (name is None or _mentions(job, name))
        )
        return itertools.islice(self._grouped(matching), limit)

    def _grouped(self, found: Iterable[JobsJob]) -> Iterator[OqtopusJob | OqtopusPrimitiveJob]:
        batches: dict[str, JobBatch | None] = {}
        batch_of: dict[str, JobBatch] = {}
        yielded = set()
        for job in found:
            tag = Tag.of(job.description)
            if tag is not None and tag.batch_id not in batches:
                batch = batches[tag.batch_id] = self._complete_batch(tag.batch_id)
                batch_of |= dict.fromkeys(batch.job_ids, batch) if batch else {}
            batch = batch_of.get(job.job_id or "")
            if batch is not None:
                if batch.batch_id not in yielded:
                    yielded.add(batch.batch_id)
                    yield self._job(batch)
            # A job outside the batch that its description names has a copied description, and stands alone.
            elif job.job_id and job.job_type in CIRCUIT_JOBS and (tag is None or batches[tag.batch_id] is not None):
                yield self._job(JobBatch(self.client, job.job_id, [job.job_id]))

    def _complete_batch(self, batch_id: str) -> JobBatch | None:
        try:
            return JobBatch.find(self.client, batch_id)
        except OqtopusJobError as error:  # a part could not be submitted, or has been deleted
            warn_user(f"{error} It is left out.")
            return None

    def __repr__(self) -> str:
        return f"<OqtopusProvider of {self.client.config.base_url!r}>"

    def close(self) -> None:
        """Close the connections, and the emulator if `OqtopusProvider.emulator` started one."""
        self.client.close()
        if self._emulator is not None:
            self._emulator.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __deepcopy__(self, _memo: object) -> Self:
        # Connections cannot be copied.
        return self


def _mentions(job: JobsJob, text: str) -> bool:
    """Return whether a job has this text in its id, name or description; servers treat `%` and `_` as wildcards."""
    return any(text.casefold() in (field or "").casefold() for field in (job.job_id, job.name, job.description))


def _with_objection(backend: OqtopusBackend, criteria: Criteria) -> str:
    objection = criteria.objection(backend)
    return f"{backend.name!r}" if objection is None else f"{backend.name!r}, which {objection}"
