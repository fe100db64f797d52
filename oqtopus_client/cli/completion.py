"""Shell completion. A Tab never waits long: answers are cached, and if there is none in time, nothing is offered."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import oqtopus_client
from oqtopus_client import profiles, rest
from oqtopus_client.cli.session import Session
from oqtopus_client.errors import OqtopusError
from oqtopus_client.files import write_atomically
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from oqtopus_client import OqtopusClient

_TIMEOUT = 1.0
_FRESH = 5
"""Seconds for which the answer of a server is used again."""

_DAY = 86_400
_MOST_JOBS = 100
_WIDTH = 60
"""Maximum length of a description; typer would break longer ones into lines, which fish takes for words."""

_WORD = re.compile(r"[\w.:+@-]+", re.ASCII)
"""Words that no shell takes apart or interprets."""

_UNSAFE = re.compile(r"[^\w .,:+@-]", re.ASCII)


def profile_names(incomplete: str) -> list[str]:
    """Return the names of saved profiles that start with the given text."""
    return [name for name in profiles.profile_names() if name.startswith(incomplete)]


def statuses() -> list[str]:
    """Return the statuses of jobs."""
    return list(JobsJobStatus)


def devices(context: typer.Context) -> list[tuple[str, str]]:
    """Return the device names, with their status."""
    if context.find_root().params.get("emulated"):
        with contextlib.suppress(ImportError):
            return _cached("built-in devices", _DAY, _built_in_devices)
        return []
    return _asked(
        context,
        "devices",
        lambda client: [
            (each.device_id, f"{each.status}, {each.n_pending_jobs} waiting") for each in client.list_devices()
        ],
    )


def emulator_users(context: typer.Context) -> list[tuple[str, str]]:
    """Return the names of an emulator's users, with their status."""
    return _asked(
        context,
        "users",
        lambda client: [
            (user["name"], user["status"]) for user in rest.http.call_once(client.config, "GET", "/emulator/users")
        ],
    )


def fault_kinds() -> list[tuple[str, str]]:
    """Return the kinds of faults, with their effect."""
    with contextlib.suppress(ImportError):
        return _cached("faults", _DAY, _fault_kinds)
    return []


def job_ids(context: typer.Context) -> list[tuple[str, str]]:
    """Return the ids of the jobs to which the command applies, newest first, with their status."""
    applies = _APPLIES.get(str(context.info_name))
    typed = context.params.get("job_ids") or ()
    return [
        (job_id, f"{status} {name}".strip())
        for job_id, status, kind, name in _jobs(context)
        if job_id not in typed and (applies is None or applies((status, kind)))
    ]


def job_names(context: typer.Context) -> list[str]:
    """Return the names of jobs, newest first."""
    return list(dict.fromkeys(name for *_, name in _jobs(context) if _WORD.fullmatch(name)))


_APPLIES: dict[str, Callable[[tuple[str, str]], bool]] = {
    "cancel": lambda job: job[0] not in FINAL_STATUSES,
    "delete": lambda job: job[0] in FINAL_STATUSES,
    "log": lambda job: job == ("succeeded", "sse"),
}


def _jobs(context: typer.Context) -> list[tuple[str, ...]]:
    """Return id, status, type and name of the newest jobs."""
    if context.find_root().params.get("emulated"):
        return []  # an emulator that is started to list its jobs would run them
    return _asked(
        context,
        "jobs",
        lambda client: [
            [str(job.job_id), str(job.status), str(job.job_type), str(job.name or "")]
            for job in client.list_jobs(fields="job_id,status,job_type,name", order="DESC", size=_MOST_JOBS)
        ],
    )


def _built_in_devices() -> list[tuple[str, str]]:
    from oqtopus_client.emulator.device_files import built_in_devices

    return [(name, str(device.description.get("description", ""))) for name, device in built_in_devices().items()]


def _fault_kinds() -> list[tuple[str, str]]:
    from oqtopus_client.emulator import FaultKind

    return [(kind.value, kind.about) for kind in FaultKind]


def _asked(context: typer.Context, subject: str, ask: Callable[[OqtopusClient], list[Any]]) -> list[Any]:
    """Return what a server answers; nothing if it does not answer in time, or if none is configured."""
    with contextlib.suppress(OqtopusError):
        config = Session(context.find_root().params.get("profile")).config()

        def read() -> list[Any]:
            patience = dataclasses.replace(config, timeout=_TIMEOUT, retry_max_attempts=1)
            found: list[Any] = []

            def talk() -> None:
                with contextlib.suppress(OqtopusError), oqtopus_client.OqtopusClient(patience) as client:
                    found.extend(ask(client))

            # `timeout` limits each wait for a part of the answer; this limits all of them.
            talking = threading.Thread(target=talk, name="completion", daemon=True)
            talking.start()
            talking.join(_TIMEOUT)
            return found

        # The answer depends on the user; the token itself is not kept.
        user = hashlib.sha256(f"{config.base_url} {config.api_token}".encode()).hexdigest()[:16]
        return _cached(f"{subject} {user}", _FRESH, read)
    return []


def _cached(key: str, seconds: float, read: Callable[[], list[Any]]) -> list[Any]:
    """Return an answer from the cache, or read it and keep it; without those that a shell could interpret."""
    file = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "oqtopus", "completion.json").expanduser()
    now, kept = time.time(), {}
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        kept = {each: entry for each, entry in json.loads(file.read_text("utf-8")).items() if now < entry["until"]}
    if key not in kept:
        kept[key] = {"until": now + seconds, "found": _harmless(read())}
        with contextlib.suppress(OSError):
            write_atomically(file, json.dumps(kept))
    return [tuple(each) for each in kept[key]["found"]]


def _harmless(found: Iterable[Sequence[str]]) -> list[list[str]]:
    """Remove what a shell could interpret: shells evaluate what a completion prints, and servers send these texts."""
    return [
        [word, *(_UNSAFE.sub("", text)[:_WIDTH] for text in more)] for word, *more in found if _WORD.fullmatch(word)
    ]
