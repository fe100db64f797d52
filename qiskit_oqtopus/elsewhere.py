"""Attributes of other providers, and their equivalents here: `Hinting`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from oqtopus_client.checks import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Never

_PROFILES = "profiles are sections of the file that OqtopusConfig.save() returns; see OqtopusConfig.from_file"

PROVIDER = {
    "active_account": "use provider.client.config",
    "active_instance": "OQTOPUS has no instances; use provider.client.config",
    "check_pending_jobs": "use provider.jobs(pending=True)",
    "delete_account": _PROFILES,
    "delete_job": "use provider.client.delete_job(job_id)",
    "instances": "OQTOPUS has no instances; use provider.backends()",
    "retrieve_job": "use provider.job(job_id)",
    "run": "use backend.run(circuits), OqtopusSampler, OqtopusEstimator or provider.run_program",
    "saved_accounts": _PROFILES,
    "usage": "OQTOPUS has no accounting; use job.execution_time",
}
BACKEND = {
    "check_faulty": "use backend.device.calibration, which has the errors of all qubits",
    "close_session": "use qiskit_oqtopus.Session",
    "defaults": "OQTOPUS has no pulses; use backend.target",
    "jobs": "use provider.jobs(backend_name=backend.name)",
    "open_session": "use qiskit_oqtopus.Session(backend)",
    "retrieve_job": "use provider.job(job_id)",
    "session": "use qiskit_oqtopus.Session(backend)",
    "target_history": "use provider.client.list_device_histories(device_id=backend.name)",
}
JOB = {
    "counts": "use job.result().get_counts()",
    "get_counts": "use job.result().get_counts()",
    "get_memory": "use job.result().get_memory(), after backend.run(..., memory=True)",
    "results": "use job.result().results",
    "instance": "OQTOPUS has no instances; use job.backend()",
    "logs": "use job.jobs(), the OQTOPUS jobs with their messages",
    "session_id": "OQTOPUS has no sessions; use job.job_id()",
    "update_tags": "servers keep a job as it was submitted; use the option job_tags of the run",
    "usage_estimation": "use job.execution_time",
}

JOBS = {
    "created_after": "use after",
    "created_before": "use before",
    "start_datetime": "use after",
    "end_datetime": "use before",
    "job_tags": "use tags",
    "job_name": "use name",
    "program_id": "use name='sampler-' or name='estimator-', as the ids of such jobs begin",
    "instance": "OQTOPUS has no instances",
    "session_id": "OQTOPUS has no sessions; mark jobs with the option job_tags, and use tags",
    "include_mocks": "an emulator's jobs are listed by its own provider",
}
"""Arguments of other providers' `jobs()`."""

PRIMITIVE_JOB = {
    **JOB,
    **dict.fromkeys(
        ("counts", "get_counts", "get_memory", "quasi_dists"),
        "use job.result()[0].data.NAME.get_counts(), where NAME is a classical register, such as meas",
    ),
    **dict.fromkeys(("values", "evs"), "use job.result()[0].data.evs"),
}
SESSION = {
    "service": "its backend has a provider",
    "max_time": "there are no sessions whose time could be limited",
}
"""Arguments of other providers' sessions."""
NEW_PROVIDER = {
    "channel": "use url=..., the URL of the server",
    "instance": "OQTOPUS has no instances",
    "api_token": "use token",
    "base_url": "use url",
    "name": "use OqtopusProvider(OqtopusConfig.from_file(name))",
    "proxies": "use OqtopusProvider(OqtopusConfig(..., proxy=...))",
    "verify": "OQTOPUS always verifies certificates; SSL_CERT_FILE adds an authority",
}
"""Arguments with which other providers are created."""


def refuse_others(function: str, unknown: Mapping[str, object], known_elsewhere: Mapping[str, str]) -> None:
    """Refuse arguments that a function does not have, and name the equivalents of other providers'.

    Raises:
        TypeError: There is such an argument.
    """
    for name in unknown:
        hint = f": {known_elsewhere[name]}." if name in known_elsewhere else "."
        raise TypeError(f"{function} has no argument {name!r}{hint}")


def refuse_positional(others: Sequence[object], usage: str) -> None:
    """Refuse further positional arguments of a `run`.

    Raises:
        TypeError: There are some.
    """
    if others:
        raise TypeError(f"{usage}; it takes nothing else by position, such as {shown(others[0])}.")


class Hinting:
    """Base of classes whose unknown attributes raise errors that name the equivalent of another provider's."""

    _elsewhere: ClassVar[Mapping[str, str]] = {}

    if not TYPE_CHECKING:  # type checkers would accept any name

        def __getattr__(self, name: str) -> Never:
            hint = f"; {self._elsewhere[name]}." if name in self._elsewhere else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")
