"""The wire: the User API's models, its endpoints, its storage and the HTTP under them.

The models are public here, too: `oqtopus_client.rest.JobsJob` is `oqtopus_client.rest.models.JobsJob`.

Modules load when something asks for them: pydantic and the HTTP stack take longer to import than all else together.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oqtopus_client.rest import http, models, storage, user_api  # noqa: F401 - for others, as what follows
    from oqtopus_client.rest.models import *  # noqa: F403
else:  # Type checkers would take a `__getattr__` for leave to ask for anything.
    _MODULES = {"http", "models", "storage", "user_api"}

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        return getattr(importlib.import_module(f"{__name__}.models"), name)


def __dir__() -> list[str]:
    return [*globals(), *importlib.import_module(f"{__name__}.models").__all__]
