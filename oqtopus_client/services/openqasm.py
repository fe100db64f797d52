"""OpenQASM 3 programs, checked as servers check them, so that errors are reported early, with line and reason."""

# ruff: noqa: PLC0415 - Qiskit and the parser are slow to import, and the parser is optional

from __future__ import annotations

import bisect
import contextlib
import io
import math
import re
import warnings
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias

from oqtopus_client.services.syntax_errors import syntax_error

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from qiskit import QuantumCircuit

    from oqtopus_client.services.device import OqtopusDevice

    Check: TypeAlias = Callable[[QuantumCircuit], str | None]

_NATIVE = frozenset({"x", "sx", "rz", "cx", "measure", "barrier", "delay"})
"""The operations that every device executes, even if it does not publish them."""

_MOST_BITS = 1_000_000
"""Far more than the qubits of any device."""

_SHOWN = 60
"""Maximum length of a quoted line in a message."""

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_GATES_2 = re.compile(r"""(?:^|;)\s*include\s+["']qelib1\.inc["']""", re.MULTILINE)
_VERSION_2 = re.compile(rf"^\s*OPENQASM\s+2\b|{_GATES_2.pattern}", re.MULTILINE)
_ANNOTATION = re.compile(r"^[ \t]*(?:@|#?pragma\b)[^\n]*", re.MULTILINE)
_REGISTER = re.compile(
    r"(?:^|(?<=[;}]))\s*(?:qubit\s*(?:\[\s*(?P<size>\d+)\s*\]\s*)?\w+\s*;|qreg\s+\w+\s*\[\s*(?P<old>\d+)\s*\]\s*;)"
)
_PARTS = re.compile(r"\b(?:OPENQASM|include|qubit|qreg)\b|\$\d")
"""Parts of which every program has at least one."""

_MEASUREMENT = re.compile(r"\bmeasure\b")


