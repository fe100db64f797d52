"""`devices` and `device`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import Typed, answer, complaint


def test_devices_as_a_table(cli: Typed) -> None:
    """Each device has a line with its typical errors."""
    lines = cli("devices").stdout.splitlines()
    (row,) = (line for line in lines if "lattice64 " in line)

    assert " ".join(row.split()) == "lattice64 QPU 64 available 0 2026-04-01 00:00 UTC 1.24 % 2.21 %"


@pytest.mark.parametrize("columns", [80, 40])
def test_devices_on_narrow_terminals(cli: Typed, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Names and statuses are never broken; at 80 columns only the time is, between date and hour."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = cli("devices").stdout.splitlines()
    (row,) = (line.split() for line in lines if "lattice144" in line)

    assert row[:5] == ["lattice144", "QPU", "144", "available", "0"]
    if columns == 80:
        assert row[5:] == ["2026-04-01", "1.25", "%", "2.41", "%"]
        assert max(map(len, lines)) == 80


def test_devices_as_json(cli: Typed) -> None:
    """The medians match the published calibration."""
    found = {device["device_id"]: device for device in answer(cli("devices", "--json"))}

    assert list(found) == ["qulacs", "lattice64", "lattice64c", "lattice144"]
    assert found["lattice64"]["n_qubits"] == 64
    assert found["lattice64"]["median_two_qubit_error"] == pytest.approx(0.0124, abs=1e-4)


def test_device(cli: Typed) -> None:
    """Every qubit and coupling has a line."""
    shown = cli("device", "lattice64").stdout
    detailed = answer(cli("device", "lattice64", "--json"))

    assert "Median T1" in shown
    assert shown.count(" % ") > 64
    assert (len(detailed["qubits"]), len(detailed["couplings"])) == (64, 112)
    assert detailed["qubits"][0]["gate_error"] == pytest.approx(0.00067)
    assert detailed["qubits"][0]["t1_us"] == 39.05
    assert detailed["couplings"][0]["control"] == 0


def test_picture_of_a_device(cli: Typed, tmp_path: Path) -> None:
    """The picture is a PNG file."""
    file = tmp_path / "chip.png"
    result = cli("device", "lattice64", "--png", str(file))

    assert result.exit_code == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    assert str(file) in result.stderr


def test_unknown_device(cli: Typed) -> None:
    """The error suggests similar names."""
    result = cli("device", "latice64")

    assert result.exit_code == 4
    suggested = "Did you mean 'lattice64' or 'lattice64c' or 'lattice144'?"
    assert complaint(result) == f"oqtopus-client: Unknown device 'latice64'. {suggested}"
