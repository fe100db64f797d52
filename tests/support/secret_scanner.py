"""No secret leaks, in any test: what it logs, prints, raises, saves and leaves in memory is searched for tokens.

`conftest.py` imports what pytest has to see. A token is what any `OqtopusConfig` was made with; in logs and messages a
presigned URL's signature is a secret, too.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import pickle
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client import OqtopusConfig, OqtopusError

LOGGERS = ("oqtopus_client", "qiskit_oqtopus", "httpx", "aiohttp", "asyncio")
SHORTEST_TOKEN = 8
SIGNATURE = re.compile(r"(?i)signature=[^&\s'\"]{8,}")
KEEPERS = re.compile(r"(config\.ini|\.oqtopus|\.sqlite3(-wal|-shm)?)$")
"""Files that are there to keep a token, and readable by their owner only: profiles, and the emulator's database."""

TOKENS: set[str] = set()
FOUND: list[str] = []
ERRORS: list[OqtopusError] = []


def look(where: str, text: str | bytes, *, signatures: bool = False) -> None:
    """Note the secrets in a text."""
    readable = text.decode("latin-1") if isinstance(text, bytes) else text
    FOUND.extend(f"{where}: the token {token!r}" for token in TOKENS if token in readable)
    if signatures and (signature := SIGNATURE.search(readable)):
        FOUND.append(f"{where}: {signature[0]!r}")


class _LogReader(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Clients of httpx log the URLs they fetch; only tests have such clients (see `test_security`).
        look(f"log of {record.name}", self.format(record), signatures=record.name != "httpx")


def _watch_configs() -> None:
    """Learn every token."""
    original = OqtopusConfig.__init__

    def learning(self: OqtopusConfig, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if self.api_token and len(self.api_token) >= SHORTEST_TOKEN:
            TOKENS.add(self.api_token)

    OqtopusConfig.__init__ = learning  # type: ignore[method-assign]


def _watch_errors() -> None:
    """Keep every error that is made, also those that a test expects."""

    def kept(cls: type[OqtopusError], *args: Any, **_: Any) -> OqtopusError:
        error = super(OqtopusError, cls).__new__(cls, *args)
        ERRORS.append(error)
        return error

    OqtopusError.__new__ = kept  # type: ignore[method-assign, assignment]


def _look_at_errors() -> None:
    for error in ERRORS:
        told = "".join(traceback.format_exception(error)) + repr(error)
        look(f"{type(error).__name__}", told, signatures=True)
        look(f"attributes of {type(error).__name__}", repr(vars(error)))
        _look_at_pickle(error)
    ERRORS.clear()


def _look_at_pickle(thing: object) -> None:
    try:
        pickled = pickle.dumps(thing)
    except Exception:  # noqa: BLE001 - what cannot be pickled is in no pickle
        return
    look(f"pickle of {type(thing).__name__}", pickled)


def _look_at_memory() -> None:
    """What our objects show of themselves, and take along when they travel."""
    for thing in gc.get_objects():
        room = str(type(thing).__module__)
        if room.startswith(("oqtopus_client", "qiskit_oqtopus")):
            # Objects whose construction failed, without attributes or with an integer of thousands of digits.
            with contextlib.suppress(AttributeError, ValueError):
                look(f"repr of {type(thing).__name__}", f"{thing!r} {thing!s}")
            if not room.startswith("oqtopus_client.emulator"):
                _look_at_pickle(thing)


def _look_at_files(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file() and not KEEPERS.search(file.name):
            look(f"file {file.name}", file.read_bytes())


def _complain() -> None:
    leaks = sorted(set(FOUND))
    FOUND.clear()
    if leaks:
        pytest.fail(f"A secret leaked: {'; '.join(leaks)}", pytrace=False)


def pytest_configure() -> None:
    """Have everything observed from the start on."""
    _watch_configs()
    _watch_errors()
    reader = _LogReader(logging.DEBUG)
    for name in LOGGERS:
        logging.getLogger(name).addHandler(reader)
        logging.getLogger(name).setLevel(logging.DEBUG)


@pytest.fixture(autouse=True)
def _no_leak(tmp_path: Path) -> Iterator[None]:
    """Fail the test that leaks."""
    yield
    _look_at_errors()
    _look_at_files(tmp_path)
    _complain()


@pytest.fixture(scope="module", autouse=True)
def _no_leak_in_memory() -> Iterator[None]:
    """Fail the module that leaks; to look at all objects takes too long for each test."""
    yield
    _look_at_memory()
    _complain()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Look at what a test has printed, and what is said of its failure."""
    report = yield
    printed = "".join(text for _, text in report.sections) + (report.longreprtext or "")
    if call.when == "call" and report.outcome != "failed":
        look(f"output of {item.nodeid}", printed, signatures=True)
    return report
