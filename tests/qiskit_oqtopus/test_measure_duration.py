"""The duration of measurements that devices do not publish."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.visualization import timeline_drawer
from qiskit_aer.noise import NoiseModel

from oqtopus_client.emulator import Emulator
from qiskit_oqtopus import OqtopusBackend, OqtopusProvider
from qiskit_oqtopus.target import MEASURE_DURATION, target_from_device
from tests.support.chips import CHIP, NOT_CALIBRATED, chip, device


def _ghz() -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.measure_all()
    return circuit


@pytest.fixture
def lattice(emulator: Emulator) -> OqtopusBackend:
    """A noisy device that publishes no duration of measurements."""
    return OqtopusProvider(emulator.config).get_backend("lattice64")


def test_default(lattice: OqtopusBackend) -> None:
    """The Target has the default, the calibration as published does not."""
    durations = {properties.duration for properties in lattice.target["measure"].values()}

    assert durations == {MEASURE_DURATION} == {1e-6}
    assert target_from_device(lattice.device)["measure"][0,].duration is None
    properties = lattice.properties()
    assert properties is not None
    assert "readout_length" not in properties.qubit_property(0)
    assert lattice.latest().target["measure"][5,].duration == MEASURE_DURATION


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the transpiler's own passes, in Qiskit 1
@pytest.mark.parametrize("method", ["alap", "asap"])
def test_measured_circuits_are_scheduled_and_drawn(lattice: OqtopusBackend, method: str) -> None:
    """Qiskit schedules a measured circuit, and draws its schedule."""
    isa = transpile(_ghz(), lattice, scheduling_method=method, seed_transpiler=1)
    measured = [start for start, item in zip(isa.op_start_times, isa.data, strict=True) if item.name == "measure"]
    figure = timeline_drawer(isa, target=lattice.target)

    assert len(set(measured)) == 1
    assert isa.estimate_duration(lattice.target) == pytest.approx(measured[0] * 2e-9 + MEASURE_DURATION)
    assert figure.axes


@pytest.mark.parametrize(("given", "expected"), [(4e-7, 4e-7), (None, None)])
def test_option_of_the_provider(emulator: Emulator, given: float | None, expected: float | None) -> None:
    """The provider's value reaches the Targets of its backends, and stays after a refresh; None is unknown."""
    provider = OqtopusProvider(emulator.config, measure_duration=given)
    backend = provider.get_backend("lattice64")
    backend.refresh()

    assert backend.target["measure"][0,].duration == expected
    assert backend.latest().target["measure"][0,].duration == expected


def test_published_durations_win() -> None:
    """A published duration is kept, also for qubits whose own is missing."""
    target = target_from_device(chip({**CHIP["qubits"][0]}, {}), 5e-6)

    assert [target["measure"][q,].duration for q in range(2)] == pytest.approx([384e-9] * 2)


@pytest.mark.parametrize("info", NOT_CALIBRATED)
def test_devices_without_calibration(info: object) -> None:
    """They have no durations at all, hence none of measurements."""
    target = target_from_device(device(info), 1e-6)

    assert target.qargs is None
    assert not target.durations().duration_by_name


def test_noise_does_not_depend_on_it(lattice: OqtopusBackend) -> None:
    """Noise models, ours and Aer's, are those of the published calibration."""
    unknown = OqtopusBackend(None, lattice.device, None, measure_duration=None)  # type: ignore[arg-type]

    assert lattice.noise_model() == unknown.noise_model()
    assert NoiseModel.from_backend(lattice) == NoiseModel.from_backend(unknown)


@pytest.mark.parametrize("wrong", [0, -1e-6, float("nan"), float("inf")])
def test_impossible_durations(emulator: Emulator, wrong: float) -> None:
    """The message gives the unit."""
    with pytest.raises(ValueError, match="positive number of seconds, such as 1e-6, or None, not"):
        OqtopusProvider(emulator.config, measure_duration=wrong)


def test_another_type(emulator: Emulator) -> None:
    """Text is not a duration."""
    with pytest.raises(TypeError, match="positive number of seconds, such as 1e-6, or None, not"):
        OqtopusProvider(emulator.config, measure_duration="1 us")  # type: ignore[arg-type]
