"""How to read what a command printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

Typed = Callable[..., Result]


def answer(result: Result) -> Any:
    """The JSON that a command printed."""
    return json.loads(result.stdout)


def complaint(result: Result) -> str:
    """The one line that a command ended with, apart from those about its wait."""
    (line,) = (line for line in result.stderr.splitlines() if not line.startswith("Waiting for job "))
    return line
