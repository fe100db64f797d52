"""The fast reader returns the circuits of the slow importer, and accepts nothing else."""

from __future__ import annotations

import ast
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from qiskit import QuantumCircuit, qasm3, transpile
from qiskit.circuit.random import random_circuit
from qiskit.transpiler import CouplingMap

from oqtopus_client.emulator.simulation.circuits import imported, rebuilt
from oqtopus_client.emulator.simulation.extent import code_of
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS, ProgramLimits
from oqtopus_client.emulator.simulation.reading import read
from tests.support.circuits import contents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[4]
HEAD = 'OPENQASM 3.0; include "stdgates.inc"; '
PAIR = f"{HEAD}qubit[2] q; bit[2] c; "

many = pytest.mark.parametrize("number", [40, pytest.param(1000, marks=pytest.mark.campaign)])


def outcome(reader: Callable[..., QuantumCircuit], program: str, limits: ProgramLimits) -> list[Any] | None:
    """Return the contents of the program's circuit; None if it is refused."""
    try:
        return contents(rebuilt(reader(code_of(program, limits), limits)))
    except Exception:  # noqa: BLE001 - invalid programs fail with any kind
        return None


def is_fast(program: str, limits: ProgramLimits = DEFAULT_LIMITS) -> bool | None:
    """Compare both readers; return whether the fast one reads the program, and None if the program is not valid."""
    slow, fast = (outcome(reader, program, limits) for reader in (imported, read))
    assert fast is None or fast == slow, program
    return None if slow is None else fast is not None


# --- random programs

GATES = {"x": (0, 1), "sx": (0, 1), "id": (0, 1), "rz": (1, 1), "p": (1, 1), "u2": (2, 1), "U": (3, 1), "cu": (4, 2)}
GATES |= {"cx": (0, 2), "CX": (0, 2), "crz": (1, 2), "ccx": (0, 3), "own": (2, 2), "pair": (0, 2)}
GAPS = ["", " ", "\n", "\t ", "/* ; */", " // {\n"]
NUMBERS = [
    "0",
    "1",
    "7",
    "007",
    "0.25",
    "1.",
    ".5",
    "1e5",
    "2.5E-3",
    "1.e2",
    "1e17",
    "3e300",
    "1e400",
    "0x1F",
    "1_000",
    "1e-9",
]
SYMBOLS = [
    *";{}()[],=@-+*/$",
    "->",
    "**",
    "++",
    "q",
    "c",
    "x",
    "U",
    "pi",
    "measure",
    "qubit",
    "bit",
    "OPENQASM 3",
    "5",
    "é",
]


