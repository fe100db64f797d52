"""The emulator as one object: `Emulator`."""

from __future__ import annotations

import os
import secrets
import shutil
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from pydantic import ValidationError

from oqtopus_client.checks import check_boolean, check_kind, real_number, whole_number
from oqtopus_client.config import OqtopusConfig
from oqtopus_client.emulator.api.dependencies import Cloud
from oqtopus_client.emulator.app import create_app
from oqtopus_client.emulator.calibration import first_error
from oqtopus_client.emulator.database import IN_MEMORY, Database, database_file
from oqtopus_client.emulator.device_files import built_in_devices, check_devices, load_devices
from oqtopus_client.emulator.engine import Engine
from oqtopus_client.emulator.faults import Fault, FaultKind, Faults
from oqtopus_client.emulator.fleet import Fleet
from oqtopus_client.emulator.presigning import VALID_SECONDS, Signer
from oqtopus_client.emulator.provider_api.app import create_provider_app
from oqtopus_client.emulator.provider_api.external_engine import ExternalEngine
from oqtopus_client.emulator.provider_api.handover import Handover
from oqtopus_client.emulator.public_url import checked_public_url
from oqtopus_client.emulator.seeds import Seeds
from oqtopus_client.emulator.server_options import ServerOptions
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS, ProgramLimits
from oqtopus_client.emulator.simulation_threads import SimulationThreads
from oqtopus_client.emulator.sse.limits import SseContainer, SseLimits
from oqtopus_client.emulator.store import Store
from oqtopus_client.emulator.users import OPERATOR, Users, checked_token, new_token
from oqtopus_client.errors import OqtopusConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Executor
    from datetime import datetime

    from starlette.types import Receive, Scope, Send

    from oqtopus_client.emulator.coherent import CoherentErrors
    from oqtopus_client.emulator.device_files import EmulatedDevice, Schedule


