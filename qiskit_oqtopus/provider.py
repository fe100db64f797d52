"""Where Qiskit users begin: `OqtopusProvider`."""

from __future__ import annotations

import difflib
import itertools
from typing import TYPE_CHECKING, Self

from qiskit.providers import QiskitBackendNotFoundError

import oqtopus_client
from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.batch import TAG, JobBatch, wire_statuses
from qiskit_oqtopus.job import OqtopusJob
from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob
from qiskit_oqtopus.primitives.runs import CloudRun

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from qiskit.providers import JobStatus

    from oqtopus_client import OqtopusConfig
    from oqtopus_client.emulator import Emulator
    from oqtopus_client.rest.models import JobsJob

_CIRCUIT_JOBS = frozenset({"sampling", "multi_manual"})


class OqtopusProvider:
    """The devices of an OQTOPUS server as Qiskit backends.

    Making one sends no request.

    Args:
        config: Where the server is and who asks. By default the environment, else the default profile.

    Attributes:
        client: The SDK's client, for all that Qiskit has no word for.

    Example:
        >>> with OqtopusProvider.emulator(":memory:") as provider:
        ...     [backend.name for backend in provider.backends()]
        ['qulacs', 'lattice64', 'lattice144']
    """

    def __init__(self, config: OqtopusConfig | None = None) -> None:
        self.client = oqtopus_client.OqtopusClient(config)
        self._emulator: Emulator | None = None

    @classmethod
    def emulator(cls, data: str | Path | None = None) -> OqtopusProvider:
        """A provider whose devices are emulated in this process; needs neither account nor setting.

        Args:
            data: Folder to keep jobs and results in, or `":memory:"`. By default a folder of the user's.

        Raises:
            ImportError: The extra `emulator` is not installed.
        """
        from oqtopus_client.emulator import Emulator  # noqa: PLC0415 - an extra

        emulator = Emulator(data)
        provider = cls(emulator.config)
        provider._emulator = emulator
        return provider

    def backends(self, name: str | None = None) -> list[OqtopusBackend]:
        """All devices the user may use, with one request.

        Args:
            name: Only the device of this name.
        """
        devices = self.client.list_devices()
        return [OqtopusBackend(self, d, self.client) for d in devices if name is None or d.device_id == name]

    def get_backend(self, name: str) -> OqtopusBackend:
        """The device of that name.

        Raises:
            QiskitBackendNotFoundError: There is none; the message lists those of similar names.
        """
        backends = {backend.name: backend for backend in self.backends()}
        if name not in backends:
            near = difflib.get_close_matches(str(name), backends) or sorted(backends)
            raise QiskitBackendNotFoundError(f"There is no device {name!r}. Did you mean {_listed(near)}?")
        return backends[name]

    def job(self, job_id: str) -> OqtopusJob | OqtopusPrimitiveJob:
        """A job from its id alone, whatever process submitted it: a primitive's if a primitive submitted it.

        Args:
            job_id: What `job_id()` told, or the id of any OQTOPUS job.

        Raises:
            NotFoundError: The server knows no job of that id.
            OqtopusJobError: Not all jobs of a batch are there.
        """
        batch = JobBatch.find(self.client, job_id)
        return OqtopusJob(self, batch) if batch.kind == "batch" else OqtopusPrimitiveJob(CloudRun(batch))

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

        What was submitted by one `backend.run`, or one run of a primitive, is one job. Estimation jobs of other
        software and server-side jobs are not among them: `client.iter_jobs` has all.

        Args:
            limit: How many at most; None for all.
            status: Only jobs of which an OQTOPUS job has this status, in Qiskit's or the server's words.
            after: Only jobs submitted at this time or later.
            before: Only jobs submitted at this time or earlier.
            name: Only jobs with this text in their id, name or description.

        Raises:
            ValueError: There is no such status, or the limit is negative.
        """
        wanted = wire_statuses(status)
        if limit is not None and limit < 0:
            raise ValueError(f"limit must be at least 0 or None, not {limit!r}.")
        found = self.client.iter_jobs(
            order="DESC",
            fields="job_id,job_type,status,description",
            status=next(iter(wanted)) if len(wanted) == 1 else None,
            start_time=after,
            end_time=before,
            q=name,
        )
        return itertools.islice(self._grouped(found, wanted), limit)

    def _grouped(self, found: Iterable[JobsJob], wanted: Collection[str]) -> Iterator[OqtopusJob | OqtopusPrimitiveJob]:
        seen = set()
        for job in found:
            tag = TAG.search(job.description or "")
            ours = tag is not None or job.job_type in _CIRCUIT_JOBS
            if job.job_id is None or not ours or (wanted and job.status not in wanted):
                continue
            if tag is None:
                yield OqtopusJob(self, JobBatch(self.client, job.job_id, [job.job_id]))
            elif tag["batch"] not in seen:
                seen.add(tag["batch"])
                yield self.job(tag["batch"])

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


def _listed(names: list[str]) -> str:
    return " or ".join(repr(name) for name in names) or "another server; this one offers none"
