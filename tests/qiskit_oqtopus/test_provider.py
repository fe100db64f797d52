"""`OqtopusProvider`: backends, filters, and errors for those that are not found."""

from __future__ import annotations

import builtins
import dataclasses
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit.providers import QiskitBackendNotFoundError

from oqtopus_client import OqtopusConfig
from oqtopus_client.errors import AuthenticationError, OqtopusConfigError
from qiskit_oqtopus import OqtopusBackend, OqtopusProvider
from tests.support.chips import listed_device
from tests.support.circuits import bell
from tests.support.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.recorded_cloud import RecordedCloud


@pytest.fixture
def listing() -> ScriptedServer:
    """A server with various devices."""
    devices = [
        listed_device("statevector", 30, device_type="simulator"),
        listed_device("small", 16, n_pending_jobs=3, calibrated_at="2026-08-20T06:14:03+09:00"),
        listed_device("large", 64, n_pending_jobs=3),
        listed_device("largest", 144, n_pending_jobs=40),
        listed_device("idle", 144, status="unavailable", available_at="2026-09-01T00:00:00Z"),
        listed_device("secret", None, n_pending_jobs=5),
    ]
    return ScriptedServer(**{"GET /devices": devices})


@pytest.fixture
def devices(listing: ScriptedServer) -> Iterator[OqtopusProvider]:
    """A provider for these devices."""
    with OqtopusProvider(OqtopusConfig("https://cloud.example.org", "token", transport=listing)) as provider:
        yield provider


def names(backends: list[OqtopusBackend]) -> list[str]:
    """Return the names of backends."""
    return [backend.name for backend in backends]


def test_constructor_sends_nothing(config: OqtopusConfig, cloud: RecordedCloud) -> None:
    """Listing the devices is the first request and the only one."""
    with OqtopusProvider(config) as provider:
        assert cloud.requests == []
        assert [backend.name for backend in provider.backends()] == ["qulacs", "lattice64", "lattice64c", "lattice144"]
        assert provider.backends("nowhere") == []
        assert provider.get_backend("qulacs").provider is provider
        assert provider.least_busy().name == "lattice144"

    assert cloud.routes == ["GET /devices"] * 4


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"name": "large"}, ["large"]),
        ({"min_num_qubits": np.int64(64)}, ["large", "largest", "idle"]),
        ({"simulator": True}, ["statevector"]),
        ({"simulator": False, "operational": True}, ["small", "large", "largest", "secret"]),
        ({"operational": False}, ["idle"]),
        ({"filters": lambda backend: backend.device.n_pending_jobs == 3}, ["small", "large"]),
        ({"filters": lambda backend: backend.device.n_pending_jobs == 3, "min_num_qubits": 17}, ["large"]),
        ({"name": "small", "simulator": True}, []),
    ],
)
def test_filters(
    devices: OqtopusProvider, listing: ScriptedServer, filters: dict[str, Any], expected: list[str]
) -> None:
    """Filters combine, and need no further request."""
    assert names(devices.backends(**filters)) == expected
    assert listing.asked == ["GET /devices"]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"min_qubits": 3}, "Unknown filter 'min_qubits'. Did you mean 'min_num_qubits'?"),
        ({"instance": "a"}, "Unknown filter 'instance': OQTOPUS has no instances; leave it out."),
        (
            {"colour": "a"},
            "Unknown filter 'colour'. Known: 'min_num_qubits', 'simulator', 'operational', 'filters'.",
        ),
        ({"simulator": "yes"}, "simulator must be a boolean or None, not 'yes'."),
        ({"operational": 1}, "operational must be a boolean or None, not 1."),
        ({"min_num_qubits": 2.5}, "min_num_qubits must be an integer or None, not 2.5."),
        ({"filters": "n_qubits > 3"}, "filters must be a function of a backend or None, not 'n_qubits > 3'."),
    ],
)
def test_wrong_filters(
    devices: OqtopusProvider, listing: ScriptedServer, filters: dict[str, Any], message: str
) -> None:
    """An invalid filter is refused before any request."""
    for find in (devices.backends, devices.least_busy, lambda **given: devices.get_backend("small", **given)):
        with pytest.raises(TypeError, match=re.escape(message)):
            find(**filters)

    assert listing.asked == []


def test_function_in_place_of_name(devices: OqtopusProvider) -> None:
    """A function given as the name is refused."""
    with pytest.raises(TypeError, match=r"name must be the name of a device, not 5; pass functions as filters\."):
        devices.backends(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({}, "large"),
        ({"min_num_qubits": 65}, "largest"),
        ({"filters": lambda backend: backend.name.startswith("s")}, "small"),
        ({"operational": None}, "idle"),
        ({"simulator": None}, "statevector"),
        ({"simulator": True, "operational": True}, "statevector"),
    ],
)
def test_least_busy(devices: OqtopusProvider, listing: ScriptedServer, criteria: dict[str, Any], expected: str) -> None:
    """The fewest pending jobs win, then the most qubits; simulators and unavailable devices count if requested."""
    assert devices.least_busy(**criteria).name == expected
    assert listing.asked == ["GET /devices"]


