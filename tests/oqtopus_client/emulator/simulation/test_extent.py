"""Small files that stand for large programs: refused before anything large is made of them."""

from __future__ import annotations

import json
from typing import Any

import openqasm3
import pytest
from openqasm3 import ast

from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation.extent import check_tree, code_of
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS, JobFailure, ProgramLimits
from oqtopus_client.emulator.simulation.pipeline import CircuitJob, Prepared, prepare
from oqtopus_client.rest.storage import pack
from tests.support.circuits import BELL

HEAD = 'OPENQASM 3; include "stdgates.inc";'
PAIR = f"{HEAD} qubit[2] q; bit[2] c;"
LINE_OF_21 = ", ".join(f"q[{i}]" for i in range(21))


def prepared(content: Any, job_type: str = "sampling", limits: ProgramLimits = DEFAULT_LIMITS) -> Prepared:
    """Read a job's input, and transpile it for a device of 16 qubits."""
    archive = content if isinstance(content, bytes) else pack(json.dumps(content).encode(), "input.json")
    info = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 0}}
    return prepare(CircuitJob(job_type, archive, 10, info, {}, built_in_devices()["qulacs"], limits))


def doubling(first: str, step: str, times: int) -> str:
    """Statements of which each refers twice to the one before."""
    return first + "".join(step.format(new=i + 1, old=i) for i in range(times))


@pytest.mark.parametrize(
    "program",
    [
        f"{HEAD} qubit[1000000000] q;",
        f"{HEAD} bit[1_000_000_000] c;",
        f"{HEAD} qubit[0xFFFFFFFFFF] q;",
        f"{HEAD} qubit[1000 * 1000 * 1000] q;",
        f'{HEAD} qubit["{"1" * 40}"] q;',
        HEAD + "".join(f"qubit[40000] q{i};" for i in range(3)),
        f"{HEAD} x $1000000000;",
        f"{HEAD} x ${'9' * 5000};",
        doubling(f"{PAIR} let a0 = q;", "let a{new} = a{old} ++ a{old};", 40),
        f"{PAIR} ctrl(1000000000) @ x q[0], q[1];",
        f"{PAIR} negctrl(1000000000) @ x q[0], q[1];",
        f"{HEAD} qubit[50000] q; let a = q; let b = a;",
    ],
)
def test_too_many_bits(program: str) -> None:
    """Too many bits are refused, however they are declared."""
    with pytest.raises(JobFailure, match=r"^Job input validation failed: the program has too many bits: .* 100,000"):
        prepared({"program": [program]})


@pytest.mark.parametrize(
    "program",
    [
        doubling(f"{PAIR} gate g0 a {{ h a; }}", "gate g{new} a {{ g{old} a; g{old} a; }}", 40) + "g40 q[0];",
        f"{HEAD} qubit[10000] q; {'h q;' * 60}",
        f"{HEAD} qubit[10000] q; if (true) {{ {'h q;' * 60} }}",
        f"{HEAD} bit[10000] c; qubit[10000] q; {'c = measure q;' * 60}",
        f"{HEAD} qubit[10000] q; {'reset q[0:9999];' * 60}",
        f"{HEAD} qubit[10000] q; {'barrier q;' * 60}",
        f"{HEAD} qubit[10000] q; {'barrier;' * 60}",
        f"{HEAD} qubit[10000] q; {'delay[1ns] q;' * 60}",
        f"{HEAD} qubit[5000] q; let a = q ++ q; {'h a;' * 60}",
        f"{HEAD} qubit[31] q; {'ctrl @ ' * 30} h {', '.join(f'q[{i}]' for i in range(31))};",
        f"{HEAD} qubit[21] q; {f'ctrl(20) @ h {LINE_OF_21};' * 60}",
        f"{HEAD} qubit[21] q; {f'ctrl(20) @ x {LINE_OF_21};' * 1000}",
        f"{HEAD} qubit[13] q; ctrl(12) @ pow(0.3) @ U(1, 2, 3) {', '.join(f'q[{i}]' for i in range(13))};",
    ],
)
def test_too_many_operations(program: str) -> None:
    """Too many operations are refused, however few statements they come from."""
    with pytest.raises(JobFailure, match="the program has too many operations: the emulator takes at most 500,000"):
        prepared({"program": [program]})


