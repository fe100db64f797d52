"""Programs that run next to the device, as a part of the provider: `ProgramRuns`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oqtopus_client.config import in_sse_container
from oqtopus_client.errors import OqtopusError
from oqtopus_client.services.program_job import OqtopusProgramJob
from oqtopus_client.services.program_spec import program_spec
from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.target import MEASURE_DURATION

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from oqtopus_client import OqtopusClient, ProgramOptions


class ProgramRuns:
    """Submission and retrieval of programs that run next to the device; see `OqtopusProvider`."""

    if TYPE_CHECKING:  # the provider's own
        client: OqtopusClient

        def get_backend(self, name: str, **filters: Any) -> OqtopusBackend:
            """Return the device with this name."""

    def run_program(
        self,
        program: Callable[..., Any] | str | os.PathLike[str],
        /,
        *args: Any,
        backend: OqtopusBackend | str,
        options: ProgramOptions | None = None,
        **kwargs: Any,
    ) -> OqtopusProgramJob:
        """Submit a function that runs next to the device, without the queue between its jobs; return its job.

        There, it is called as `program(backend, *args, **kwargs)`, and `backend.run`, samplers and estimators submit
        jobs that run one after the other. `job.result()` returns the function's return value, and `job.logs()` what it
        printed. The function's source is sent with its arguments: numbers, text, lists, dicts, NumPy arrays, circuits
        and observables. Libraries that it imports must be installed there. The same function runs here,
        unchanged.

        Args:
            program: The function; or the path of a Python file, which runs as a script, as it is.
            *args: The function's arguments after the backend; for a script, the words of its command line.
            backend: The device to run on, or its name.
            options: The modules to send along, the job's shots and name, and the time limit.
            **kwargs: The function's keyword arguments.

        Raises:
            TypeError: An argument, or what the function uses, cannot be sent.
            ValueError: Likewise, or the program exceeds the servers' limit of some 125 kB.
            QiskitBackendNotFoundError: The server offers no such device.
            JobSubmissionError: Upload or submission failed; the message says whether the job was removed.
            OqtopusError: The call comes from such a program.
        """
        if in_sse_container():
            raise OqtopusError("A program next to the device cannot submit another one.")
        if isinstance(backend, str):
            backend = self.get_backend(backend)
        if not isinstance(backend, OqtopusBackend):
            raise TypeError(f"backend must be an OqtopusBackend or the name of a device, not {backend!r}.")
        spec = program_spec(
            program,
            args,
            kwargs,
            kind="backend",
            device_id=backend.device.device_id,
            device=json.loads(backend.device.raw.to_json()),
            backend_settings=_settings(backend),
            options=options,
        )
        return OqtopusProgramJob(self.client.submit_job(spec).job_id, self.client)

    def program_job(self, job_id: str) -> OqtopusProgramJob:
        """Return the program's job with this id, whichever process submitted it.

        Raises:
            NotFoundError: The server has no job with this id.
            ValueError: The job is of another type, or was never submitted.
        """
        return self.client.program_job(job_id)


def _settings(backend: OqtopusBackend) -> dict[str, Any]:
    """Return the settings of a backend that are not the default ones."""
    from qiskit_oqtopus.options import OqtopusOptions  # noqa: PLC0415 - pydantic is slow to load

    default = dict(OqtopusOptions())
    options = {name: value for name, value in backend.options.items() if value != default[name]}
    duration = backend._measure_duration  # noqa: SLF001 - the provider's setting
    return {"options": options, **({} if duration == MEASURE_DURATION else {"measure_duration": duration})}
