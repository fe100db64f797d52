"""The SDK's core: `AsyncOqtopusClient`, every operation as a coroutine on one pool of connections."""

from __future__ import annotations

from oqtopus_client.services.resources.account import Account
from oqtopus_client.services.resources.devices import Devices
from oqtopus_client.services.resources.runs import Runs


class AsyncOqtopusClient(Devices, Runs, Account):
    """Asynchronous client of the OQTOPUS User API.

    Args:
        config: Where the server is and who asks. By default the environment, else the default profile.
        default_headers: Further headers for every request to the User API.
        user_agent: What to call this client, in place of its name and version.
        journal: A file that records each job before and after its submission, for `resume`.

    Attributes:
        config: The configuration in use.
        journal: The file that records jobs, if there is one.
        duties: Clean-up under way that must not be broken off.
        owner: Gives the client that jobs returned from here read their files through.

    Every coroutine raises `UserApiError` (or a subclass) when the server refuses, `OqtopusConnectionError` and
    `OqtopusTimeoutError` when it does not answer, and `ResponseValidationError` when its answer is unreadable.
    """
