"""How OQTOPUS servers differ from each other: versions, deployments, and their faults."""

from __future__ import annotations

from dataclasses import dataclass, fields

from oqtopus_client.checks import check_boolean


@dataclass(frozen=True)
class ServerOptions:
    """The kind of server to emulate; the defaults are what current servers do.

    Attributes:
        cancelling: Whether a cancelled running job is `cancelling` until its work has stopped, as proposed for future
            servers; without it, that status is refused as a filter.
        device_histories: Whether `/device_histories` exists, which older servers lack.
        token_renewal: Whether `POST /api-token` accepts an API token; some servers require an interactive login.
        temporary_credentials: Whether uploads are signed with temporary credentials, so that forms have an
            `x-amz-security-token`; with static ones it is null.
        cors_origins: Origins whose web pages may call the API.
        quirks: Whether to reproduce servers' faults.
        strict_provider: Whether the provider API lets only running jobs fail, and only QPUs have calibrations, as some
            servers do.
    """

    cancelling: bool = False
    device_histories: bool = True
    token_renewal: bool = True
    temporary_credentials: bool = False
    cors_origins: tuple[str, ...] = ()
    quirks: bool = False
    strict_provider: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "cors_origins":
                check_boolean(getattr(self, field.name), field.name)
