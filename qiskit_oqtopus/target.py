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


class ReadoutProperties(InstructionProperties):
    """Duration and error of a measurement, and how likely either outcome is misread.

    Qiskit Aer looks for these attributes, so a noise model it makes of a device is as asymmetric as the device.

    Attributes:
        prob_meas1_prep0: Probability to read 1 from a qubit in state 0.
        prob_meas0_prep1: Probability to read 0 from a qubit in state 1.
    """

    def __init__(self, duration: float | None, error: float, prob_meas1_prep0: float, prob_meas0_prep1: float) -> None:
        super().__init__(duration, error)
        self.prob_meas1_prep0 = prob_meas1_prep0
        self.prob_meas0_prep1 = prob_meas0_prep1

    def __reduce__(self) -> tuple[Any, ...]:
        # Qiskit's own copies and pickles keep duration and error only.
        return type(self), (self.duration, self.error, self.prob_meas1_prep0, self.prob_meas0_prep1)


def target_from_device(device: OqtopusDevice) -> Target:
    """The gates every OQTOPUS device takes - `x`, `sx`, `rz`, `cx`, `measure`, `delay` - with its errors and durations.

    Control flow is never there: no device executes it, whatever it advertises. `cx` is there in the listed direction of
    each coupling only, so where there are no couplings there is no `cx`.

    No device executes `reset` either, which is there all the same, and takes no time: otherwise the transpiler would
    refuse every circuit with `initialize`, which begins with a reset of qubits that are in |0> anyway. `run` leaves
    such a reset out, and refuses any other.

    Times are in seconds. A gate's error is one minus its average fidelity; a measurement's is the assignment error,
    beside both probabilities to misread (see `ReadoutProperties`). `rz` is a change of frame: no error, no time.

    What is missing does not count as perfect, as Qiskit has it, which would favour the very qubits and couplings that
    could not be calibrated. It is filled in by `oqtopus_client.physics.completed`, as on emulated devices: one that
    lacks an error, a duration or a lifetime gets the worst that others have; None where none has any.

    No qubit is left out, not even one without any calibration: the transpiler's lower levels put a circuit on the first
    qubits whatever they can do, and fail if that is nothing. Its higher levels see the worst qubit there is.

    A device without qubits in its `calibration` gets a Target of its gates alone: on any qubit and any pair.

    Args:
        device: The device.
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

    def add(gate: Any, places: Iterable[Any], properties: Iterable[InstructionProperties | None]) -> None:
        target.add_instruction(gate, dict(zip(places, properties, strict=True)))

    every = [(i,) for i in range(len(qubits))]
    add(XGate(), every, [_gate_properties(qubit, "x") for qubit in qubits])
    add(SXGate(), every, [_gate_properties(qubit, "sx") for qubit in qubits])
    add(RZGate(Parameter("theta")), every, [InstructionProperties(0.0, 0.0) for _ in every])
    if couplings:
        pairs = [(coupling.control, coupling.target) for coupling in couplings]
        add(CXGate(), pairs, [_gate_properties(coupling, "cx") for coupling in couplings])
    add(Measure(), every, map(_readout_properties, qubits))
    add(Delay(Parameter("t")), every, [None] * len(every))
    add(Reset(), every, [InstructionProperties(0.0, 0.0) for _ in every])
    return target


def _uncalibrated(device: OqtopusDevice) -> Target:
    target = Target(description=device.device_id, num_qubits=_n_qubits(device), dt=CLOCK_NS * _NS)
    for gate in (XGate(), SXGate(), RZGate(Parameter("theta")), CXGate(), Measure(), Delay(Parameter("t")), Reset()):
        target.add_instruction(gate, name=gate.name)
    return target


def _n_qubits(device: OqtopusDevice) -> int | None:
    """How many qubits the server says the device has, where it does."""
    return max(device.n_qubits or 0, 0) or None


def _gate_properties(place: QubitCalibration | CouplingCalibration, name: str) -> InstructionProperties:
    return InstructionProperties(_times(place.durations_ns.get(name), _NS), place.gate_error)


def _readout_properties(qubit: QubitCalibration) -> ReadoutProperties | None:
    """None where there is no error: Aer takes it for granted that what has properties has one."""
    error, p10, p01 = qubit.readout_error, qubit.prob_meas1_prep0, qubit.prob_meas0_prep1
    if error is None or p10 is None or p01 is None:
        return None
    return ReadoutProperties(_times(qubit.durations_ns.get("measure"), _NS), error, p10, p01)


def _times(value: float | None, unit: float) -> float | None:
    """A time in seconds, where it is known."""
    return None if value is None else value * unit
