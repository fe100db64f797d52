"""The header, a comment on a program's first line."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qasm3

from qiskit_oqtopus import OqtopusBackend, OqtopusSampler
from qiskit_oqtopus.errors import LaterReleaseError
from qiskit_oqtopus.header import CircuitHeader, PartHeader
from qiskit_oqtopus.programs import Program
from qiskit_oqtopus.qasm import to_program
from tests.support.chips import TARGET
from tests.support.circuits import bell

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
bits = st.lists(st.integers(0, 99), max_size=5).map(tuple)
circuits: dict[str, Any] = {
    "name": st.text(),
    "num_qubits": st.integers(0, 1000),
    "num_clbits": st.integers(0, 1000),
    "clbits": st.lists(st.integers(0, 99), min_size=1, max_size=5).map(tuple),
    "qregs": st.lists(st.tuples(st.text(), st.integers(0, 9)), max_size=3).map(tuple),
    "cregs": st.lists(st.tuples(st.text(), bits), max_size=3).map(tuple),
    "metadata": st.dictionaries(st.text(), json_values, max_size=3),
    "memory": st.booleans(),
    "extra": st.dictionaries(st.text(), json_values, max_size=2),
}
headers = st.builds(CircuitHeader, **circuits, tag=st.none() | st.text(), version=st.sampled_from([1, 2, 3]))
places = st.lists(st.none() | st.integers(0, 999), max_size=5).map(tuple)


@st.composite
def merged_headers(draw: st.DrawFn) -> CircuitHeader:
    """A header with parts, some of which have equal headers."""
    inner = draw(st.lists(st.builds(CircuitHeader, **circuits), min_size=1, max_size=3))
    chosen = draw(st.lists(st.sampled_from(inner), min_size=1, max_size=5))
    numbers, fidelities = st.integers(0, 999), st.none() | st.floats(0, 1)
    parts, width = [], 0
    for each in chosen:
        parts.append(PartHeader(each, width, draw(places), draw(numbers), draw(numbers), draw(fidelities)))
        width += len(each.clbits)
    return replace(draw(headers), clbits=tuple(range(width)), version=3, parts=tuple(parts))


@given(headers | merged_headers())
def test_there_and_back(header: CircuitHeader) -> None:
    """A header with any name and metadata is one line, and reading it returns an equal header."""
    comment = header.to_comment()

    assert comment.isascii()
    assert comment.count("\n") == 1
    assert CircuitHeader.from_program(comment + "OPENQASM 3.0;") == header


@given(headers | merged_headers())
def test_parsers_see_a_comment(header: CircuitHeader) -> None:
    """The header does not change the meaning of a program."""
    program = Program(header, to_program(bell(), TARGET).body, is_isa=False)

    assert qasm3.loads(program.text) == qasm3.loads(program.body)


@pytest.mark.parametrize("version", [4, 0, "2", None, [1], 10**4000])
def test_unknown_versions(version: object) -> None:
    """A header of another version is refused, whatever its other fields."""
    for fields in ({}, json.loads(CircuitHeader("c", 1, 1, (0,)).to_comment().removeprefix("// qiskit_oqtopus "))):
        with pytest.raises(LaterReleaseError, match=r"^Its header has the format version .* install") as caught:
            CircuitHeader.from_program(f"// qiskit_oqtopus {json.dumps({**fields, 'v': version})}\n")
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own


def test_parts() -> None:
    """Equal headers are sent once, so a program of 30 circuits needs fewer than 6,000 bytes more."""
    inner = to_program(bell(), TARGET).header
    parts = [PartHeader(replace(inner), 2 * i, (2 * i, 2 * i + 1), i, 0, 0.951234) for i in range(30)]
    wide = PartHeader(inner, 60, (None,) * 143 + (143,), 30)
    header = CircuitHeader("bells", 144, 62, tuple(range(62)), version=3, parts=(*parts, wide))
    comment = header.to_comment()

    assert comment.count("bell") == 2
    assert len(comment) < 2000
    assert CircuitHeader.from_program(comment) == header


@pytest.mark.parametrize(
    "wrong",
    [
        [2, 1, [5], 1, 0, None, None],
        [0, 0, [5], 1, 0, None, None],
        [0, 2, [5], 1, 0, None, None],
        [0, 1, ["a"], 1, 0, None, None],
        [0, 1, {"of": 10**9, "at": []}, 1, 0, None, None],
        [0, 1, {"of": 2}, 1, 0, None, None],
        [0, 1, [5], 1, 0, None],
        [0, 1, [5], 1, 0, "high", None],
        [0, 1, [5], 1, 0, None, 1.5],
        [0, 1, [5], 1, 0, math.nan, None],
        1,
        None,
    ],
)
def test_broken_parts(wrong: object) -> None:
    """A header with a part that is not valid, or that lacks one, is empty, rather than that of one circuit."""
    inner = CircuitHeader("c", 1, 1, (0,))
    parts = PartHeader(inner, 0, (0,), 0), PartHeader(inner, 1, (5,), 1, 0, 0.9)
    comment = CircuitHeader("c", 1, 2, (0, 1), version=3, parts=parts).to_comment()
    fields = json.loads(comment.removeprefix("// qiskit_oqtopus "))

    assert CircuitHeader.from_program(comment).parts == parts
    for changed in ({"parts": [fields["parts"][0], wrong]}, {"parts": fields["parts"][:1]}, {"headers": [{}, wrong]}):
        assert not CircuitHeader.from_program(f"// qiskit_oqtopus {json.dumps({**fields, **changed})}\n")


def without_version(value: Any) -> Any:
    """Return the value without a version field."""
    return {key: inner for key, inner in value.items() if key != "v"} if isinstance(value, dict) else value


@given(st.text() | json_values.map(without_version).map(lambda value: f"// qiskit_oqtopus {json.dumps(value)}\n"))
def test_other_comments(text: str) -> None:
    """Reading any program without a version raises nothing."""
    assert not CircuitHeader.from_program(text)


@given(st.text())
def test_programs_of_other_software(text: str) -> None:
    """Their header is empty and is not written, even with a tag or other data."""
    program = Program.from_text(text, is_isa=False)

    assert program.header == CircuitHeader()
    assert program.with_tag("[tag]").with_memory().with_extra({"a": 1}).text == text


@pytest.mark.parametrize(
    "field", ["name", "num_qubits", "clbits", "qregs", "cregs", "metadata", "memory", "extra", "tag"]
)
@pytest.mark.parametrize("value", [None, -1, "x", [[]], [["a"]], {"a": 1}, 1e400])
def test_broken_headers(field: str, value: object) -> None:
    """A header with an invalid field is empty, or has values of the right types."""
    fields = json.loads(CircuitHeader("c", 1, 1, (0,)).to_comment().removeprefix("// qiskit_oqtopus "))
    read = CircuitHeader.from_program(f"// qiskit_oqtopus {json.dumps({**fields, field: value})}\n")

    assert not read or isinstance(getattr(read, field), type(getattr(CircuitHeader("c", 1, 1, (0,)), field)))


def test_many_bits(backend: OqtopusBackend) -> None:
    """Registers may have any size, as their bits are listed; unlisted bits are limited."""
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(70_000, "large"), ClassicalRegister(2, "c"))
    circuit.x(0)
    circuit.measure(0, circuit.num_clbits - 1)
    comment = to_program(circuit, TARGET).header.to_comment()
    read = CircuitHeader.from_program(comment)

    assert (read.num_clbits, read.clbits) == (70_002, (70_001,))
    assert not CircuitHeader.from_program(comment.replace('"num_clbits":70002', '"num_clbits":7000200'))
    assert not CircuitHeader.from_program(comment.replace('"clbits":[70001]', '"clbits":[7000200]'))
    sampled = OqtopusSampler(backend).run([circuit], shots=2)
    assert backend.provider.job(sampled.job_id()).result()[0].data.c.get_counts() == {"10": 2}


def test_metadata_that_json_cannot_hold() -> None:
    """NumPy numbers and arrays are sent as plain ones; other objects are left out."""
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1))
    circuit.metadata = {"x": np.float64(0.5), "xs": np.arange(3), "z": 1 + 2j, "o": object(), 3: "key", "t": (1, 2)}
    circuit.measure(0, 0)
    program = to_program(circuit, TARGET)
    read = CircuitHeader.from_program(program.text)

    assert program.header.metadata is circuit.metadata
    assert read.metadata == {"x": 0.5, "xs": [0, 1, 2], "3": "key", "t": [1, 2]}
