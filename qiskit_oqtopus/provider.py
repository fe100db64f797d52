"""Where Qiskit users begin: `OqtopusProvider`."""

from __future__ import annotations

import difflib
import itertools
import re
import warnings
from typing import TYPE_CHECKING, Any, Never, Self

from qiskit.providers import QiskitBackendNotFoundError

import oqtopus_client
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
from qiskit_oqtopus.status import wire_statuses
from qiskit_oqtopus.tags import Tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from qiskit.providers import JobStatus

    from oqtopus_client import OqtopusConfig
    from oqtopus_client.emulator import Emulator
    from oqtopus_client.rest.models import JobsJob
    from qiskit_oqtopus.filters import BackendFilter

_SPECIAL = re.compile(r"[\\\0]")
"""What servers' searches do not find as it is; `_`, which they take for any character, stands for it."""


class OqtopusProvider:
    """The devices of an OQTOPUS server as Qiskit backends.

    Making one sends no request.

    Args:
        config: Where the server is and who asks. By default the environment, else the default profile.
        journal: A file that records each job before and after its submission, for `resume`.

    Raises:
        TypeError: The configuration is none.
        OqtopusConfigError: No server is named anywhere.

    Attributes:
        client: The SDK's client, for all that Qiskit has no word for.

    Example:
        >>> with OqtopusProvider.emulator(":memory:") as provider:
        ...     [backend.name for backend in provider.backends()]
        ['qulacs', 'lattice64', 'lattice144']
    """

    def __init__(self, config: OqtopusConfig | None = None, *, journal: str | Path | None = None) -> None:
        if not (config is None or isinstance(config, oqtopus_client.OqtopusConfig)):
            # Its value is not shown: it may be a token.
            raise TypeError(f"config must be OqtopusConfig(url, api_token=...) or None, not a {type(config).__name__}.")
        self.client = oqtopus_client.OqtopusClient(config, journal=journal)
        self._emulator: Emulator | None = None

    @classmethod
    def emulator(cls, data: str | Path | None = None, *, journal: str | Path | None = None) -> OqtopusProvider:
        """A provider whose devices are emulated in this process; needs neither account nor setting.

        Args:
            data: Folder to keep jobs and results in, or `":memory:"`. By default a folder of the user's.
            journal: See the class.

        Raises:
            ImportError: The extra `emulator` is not installed.
        """
        from oqtopus_client.emulator import Emulator  # noqa: PLC0415 - an extra

        emulator = Emulator(data)
        provider = cls(emulator.config, journal=journal)
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
        """The devices the user may use, with one request; shown as a table by `print` and in notebooks.

        Args:
            name: Only the device of this name.
            min_num_qubits: Only devices with at least so many qubits.
            simulator: Only simulators if True, only others if False.
            operational: Only devices that are available if True, only others if False.
            filters: Only devices for which this function of the backend is true.
            **unknown: Nothing; a misspelt filter is an error that names the one meant.

        Raises:
            TypeError: There is no filter of a name, or a value is not of its kind.
        """
        criteria = Criteria.checked(
            min_num_qubits=min_num_qubits, simulator=simulator, operational=operational, filters=filters, **unknown
        )
        if not (name is None or isinstance(name, str)):
            raise TypeError(f"name must be a device's name, not {name!r}; functions go to filters.")
        named = [backend for backend in self._all() if name is None or backend.name == name]
        return BackendTable(backend for backend in named if criteria.objection(backend) is None)

    def get_backend(self, name: str, **filters: Any) -> OqtopusBackend:
        """The device of that name.

        Args:
            name: The name.
            **filters: What the device has to be, as for `backends`.

        Raises:
            QiskitBackendNotFoundError: There is none, and the message lists those of similar names; or it is not as
                asked for, and the message says why.
            TypeError: There is no filter of a name, or a value is not of its kind.
        """
        criteria = Criteria.checked(**filters)
        backends = {backend.name: backend for backend in self._all()}
        if name not in backends:
            near = difflib.get_close_matches(str(name), backends) or sorted(backends)
            described = (_with_objection(backends[other], criteria) for other in near)
            hint = f"Did you mean {' or '.join(described)}?" if near else "This server offers none."
            raise QiskitBackendNotFoundError(f"There is no device {name!r}. {hint}")
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
        """The device with the fewest pending jobs, of equals the one with most qubits; with one request.

        Args:
            min_num_qubits: Only devices with at least so many qubits.
            simulator: Only devices that are no simulators, unless given; None for all.
            operational: Only devices that are available, unless given.
            filters: Only devices for which this function of the backend is true.
            **unknown: Nothing; a misspelt filter is an error that names the one meant.

        Raises:
            QiskitBackendNotFoundError: No device is like that; the message says what speaks against each.
            TypeError: There is no filter of a name, or a value is not of its kind.
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
        return [OqtopusBackend(self, device, self.client) for device in self.client.list_devices()]

    def job(self, job_id: str) -> OqtopusJob | OqtopusPrimitiveJob:
        """The job with that id, whichever process submitted it: a primitive's job if a primitive submitted it.

        A primitive's run that needed no job, as nothing was measured, is found by its id, too, which holds it whole.

        Args:
            job_id: The value of `job_id()`, or the id of any OQTOPUS job.

        Raises:
            NotFoundError: The server has no job with that id.
            OqtopusJobError: The server no longer has all jobs of the batch.
        """
        if isinstance(job_id, str) and (plan := from_run_id(job_id)):
            return OqtopusPrimitiveJob(BackendRun.empty(plan))
        return self._job(JobBatch.find(self.client, job_id))

    def _job(self, batch: JobBatch) -> OqtopusJob | OqtopusPrimitiveJob:
        if batch.kind == "batch":
            return OqtopusJob(batch, find_backend=self.get_backend)
        return OqtopusPrimitiveJob(CloudRun(batch))

    def load_job(self, path: str | Path) -> OqtopusJob:
        """Read a job that `OqtopusJob.save` wrote, and ask the server for what had not ended when it was saved.

        Args:
            path: The file.

        Raises:
            ValueError: The file is not a saved job.
        """
        from qiskit_oqtopus.archive import load  # noqa: PLC0415 - rarely needed

        return OqtopusJob.from_saved(load(path), self)

    def resume(self) -> list[OqtopusJob | OqtopusPrimitiveJob]:
        """Every job of the journal, whatever moment the program that submitted it died at; in their order.

        What had not been submitted of them is submitted now, and nothing twice. A job of which the server refused a
        part, or somebody removed one, is left out with a warning that has the ids of the rest.

        Raises:
            ValueError: This provider keeps no journal.
            OqtopusError: The server cannot be asked, or a job could not be submitted; resume again.
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
        """Earlier jobs, newest first; the server is asked for a hundred at a time as they are wanted.

        What was submitted by one `backend.run`, or one run of a primitive, is one job; if part of it is missing, it is
        left out with a warning. Estimation jobs of other software and server-side jobs are not among them:
        `client.iter_jobs` has all.

        Args:
            limit: How many at most; None for all.
            status: Only jobs of which an OQTOPUS job has this status, in Qiskit's or the server's words.
            after: Only jobs submitted at this time or later; local time, if it has no time zone.
            before: Only jobs submitted at this time or earlier; likewise.
            name: Only jobs with this text in their id, name or description.

        Raises:
            ValueError: There is no such status, or the limit is negative.
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
        given = set()
        for job in found:
            tag = Tag.of(job.description)
            if tag is not None and tag.batch_id not in batches:
                batch = batches[tag.batch_id] = self._whole(tag.batch_id)
                batch_of |= dict.fromkeys(batch.job_ids, batch) if batch else {}
            batch = batch_of.get(job.job_id or "")
            if batch is not None:
                if batch.batch_id not in given:
                    given.add(batch.batch_id)
                    yield self._job(batch)
            # A job that is not of the batch that its description names has a copied one, and is alone.
            elif job.job_id and job.job_type in CIRCUIT_JOBS and (tag is None or batches[tag.batch_id] is not None):
                yield self._job(JobBatch(self.client, job.job_id, [job.job_id]))

    def _whole(self, batch_id: str) -> JobBatch | None:
        try:
            return JobBatch.find(self.client, batch_id)
        except OqtopusJobError as error:  # some of it could not be submitted, or has been deleted
            warnings.warn(f"{error} It is left out.", stacklevel=4)
            return None

    def __repr__(self) -> str:
        return f"<OqtopusProvider of {self.client.config.base_url!r}>"

    def close(self) -> None:
        """Close the connections, and the emulator if this provider has one of its own."""
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
    """Whether a job has a text in its id, name or description; to servers, `%` and `_` stand for any other."""
    return any(text.casefold() in (field or "").casefold() for field in (job.job_id, job.name, job.description))


def _with_objection(backend: OqtopusBackend, criteria: Criteria) -> str:
    objection = criteria.objection(backend)
    return f"{backend.name!r}" if objection is None else f"{backend.name!r}, which {objection}"