def decode(content: bytes, name: str, file: str = "FILE") -> Program:
    """Read a program from the bytes of a file.

    A byte order mark is removed, and line breaks of all systems are accepted.

    Args:
        content: The file's content.
        name: The program's name, for messages.
        file: The file's name, for commands that messages suggest.

    Raises:
        ValueError: It is not UTF-8 text.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            found = "it is UTF-16). Save the file as UTF-8"
        elif b"\0" in content:
            found = "it is a binary file). Choose another file"
        else:
            found = f"{error.reason} at byte {error.start}). Save the file as UTF-8"
        raise ValueError(f"{name}, line {line}: OpenQASM 3 programs must be UTF-8 text ({found}.") from None
    return Program(name, io.StringIO(text, newline=None).read(), file)


@dataclass(frozen=True)
class Program:
    """An OpenQASM 3 program.

    Attributes:
        name: Its name, for messages.
        text: Its text.
        file: The name of its file, for commands that messages suggest.
    """

    name: str
    text: str
    file: str = "FILE"

    def check(self) -> None:
        """Check that servers can read the program, as far as the installed packages allow.

        Raises:
            ValueError: Servers cannot read it, or no device can run it.
        """
        if not _COMMENT.sub("", self.text).strip():
            raise ValueError(f"{self.name} is empty; it must contain an OpenQASM 3 program.")
        if self._parsed is None:
            if version_2 := self._version_2(_GATES_2):  # servers read OpenQASM 2 programs that do not include it
                raise version_2
            return
        for check in (_control_flow, _reset, *((_unbound, _number) if self._measures() else ())):
            self._apply(check)

    def check_for(self, device: OqtopusDevice, *, transpiled: bool) -> None:
        """Check that a device can run the program, with or without the server's transpiler.

        Raises:
            ValueError: The device cannot run it.
        """
        if self._parsed is None:
            n_qubits = sum(int(m["size"] or m["old"] or 1) for m in _REGISTER.finditer(self._bare))
            if reason := _too_wide(n_qubits, device):
                raise ValueError(self._at(None, reason))
        self._apply(lambda circuit: _too_wide(circuit.num_qubits, device))
        self._apply(_clock if transpiled else partial(_foreign, device=device))
        if device.device_type == "QPU" and self._measures():  # simulators accept any pair, and delays of 0
            self._apply(partial(_no_delay, device=device))
            pairs = frozenset((coupling.control, coupling.target) for coupling in device.calibration.couplings)
            if pairs and not transpiled:
                self._apply(partial(_uncoupled, pairs=pairs, device=device))

    def warnings(self) -> list[str]:
        """Return warnings about what devices run, but probably not as intended."""
        if not _MEASUREMENT.search(self._bare) or (self._parsed is not None and not self._measures()):
            return [f"{self.name} measures nothing, so its counts are meaningless; add a line such as c = measure q;"]
        reason = None if self._parsed is None else _after_measurement(self._parsed[1])
        return [] if reason is None else [self._at(self._line_of(_after_measurement), reason)]

    def _measures(self) -> bool:
        """Return whether the program measures anything; devices do not execute programs without measurements."""
        return self._parsed is not None and any(item.name == "measure" for item in self._parsed[1].data)

    @cached_property
    def _parsed(self) -> tuple[Any, QuantumCircuit] | None:
        """The syntax tree and the circuit; None if they cannot be determined here."""
        try:
            import openqasm3
            import qiskit_qasm3_import
        except ImportError:
            return None
        try:
            with _quiet():
                tree = openqasm3.parse(self.text)
                _refuse_huge(tree)
                return tree, qiskit_qasm3_import.convert(tree)
        except RecursionError:
            return None  # a server may have a larger stack
        except Exception as error:  # noqa: BLE001 - the parser raises many types
            raise (self._version_2() or self._unreadable(error)) from None

    @property
    def _bare(self) -> str:
        """The text without comments and annotations, with the same line numbers."""
        return _ANNOTATION.sub("", _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n") or " ", self.text))

    def _version_2(self, pattern: re.Pattern[str] = _VERSION_2) -> ValueError | None:
        """Return the error for a program in OpenQASM 2, or None for other programs."""
        found = pattern.search(self._bare)
        if found is None:
            return None
        convert = f"print(qasm3.dumps(QuantumCircuit.from_qasm_file({self.file!r})))"
        return ValueError(
            f"{self.name}, line {self._bare.count(chr(10), 0, found.end()) + 1}: this is OpenQASM 2, but servers read "
            f'OpenQASM 3. Convert it with: python -c "from qiskit import QuantumCircuit, qasm3; {convert}"'
        )

    def _unreadable(self, error: Exception) -> ValueError:
        line, reason = syntax_error(error)
        if reason.startswith("gate ") and "stdgates.inc" not in self._bare:
            reason += ' (add the line include "stdgates.inc";)'
        if "\0" in self.text:
            reason += " (the file contains NUL characters; it may be a binary file or UTF-16 text)"
        elif not _PARTS.search(self._bare):
            reason += " (this is probably not an OpenQASM 3 program)"
        return ValueError(self._at(line, reason))

    def _apply(self, check: Check) -> None:
        if self._parsed is not None and (reason := check(self._parsed[1])) is not None:
            raise ValueError(self._at(self._line_of(check), reason))

    def _line_of(self, check: Check) -> int | None:
        """Return the line of the first statement at which the check fails."""
        import openqasm3
        import qiskit_qasm3_import

        assert self._parsed is not None  # noqa: S101 - its circuit has been checked
        tree = self._parsed[0]

        def finds(count: int) -> bool:
            start = openqasm3.ast.Program(statements=tree.statements[:count], version=tree.version)
            with _quiet():
                return check(qiskit_qasm3_import.convert(start)) is not None

        count = bisect.bisect_left(range(len(tree.statements)), True, key=finds)
        span = tree.statements[count - 1].span
        return None if span is None else int(span.start_line)

    def _at(self, line: int | None, reason: str) -> str:
        if line is None:
            return f"{self.name}: {reason}."
        quoted = self.text.split("\n")[line - 1].strip()
        quoted = quoted if len(quoted) <= _SHOWN else f"{quoted[:_SHOWN]}..."
        return f"{self.name}, line {line}: {reason}{f': {quoted}' if quoted else '.'}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the parser's own output, as our messages contain it. Not for several threads at a time."""
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _refuse_huge(tree: Any) -> None:
    """Refuse registers of absurd size before they are allocated and use up all memory.

    Raises:
        ValueError: A register is too large.
    """
    for node in tree.statements:  # syntax_error() looks for this name
        size = getattr(node, "size", None) or getattr(getattr(node, "type", None), "size", None)
        if (number := getattr(size, "value", 0)) > _MOST_BITS:
            raise ValueError(f"a register of {number} bits is larger than any device")


