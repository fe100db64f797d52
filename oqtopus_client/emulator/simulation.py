"""What the cloud's engine and device do with a job's program: transpile it, then sample it.

Pure functions of picklable values, so that any `concurrent.futures.Executor` can run them.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit, qasm3, transpile
from qiskit.circuit import Delay, Measure, Parameter
from qiskit.circuit.library import CXGate, RZGate, SXGate, XGate
from qiskit.transpiler import InstructionProperties, Target
from qiskit_aer import AerSimulator

from oqtopus_client.errors import OqtopusStorageError
from oqtopus_client.rest.storage import unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

_logger = logging.getLogger("oqtopus_client.emulator")

DEFAULT_TRANSPILER: dict[str, Any] = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
"""What the engine uses, and writes back, where a job's `transpiler_info` is empty."""

_transpiler = threading.Lock()
"""One transpilation at a time, as on servers; two at once break Qiskit before 2.2 ("Already borrowed")."""

_DEVICE_GATES = frozenset({"x", "sx", "rz", "cx", "measure", "barrier", "delay"})
_NOT_EXECUTED = frozenset({"barrier", "delay"})


class JobFailure(Exception):  # noqa: N818 - an outcome of a job, not an error of this program
    """The job fails; the message is what the server tells its user."""


@dataclass(frozen=True)
class Prepared:
    """A job ready for the device.

    Attributes:
        program: OpenQASM 3 in the device's gates.
        transpile_result: The content of the job's transpile result file; None where nothing was transpiled.
    """

    program: str
    transpile_result: dict[str, Any] | None


@dataclass(frozen=True)
class Sampled:
    """What the device measured.

    Attributes:
        counts: Outcomes, classical bit 0 rightmost, every declared bit present.
        seconds: How long it took.
    """

    counts: dict[str, int]
    seconds: float


def prepare(archive: bytes, transpiler_info: Mapping[str, Any], calibration: Mapping[str, Any]) -> Prepared:
    """Read a job's input and transpile its program for the device.

    Args:
        archive: The job's `input.zip`.
        transpiler_info: The job's settings, or the default where it had none.
        calibration: The device's qubits and couplings.

    Raises:
        JobFailure: As on servers, with a server's words.
    """
    program = _read_program(archive)
    try:
        if transpiler_info["transpiler_lib"] is None:
            return Prepared(program, None)
        if transpiler_info["transpiler_lib"] != "qiskit":
            raise JobFailure(f"transpiler_lib {transpiler_info['transpiler_lib']!r} is not available on this server.")
        options = transpiler_info["transpiler_options"]
    except KeyError as error:
        raise JobFailure(str(error)) from error
    try:
        circuit = _with_flat_register(qasm3.loads(program))
        with _transpiler:
            transpiled = transpile(circuit, target=_target(calibration), **options)
    except Exception as error:
        _logger.warning("The emulated server could not transpile a program: %s", str(error) or repr(error))
        # The engine parses the transpiler's empty answer as JSON, and this is all its users get to see.
        raise JobFailure("Expecting value: line 1 column 1 (char 0)") from error
    text = qasm3.dumps(transpiled)
    return Prepared(
        text,
        {
            "transpiled_program": text,
            "stats": {"before": _stats(circuit), "after": _stats(transpiled)},
            "virtual_physical_mapping": {
                "qubit_mapping": {str(i): q for i, q in enumerate(transpiled.layout.final_index_layout())},
                "bit_mapping": {str(i): i for i in range(circuit.num_clbits)},
            },
        },
    )


def sample(program: str, shots: int, n_qubits: int) -> Sampled:
    """Run a program on a noiseless device of `n_qubits` qubits.

    As on the real simulator, only the device's own gates are run, couplings do not matter, and measurements count
    as final wherever they stand.

    Raises:
        JobFailure: The device does not take the program.
    """
    start = time.perf_counter()
    try:
        circuit = _final_measurements(qasm3.loads(program), n_qubits)
        outcomes = AerSimulator().run(circuit, shots=shots).result().data()["counts"]
    except Exception as error:
        _logger.warning("The emulated device refused a program: %s", str(error) or repr(error))
        raise JobFailure("failed to execute job on device") from error
    width = circuit.num_clbits
    counts = {format(int(key, 16), f"0{width}b") if width else "": n for key, n in outcomes.items()}
    # Servers keep three decimals, and do not keep a zero.
    return Sampled(counts, max(round(time.perf_counter() - start, 3), 0.001))


