"""The SDK's core: `AsyncOqtopusClient`, every operation as a coroutine on one pool of connections."""

from __future__ import annotations

from oqtopus_client.services.resources.account import Account
from oqtopus_client.services.resources.devices import Devices
from oqtopus_client.services.resources.runs import Runs


class AsyncOqtopusClient(Devices, Runs, Account):
    """Asynchronous client of the OQTOPUS User API.

    Args:
        config: Server URL and credentials. By default the environment, else the default profile.
        default_headers: Additional headers for every request to the User API.
        user_agent: The User-Agent header, in place of the client's name and version.
        journal: A file that records each job before and after its submission, for `resume`.

    Attributes:
        config: The configuration in use.
        journal: The file that records jobs, if there is one.
        cleanup_tasks: Clean-up in progress that must not be cancelled.
        owner: Returns the client through which jobs read their files.

    Every coroutine raises `UserApiError` (or a subclass) when the server refuses, `OqtopusConnectionError` and
    `OqtopusTimeoutError` when it does not answer, and `ResponseValidationError` when its answer is unreadable.
    """
