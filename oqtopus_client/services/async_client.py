"""The asynchronous client, on which the blocking one is built: `AsyncOqtopusClient`."""

from __future__ import annotations

from oqtopus_client.services.resources.account import Account
from oqtopus_client.services.resources.devices import Devices
from oqtopus_client.services.resources.programs import Programs


class AsyncOqtopusClient(Devices, Programs, Account):
    """Asynchronous client of the OQTOPUS User API.

    Args:
        config: Server URL and credentials. By default the environment, else the default profile.
        default_headers: Additional headers for every request to the User API.
        user_agent: The User-Agent header, in place of the client's name and version.
        journal: A file that records each job before and after its submission, for `resume`.

    Attributes:
        config: The configuration in use.
        journal: The file that records jobs, if there is one.

    Every coroutine raises `UserApiError` (or a subclass) when the server refuses a request, `OqtopusConnectionError`
    and `OqtopusTimeoutError` when no response arrives, and `ResponseValidationError` when a response is unreadable.
    """
