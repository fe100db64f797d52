"""A device's calibration as a Qiskit `Target`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qiskit.circuit import Delay, Measure, Parameter
from qiskit.circuit.library import CXGate, RZGate, SXGate, XGate
from qiskit.providers import QubitProperties
from qiskit.transpiler import InstructionProperties, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client import OqtopusDevice

_NS = 1e-9
_US = 1e-6


def target_from_device(device: OqtopusDevice) -> Target:
    """The gates every OQTOPUS device takes - `x`, `sx`, `rz`, `cx`, `measure`, `delay` - with its errors and durations.

    `cx` is there in the listed direction of each coupling only. Times are in seconds, `dt` is a nanosecond; an error is
    one minus the published fidelity, and None where none is published. `rz` is a change of frame: no error, no time.
    A device whose calibration is absent or cannot be read gets a Target of its gates alone: any qubit, any pair.

    Args:
        device: The device.
    """
    info = device.device_info or {}
    qubits = _objects(info.get("qubits"))
    if not qubits or [qubit.get("id") for qubit in qubits] != list(range(len(qubits))):
        return _uncalibrated(device)
    target = Target(
        description=device.device_id,
        num_qubits=len(qubits),
        dt=_NS,
        qubit_properties=[_qubit_properties(qubit) for qubit in qubits],
    )
    for gate in (XGate(), SXGate()):
        target.add_instruction(gate, {(qubit["id"],): _gate_properties(qubit, gate.name) for qubit in qubits})
    target.add_instruction(RZGate(Parameter("theta")), {(q["id"],): InstructionProperties(0.0, 0.0) for q in qubits})
    couplings = [c for c in _objects(info.get("couplings")) if {"control", "target"} <= c.keys()]
    if couplings:
        pairs = {(c["control"], c["target"]): _gate_properties(c, "cx") for c in couplings}
        target.add_instruction(CXGate(), pairs)
    target.add_instruction(Measure(), {(qubit["id"],): _readout_properties(qubit) for qubit in qubits})
    target.add_instruction(Delay(Parameter("t")), {(qubit["id"],): None for qubit in qubits})
    return target


def _uncalibrated(device: OqtopusDevice) -> Target:
    target = Target(description=device.device_id, num_qubits=device.n_qubits, dt=_NS)
    for gate in (XGate(), SXGate(), RZGate(Parameter("theta")), CXGate(), Measure(), Delay(Parameter("t"))):
        target.add_instruction(gate, name=gate.name)
    return target


def _qubit_properties(qubit: Mapping[str, Any]) -> QubitProperties:
    lifetime = qubit.get("qubit_lifetime") or {}
    return QubitProperties(t1=_scaled(lifetime.get("t1"), _US), t2=_scaled(lifetime.get("t2"), _US))


def _gate_properties(place: Mapping[str, Any], gate: str) -> InstructionProperties:
    """Error and duration of a gate on a qubit or coupling; a QPU lists its native `rzx90`, to which it lowers `cx`."""
    durations = place.get("gate_duration") or {}
    duration = _scaled(durations.get(gate, durations.get("rzx90")), _NS)
    fidelity = place.get("fidelity")
    return InstructionProperties(duration, None if fidelity is None else 1 - fidelity)


def _readout_properties(qubit: Mapping[str, Any]) -> InstructionProperties:
    return InstructionProperties(error=(qubit.get("meas_error") or {}).get("readout_assignment_error"))


def _scaled(number: float | None, unit: float) -> float | None:
    return None if number is None else number * unit


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