class Emulator:
    """A complete OQTOPUS in this process, which is also an ASGI application.

    A forked process cannot use its parent's emulator: create one in each process, or serve one to all of them.

    Close the emulator with `close()` or a `with` statement; otherwise it is closed when it is garbage-collected or at
    exit.

    Programs of sse jobs run on this machine as the current user. Their resources are limited; their access to files is
    not. Set `allow_sse=False` if others can submit jobs.

    Args:
        data: Folder for jobs and results, or `":memory:"` to keep them only as long as this object. By default a
            folder in the user's data directory, so that later runs and other processes can read the jobs.
        token: API token that clients must send. By default the token stored with the data, random at first.
        devices: A folder of device files, or devices, in addition to the built-in ones.
        idle_noise: Whether the qubits of noisy devices relax while they wait; by default as each device says, which is
            true for the built-in ones.
        schedule: When the operations of a program start, on all devices: `"gateway"`, as early as possible as on real
            devices, or `"alap"`, as late as possible; by default as each device says.
        coherent: Coherent errors of all noisy devices; by default as each device says. A device ignores values for
            qubits and couplings that it does not have, but one of the devices must have them.
        executor: Runs the simulations; threads by default. `"external"` leaves the jobs to an engine in another
            process, which uses `provider_api`; that engine then also decides about server-side programs.
        max_running: Maximum number of jobs in progress at the same time, at least 2; by default one per processor core.
            One more may run on a device without a job in progress.
        seed: Seed of the random numbers of the emulator's simulations: the same jobs, with the same shots on the same
            devices, then have the same counts each time, whatever the order in which they run. Equal jobs differ from
            each other. The counts may change with a new version. A job's own seed takes precedence; see
            `OqtopusJobSpec`.
        limits: Limits on the programs of jobs.
        allow_sse: Whether to accept sse jobs.
        sse_limits: Limits on the programs of sse jobs.
        sse_python: Interpreter that runs the programs of sse jobs, with its packages, such as one with the versions of
            a server's container; a path or a command. By default this process's interpreter and packages.
        cancelling: Whether a running job that is cancelled becomes `cancelling` first, as on upcoming servers.
        device_histories: Whether there is `/device_histories`, which older servers lack.
        token_renewal: Whether `POST /api-token` accepts an API token; some servers require an interactive login.
        temporary_credentials: Whether upload forms have an `x-amz-security-token`.
        cors_origins: Origins whose web pages may call the API.
        quirks: Whether to reproduce the faults of real servers.
        url_seconds: Lifetime of presigned URLs, in seconds.
        public_url: URL under which clients reach the emulator if it is served behind a proxy, such as
            `https://emulator.example.org`; upload and download URLs start with it. By default they start as the URL of
            the request for them.
        provider_key: API key that an external engine must send; None to accept all requests.
        strict_provider: Whether the Provider API lets only running jobs fail, and accepts calibrations for QPUs only,
            as some servers do.

    Attributes:
        token: The API token.
        data: The folder that holds jobs and results, or `":memory:"`.
        cloud: The parts of the emulated cloud, for applications that are served beside its API.
        public_url: The public URL, without a final slash; None if none was given.
        provider_api: With an external executor: the Provider API, an ASGI application to serve on its own port.

    Raises:
        OSError: A folder cannot be used, or `sse_python` cannot be executed.
        TypeError: `idle_noise` is not a bool, `coherent` is not `CoherentErrors`, or `seed` is not an integer.
        ValueError: `data`, a device, `public_url`, `schedule`, `seed` or `token` is not valid, or no noisy device has a
            place in `coherent`.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        *,
        token: str | None = None,
        devices: str | Path | Iterable[EmulatedDevice] = (),
        idle_noise: bool | None = None,
        schedule: Schedule | None = None,
        coherent: CoherentErrors | None = None,
        executor: Executor | Literal["external"] | None = None,
        max_running: int | None = None,
        seed: int | None = None,
        limits: ProgramLimits = DEFAULT_LIMITS,
        allow_sse: bool = True,
        sse_limits: SseLimits | None = None,
        sse_python: str | Path | None = None,
        cancelling: bool = False,
        device_histories: bool = True,
        token_renewal: bool = True,
        temporary_credentials: bool = False,
        cors_origins: Iterable[str] = (),
        quirks: bool = False,
        url_seconds: float = VALID_SECONDS,
        public_url: str | None = None,
        provider_key: str | None = None,
        strict_provider: bool = False,
    ) -> None:
        if executor is not None and executor != "external" and not hasattr(executor, "submit"):
            raise ValueError(f"executor is {executor!r}; it is an Executor or 'external'.")
        if max_running is not None:
            whole_number(max_running, "max_running must be a positive number of jobs, or None")
        check_boolean(allow_sse, "allow_sse")
        check_kind(limits, ProgramLimits, "limits")
        real_number(url_seconds, "url_seconds must be a number of at least 0", least=0)
        devices = load_devices(devices).values() if isinstance(devices, str | Path) else check_devices(devices)
        fleet = built_in_devices() | {device.device_id: device for device in devices}
        if isinstance(data, str) and data in fleet and not Path(data).exists():
            raise ValueError(f"data is the folder for jobs and results, not a device, such as {data!r}.")
        given = {"idle_noise": idle_noise, "schedule": schedule, "coherent": coherent}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        fleet = {name: replace(device, **changes) for name, device in fleet.items()} if changes else fleet
        if coherent is not None:
            coherent.check(*(device.calibration for device in fleet.values() if device.noisy))
        self.public_url = None if public_url is None else checked_public_url(public_url)
        options = ServerOptions(
            cancelling=cancelling,
            device_histories=device_histories,
            token_renewal=token_renewal,
            temporary_credentials=temporary_credentials,
            cors_origins=(cors_origins,) if isinstance(cors_origins, str) else tuple(cors_origins),
            quirks=quirks,
            strict_provider=strict_provider,
        )
        container = SseContainer(sse_limits or SseLimits(), None if sse_python is None else _executable(sse_python))
        file = database_file(data)
        database = Database(file)
        self.data = IN_MEMORY if file == IN_MEMORY else str(Path(file).parent)
        self.token = checked_token(token) or database.secret("token", new_token())
        signing_key = database.secret("signing key", secrets.token_urlsafe(32))
        own_executor = None if executor else SimulationThreads()
        runs = executor or cast("Executor", own_executor)
        self._users = Users(database)
        self._users.add("operator", token=self.token, user_id=OPERATOR)
        self._store = Store(database)
        self._devices = Fleet(database, fleet, quirks=quirks)
        self._faults = Faults()
        self._engine: Engine | ExternalEngine
        if isinstance(runs, str):
            self._engine = ExternalEngine()
        else:
            self._engine = Engine(
                self._store,
                self._devices,
                runs,
                self._faults,
                max_running=max_running,
                limits=limits,
                sse_container=container if allow_sse else None,
            )
        self.cloud = Cloud(
            store=self._store,
            users=self._users,
            devices=self._devices,
            engine=self._engine,
            signer=Signer(signing_key, url_seconds, temporary=temporary_credentials),
            faults=self._faults,
            options=options,
            public_url=self.public_url,
            seeds=None if seed is None else Seeds(whole_number(seed, "seed must be a non-negative integer", least=0)),
        )
        self._app = create_app(self.cloud)
        self.provider_api = None
        if executor == "external":
            self.provider_api = create_provider_app(self.cloud, Handover(database), provider_key)
        self._pid = os.getpid()
        self._finalizer = weakref.finalize(self, _close, self._pid, self._engine, own_executor, database)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request as an ASGI application.

        Raises:
            OqtopusConfigError: This process was forked from the emulator's process.
            ConnectionError: The emulator has been closed.
        """
        if os.getpid() != self._pid:
            # A fork has no engine thread, so jobs would wait endlessly. Clients would retry a ConnectionError.
            raise OqtopusConfigError(
                f"This emulator works in process {self._pid} only, not in {os.getpid()}, a fork of it: make one in "
                "each process, or serve one to all with 'oqtopus-client emulator start'."
            )
        if not self._finalizer.alive:
            raise ConnectionError("the emulator has been closed; create another one, of the same data to see its jobs")
        await self._app(scope, receive, send)

    @property
    def config(self) -> OqtopusConfig:
        """The configuration with which clients in this process reach the emulator, without a socket."""
        return self.config_for(self.token)

    def config_for(self, token: str) -> OqtopusConfig:
        """Return the configuration for another user's token."""
        return OqtopusConfig(
            base_url="http://emulator.localhost",
            api_token=token,
            transport=self,
            token_source="Emulator.config",  # noqa: S106 - says where the token is from
        )

    @property
    def devices(self) -> Mapping[str, EmulatedDevice]:
        """The devices in their present state, by id."""
        return self._devices

    def calibrate(self, device_id: str, device_info: Mapping[str, Any]) -> None:
        """Give a device a new calibration, which applies from its next job on.

        Args:
            device_id: The device.
            device_info: The whole calibration, in the form of `devices[device_id].calibration`. If it has no
                `calibrated_at`, the present time is used.

        Raises:
            KeyError: The device does not exist.
            ValueError: The calibration is not valid.
        """
        self._devices.calibrate(device_id, device_info)

    def set_status(self, device_id: str, status: str) -> None:
        """Make a device `available` or `unavailable`.

        Raises:
            KeyError: The device does not exist.
            ValueError: The status is neither of these.
        """
        self._devices.set_status(device_id, status)

    def add_user(self, name: str, *, status: str = "approved", devices: Iterable[str] | None = None) -> str:
        """Add a user, who cannot see other users' jobs, and return the API token.

        Args:
            name: The user's name.
            status: `approved`; with any other, such as `suspended`, the server answers the user's requests with 403.
            devices: Ids of the devices that the user may use; None for all.

        Raises:
            TypeError: `name` is not text, or `devices` is one id.
            ValueError: There is no such device.
        """
        if not isinstance(name, str):
            raise TypeError(f"name must be text, not {name!r}.")
        if isinstance(devices, str):
            raise TypeError(f"devices must be a list of ids, not {devices!r}.")
        devices = None if devices is None else list(devices)
        if unknown := [device_id for device_id in devices or () if device_id not in self._devices]:
            raise ValueError(f"The emulator has no device {unknown[0]!r}; it has {', '.join(self._devices)}.")
        return self._users.add(name, status=status, devices=devices)

    def announce(self, title: str, content: str, *, start_time: datetime, end_time: datetime) -> int:
        """Publish an announcement and return its id.

        Raises:
            TypeError: A text is not text, or a time not a datetime.
            ValueError: It ends before it starts.
        """
        return self._users.announce(title, content, start_time=start_time, end_time=end_time)

    @property
    def settings(self) -> dict[str, Any]:
        """The answer of `GET /system/settings`; change it in place."""
        return self.cloud.settings

    def inject(self, kind: FaultKind | str, **settings: Any) -> None:
        """Inject a fault.

        Args:
            kind: The kind of fault; see `FaultKind`.
            **settings: Where, how often and how it happens; see `Fault`.

        Raises:
            ValueError: The kind or a setting does not exist, or a value is not valid.
        """
        try:
            fault = Fault.model_validate({"kind": kind, **settings})
        except ValidationError as error:
            names = ", ".join(name for name in Fault.model_fields if name != "kind")
            raise ValueError(f"Fault: {first_error(error)} Its settings are {names}.") from None
        self._faults.add(fault)

    def clear_faults(self) -> None:
        """Clear all faults."""
        self._faults.clear()

    def close(self) -> None:
        """Stop the emulator. Unfinished jobs wait until the data folder is opened again."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _close(pid: int, engine: Engine | ExternalEngine, executor: Executor | None, database: Database) -> None:
    if os.getpid() != pid:
        return  # a fork that exits must not return its parent's jobs to the queue
    engine.close()
    if executor is not None:
        executor.shutdown()
    database.close()


def _executable(command: str | Path) -> str:
    """Return the absolute path of a command, without following links: a virtual environment is known by its link."""
    path = shutil.which(command)
    if path is None:
        raise FileNotFoundError(f"sse_python is {str(command)!r}, which is not an executable file.")
    return str(Path(path).absolute())