def _read_program(archive: bytes) -> str:
    trouble = "Job input download failed: "
    try:
        content = json.loads(unpack(archive))
    except OqtopusStorageError as error:
        raise JobFailure(f"{trouble}{error}") from error
    except (ValueError, RecursionError) as error:
        raise JobFailure(f"{trouble}Invalid JSON in ZIP file") from error
    if not isinstance(content, dict):
        raise JobFailure(f"{trouble}Expected JSON root to be an object (dict) but got {type(content).__name__}")
    programs = content.get("program")
    if not isinstance(programs, list) or not programs or not isinstance(programs[0], str):
        raise JobFailure("Job input validation failed: program must be a list with at least one program.")
    # Further programs are dropped without a word, as servers do.
    return programs[0]


def _target(calibration: Mapping[str, Any]) -> Target:
    """The device as the server's transpiler sees it: couplings in the listed direction only."""
    qubits, couplings = calibration["qubits"], calibration["couplings"]
    target = Target(num_qubits=len(qubits))
    for name, gate in (("x", XGate()), ("sx", SXGate()), ("rz", RZGate(Parameter("theta")))):
        properties = {
            (qubit["id"],): InstructionProperties(qubit["gate_duration"][name] * 1e-9, 1 - qubit["fidelity"])
            for qubit in qubits
        }
        target.add_instruction(gate, properties)
    readout = {(qubit["id"],): InstructionProperties(error=_readout_error(qubit["meas_error"])) for qubit in qubits}
    target.add_instruction(Measure(), readout)
    target.add_instruction(Delay(Parameter("t")), {(qubit["id"],): None for qubit in qubits})
    pairs = {(c["control"], c["target"]): InstructionProperties(error=1 - c["fidelity"]) for c in couplings}
    target.add_instruction(CXGate(), pairs)
    return target


def _readout_error(errors: Mapping[str, float]) -> float:
    return (errors["prob_meas1_prep0"] + errors["prob_meas0_prep1"]) / 2


def _stats(circuit: QuantumCircuit) -> dict[str, int]:
    gates = [item for item in circuit.data if item.name not in _NOT_EXECUTED | {"measure"}]
    return {
        "n_qubits": circuit.num_qubits,
        "n_gates": len(gates),
        "n_gates_1q": sum(len(item.qubits) == 1 for item in gates),
        "n_gates_2q": sum(len(item.qubits) == 2 for item in gates),  # noqa: PLR2004 - two-qubit gates
        "depth": circuit.depth(),
    }


def _with_flat_register(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit with its classical bits in one register, so that they are written in the order they have."""
    flat = QuantumCircuit(circuit.num_qubits, circuit.num_clbits)
    for item in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
        flat.append(item.operation, qubits, [circuit.find_bit(clbit).index for clbit in item.clbits])
    return flat


def _final_measurements(circuit: QuantumCircuit, n_qubits: int) -> QuantumCircuit:
    """The circuit with its measurements moved to the end, the last one into each bit winning."""
    unknown = {item.name for item in circuit.data} - _DEVICE_GATES
    if unknown:
        raise ValueError(f"the device has no {', '.join(sorted(unknown))}")
    if circuit.num_qubits > n_qubits:
        raise ValueError(f"the program has {circuit.num_qubits} qubits, the device {n_qubits}")
    sampled = QuantumCircuit(circuit.num_qubits, circuit.num_clbits)
    measured = {}
    for item in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
        if item.name == "measure":
            measured[circuit.find_bit(item.clbits[0]).index] = qubits[0]
        elif item.name not in _NOT_EXECUTED:
            sampled.append(item.operation, qubits)
    for clbit, qubit in measured.items():
        sampled.measure(qubit, clbit)
    return sampled
