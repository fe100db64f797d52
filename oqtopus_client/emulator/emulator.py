"""The emulator as one object: `Emulator`."""

from __future__ import annotations

import secrets
import weakref
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import platformdirs

from oqtopus_client.config import OqtopusConfig
from oqtopus_client.emulator.api.cloud import Cloud
from oqtopus_client.emulator.app import create_app
from oqtopus_client.emulator.devices import built_in_devices
from oqtopus_client.emulator.engine import Engine
from oqtopus_client.emulator.signing import Signer
from oqtopus_client.emulator.store import Store, new_token

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

IN_MEMORY = ":memory:"


class Emulator:
    """A complete OQTOPUS in this process, and an ASGI application for any server to serve.

    Close it with `close()` or `with`; otherwise that happens with garbage collection or at exit.

    Args:
        data: Folder to keep jobs and results in, or `":memory:"` to keep them only as long as this object. By
            default a folder of the user's, so that jobs can be read again later and from other processes.
        token: API token that clients must send. By default the one kept with the data, random at first.
        executor: Runs the simulations; threads by default.

    Attributes:
        token: The API token.

    Raises:
        OSError: The folder cannot be used.
    """

    def __init__(
        self, data: str | Path | None = None, *, token: str | None = None, executor: Executor | None = None
    ) -> None:
        self._store = Store(_database(data))
        self.token = token or self._store.secret("token", new_token())
        own_executor = None if executor else ThreadPoolExecutor(thread_name_prefix="oqtopus-emulator")
        devices = built_in_devices()
        self._engine = Engine(self._store, devices, executor or cast("Executor", own_executor))
        signer = Signer(self._store.secret("signing key", secrets.token_urlsafe(32)))
        self._app = create_app(Cloud(self._store, self._engine, devices, signer, self.token))
        self._finalizer = weakref.finalize(self, _close, self._engine, own_executor, self._store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as an ASGI application.

        Raises:
            ConnectionError: The emulator has been closed.
        """
        if not self._finalizer.alive:
            raise ConnectionError("the emulator has been closed")
        await self._app(scope, receive, send)

    @property
    def config(self) -> OqtopusConfig:
        """What any client takes to talk to this emulator, without a socket."""
        return OqtopusConfig(
            base_url="http://emulator.localhost",
            api_token=self.token,
            transport=self,
            token_source="Emulator.config",  # noqa: S106 - says where the token is from
        )

    def close(self) -> None:
        """Stop working. Jobs that wait or run are kept for whoever opens the data folder next."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _close(engine: Engine, executor: Executor | None, store: Store) -> None:
    engine.close()
    if executor is not None:
        executor.shutdown()
    store.close()


def _database(data: str | Path | None) -> str | Path:
    if data == IN_MEMORY:
        return IN_MEMORY
    folder = platformdirs.user_data_path("oqtopus-emulator") if data is None else Path(data)
    return folder / "emulator.sqlite3"
