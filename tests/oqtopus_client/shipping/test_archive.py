"""The package's own modules, as small as they are sent."""

from __future__ import annotations

from oqtopus_client.shipping.archive import archive
from oqtopus_client.shipping.program import MAX_BYTES


def test_it_leaves_room_for_arguments() -> None:
    """With the provider, almost a fifth of a program is left; with the client alone, almost three fifths."""
    assert len(archive("", ["oqtopus_client", "qiskit_oqtopus"], [])) < 0.82 * MAX_BYTES
    assert len(archive("", ["oqtopus_client"], [])) < 0.42 * MAX_BYTES
