"""The package's own modules, as small as they are sent."""

from __future__ import annotations

from oqtopus_client.shipping.archive import archive
from oqtopus_client.shipping.program import MAX_BYTES


def test_it_leaves_room_for_arguments() -> None:
    """With the provider, a fifth of a program is left; with the client alone, three fifths."""
    assert len(archive("", ["oqtopus_client", "qiskit_oqtopus"], [])) < 0.8 * MAX_BYTES
    assert len(archive("", ["oqtopus_client"], [])) < 0.4 * MAX_BYTES
