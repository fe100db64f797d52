"""Settings of programs next to the device."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from oqtopus_client.services.program_options import ProgramOptions


def test_values_are_normalized() -> None:
    """A single module counts as a list, and numpy's numbers become Python's."""
    options = ProgramOptions(modules=json, shots=np.int64(5), timeout=np.float64(60))  # type: ignore[arg-type]

    assert (options.modules, options.shots, options.timeout) == ((json,), 5, 60.0)
    assert ProgramOptions(modules="json").modules == ("json",)
    assert ProgramOptions().timeout < 600


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"modules": [1]}, TypeError, "modules must be modules or their names, not 1."),
        ({"shots": 0}, ValueError, "shots must be an integer from 1 to 10,000,000, not 0."),
        ({"timeout": 0}, ValueError, "timeout must be a number of seconds, at least 1, not 0."),
        ({"timeout": None}, TypeError, "timeout must be a number of seconds, at least 1, not None."),
    ],
)
def test_invalid_values(values: dict[str, Any], error: type[Exception], message: str) -> None:
    """The message has the value and what is valid."""
    with pytest.raises(error) as caught:
        ProgramOptions(**values)
    assert str(caught.value) == message


def test_a_timeout_beyond_the_servers_limit() -> None:
    """Servers would end the program first, and what it printed would be lost; the warning points to the caller."""
    with pytest.warns(UserWarning, match="timeout=600 is not below the 600 s after which servers end") as caught:
        ProgramOptions(timeout=600)
    assert caught[0].filename == __file__
