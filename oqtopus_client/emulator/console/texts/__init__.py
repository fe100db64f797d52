"""The console's texts, one TOML file per language."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from types import SimpleNamespace
from typing import Any


class Texts(SimpleNamespace):
    """Texts by section and name: `texts().jobs.search` or `texts().jobs["search"]`."""

    def __getitem__(self, name: str) -> Any:
        return vars(self)[name]

    def __contains__(self, name: str) -> bool:
        return name in vars(self)


@functools.cache
def texts(language: str = "en") -> Texts:
    """Return the texts in a language."""
    file = resources.files(__name__) / f"{language}.toml"
    return _texts(tomllib.loads(file.read_text(encoding="utf-8")))


def _texts(table: dict[str, Any]) -> Texts:
    return Texts(**{name: _texts(value) if isinstance(value, dict) else value for name, value in table.items()})
