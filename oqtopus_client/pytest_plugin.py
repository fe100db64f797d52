"""The pytest fixture `oqtopus_emulator`, available in every project that installs this package.

::

    def test_mine(oqtopus_emulator):
        with OqtopusClient(oqtopus_emulator.config) as client:
            ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oqtopus_client.emulator import Emulator


@pytest.fixture
def oqtopus_emulator() -> Iterator[Emulator]:
    """An emulator for one test; it keeps everything in memory."""
    # Imported here because pytest loads plugins even if no test uses them.
    from oqtopus_client.emulator import Emulator  # noqa: PLC0415

    with Emulator(":memory:") as emulator:
        yield emulator
