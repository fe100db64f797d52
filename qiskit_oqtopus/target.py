"""A device's calibration as a Qiskit `Target`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qiskit.circuit import Delay, Measure, Parameter, Reset
from qiskit.circuit.library import CXGate, RZGate, SXGate, XGate
from qiskit.providers import QubitProperties
from qiskit.transpiler import InstructionProperties, Target

from oqtopus_client.physics import CLOCK_NS, completed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oqtopus_client import CouplingCalibration, OqtopusDevice, QubitCalibration

_NS = 1e-9
_US = 1e-6

MEASURE_DURATION = 1e-6
"""Duration of a measurement, in seconds, that is assumed where a device publishes none.

Dispersive readout of superconducting qubits typically takes 0.3 to 1.5 microseconds.
"""


class ReadoutProperties(InstructionProperties):
    """Duration and error of a measurement, and the probability of misreading each outcome.

    Qiskit Aer reads these attributes, so the noise models that it derives from a backend have its asymmetric errors.

    Attributes:
        prob_meas1_prep0: Probability to read 1 from a qubit in state 0.
        prob_meas0_prep1: Probability to read 0 from a qubit in state 1.
    """

    def __init__(self, duration: float | None, error: float, prob_meas1_prep0: float, prob_meas0_prep1: float) -> None:
        super().__init__(duration, error)
        self.prob_meas1_prep0 = prob_meas1_prep0
        self.prob_meas0_prep1 = prob_meas0_prep1

    def __reduce__(self) -> tuple[Any, ...]:
        # Qiskit's implementation copies and pickles the duration and error only.
        return type(self), (self.duration, self.error, self.prob_meas1_prep0, self.prob_meas0_prep1)


def target_from_device(device: OqtopusDevice, measure_duration: float | None = None) -> Target:
    """Return the gates that every OQTOPUS device supports, with this device's errors and durations.

    These are `x`, `sx`, `rz`, `cx`, `measure` and `delay`. `cx` is included in the listed direction of each coupling
    only, so a device without couplings has no `cx`. Control flow is never included: no device executes it, regardless
    of what it advertises.

    No device executes `reset` either, but it is included, with zero duration: otherwise the transpiler would refuse
    every circuit with `initialize`, which starts with a reset of qubits that are in |0> already. `run` leaves out such
    a reset and refuses any other.

    Times are in seconds. A gate's error is one minus its average fidelity; a measurement's error is the assignment
    error, alongside the probability of misreading each outcome (see `ReadoutProperties`). `rz` is a change of frame,
    without error and duration.

    Missing values do not count as perfect, as they would in Qiskit, because that would favour the very qubits and
    couplings whose calibration failed. `oqtopus_client.physics.completed` fills them in, as on emulated devices: a
    missing error, duration or lifetime becomes the worst value of the others, or None if there is none.

    No qubit is left out, not even one without calibration: the lower optimization levels of the transpiler place a
    circuit on the first qubits regardless of their gates, and fail if there are none. The higher levels see the worst
    qubit of the chip.

    A device without qubits in its `calibration` gets a Target that supports these gates on all qubits and pairs.

    Args:
        device: The device.
        measure_duration: The duration of measurements, in seconds, if the device publishes none; None if unknown.
    """
    calibration = completed(device.calibration)
    qubits, couplings = calibration.qubits, calibration.couplings
    if not qubits:
        return _uncalibrated(device)
    target = Target(
        description=device.device_id,
        num_qubits=len(qubits),
        dt=CLOCK_NS * _NS,
        qubit_properties=[QubitProperties(t1=_times(q.t1_us, _US), t2=_times(q.t2_us, _US)) for q in qubits],
    )

    def add(gate: Any, qargs: Iterable[Any], properties: Iterable[InstructionProperties | None]) -> None:
        target.add_instruction(gate, dict(zip(qargs, properties, strict=True)))

    every = [(i,) for i in range(len(qubits))]
    add(XGate(), every, [_gate_properties(qubit, "x") for qubit in qubits])
    add(SXGate(), every, [_gate_properties(qubit, "sx") for qubit in qubits])
    add(RZGate(Parameter("theta")), every, [InstructionProperties(0.0, 0.0) for _ in every])
    if couplings:
        pairs = [(coupling.control, coupling.target) for coupling in couplings]
        add(CXGate(), pairs, [_gate_properties(coupling, "cx") for coupling in couplings])
    add(Measure(), every, [_readout_properties(qubit, measure_duration) for qubit in qubits])
    add(Delay(Parameter("t")), every, [None] * len(every))
    add(Reset(), every, [InstructionProperties(0.0, 0.0) for _ in every])
    return target


def _uncalibrated(device: OqtopusDevice) -> Target:
    target = Target(description=device.device_id, num_qubits=_n_qubits(device), dt=CLOCK_NS * _NS)
    for gate in (XGate(), SXGate(), RZGate(Parameter("theta")), CXGate(), Measure(), Delay(Parameter("t")), Reset()):
        target.add_instruction(gate, name=gate.name)
    return target


def _n_qubits(device: OqtopusDevice) -> int | None:
    """Return the number of qubits that the server publishes; None if it publishes none."""
    return max(device.n_qubits or 0, 0) or None


def _gate_properties(calibration: QubitCalibration | CouplingCalibration, name: str) -> InstructionProperties:
    return InstructionProperties(_times(calibration.durations_ns.get(name), _NS), calibration.gate_error)


def _readout_properties(qubit: QubitCalibration, measure_duration: float | None) -> ReadoutProperties | None:
    """Return None if the error is unknown, as Aer requires an error in any properties."""
    error, p10, p01 = qubit.readout_error, qubit.prob_meas1_prep0, qubit.prob_meas0_prep1
    if error is None or p10 is None or p01 is None:
        return None
    published = _times(qubit.durations_ns.get("measure"), _NS)
    return ReadoutProperties(measure_duration if published is None else published, error, p10, p01)


def _times(value: float | None, unit: float) -> float | None:
    """Return a time in seconds; None if it is unknown."""
    return None if value is None else value * unit
