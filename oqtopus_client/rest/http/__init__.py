"""HTTP: connection pool, authentication, timeouts, limits, and the mapping of failures to this SDK's errors.

No other package depends on the HTTP library.
"""

from oqtopus_client.rest.http.certificates import missing_authorities, tls_context
from oqtopus_client.rest.http.client import HttpClient, call_once

__all__ = ["HttpClient", "call_once", "missing_authorities", "tls_context"]
