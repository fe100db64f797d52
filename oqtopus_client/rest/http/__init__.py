"""HTTP, in one room: pooling, authentication, timeouts, limits and the mapping of failures to our errors.

Nothing outside this package knows which HTTP library is used.
"""

from oqtopus_client.rest.http.client import HttpClient, call_once
from oqtopus_client.rest.http.connections import tls_context

__all__ = ["HttpClient", "call_once", "tls_context"]
