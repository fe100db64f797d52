"""A device's calibration as a Qiskit `Target`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from qiskit.circuit import Delay, Measure, Parameter, Reset
from qiskit.circuit.library import CXGate, RZGate, SXGate, XGate
from qiskit.providers import QubitProperties
from qiskit.transpiler import InstructionProperties, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from oqtopus_client import CouplingCalibration, OqtopusDevice, QubitCalibration

DT_NANOSECONDS = 2
"""The step of a device's clock, which is what the unit `dt` means. Devices round delays up to whole steps."""

_NS = 1e-9
_US = 1e-6

_Value = TypeVar("_Value", float, tuple[float, float, float])


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
    else the mean of both probabilities (see `ReadoutProperties`). `rz` is a change of frame: no error, no time. A `cx`
    lasts as long as published, else as long as what servers make of it: an `rzx90`, and an `sx` of the target.

    What is missing does not count as perfect, as Qiskit has it, which would favour the very qubits and couplings that
    could not be calibrated. One that lacks an error, a duration or a lifetime gets the worst that others have; None
    where none has any. `t2` is cut to `2 * t1`, beyond which no qubit can be; a fit may well put it there.

    No qubit is left out, not even one without any calibration: the transpiler's lower levels put a circuit on the first
    qubits whatever they can do, and fail if that is nothing. Its higher levels see the worst qubit there is.

    A device without qubits in its `calibration` gets a Target of its gates alone: on any qubit and any pair.

    Args:
        device: The device.
    """
    calibration = device.calibration
    qubits = calibration.qubits
    if not qubits:
        return _uncalibrated(device)
    target = Target(
        description=device.device_id,
        num_qubits=len(qubits),
        dt=DT_NANOSECONDS * _NS,
        qubit_properties=_qubit_properties(qubits),
    )

    def add(gate: Any, places: Iterable[Any], properties: Iterable[InstructionProperties | None]) -> None:
        target.add_instruction(gate, dict(zip(places, properties, strict=True)))

    every = [(i,) for i in range(len(qubits))]
    durations = {name: _completed((_seconds(q, name) for q in qubits), max) for name in ("x", "sx")}
    errors = _completed((qubit.gate_error for qubit in qubits), max)
    add(XGate(), every, map(InstructionProperties, durations["x"], errors))
    add(SXGate(), every, map(InstructionProperties, durations["sx"], errors))
    add(RZGate(Parameter("theta")), every, [InstructionProperties(0.0, 0.0) for _ in every])
    couplings = calibration.couplings
    if couplings:
        pairs = [(coupling.control, coupling.target) for coupling in couplings]
        cx = _completed((_cx_seconds(coupling, durations["sx"][coupling.target]) for coupling in couplings), max)
        add(CXGate(), pairs, map(InstructionProperties, cx, _completed((c.gate_error for c in couplings), max)))
    add(Measure(), every, _readout_properties(qubits))
    add(Delay(Parameter("t")), every, [None] * len(every))
    add(Reset(), every, [InstructionProperties(0.0, 0.0) for _ in every])
    return target


def _uncalibrated(device: OqtopusDevice) -> Target:
    target = Target(description=device.device_id, num_qubits=_n_qubits(device), dt=DT_NANOSECONDS * _NS)
    for gate in (XGate(), SXGate(), RZGate(Parameter("theta")), CXGate(), Measure(), Delay(Parameter("t")), Reset()):
        target.add_instruction(gate, name=gate.name)
    return target


def _n_qubits(device: OqtopusDevice) -> int | None:
    """How many qubits the server says the device has, where it does."""
    return max(device.n_qubits or 0, 0) or None


def _qubit_properties(qubits: Sequence[QubitCalibration]) -> list[QubitProperties]:
    t1s = _completed((qubit.t1_us and qubit.t1_us * _US for qubit in qubits), min)
    t2s = _completed((qubit.t2_us and qubit.t2_us * _US for qubit in qubits), min)
    return [
        QubitProperties(t1=t1, t2=t2 if t1 is None or t2 is None else min(t2, 2 * t1))
        for t1, t2 in zip(t1s, t2s, strict=True)
    ]


def _readout_properties(qubits: Sequence[QubitCalibration]) -> list[ReadoutProperties | None]:
    """None for all where none has an error: Aer takes it for granted that what has properties has one."""
    readouts = _completed(map(_readout, qubits), max)
    durations = _completed((_seconds(qubit, "measure") for qubit in qubits), max)
    return [
        None if readout is None else ReadoutProperties(duration, *readout)
        for duration, readout in zip(durations, readouts, strict=True)
    ]


def _completed(values: Iterable[_Value | None], worst: Callable[[list[_Value]], _Value]) -> list[_Value | None]:
    """The values, where there is none the worst of the others."""
    values = list(values)
    known = [value for value in values if value is not None]
    return [worst(known) if value is None and known else value for value in values]


def _readout(qubit: QubitCalibration) -> tuple[float, float, float] | None:
    """A qubit's assignment error, and the probabilities to read 1 from state 0 and 0 from state 1."""
    error, p10, p01 = qubit.readout_error, qubit.prob_meas1_prep0, qubit.prob_meas0_prep1
    if error is None:
        return None
    return (error, error, error) if p10 is None or p01 is None else (error, p10, p01)


def _seconds(place: QubitCalibration | CouplingCalibration, name: str) -> float | None:
    """The published duration of an instruction."""
    duration = place.durations_ns.get(name)
    return None if duration is None else duration * _NS


def _cx_seconds(coupling: CouplingCalibration, sx: float | None) -> float | None:
    """The duration of a coupling's `cx`, given that of an `sx` of its target."""
    cx, rzx90 = _seconds(coupling, "cx"), _seconds(coupling, "rzx90")
    if cx is not None or rzx90 is None or sx is None:
        return cx
    return rzx90 + sx
