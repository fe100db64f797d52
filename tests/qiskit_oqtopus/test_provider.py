"""`OqtopusProvider`: no request until one is needed, and clear words when something is not found."""

from __future__ import annotations

import builtins
import dataclasses
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from qiskit.providers import QiskitBackendNotFoundError

from oqtopus_client import OqtopusConfig
from oqtopus_client.errors import AuthenticationError, OqtopusConfigError
from qiskit_oqtopus import OqtopusProvider

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorded_cloud import RecordedCloud


def test_constructor_sends_nothing(config: OqtopusConfig, cloud: RecordedCloud) -> None:
    """Looking for devices is the first request, and the only one."""
    with OqtopusProvider(config) as provider:
        assert cloud.requests == []
        assert [backend.name for backend in provider.backends()] == ["qulacs", "lattice64", "lattice144"]
        assert provider.backends("nowhere") == []
        assert provider.get_backend("qulacs").provider is provider

    assert cloud.routes == ["GET /devices"] * 3


@pytest.mark.parametrize(
    ("name", "known"),
    [("qulac", "'qulacs'"), ("Qulacs", "'qulacs'"), ("anemone", "'lattice144' or 'lattice64' or 'qulacs'")],
)
def test_unknown_backend(provider: OqtopusProvider, name: str, known: str) -> None:
    """Near names are listed; with none near, all are."""
    with pytest.raises(QiskitBackendNotFoundError) as caught:
        provider.get_backend(name)

    assert f"There is no device {name!r}. Did you mean {known}?" in str(caught.value)


def test_wrong_token(config: OqtopusConfig) -> None:
    """A bad token is an authentication error that says where it came from, not an empty list."""
    wrong = dataclasses.replace(config, api_token="no.good", token_source="profile [lab] of config.ini")
    with OqtopusProvider(wrong) as provider:
        for ask in (provider.backends, lambda: provider.get_backend("qulacs")):
            with pytest.raises(AuthenticationError, match=r"the API token from profile \[lab\] of config\.ini"):
                ask()


def test_nothing_configured() -> None:
    """The error says what to set."""
    with pytest.raises(OqtopusConfigError, match="Set OQTOPUS_URL and OQTOPUS_API_TOKEN"):
        OqtopusProvider()


def test_emulator_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error is the command to run."""
    original = builtins.__import__

    def without_fastapi(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "fastapi":
            raise ModuleNotFoundError("No module named 'fastapi'")
        return original(name, *arguments, **keywords)

    for module in [name for name in sys.modules if name.startswith(("oqtopus_client.emulator", "fastapi"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without_fastapi)
    with pytest.raises(ImportError, match=r"No module named 'fastapi'.*pip install 'oqtopus-client\[emulator\]'"):
        OqtopusProvider.emulator()


def test_script_without_main_guard(tmp_path: Path) -> None:
    """A user's plain script works: simulations run in threads, and nothing is left hanging at its end."""
    script = tmp_path / "script.py"
    script.write_text(
        "from qiskit import QuantumCircuit\n"
        "from qiskit_oqtopus import OqtopusProvider\n"
        "circuit = QuantumCircuit(1)\n"
        "circuit.x(0)\n"
        "circuit.measure_all()\n"
        "print(OqtopusProvider.emulator().get_backend('qulacs').run(circuit, shots=5).result().get_counts())\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", script], capture_output=True, text=True, timeout=60, env=os.environ, check=True
    )

    assert (run.stdout, run.stderr) == ("{'1': 5}\n", "")
