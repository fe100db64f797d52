"""The former name of `oqtopus_client.rest.endpoints`."""

import warnings
from typing import Any

from oqtopus_client.rest import endpoints


def __getattr__(name: str) -> Any:
    value = getattr(endpoints, name)
    message = "oqtopus_client.rest.operations was renamed: import from oqtopus_client.rest.endpoints."
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return value
