"""The cloud's transpiler: Qiskit's, with the device's gates and couplings."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit, qasm3, transpile
from qiskit.circuit import Delay, Measure, Parameter
from qiskit.circuit.library import CXGate, RZGate, SXGate, XGate
from qiskit.transpiler import InstructionProperties, Target

from oqtopus_client.emulator.simulation.circuits import NOT_EXECUTED, PLAIN_OPERATIONS
from oqtopus_client.emulator.simulation.inputs import JobFailure, logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_TRANSPILER: dict[str, Any] = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
"""What the engine uses and records if a job's `transpiler_info` is empty."""

_NO_ANSWER = "Expecting value: line 1 column 1 (char 0)"
"""All that users see of a failure to transpile: the engine parses the transpiler's empty answer as JSON."""

_MAX_SEED = (1 << 31) - 1

_DECIMAL = re.compile(r"-?[0-9]{1,2}\.[0-9]+")
_NEAR = 1e-8
"""More than the distance from which Qiskit writes a multiple of pi."""

_RATIOS = np.divide.outer(np.arange(129), np.arange(1, 129)).ravel()
_SIMPLE = np.unique(np.concatenate([_RATIOS * np.pi, _RATIOS / np.pi, [np.inf]]))
"""The angles that Qiskit may write as multiples and fractions of pi; their numbers are at most 16 or 99."""

_one_at_a_time = threading.Lock()
"""As on servers; concurrent calls fail in Qiskit before 2.2 ("Already borrowed")."""