class Programs:
    """Random programs that are valid more often than not."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def gap(self) -> str:
        """Return whitespace, comments or nothing."""
        return self.random.choice(GAPS) if self.random.random() < 0.2 else self.random.choice(["", " "])

    def number(self) -> str:
        """Return a number or the name of one."""
        return self.random.choice(
            [self.random.choice(NUMBERS), repr(self.random.uniform(0, 7)), "pi", "tau", "euler", "π"]
        )

    def angle(self, depth: int = 0) -> str:
        """Return a constant expression."""
        if self.random.random() < 0.4 or depth > 3:
            return self.number()
        left, right = self.angle(depth + 1), self.angle(depth + 1)
        form = self.random.choice(
            ["-{0}", "({0})", "{0}+{1}", "{0} - {1}", "{0}*{1}", "{0} / {1}", "- ({0}/{1})", "--{0}"]
        )
        return form.format(left, right)

    def bits(self, name: str, number: int) -> list[str]:
        """Return different bits of a register; at times the register, or the same or missing bits."""
        pick, kind = self.random, self.random.random()
        if kind < 0.03:
            return [name] * number
        chosen = pick.choices(range(6), k=number) if kind < 0.06 else pick.sample(range(5), number)
        return [f"{name}{self.gap()}[{self.gap()}{index}]" for index in chosen]

    def gate(self) -> str:
        """Return a gate, at times with a modifier or the wrong number of operands."""
        name, (n_angles, n_qubits) = self.random.choice(list(GATES.items()))
        if self.random.random() < 0.03:
            n_angles, n_qubits = self.random.randrange(3), self.random.randrange(1, 4)
        angles = f"{self.gap()}({', '.join(self.angle() for _ in range(n_angles))})" if n_angles else ""
        modifier = (
            self.random.choice(["ctrl @ ", "inv @ ", "negctrl @", "pow(2) @ "]) if self.random.random() < 0.05 else ""
        )
        extra = "ctrl" in modifier
        return f"{modifier}{name}{angles} {','.join(self.bits('q', min(n_qubits + extra, 5)))}"

    def statement(self) -> str:
        """Return a statement without its semicolon."""
        pick = self.random
        bit, qubit = self.bits("c", 1)[0], self.bits("q", 1)[0]
        other = [
            f"{bit} {self.gap()}= measure {qubit}",
            f"measure {qubit} -> {self.gap()}{bit}",
            f"barrier {', '.join(self.bits('q', 3))}",
            "barrier",
            f"delay[{pick.randrange(300)}{pick.choice(['ns', 'us', 'dt', 'ms'])}] {qubit}",
            "delay[20ns]",
            f"reset {qubit}",
            f"gphase({self.angle()})",
            f"let a{pick.randrange(99)} = q[0:2]",
            f"qubit r{pick.randrange(99)}",
            "h pairs",
            "cx one, pairs",
            f"if ({bit}) {{ {self.gate()}; }} {self.gate()}",
        ]
        return self.gate() if pick.random() < 0.7 else pick.choice(other)

    def program(self) -> str:
        """Return a program; some use physical qubits."""
        own = "gate own(a, b) x, y { rz(a / 2) x; cx x, y; u2(b, -a) y; } gate pair x, y { cx x, y; h y; }"
        head = f'OPENQASM {self.random.choice(["3", "3.0", "3.1"])}; include "stdgates.inc";\n{own}\n bit[5] c; '
        body = "".join(f"{self.gap()}{self.statement()}{self.gap()};" for _ in range(self.random.randrange(1, 9)))
        if self.random.random() < 0.2:
            return head + re.sub(r"q\s*\[\s*(\d)\]", r"$\1", body)
        return f"{head} qubit[5] q; qubit one; let pairs = q[0:1] ++ q[3:4]; {body}"

    def damaged(self) -> str:
        """Return a program in which a few characters or symbols are missing, repeated, exchanged or wrong."""
        parts = re.findall(r"\w+|\s+|[^\w\s]", self.program())
        for _ in range(self.random.randrange(1, 3)):
            i, j = self.random.randrange(len(parts)), self.random.randrange(len(parts))
            match self.random.randrange(4):
                case 0:
                    parts[i] = ""
                case 1:
                    parts[i] += parts[i]
                case 2:
                    parts[i], parts[j] = parts[j], parts[i]
                case 3:
                    parts[i] = self.random.choice(SYMBOLS)
        return "".join(parts)

    def limits(self) -> ProgramLimits:
        """Return limits that some of the programs exceed."""
        pick = self.random.randrange
        return ProgramLimits(tokens=pick(80, 300), bits=pick(10, 30), registers=pick(2, 6), operations=pick(2, 60))


@many
def test_random_programs(number: int) -> None:
    """The fast reader reads most valid programs; it refuses damaged ones, or reads them as the importer does."""
    programs = Programs(seed=number)
    valid = [is_fast(programs.program()) for _ in range(number)]
    for _ in range(number):
        is_fast(programs.damaged())
        is_fast(programs.program(), programs.limits())

    assert valid.count(True) > number * 0.3
    assert valid.count(False) < number * 0.1


@many
def test_random_circuits(number: int) -> None:
    """Programs of Qiskit's exporter are read by the fast reader, before and after transpilation at each level."""
    for seed in range(number):
        circuit = random_circuit(4, 3, max_operands=3, measure=True, seed=seed)
        if seed % 2:
            line = CouplingMap.from_line(5)
            gates = ["x", "sx", "rz", "cx"]
            circuit = transpile(
                circuit, basis_gates=gates, coupling_map=line, optimization_level=seed // 2 % 4, seed_transpiler=seed
            )
        assert is_fast(qasm3.dumps(circuit))


