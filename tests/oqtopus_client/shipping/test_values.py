"""Arguments and return values on their way to another process."""

from __future__ import annotations

import collections
import enum
import json
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Gate, Parameter, ParameterVector
from qiskit.circuit.library import PauliEvolutionGate, efficient_su2
from qiskit.quantum_info import Operator, Pauli, PauliList, SparsePauliOp

from oqtopus_client.shipping import qiskit_values
from oqtopus_client.shipping.values import decode, encode

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False)
    | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4)
    | st.lists(inner, max_size=4).map(tuple)
    | st.dictionaries(st.text() | st.integers() | st.just("$"), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def sent(value: Any) -> Any:
    """What arrives."""
    return decode(json.loads(json.dumps(encode(value, "The value"))))


@given(PLAIN)
def test_plain_values(value: Any) -> None:
    """They come back equal and of the same types, which `repr` shows, also -0.0 and lone surrogates."""
    assert repr(sent(value)) == repr(value)


@given(
    arrays.arrays(
        arrays.scalar_dtypes() | arrays.unicode_string_dtypes(max_len=3) | arrays.array_dtypes(max_size=2),
        arrays.array_shapes(min_dims=0, max_dims=3, max_side=3) | st.just((0, 2)),
    )
)
def test_arrays(array: Any) -> None:
    """They come back with their type, shape and bits, and so do their elements."""
    arrived = sent(array)

    assert (arrived.dtype, arrived.shape, arrived.tobytes()) == (array.dtype, array.shape, array.tobytes())
    for element in array.flat:
        again = sent(element)
        assert type(again) is type(element)
        assert np.asarray(again).tobytes() == np.asarray(element).tobytes()


def test_other_values() -> None:
    """Numbers of any size, sets, bytes, and subclasses as their base classes."""
    point = time.gmtime(0)
    colour = enum.StrEnum("Colour", {"RED": "red"})

    assert sent([2**20_000, -(2**20_000)]) == [2**20_000, -(2**20_000)]
    assert sent({3, (1, "a"), frozenset({2.5})}) == {3, (1, "a"), frozenset({2.5})}
    assert sent(bytearray(b"\0\xff")) == bytearray(b"\0\xff")
    assert (sent(point), type(sent(point))) == (tuple(point), tuple)
    assert sent(collections.Counter("aab")) == {"a": 2, "b": 1}
    assert (sent(colour("red")), type(sent(colour("red")))) == ("red", str)
    assert math.isnan(sent(math.nan))
    assert sent([math.inf, -math.inf]) == [math.inf, -math.inf]


ITSELF: list[Any] = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "The value is of type object, which cannot be sent. These can: None, numbers, str, bytes, numpy"),
        ({"a": [1, (2, len)]}, r"The value\['a'\]\[1\]\[1\] is of type builtin_function_or_method, which"),
        ({object: 1}, "A key of The value is of type type"),
        (np.array([1, None]), "The value is an array of Python objects"),
        (np.random.default_rng(1), r"The value is of type numpy.random\S*Generator, which cannot be sent"),
        (Operator.from_label("X"), r"The value is of type qiskit.quantum_info\S*Operator, which cannot be sent"),
        (np.ma.masked_array([1], [True]), r"The value is of type numpy.ma\S*, which cannot be sent"),
    ],
)
def test_types_that_cannot_be_sent(value: Any, message: str) -> None:
    """The message names the place of the value."""
    with pytest.raises(TypeError, match=message):
        encode(value, "The value")


def test_values_that_cannot_be_sent() -> None:
    """Neither endless nor very large ones."""
    with pytest.raises(ValueError, match="The value contains itself"):
        encode(ITSELF, "The value")
    with pytest.raises(ValueError, match="has 67,108,864 bytes; at most 33,554,432 can be sent"):
        encode(np.zeros(1 << 23), "The value")


@pytest.mark.parametrize(
    "content",
    [
        {"$": "pickle", "value": ""},
        {"$": "array", "value": "AAAA"},
        {"$": "array"},
        {"$": ["array"], "value": ""},
        {"$": "complex", "value": 3},
        {"$": "set", "value": [[]]},
        {"$": "circuit", "value": "UUlTS0lUCg=="},
        {"$": "operator", "value": {"labels": ["XQ"]}},
        {"$": "int", "value": None},
    ],
)
def test_damaged_values(content: Any) -> None:
    """Whatever a server sends, the error is one of its value."""
    with pytest.raises(ValueError, match=r".+"):
        decode(content)


