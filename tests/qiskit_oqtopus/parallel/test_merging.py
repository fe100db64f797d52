"""One program for circuits on different qubits."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.parallel.merging import Part, merge, parts_of
from qiskit_oqtopus.programs import Program
from qiskit_oqtopus.qasm import to_program, to_template
from tests.support.chips import TARGET
from tests.support.native_circuits import native

QUBITS = 40
Line = tuple[str, tuple[int, ...]]


def lines(body: str) -> list[Line]:
    """Read the text before the operands, and the qubits, of each line with qubits."""
    split = [line.partition(" q[") for line in body.splitlines() if " q[" in line]
    return [(head, tuple(map(int, re.findall(r"\d+", operands)))) for head, _, operands in split]


def part(circuit: QuantumCircuit, index: int, *qubits: int | None) -> Part:
    """A part without parameters."""
    return Part(to_program(circuit, TARGET), qubits, index)


def random_parts(seed: int, *, delays: bool = False) -> list[Part]:
    """Random circuits with bound parameters on random qubits, in random order."""
    rng = np.random.default_rng(seed)
    free = rng.permutation(QUBITS).tolist()
    parts = []
    for index in range(int(rng.integers(1, 7))):
        template = to_template(native(int(rng.integers(1 << 30)), delays=delays), TARGET)
        (program,) = template.bind(rng.uniform(-3, 3, (1, len(template.parameters))))
        qubits = [free.pop() for _ in range(program.header.num_qubits)]
        parts.append(Part(replace(program, is_isa=True), tuple(qubits), index, float(rng.random()), index % 2))
    return [parts[i] for i in rng.permutation(len(parts))]


@pytest.mark.parametrize("seed", range(60))
def test_gates_of_each_part(seed: int) -> None:
    """Each qubit has its gates in their order, and a barrier between gates is between them; measurements are last."""
    parts = random_parts(seed)
    merged = lines(merge(parts, QUBITS).body)
    first_measurement = next(i for i, (head, _) in enumerate(merged) if "measure" in head)
    assert all("measure" in head for head, _ in merged[first_measurement:])
    assert len(merged) <= sum(len(lines(each.program.body)) for each in parts)
    for each in parts:
        written = [(head, tuple(each.qubits[q] for q in on)) for head, on in lines(each.program.body)]
        gates = [line for line in written if "measure" not in line[0] and line[0] != "barrier"]
        of_part = [line for line in merged if line[1][0] in each.qubits]
        places = {}
        for qubit in each.qubits:
            assert [line for line in gates if qubit in line[1]] == [
                line for line in of_part if qubit in line[1] and line[0] != "barrier" and "measure" not in line[0]
            ]
            # The number of each gate of the qubit, in both texts.
            for text, found in (("written", written), ("merged", of_part)):
                numbers = count()
                places |= {
                    (text, qubit, next(numbers)): i
                    for i, line in enumerate(found)
                    if qubit in line[1] and line[0] != "barrier" and "measure" not in line[0]
                }
        barriers = [(i, set(on)) for i, (head, on) in enumerate(written) if head == "barrier"]
        kept = [(i, set(on)) for i, (head, on) in enumerate(of_part) if head == "barrier"]
        for i, on in barriers:
            sides = [
                [key[1:] for key, at in places.items() if key[0] == "written" and key[1] in on and (at < i) is early]
                for early in (True, False)
            ]
            for before in sides[0]:
                for after in sides[1]:
                    start, end = places["merged", *before], places["merged", *after]
                    assert any(start < k < end and {before[0], after[0]} <= also for k, also in kept)


@pytest.mark.parametrize("seed", range(60))
def test_bits_and_header(seed: int) -> None:
    """The bits of the parts follow each other, and the text tells which are whose."""
    parts = random_parts(seed)
    program = merge(parts, QUBITS)
    start, written = 0, {}
    for each, header in zip(parts, program.header.parts, strict=True):
        assert (header.header, header.first_bit) == (each.program.header, start)
        assert (header.index, header.replica) == (each.index, each.replica)
        assert header.fidelity == pytest.approx(each.fidelity, abs=1e-6)
        used = {q for head, on in lines(each.program.body) if head != "barrier" for q in on}
        assert header.qubits == tuple(q if i in used else None for i, q in enumerate(each.qubits))
        for head, (qubit,) in (line for line in lines(each.program.body) if "measure" in line[0]):
            written[start + int(re.findall(r"\d+", head)[0])] = each.qubits[qubit]
        start += len(each.program.header.clbits)

    measured = {int(re.findall(r"\d+", head)[0]): on[0] for head, on in lines(program.body) if "measure" in head}
    assert measured == written
    assert sorted(measured) == list(range(start)) == list(program.header.clbits)
    assert program.body.startswith(f'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[{start}] c;\nqubit[{QUBITS}] q;\n')
    assert Program.from_text(program.with_tag("[tag]").text, is_isa=True) == program.with_tag("[tag]")


@pytest.mark.parametrize("seed", range(60))
def test_there_and_back(seed: int) -> None:
    """The parts of a merged program are those that were merged, in its order of gates; merged again, it is the same."""
    parts = random_parts(seed)
    program = merge(parts, QUBITS)
    found = parts_of(Program.from_text(program.text, is_isa=True))

    assert merge(found, QUBITS) == program
    for before, after in zip(parts, found, strict=True):
        assert after.program.header == before.program.header
        assert after.program.body.partition(" q;")[0] == before.program.body.partition(" q;")[0]
        assert merge([replace(before, fidelity=after.fidelity)], QUBITS) == merge([after], QUBITS)
    assert parts_of(parts[0].program) == []


@pytest.mark.parametrize("line", ["x q[0];", "cx q[1], q[2];", "cx q[2], q[0];", "x q[a];"])
def test_text_of_other_circuits(line: str) -> None:
    """A text with operations of none of the circuits in the header is refused."""
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    program = merge([part(circuit, 0, 1), part(circuit, 1, 2)], 3)

    assert len(parts_of(program)) == 2
    with pytest.raises(
        ValueError, match=r"^The operation '.*' belongs to none of the circuits in the program's header"
    ):
        parts_of(replace(program, body=f"{program.body}{line}\n"))


def test_short_parts_begin_late() -> None:
    """All parts end together: a short one starts with the last rounds of a long one."""
    long = QuantumCircuit(1, 1)
    for _ in range(3):
        long.rz(0.5, 0)
        long.sx(0)
    long.measure(0, 0)
    short = QuantumCircuit(1, 1)
    short.sx(0)
    short.measure(0, 0)

    assert [(head[:2], *on) for head, on in lines(merge([part(short, 0, 3), part(long, 1, 5)], 6).body)] == [
        ("rz", 5),
        ("sx", 5),
        ("rz", 5),
        ("sx", 5),
        ("rz", 5),
        ("sx", 3),
        ("sx", 5),
        ("c[", 3),
        ("c[", 5),
    ]


def test_barriers_of_idle_qubits() -> None:
    """A barrier takes no qubit from other circuits, and is left out where it separates no gates."""
    wide = QuantumCircuit(6, 1)
    wide.barrier()
    wide.x(1)
    wide.barrier()
    wide.sx(1)
    wide.barrier()
    wide.measure(1, 0)
    other = QuantumCircuit(1, 1)
    other.measure(0, 0)
    merged = merge([part(wide, 0, *range(6)), part(other, 1, 0)], 6)

    assert (
        merged.body.split("q;\n")[1] == "x q[1];\nbarrier q[1];\nsx q[1];\nc[0] = measure q[1];\nc[1] = measure q[0];\n"
    )
    assert merged.header.parts[0].qubits == (None, 1, None, None, None, None)


def test_names() -> None:
    """A program is named after its first circuit."""
    circuits = [QuantumCircuit(1, name=name) for name in "abc"]
    for circuit in circuits:
        circuit.measure_all()
    parts = [part(circuit, i, i) for i, circuit in enumerate(circuits)]

    assert merge(parts, 3).header.name == "a and 2 more"
    assert merge(parts[:1], 3).header.name == "a"


def ramsey(delay: float, *, echo: bool = False) -> QuantumCircuit:
    """A qubit that waits in a superposition, with another gate beside it."""
    circuit = QuantumCircuit(2, 1, name=f"ramsey {delay}")
    circuit.x(1)
    circuit.sx(0)
    circuit.delay(delay, 0, unit="ns")
    if echo:
        circuit.x(0)
        circuit.delay(delay, 0, unit="ns")
    circuit.rz(0.25, 0)
    circuit.sx(0)
    circuit.measure(0, 0)
    return circuit


def test_delays_side_by_side() -> None:
    """Circuits with the same delays go through them together, each in its own order."""
    body = merge([part(ramsey(100, echo=True), 0, 4, 2), part(ramsey(100, echo=True), 1, 0, 1)], 5).body

    assert [head.split("(")[0] + str(on) for head, on in lines(body)] == [
        "x(2,)", "sx(4,)", "x(1,)", "sx(0,)", *["delay[100.0ns](4,)", "delay[100.0ns](0,)"],
        "x(4,)", "x(0,)", *["delay[100.0ns](4,)", "delay[100.0ns](0,)"],
        "rz(4,)", "rz(0,)", "sx(4,)", "sx(0,)", "c[0] = measure(4,)", "c[1] = measure(0,)",
    ]  # fmt: skip


@pytest.mark.parametrize("other", [ramsey(110), ramsey(100, echo=True), ramsey(0), native(3, qubits=2)])
def test_different_delays(other: QuantumCircuit) -> None:
    """A circuit with other delays, or with none, would make one of them wait longer than written."""
    assert not other.parameters or other.assign_parameters([0.1] * len(other.parameters), inplace=True) is None
    with pytest.raises(CircuitError, match=r"^Circuits 'ramsey 100' and '.*' cannot share a program: their delays"):
        merge([part(ramsey(100), 0, 0, 1), part(other, 1, 2, 3)], 5)


@pytest.mark.parametrize("qubits", [(0, 3), (5, 6), (-1, 4), (3, None)])
def test_wrong_places(qubits: tuple[int | None, ...]) -> None:
    """Circuits that share a qubit, or whose qubits are not on the device, are refused; and so is nothing at all."""
    with pytest.raises(ValueError, match=r"they use \[|no device qubit for some of its qubits"):
        merge([part(ramsey(100), 0, 1, 0), part(ramsey(100), 1, *qubits)], 6)
    with pytest.raises(ValueError, match="no circuits"):
        merge([], 6)
