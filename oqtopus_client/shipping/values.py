"""Arguments and return values as JSON: `encode` and `decode`.

JSON's own types stand for themselves; an object with the key `$` stands for a value of another type. Nothing is
pickled, and decoding runs no code of the sender, so that a server's answer is safe to read.
"""

from __future__ import annotations

import base64
import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_TAG = "$"
_MAX_ARRAY_BYTES = 32 << 20
_MAX_BITS = 10_000
"""Python does not write integers of more than some 14,000 bits as decimal numbers."""
_SENT = (
    "None, numbers, str, bytes, numpy arrays, circuits, parameters, operators (SparsePauliOp, Pauli, PauliList), and "
    "lists, tuples, sets and dicts of these"
)


def encode(value: object, where: str) -> Any:
    """Return a value as JSON. Subclasses of the supported types are sent as their base class: a named tuple as a tuple.

    Args:
        value: The value.
        where: Description of the value, as the start of a message.

    Raises:
        TypeError: It has another type.
        ValueError: It contains itself, or a circuit cannot be written.
    """
    try:
        return _encode(value, where)
    except RecursionError:
        raise ValueError(f"{where} contains itself, or is nested too deeply.") from None


def decode(content: Any) -> Any:
    """Return the value that `encode` returned as JSON.

    Raises:
        ValueError: The content is not valid.
    """
    try:
        return _decode(content)
    except ValueError:
        raise
    except Exception as error:
        # NumPy and Qiskit raise errors of any type for damaged data.
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _decode(content: Any) -> Any:
    if isinstance(content, list):
        return [_decode(item) for item in content]
    if not isinstance(content, dict):
        return content
    if _TAG not in content:
        return {name: _decode(value) for name, value in content.items()}
    if content[_TAG] not in _DECODERS:
        raise ValueError(f"{content[_TAG]!r:.40} is not a known kind of value")
    return _DECODERS[content[_TAG]](content["value"])


def _encode(value: Any, where: str) -> Any:
    if (special := _encode_library_type(value, where)) is not None:
        return special
    for kind, encoder in _ENCODERS.items():
        if isinstance(value, kind):
            return encoder(value, where)
    raise TypeError(f"{where} is of type {_type_name(value)}, which cannot be sent. These can: {_SENT}.")


def _encode_list(value: Iterable[Any], where: str) -> list[Any]:
    return [_encode(item, f"{where}[{i}]") for i, item in enumerate(value)]


def _encode_dict(value: dict[Any, Any], where: str) -> Any:
    if all(type(key) is str for key in value) and _TAG not in value:
        return {key: _encode(item, f"{where}[{key!r}]") for key, item in value.items()}
    pairs = [[_encode(key, f"A key of {where}"), _encode(item, f"{where}[{key!r}]")] for key, item in value.items()]
    return _tagged("dict", pairs)


def _encode_library_type(value: Any, where: str) -> Any:
    """Return a value of numpy or Qiskit as JSON, None for any other; neither is imported for it."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and (type(value) is numpy.ndarray or isinstance(value, numpy.generic)):
        if value.nbytes > _MAX_ARRAY_BYTES:
            raise ValueError(f"{where} has {value.nbytes:,} bytes; at most {_MAX_ARRAY_BYTES:,} can be sent.")
        if value.dtype.hasobject:
            raise TypeError(f"{where} is an array of Python objects, which cannot be sent; use an array of numbers.")
        stream = io.BytesIO()
        # The version that takes any name of a field.
        numpy.lib.format.write_array(stream, numpy.asarray(value), (3, 0), allow_pickle=False)
        return _tagged("array" if type(value) is numpy.ndarray else "scalar", _text(stream.getvalue()))
    if "qiskit.quantum_info" not in sys.modules:
        return None
    from oqtopus_client.shipping import qiskit_values  # noqa: PLC0415 - Qiskit is slow to import

    found = qiskit_values.encode(value, where)
    return found and _tagged(found[0], found[1] if isinstance(found[1], str) else _encode(found[1], where))


def _tagged(kind: str, value: Any) -> dict[str, Any]:
    return {_TAG: kind, "value": value}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _type_name(value: object) -> str:
    module, name = type(value).__module__, type(value).__qualname__
    return name if module == "builtins" else f"{module}.{name}"


def _array(text: str) -> Any:
    import numpy as np  # noqa: PLC0415 - only where there are arrays

    return np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False)


def _qiskit_value(kind: str) -> Callable[[Any], Any]:
    def decode_value(data: Any) -> Any:
        from oqtopus_client.shipping import qiskit_values  # noqa: PLC0415 - Qiskit is slow to import

        return qiskit_values.decode(kind, data if isinstance(data, str) else _decode(data))

    return decode_value


# The first that fits counts: True is an int. A subclass is sent as its base class.
_ENCODERS: Mapping[type, Callable[[Any, str], Any]] = {
    type(None): lambda value, _: value,
    bool: lambda value, _: value,
    int: lambda value, _: int.__index__(value) if value.bit_length() <= _MAX_BITS else _tagged("int", hex(value)),
    float: lambda value, _: float.__float__(value),
    str: lambda value, _: str.__str__(value),
    complex: lambda value, _: _tagged("complex", [value.real, value.imag]),
    bytes: lambda value, _: _tagged("bytes", _text(value)),
    bytearray: lambda value, _: _tagged("bytearray", _text(value)),
    list: _encode_list,
    tuple: lambda value, where: _tagged("tuple", _encode_list(value, where)),
    set: lambda value, where: _tagged("set", _encode_list(value, where)),
    frozenset: lambda value, where: _tagged("frozenset", _encode_list(value, where)),
    dict: _encode_dict,
}
_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "int": lambda text: int(text, 16),
    "complex": lambda data: complex(*data),
    "bytes": base64.b64decode,
    "bytearray": lambda text: bytearray(base64.b64decode(text)),
    "tuple": lambda items: tuple(map(_decode, items)),
    "set": lambda items: set(map(_decode, items)),
    "frozenset": lambda items: frozenset(map(_decode, items)),
    "dict": lambda pairs: {_decode(key): _decode(value) for key, value in pairs},
    "array": _array,
    "scalar": lambda text: _array(text)[()],
    **{kind: _qiskit_value(kind) for kind in ("circuit", "expression", "operator", "pauli", "paulis")},
}
