"""Configuration and properties of backends in the format of `BackendV1`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qiskit.exceptions import QiskitError

from qiskit_oqtopus import OqtopusBackend, OqtopusProvider, backend_v1, target
from tests.support.chips import device

if TYPE_CHECKING:
    from qiskit_oqtopus.backend_v1 import BackendProperties
    from tests.support.recorded_cloud import RecordedCloud


@pytest.fixture
def chip(provider: OqtopusProvider) -> OqtopusBackend:
    """A calibrated device."""
    return provider.get_backend("lattice64")


def test_configuration(chip: OqtopusBackend) -> None:
    """The configuration has the Target's gates, couplings and limits under the names of IBM's configurations."""
    found = chip.configuration()

    assert (found.backend_name, found.n_qubits, found.num_qubits) == ("lattice64", 64, 64)
    assert sorted(found.basis_gates) == ["cx", "rz", "sx", "x"]
    assert sorted(found.supported_instructions) == ["cx", "delay", "measure", "rz", "sx", "x"]
    assert found.coupling_map is not None
    assert sorted(map(tuple, found.coupling_map)) == sorted(chip.target["cx"])
    assert {gate.name: (gate.parameters, len(gate.coupling_map or [])) for gate in found.gates}["sx"] == ([], 64)
    assert (found.simulator, found.local, found.conditional, found.open_pulse) == (False, False, False, False)
    assert (found.memory, found.max_shots, found.dt, found.meas_levels) == (True, 10_000_000, chip.dt, [2])
    assert "coupling_map" in found
    assert "u_channel_lo" not in found
    assert json.loads(json.dumps(found.to_dict()))["coupling_map"] == found.coupling_map


def test_properties(chip: OqtopusBackend) -> None:
    """The properties have the Target's errors, lifetimes and durations, each for the right qubits."""
    found = chip.properties()
    assert found is not None
    assert chip.target.qubit_properties is not None
    for qubit, properties in enumerate(chip.target.qubit_properties):
        assert (found.t1(qubit), found.t2(qubit)) == pytest.approx((properties.t1, properties.t2), rel=1e-9)
        assert found.readout_error(qubit) == pytest.approx(chip.target["measure"][qubit,].error, rel=1e-9)
        assert found.gate_error("sx", qubit) == pytest.approx(chip.target["sx"][qubit,].error, rel=1e-9)
        assert found.gate_error("rz", [qubit]) == found.gate_error("rz", np.int64(qubit)) == 0.0
    for pair, properties in chip.target["cx"].items():
        assert found.gate_error("cx", pair) == pytest.approx(properties.error, rel=1e-9)
        assert found.gate_error("cx", np.array(pair)) == found.gate_error("cx", pair)
        assert found.gate_length("cx", list(pair)) == pytest.approx(properties.duration, rel=1e-9)

    times = {value.name: (value.value, value.unit) for value in found.qubits[0]}
    assert times["T1"] == (39.05, "us")
    assert found.last_update_date == chip.calibrated_at
    assert (found.faulty_qubits(), found.faulty_gates()) == ([], [])
    assert found.to_dict()["gates"][0] == {
        "qubits": [0],
        "gate": "x",
        "name": "x_0",
        "parameters": [value.to_dict() for value in found.gates[0].parameters],
    }


def uncalibrated() -> BackendProperties:
    """Return the properties of a two-qubit chip that publishes just the error of one `cx`."""
    bare = device({"qubits": [{"id": 0}, {"id": 1}], "couplings": [{"control": 0, "target": 1, "fidelity": 0.9}]})
    found = backend_v1.properties(bare, target.target_from_device(bare))
    assert found is not None
    return found


def test_gaps() -> None:
    """Unpublished values are absent from the lists, and the methods raise Qiskit's error."""
    found = uncalibrated()

    assert found.qubits == [[], []]
    assert found.gate_error("cx", (0, 1)) == pytest.approx(0.1)
    for ask, message in (
        (lambda: found.t1(0), "publishes no T1 of qubit 0"),
        (lambda: found.t1(2), r"has no qubit 2; it has 0 to 1\."),
        (lambda: found.t1(-1), "has no qubit -1"),
        (lambda: found.frequency(1), "publishes no frequency of qubit 1"),
        (lambda: found.gate_error("sx", 0), r"publishes no gate_error of 'sx' on the qubits \(0,\)"),
        (lambda: found.gate_error("cx", [1, 0]), r"has no gate 'cx' on the qubits \(1, 0\)"),
        (lambda: found.is_gate_operational("h", 0), "has no gate 'h'"),
    ):
        with pytest.raises(QiskitError, match=message):
            ask()


def test_no_calibration() -> None:
    """A device that publishes nothing has no properties, and all its pairs may be coupled."""
    bare = device({})
    of_bare = target.target_from_device(bare)

    assert backend_v1.properties(bare, of_bare) is None
    assert backend_v1.configuration(bare, of_bare, 1).coupling_map is None


def test_no_couplings() -> None:
    """A chip without couplings has an empty coupling map, rather than None."""
    bare = device({"qubits": [{"id": 0}, {"id": 1}], "couplings": []})

    assert backend_v1.configuration(bare, target.target_from_device(bare), 1).coupling_map == []


def test_refreshed_properties(chip: OqtopusBackend, cloud: RecordedCloud) -> None:
    """`properties` sends a request only with `refresh=True`."""
    cloud.requests.clear()
    chip.properties()
    assert cloud.routes == []
    chip.properties(refresh=True)

    assert cloud.routes == ["GET /devices/lattice64"]