@pytest.mark.parametrize("declared", ["qubit q{};", "bit c{};", "bit[2] c{};"])
def test_too_many_registers(declared: str) -> None:
    """Too many registers are refused, as Qiskit's time for each grows with their number."""
    limits = ProgramLimits(registers=30)
    with pytest.raises(JobFailure, match="the program has too many registers: the emulator takes at most 30"):
        prepared({"program": [HEAD + "".join(map(declared.format, range(31)))]}, limits=limits)
    each = "qubit q{0}; bit c{0}; c{0} = measure q{0};"
    assert prepared({"program": [HEAD + "".join(map(each.format, range(15)))]}, limits=limits)


@pytest.mark.parametrize("text", ["(" * 100_000, "sin(" * 10_000, "-" * 100_000, "- ~ ! " * 10_000, "[" * 100_000])
def test_too_deep(text: str) -> None:
    """Programs nested so deeply that parsing takes minutes are refused."""
    with pytest.raises(JobFailure, match=r"too deeply nested brackets|too many signs in a row"):
        prepared({"program": [f"{PAIR} rz({text}1) q[0];"]})
    assert prepared({"program": [f"{PAIR} rz({'(' * 50}1{')' * 50}) q[0]; // {text}"]})


def test_more_controls_than_qubits() -> None:
    """The program makes no sense, which is found before a gate of so many qubits is made."""
    with pytest.raises(JobFailure, match=r"^Expecting value: line 1 column 1 \(char 0\)$"):
        prepared({"program": [f"{PAIR} ctrl(13) @ pow(0.3) @ U(1, 2, 3) q[0], q[1];"]})


def test_too_many_words() -> None:
    """Too many words are refused; comments do not count."""
    limits = ProgramLimits(tokens=100)
    comment = f"/* {'x ' * 1000} */ // {'(' * 1000}"
    assert prepared({"program": [BELL + comment]}, limits=limits).transpile_result
    with pytest.raises(JobFailure, match="too many words, numbers and signs: the emulator takes at most 100"):
        prepared({"program": [BELL + "x q[0];" * 50]}, limits=limits)


@pytest.mark.parametrize("job_type", ["sampling", "multi_manual", "sse"])
def test_a_zip_bomb(job_type: str) -> None:
    """A zip bomb is unpacked only up to the limit."""
    with pytest.raises(JobFailure, match=r"^Job input download failed: The file unpacks to more than 16,777,216 bytes"):
        prepared(pack(b"0" * (17 << 20), "input.json"), job_type)
    with pytest.raises(JobFailure, match=r"^Job input download failed: The file has more than 10 bytes\.$"):
        prepared({"program": [BELL]}, job_type, ProgramLimits(input_bytes=10))


def test_every_program_of_several() -> None:
    """Every program to be combined is checked."""
    with pytest.raises(JobFailure, match="too many bits"):
        prepared({"program": [BELL, f"{HEAD} qubit[1000000000] q;"]}, "multi_manual")


def test_too_many_terms() -> None:
    """Grouping them takes memory that grows with the square of their number."""
    operator = [{"pauli": "Z 0", "coeff": 1.0}] * 11
    with pytest.raises(JobFailure, match="the operator has 11 terms, more than 10"):
        prepared({"program": [BELL], "operator": operator}, "estimation", ProgramLimits(terms=10))


def test_real_programs_are_far_below() -> None:
    """A hundred thousand gates on a chip of 144 qubits, with gates of its own and barriers between layers."""
    head = f"{HEAD} gate rzz(t) a, b {{ cx a, b; rz(t) b; cx a, b; }} qubit[144] q; bit[144] c;"
    text = "".join(f"rz(0.{i}) q[{i % 144}]; cx q[{i % 144}], q[{(i + 1) % 144}];" for i in range(50_000))
    assert code_of(f"{head} {text} c = measure q; // {text}", DEFAULT_LIMITS).endswith("c = measure q;  ")
    start, layer = openqasm3.parse(head), openqasm3.parse("rz(0.1) q[3]; rzz(0.2) q[0], q[1]; barrier q;")
    *gates, barrier = layer.statements
    check_tree(ast.Program([*start.statements, *gates * 50_000, *[barrier] * 1_000]), DEFAULT_LIMITS)