def test_least_busy_of_none(devices: OqtopusProvider, listing: ScriptedServer) -> None:
    """The error says why each device does not qualify."""
    with pytest.raises(QiskitBackendNotFoundError) as caught:
        devices.least_busy(100, filters=lambda backend: backend.num_qubits < 100)

    assert caught.value.message == (
        "No device qualifies: 'statevector' has 30 qubits (min_num_qubits=100), "
        "'small' has 16 qubits (min_num_qubits=100), 'large' has 64 qubits (min_num_qubits=100), "
        "'largest' does not pass filters, 'idle' is unavailable until 2026-09-01 00:00 UTC (operational=True), "
        "'secret' does not publish its number of qubits (min_num_qubits=100)."
    )
    listing.answers["GET /devices"] = []
    with pytest.raises(QiskitBackendNotFoundError, match="No device qualifies: this server offers none"):
        devices.least_busy()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("qulac", "Did you mean 'qulacs'?"),
        ("Qulacs", "Did you mean 'qulacs'?"),
        ("anemone", "Known: 'lattice144', 'lattice64', 'lattice64c', 'qulacs'."),
    ],
)
def test_unknown_backend(provider: OqtopusProvider, name: str, hint: str) -> None:
    """The message lists similar names; without any, all names."""
    with pytest.raises(QiskitBackendNotFoundError) as caught:
        provider.get_backend(name)

    assert f"Unknown device {name!r}. {hint}" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "filters", "message"),
    [
        ("small", {"min_num_qubits": 20}, "Device 'small' has 16 qubits (min_num_qubits=20)."),
        (
            "larg",
            {"operational": True, "min_num_qubits": 100},
            "Unknown device 'larg'. Did you mean 'large', which has 64 qubits (min_num_qubits=100) or 'largest'?",
        ),
        ("statevector", {"simulator": False}, "Device 'statevector' is a simulator (simulator=False)."),
        ("small", {"simulator": True}, "Device 'small' is not a simulator (simulator=True)."),
        ("small", {"operational": False}, "Device 'small' is available (operational=False)."),
    ],
)
def test_backend_that_is_otherwise(devices: OqtopusProvider, name: str, filters: dict[str, Any], message: str) -> None:
    """The error says why the device, or those with similar names, do not qualify."""
    with pytest.raises(QiskitBackendNotFoundError) as caught:
        devices.get_backend(name, **filters)

    assert caught.value.message == message
    assert devices.get_backend("large", min_num_qubits=64).name == "large"


def test_the_only_backend(devices: OqtopusProvider, listing: ScriptedServer) -> None:
    """The name may be omitted where there is one device, as in a server-side program."""
    with pytest.raises(QiskitBackendNotFoundError, match=r"Name one of this server's devices: .*small, "):
        devices.get_backend()
    listing.answers["GET /devices"] = [listed_device("only", 5)]

    assert devices.get_backend().name == "only"
    with pytest.raises(QiskitBackendNotFoundError, match="'only' has 5 qubits"):
        devices.get_backend(min_num_qubits=6)
    listing.answers["GET /devices"] = []
    with pytest.raises(QiskitBackendNotFoundError, match="Name one of this server's devices: none"):
        devices.get_backend()


def test_server_without_devices(devices: OqtopusProvider, listing: ScriptedServer) -> None:
    """Without devices, the message suggests no name."""
    listing.answers["GET /devices"] = []
    with pytest.raises(QiskitBackendNotFoundError, match=r"Unknown device 'small'\. This server offers no"):
        devices.get_backend("small")


def test_wrong_token(config: OqtopusConfig) -> None:
    """A wrong token raises an error that names the token's source."""
    wrong = dataclasses.replace(config, api_token="no.good", token_source="profile [lab] of config.ini")
    with OqtopusProvider(wrong) as provider:
        for ask in (provider.backends, provider.least_busy, lambda: provider.get_backend("qulacs")):
            with pytest.raises(AuthenticationError, match=r"the API token from profile \[lab\] of config\.ini"):
                ask()


def test_nothing_configured() -> None:
    """The error says what to configure."""
    with pytest.raises(OqtopusConfigError, match="Set OQTOPUS_URL and OQTOPUS_API_TOKEN"):
        OqtopusProvider()


def test_address_in_place_of_a_configuration() -> None:
    """The error shows the right call and does not repeat a value that may be a token."""
    with pytest.raises(TypeError, match=r"config must be OqtopusConfig\(url, api_token=\.\.\.\) or None, not a str\."):
        OqtopusProvider("https://api.example.org")  # type: ignore[arg-type]


def test_emulator_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error contains the command to install it."""
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
    """A plain script with an in-process emulator works and exits."""
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


def test_options_of_the_emulator() -> None:
    """`OqtopusProvider.emulator` takes the options of `Emulator`, and suggests the right name of a misspelt one."""
    circuit = bell()
    counts = []
    for _ in range(2):
        with OqtopusProvider.emulator(":memory:", seed=7, idle_noise=False) as provider:
            counts.append(provider.get_backend("lattice64").run(circuit, shots=100).result().get_counts())
    assert counts[0] == counts[1]
    with pytest.raises(TypeError, match=r"^Unknown option 'seeds' of Emulator\. Did you mean 'seed'\?$"):
        OqtopusProvider.emulator(":memory:", seeds=7)
