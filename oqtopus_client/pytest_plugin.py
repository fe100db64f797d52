"""For tests of what is built on OQTOPUS: the fixture `oqtopus_emulator`, there in every project that installs this.

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
    """An emulator of the test's own, that leaves nothing behind."""
    # Imported here, because pytest loads plugins whether a test uses them or not.
    from oqtopus_client.emulator import Emulator  # noqa: PLC0415

    with Emulator(":memory:") as emulator:
        yield emulator
