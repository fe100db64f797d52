"""The wire: models and endpoints of the User API, its storage, and HTTP.

The models are also public here: `oqtopus_client.rest.JobsJob` is `oqtopus_client.rest.models.JobsJob`.

Modules are imported on first access: pydantic and the HTTP stack take longer to import than everything else.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oqtopus_client.rest import container, http, models, storage, user_api  # noqa: F401 - re-exported
    from oqtopus_client.rest.models import *  # noqa: F403
else:  # With a `__getattr__`, type checkers would accept any name.
    _MODULES = {"container", "http", "models", "storage", "user_api"}

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        return getattr(importlib.import_module(f"{__name__}.models"), name)


def __dir__() -> list[str]:
    return [*globals(), *importlib.import_module(f"{__name__}.models").__all__]