def transpiler_options(transpiler_info: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the options for the transpiler; None if it is turned off.

    Raises:
        JobFailure: A key is missing, or this server does not have the transpiler.
    """
    try:
        lib = transpiler_info["transpiler_lib"]
        options = None if lib is None else transpiler_info["transpiler_options"]
    except KeyError as error:
        raise JobFailure(str(error)) from error
    if lib is None:
        return None
    if lib != "qiskit" or not isinstance(options, dict | None):
        raise JobFailure(_NO_ANSWER)
    return options or {}


def transpile_for(
    calibration: Mapping[str, Any], circuit: QuantumCircuit | str, options: Mapping[str, Any], seed: int | None = None
) -> tuple[QuantumCircuit, dict[str, Any]]:
    """Transpile a circuit for a device.

    Args:
        calibration: The device's qubits and couplings.
        circuit: The circuit; the text of an unreadable program fails as on servers.
        options: Keyword arguments of `qiskit.transpile`.
        seed: Seed of the transpiler if the options do not set one; None for a random one.

    Returns:
        The circuit on the device's qubits and the content of the job's transpile result file.

    Raises:
        JobFailure: The program cannot be read or transpiled.
    """
    if isinstance(circuit, str):
        raise JobFailure(_NO_ANSWER)
    if seed is not None and options.get("seed_transpiler") is None:
        options = {**options, "seed_transpiler": seed & _MAX_SEED}
    try:
        with _one_at_a_time:
            transpiled = transpile(circuit, target=_target(calibration), **options)
        mapping = {str(i): q for i, q in enumerate(transpiled.layout.final_index_layout())}
    except Exception as error:
        logger.warning("The emulated server could not transpile a program: %s", str(error) or repr(error))
        raise JobFailure(_NO_ANSWER) from error
    return transpiled, {
        "transpiled_program": written(transpiled),
        "stats": {"before": _stats(circuit), "after": _stats(transpiled)},
        "virtual_physical_mapping": {
            "qubit_mapping": mapping,
            "bit_mapping": {str(i): i for i in range(circuit.num_clbits)},
        },
    }


def written(circuit: QuantumCircuit) -> str:
    """Return the text of `qasm3.dumps`, which is asked only once for lines that are equal or differ in their angles."""
    if not PLAIN_OPERATIONS.issuperset(circuit.count_ops()):
        text: str = qasm3.dumps(circuit)
        return text
    keys = [(item.name, *item.params, item.qubits, item.clbits) for item in circuit.data]
    decimal = _decimal({key[1] for key in keys if key[0] == "rz"})
    forms = [("rz", key[2]) if key[1] in decimal else key for key in keys]
    examples = dict(zip(forms, zip(keys, circuit.data, strict=True), strict=True))
    start, some = circuit.copy_empty_like(), circuit.copy_empty_like()
    for _, item in examples.values():
        some.append(item, copy=False)
    head: str = qasm3.dumps(start)
    lines = dict(zip(examples, qasm3.dumps(some).removeprefix(head).splitlines(keepends=True), strict=True))
    for form, (key, _) in examples.items():
        if form != key:
            lines[form] = lines[form].replace(str(key[1]), "{}")
    return head + "".join(
        [lines[form] if form == key else lines[form].format(key[1]) for form, key in zip(forms, keys, strict=True)]
    )


def _decimal(angles: Iterable[Any]) -> set[float]:
    """Return the angles that Qiskit surely writes as decimal numbers, as they are far from simple multiples of pi."""
    plain = np.array([a for a in angles if type(a) is float and _DECIMAL.fullmatch(str(a))])
    right = np.searchsorted(_SIMPLE, abs(plain))
    distances = np.minimum(_SIMPLE[right] - abs(plain), abs(plain) - _SIMPLE[right - 1])
    return set(plain[distances > _NEAR].tolist())


def _target(calibration: Mapping[str, Any]) -> Target:
    """Return the device as the server's transpiler sees it, with couplings only in the listed direction."""
    qubits, couplings = calibration["qubits"], calibration["couplings"]
    target = Target(num_qubits=len(qubits))
    for name, gate in (("x", XGate()), ("sx", SXGate()), ("rz", RZGate(Parameter("theta")))):
        target.add_instruction(gate, {(qubit["id"],): _gate_properties(qubit, name) for qubit in qubits})
    readout = {(qubit["id"],): InstructionProperties(error=_readout_error(qubit)) for qubit in qubits}
    target.add_instruction(Measure(), readout)
    target.add_instruction(Delay(Parameter("t")), {(qubit["id"],): None for qubit in qubits})
    pairs = {(c["control"], c["target"]): InstructionProperties(error=_gate_error(c)) for c in couplings}
    target.add_instruction(CXGate(), pairs)
    return target


def _gate_properties(qubit: Mapping[str, Any], name: str) -> InstructionProperties:
    return InstructionProperties(qubit["gate_duration"][name] * 1e-9, _gate_error(qubit))


def _gate_error(place: Mapping[str, Any]) -> float | None:
    return None if place["fidelity"] is None else 1 - place["fidelity"]


def _readout_error(qubit: Mapping[str, Any]) -> float:
    errors: Mapping[str, float] = qubit["meas_error"]
    return (errors["prob_meas1_prep0"] + errors["prob_meas0_prep1"]) / 2


def _stats(circuit: QuantumCircuit) -> dict[str, int]:
    gates = [item for item in circuit.data if item.name not in NOT_EXECUTED | {"measure"}]
    return {
        "n_qubits": circuit.num_qubits,
        "n_gates": len(gates),
        "n_gates_1q": sum(len(item.qubits) == 1 for item in gates),
        "n_gates_2q": sum(len(item.qubits) == 2 for item in gates),  # noqa: PLR2004 - two-qubit gates
        "depth": _depth(circuit),
    }


def _depth(circuit: QuantumCircuit) -> int:
    """Return `circuit.depth()`, in half the time, as there is no control flow."""
    depths = dict.fromkeys([*circuit.qubits, *circuit.clbits], 0)
    for item in circuit.data:
        bits = item.qubits + item.clbits
        depth = max([depths[bit] for bit in bits], default=0) + (item.name != "barrier")
        for bit in bits:
            depths[bit] = depth
    return max(depths.values(), default=0)