@pytest.mark.parametrize(
    ("statements", "fast"),
    [
        ("rz(1/2) q[0]; rz(-3/2) q[0]; rz(3/2.) q[0]; rz(7*-2/4) q[1];", True),  # integers are divided as integers
        ("rz(0) q[0]; rz(-0.0) q[0]; rz(1e-320) q[0]; rz(123456789012345678) q[0]; rz(2.5e15*pi) q[0];", True),
        ("rz(0x1F) q[0]; rz(1_000) q[0]; rz(007) q[0]; rz(1e5) q[0]; rz(.5e+3) q[0]; rz(5.) q[0];", True),
        ("rz(pi) q[0]; rz(π) q[0]; rz(tau) q[0]; rz(euler / ℇ) q[0];", True),
        ("rz(1e400) q[0];", None),
        ("rz(1/0) q[0];", None),
        ("rz(2**3) q[0];", None),
        ("rz(1//2) q[0];", None),
        ("rz(+1) q[0];", None),
        ("rz(1 ++ 2) q[0];", None),
        ("rz(1 2) q[0];", None),
        ("rz(1_) q[0];", None),
        ("rz(1.5.5) q[0];", None),
        ("rz(sin(1)) q[0];", None),
        ("rz(\u0661) q[0];", None),  # an Arabic digit
        (f"rz({'1+' * 40}1) q[0]; rz({'1+' * 90}1) q[0];", True),
        (f"rz({'1+' * 400}1) q[0];", None),
        (f"rz({'-(' * 45}1{')' * 45}) q[0];", True),
        (f"rz({'-(' * 200}1{')' * 200}) q[0];", None),
        ("x q[00]; x\tq\n[\r1 ] ; id q[0]; U(1, 2, 3) q[0]; x() q[0];", True),
        ("x\u00a0q[0];", None),
        ("x\u000bq[0];", None),
        ("xq[0];", None),
        ("x q[-1]; x q[-2];", True),
        ("x q[2];", None),
        ("x q[\u0660];", None),
        ("x q[0], q[1];", None),
        ("x c[0];", None),
        ("x(0.5) q[0];", None),
        ("rx(0.5, 0.5) q[0];", None),
        ("cx q[0], q[0];", None),
        ("q q[0];", None),
        ("pi q[0];", None),
        ("x q[0]", None),
        ("x q[0];;", None),
        ("x q[0]; }", None),
        ("{ x q[0]; } x q[1];", None),
        ("x q; cx q[0], q; cx q, q;", None),
        ("h q; h q; cx q[0], q[1]; swap q[0:1], q[{1, 0}];", True),
        ("h q; h q; ccx q[0], q[1], one; ctrl @ h q[0], q[1]; ctrl @ h q[0], q[1];", True),
        ("measure q[0] -> c[0]; c[1]=measure q[1]; c = measure q; measure q -> c; lone = measure one;", True),
        ("measure q[0];", None),
        ("measureq[0] -> c[0];", None),
        ("q[0] = measure c[0];", None),
        ("c[0] = measure q;", None),
        ("c = measure one;", True),
        ("barrier; barrier q; barrier q[0], one; qubit late; barrier; barrier; x late;", True),
        ("delay[1ns] q[0]; delay[1ns] q[0]; delay[2.5us] q; delay[3dt] one; delay[1s]; reset q; reset q[0];", True),
        ("gphase(1e17); ctrl @ gphase(0.5) q[0]; gphase(-0.1); gphase(-0.1);", True),
        ("gate own(a) x, y { rz(a) x; cx y, x; } own(0.5) q[0], q[1]; own(1) one, q[0]; own(1.0) one, q[0];", True),
        ("gate own x { } own q[0]; own q; ctrl @ own q[0], q[1];", True),
        ("own q[0]; gate own x { }", None),
        ("gate x a { }", None),
        ("gate rz a { h a; } rz q[0];", None),
        ("if (c[0]) x q[0]; if (c == 2) { x q[0]; cx q[0], q[1]; } x q[1];", True),
        ("if (c[0]) x q[0]; else x q[1];", False),
        ("gate end x { }", None),
        ("x q[0]; gate last x { }", False),
        ("let both = q; cx both[0], both[1]; let bits = c; bits[0] = measure both[1];", True),
        ("x $0;", None),
        ("qreg old[2]; creg older[2]; x old[1]; older[1] = measure old[1];", True),
        ("@ x q[0];", None),
        ("\n#pragma x; y\nx q[0];", None),
        ("input float a; rz(a) q[0];", False),
        ("OPENQASM 3; x q[0];", None),
        ('defcalgrammar "openpulse"; x q[0];', None),
    ],
)
def test_statements(statements: str, fast: bool | None) -> None:
    """What is read fast, slowly and not at all is as stated, and both readers agree."""
    assert is_fast(f"{PAIR} qubit one; bit lone; {statements}") is fast


@pytest.mark.parametrize(
    ("program", "fast"),
    [
        ("OPENQASM 3; U(0, 1e17, pi) $0; U(1, 2, 3) $3; barrier; U(1, 2, 3) $3; bit c; c = measure $1;", True),
        ("OPENQASM 3; bit c; U(1, 2, 3) $0; qubit q;", None),
        ("OPENQASM 3; bit c; qubit q; U(1, 2, 3) $0;", None),
        ("OPENQASM 3.1; bit c;", True),
        (f"{HEAD} x $2; x $00;", None),
        (f"{HEAD} x $00; x $00;", None),
        ('OPENQASM 2.0; include "qelib1.inc"; qreg q[1];', None),
        ("OPENQASM 3; qubit[1] q; x q[0];", None),
        ("OPENQASM 3; qubit[1] x; include 'stdgates.inc';", None),
        ("OPENQASM 3; gate x a { U(1, 2, 3) a; } qubit[1] q; x q[0];", True),
        ("include 'stdgates.inc'; qubit[1] q; x q[0];", True),
        ("", None),
        ("// nothing", None),
    ],
)
def test_programs(program: str, fast: bool | None) -> None:
    """Headers and physical qubits."""
    assert is_fast(program) is fast


def texts(file: Path) -> Iterator[str]:
    """Yield the programs in a Python file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "OPENQASM" in node.value:
            yield node.value


def test_programs_of_this_repository() -> None:
    """The programs in tests and tutorials, complete or not, are read as the importer reads them."""
    files = [*REPOSITORY.glob("tests/**/*.py"), *REPOSITORY.glob("tutorials/*.py")]
    programs = sorted({text for file in files for text in texts(file)})
    fast = [is_fast(program) for program in programs]

    assert fast.count(True) >= 15
    assert fast.count(False) == 0