def _control_flow(circuit: QuantumCircuit) -> str | None:
    from qiskit.circuit import ControlFlowOp

    name = next((item.name for item in circuit.data if isinstance(item.operation, ControlFlowOp)), None)
    return name and f"no device executes control flow ({name})"


def _reset(circuit: QuantumCircuit) -> str | None:
    from qiskit.circuit import Reset

    if any(isinstance(item.operation, Reset) for item in circuit.data):
        return "no device executes a reset; qubits start in |0>, so remove it at the beginning"
    return None


def _unbound(circuit: QuantumCircuit) -> str | None:
    from qiskit.circuit import ParameterExpression

    used = (value for item in circuit.data for value in item.operation.params if isinstance(value, ParameterExpression))
    name = next((parameter.name for value in used for parameter in value.parameters), None)
    return name and f"the input {name} has no value; replace it by a number"


def _number(circuit: QuantumCircuit) -> str | None:
    for item in circuit.data:
        for value in item.operation.params:
            if isinstance(value, int | float) and not math.isfinite(value):
                return f"the parameter of {item.name} must be a finite number, not {value}"
    return None


def _clock(circuit: QuantumCircuit) -> str | None:
    from qiskit.circuit import Delay

    if any(isinstance(item.operation, Delay) and item.operation.unit == "dt" for item in circuit.data):
        return "the server's transpiler does not support delays in dt; give the delay in ns"
    return None


def _too_wide(n_qubits: int, device: OqtopusDevice) -> str | None:
    if device.n_qubits is None or n_qubits <= device.n_qubits:
        return None
    return f"the program has {n_qubits} qubits, but {device.device_id} has only {device.n_qubits}"


def _foreign(circuit: QuantumCircuit, device: OqtopusDevice) -> str | None:
    known = _NATIVE.union(device.basis_gates, device.supported_instructions)
    name = next((item.name for item in circuit.data if item.name not in known), None)
    return name and f"{device.device_id} does not execute {name}; run without --no-transpile"


def _no_delay(circuit: QuantumCircuit, device: OqtopusDevice) -> str | None:
    from qiskit.circuit import Delay

    if any(isinstance(item.operation, Delay) and item.operation.duration == 0 for item in circuit.data):
        return f"{device.device_id} refuses a delay of 0; remove it"
    return None


def _uncoupled(circuit: QuantumCircuit, pairs: Collection[tuple[int, int]], device: OqtopusDevice) -> str | None:
    for item in circuit.data:
        if item.name == "cx":
            control, target = (circuit.find_bit(qubit).index for qubit in item.qubits)
            if (control, target) not in pairs:
                return f"{device.device_id} has no cx from qubit {control} to {target}; run without --no-transpile"
    return None


def _after_measurement(circuit: QuantumCircuit) -> str | None:
    measured = set()
    for item in circuit.data:
        if item.name == "measure":
            measured.update(item.qubits)
        elif item.name not in {"barrier", "delay"} and (again := measured.intersection(item.qubits)):
            qubit = circuit.find_bit(again.pop()).index
            return (
                f"{item.name} acts on qubit {qubit} after its measurement. Devices treat every measurement as final, "
                "so the counts may be wrong"
            )
    return None
