"""Qiskit's objects in forms that other versions of Qiskit can read: circuits as QPY, operators as labels."""

from __future__ import annotations

import base64
import io
import warnings
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Delay, Instruction, ParameterExpression
from qiskit.quantum_info import Pauli, PauliList, SparsePauliOp

from oqtopus_client.shipping.equality import alike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qiskit.circuit import Operation

_QPY_VERSION = 13
"""The newest version that Qiskit 1.4 reads, and the oldest that Qiskit 2 writes."""
_QPY_HEADER = b"QISKIT" + bytes([_QPY_VERSION])
_NOT_IN_QISKIT_1 = {"box"}
"""Operations that are written in this version of QPY, and that Qiskit 1.4 cannot read."""
_DELAY = "oqtopus_delay_"
"""Name of an instruction that stands for a delay, before the delay's unit.

QPY reads delays as multiples of dt, and none with parameters.
"""


def encode(value: Any, where: str) -> tuple[str, Any] | None:
    """Return the kind of a Qiskit object and its data; None for any other object.

    Raises:
        ValueError: It cannot be written, or would not be the same when it is read.
    """
    if isinstance(value, QuantumCircuit):
        return "circuit", _circuit_text(value, where)
    if isinstance(value, ParameterExpression):
        # QPY keeps a parameter's identity, which a dict of parameter values depends on.
        return "expression", _circuit_text(QuantumCircuit(global_phase=value), where)
    if isinstance(value, SparsePauliOp):
        if value.coeffs.dtype.hasobject:
            raise ValueError(f"{where} has parameters as coefficients; assign values to them first.")
        return "operator", {"labels": list(value.paulis.to_labels()), "coeffs": value.coeffs}
    if isinstance(value, PauliList):
        return "paulis", list(value.to_labels())
    if isinstance(value, Pauli):
        return "pauli", value.to_label()
    return None


def decode(kind: str, data: Any) -> Any:
    """Return the object.

    Raises:
        ValueError: The data are not valid, or this version of Qiskit cannot read them.
    """
    if kind == "operator":
        return SparsePauliOp(data["labels"], data["coeffs"])
    if kind == "paulis":
        return PauliList(data)
    if kind == "pauli":
        return Pauli(data)
    circuit = _read(base64.b64decode(data))
    return circuit if kind == "circuit" else circuit.global_phase


def _circuit_text(circuit: QuantumCircuit, where: str) -> str:
    if unknown := _NOT_IN_QISKIT_1.intersection(operation.name for operation in _operations(circuit)):
        raise ValueError(f"{where} contains {', '.join(unknown)}, which the Qiskit 1.4 of servers cannot read.")
    stream = io.BytesIO()
    try:
        has_units = any(map(_needs_unit, _operations(circuit)))
        qpy.dump(_changed(circuit, _without_unit) if has_units else circuit, stream, version=_QPY_VERSION)
        read = _read(stream.getvalue())
    except Exception as error:
        raise ValueError(
            f"{where} cannot be written as QPY {_QPY_VERSION}, which the Qiskit 1.4 of servers reads: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not alike(read, circuit):
        raise ValueError(f"{where} is a different circuit when it is read back from QPY; decompose() it first.")
    return base64.b64encode(stream.getvalue()).decode()


def _read(data: bytes) -> QuantumCircuit:
    # Reading older versions may run code that the data contain.
    if not data.startswith(_QPY_HEADER):
        raise ValueError(f"the circuit is not QPY {_QPY_VERSION}")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*QPY", category=UserWarning)
        (circuit,) = qpy.load(io.BytesIO(data))
    has_units = any(operation.name.startswith(_DELAY) for operation in _operations(circuit))
    return _changed(circuit, _with_unit) if has_units else circuit


def _changed(circuit: QuantumCircuit, change: Callable[[Operation], Operation]) -> QuantumCircuit:
    """Return a copy of the circuit whose operations, and those in its control flow, are changed."""
    copy = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        if blocks := getattr(operation, "blocks", ()):
            operation = operation.replace_blocks([_changed(block, change) for block in blocks])
        copy.append(instruction.replace(operation=change(operation)))
    return copy


def _needs_unit(operation: Operation) -> bool:
    return isinstance(operation, Delay) and (
        operation.unit != "dt" or isinstance(operation.duration, ParameterExpression)
    )


def _without_unit(operation: Operation) -> Operation:
    if _needs_unit(operation):
        return Instruction(f"{_DELAY}{operation.unit}", 1, 0, [operation.duration])
    return operation


def _with_unit(operation: Operation) -> Operation:
    is_delay = operation.name.startswith(_DELAY)
    return Delay(operation.params[0], operation.name.removeprefix(_DELAY)) if is_delay else operation


def _operations(circuit: QuantumCircuit) -> Iterator[Operation]:
    for instruction in circuit.data:
        yield instruction.operation
        for block in getattr(instruction.operation, "blocks", ()):
            yield from _operations(block)
