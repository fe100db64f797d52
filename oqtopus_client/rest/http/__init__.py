"""HTTP: connection pool, authentication, timeouts, limits, and the mapping of failures to this SDK's errors.

No other package depends on the HTTP library.
"""

from oqtopus_client.rest.http.client import HttpClient, call_once
from oqtopus_client.rest.http.connections import tls_context

__all__ = ["HttpClient", "call_once", "tls_context"]
