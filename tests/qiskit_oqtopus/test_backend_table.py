"""`BackendTable`: a list with a readable and safe display."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oqtopus_client import OqtopusConfig
from qiskit_oqtopus import OqtopusProvider
from tests.support.chips import listed_device
from tests.support.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from qiskit_oqtopus.backend_table import BackendTable


def table(*devices: dict[str, Any]) -> BackendTable:
    """Return the backends of a server with these devices."""
    server = ScriptedServer(**{"GET /devices": list(devices)})
    with OqtopusProvider(OqtopusConfig("https://cloud.example.org", "token", transport=server)) as provider:
        return provider.backends()


def test_terminal() -> None:
    """`print` shows a table with times in UTC and blanks for unknown values."""
    backends = table(
        listed_device("small", 16, n_pending_jobs=1234, calibrated_at="2026-08-20T06:14:03+09:00"),
        listed_device("statevector", None, device_type="simulator", status="unavailable"),
    )

    assert str(backends).splitlines() == [
        "Name         Qubits  Type       Status       Pending jobs  Calibrated at",
        "-----------  ------  ---------  -----------  ------------  --------------------",
        "small            16  QPU        available            1234  2026-08-19 21:14 UTC",
        "statevector          simulator  unavailable             0",
    ]
    assert repr(backends) == str(backends)


def test_notebook() -> None:
    """Notebooks show the same cells as an HTML table."""
    html = table(listed_device("small", 16, calibrated_at="2026-08-20T06:14:03+09:00"))._repr_html_()

    assert html.count("<th>") == 6
    assert "<th>Pending jobs</th>" in html
    assert '<td style="text-align: right">16</td>' in html
    assert '<td style="text-align: left">2026-08-19 21:14 UTC</td>' in html


def test_what_a_server_says_is_harmless() -> None:
    """Text from the server is neither markup for a browser nor a command for a terminal."""
    backends = table(
        listed_device("<script>a\x1b[31m", 2, device_type="<b>Q\rPU", status="off\u202e\u2028line</td>\x9b2J\x00")
    )

    assert str(backends).splitlines()[-1] == "<script>a[31m       2  <b>QPU  offline</td>2J             0"
    html = backends._repr_html_()
    assert "&lt;script&gt;a[31m<" in html
    assert "&lt;b&gt;QPU<" in html
    assert "offline&lt;/td&gt;2J<" in html


def test_a_table_is_a_list() -> None:
    """A table compares, slices and counts like any list."""
    backends = table(listed_device("a", 1), listed_device("b", 2))

    assert isinstance(backends, list)
    assert [backend.name for backend in backends[1:]] == ["b"]
    assert backends == list(backends)
    assert str(table()) == "No backends"
    assert table() == []