def circuits() -> list[QuantumCircuit]:
    """Circuits with all that Qiskit 1.4 can read."""
    theta, vector = Parameter("theta"), ParameterVector("v", 2)
    parametrized = QuantumCircuit(2, 2, global_phase=theta / 3, metadata={"run": 3}, name="λ")
    parametrized.rx(2 * theta + vector[0], 0)
    parametrized.append(PauliEvolutionGate(SparsePauliOp(["XZ", "YY"], [0.5, 2]), vector[1]), [0, 1])
    parametrized.delay(100, 1, unit="ns")
    parametrized.delay(7, 1, unit="dt")
    parametrized.delay(theta, 0, unit="us")
    parametrized.delay(theta, 1, unit="dt")
    parametrized.measure(0, 1)
    with parametrized.if_test((parametrized.clbits[1], True)):
        parametrized.x(1)
        parametrized.delay(20, 1, unit="ns")
    custom = QuantumCircuit(1)
    gate = Gate("own", 1, [0.5])
    gate.definition = QuantumCircuit(1)
    gate.definition.ry(0.5, 0)
    custom.append(gate, [0])
    return [parametrized, custom, efficient_su2(3), QuantumCircuit()]


@pytest.mark.parametrize("circuit", circuits(), ids=lambda circuit: circuit.name)
def test_circuits(circuit: QuantumCircuit) -> None:
    """They come back equal, with the identity of their parameters, name and metadata."""
    arrived = sent(circuit)

    assert qiskit_values.alike(arrived, circuit)
    assert (arrived.name, arrived.metadata, arrived.parameters) == (circuit.name, circuit.metadata, circuit.parameters)


def test_parameters_belong_to_their_circuit() -> None:
    """A dict of parameter values binds the circuit that it was sent with."""
    circuit, values = sent((parametrized := circuits()[0], {p: i for i, p in enumerate(parametrized.parameters)}))

    assert circuit.assign_parameters(values).num_parameters == 0
    expression = 2 * Parameter("a") + 1
    assert sent(expression) == expression


@pytest.mark.parametrize(
    "operator",
    [
        SparsePauliOp(["XYZI", "IIII"], [1 + 2j, -0.0]),
        SparsePauliOp.from_sparse_list([("ZZ", [0, 70], 0.1)], 80),
        Pauli("-iXZ"),
        Pauli("Z" * 60),
        PauliList(["XX", "-YZ", "iII"]),
    ],
)
def test_operators(operator: Any) -> None:
    """They come back equal to the last bit and label, however wide."""
    arrived = sent(operator)

    assert type(arrived) is type(operator)
    assert arrived == operator
    if isinstance(operator, SparsePauliOp):
        assert arrived.coeffs.tobytes() == operator.coeffs.tobytes()


def test_circuits_that_the_container_cannot_read() -> None:
    """They are refused here: after a submission, the error would take as long as the queue."""
    box = QuantumCircuit(1)
    if hasattr(box, "box"):
        with box.box():
            box.x(0)
        outer = QuantumCircuit(1, 1)
        with outer.if_test((outer.clbits[0], True)):
            outer.compose(box, [0], inplace=True)
        with pytest.raises(ValueError, match=r"The value\[0\] contains box, which the Qiskit 1.4 of servers"):
            encode([outer], "The value")
    odd = QuantumCircuit(1, metadata={"object": object()})
    with pytest.raises(ValueError, match="The value cannot be written as QPY 13"):
        encode(odd, "The value")


def test_parametrized_operators_are_refused() -> None:
    """Their coefficients are Python objects."""
    operator = SparsePauliOp(["X"], np.array([Parameter("a")]))

    with pytest.raises(ValueError, match="has parameters as coefficients; assign values to them first"):
        encode(operator, "The value")


def test_other_versions_of_qpy_are_not_read() -> None:
    """Reading older ones may run code of the sender."""
    content = encode(QuantumCircuit(1), "The value")
    assert decode(content).num_qubits == 1
    assert qpy.common.QPY_VERSION >= 13
    content["value"] = "UUlTS0lUCg" + content["value"][10:]  # version 10 in place of 13
    with pytest.raises(ValueError, match="the circuit is not QPY 13"):
        decode(content)
