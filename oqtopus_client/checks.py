"""Validation of numbers that users pass."""

from __future__ import annotations

import dataclasses
import math
import operator
import re
from collections.abc import Collection
from numbers import Real
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_SHOWN = 60


def shown(value: object) -> str:
    """Return a value as messages show it: shortened if long, described if Python cannot print it.

    >>> shown(2.5)
    '2.5'
    >>> shown(10**5000)
    'an integer of 16610 bits'
    """
    try:
        text = repr(value)
    except ValueError:
        text = f"an integer of {value.bit_length()} bits" if isinstance(value, int) else type(value).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def sentence(name: str, problem: str, value: object) -> str:
    """Return a problem that pydantic found as a sentence about a value.

    >>> sentence("memory", "Input should be a valid boolean", 1)
    'memory must be a valid boolean, not 1.'
    >>> sentence("tags", "Keys are not text", {})
    'tags: Keys are not text, not {}.'
    """
    rule, found = re.subn(r"^\w+ should ", " must ", problem)
    return f"{name}{rule if found else f': {problem}'}, not {shown(value)}."


def real_number(value: object, wanted: str, *, least: float = -math.inf, infinite: bool = False) -> float:
    """Return a real number of any type as a float.

    Args:
        value: The number. Booleans and text are refused.
        wanted: The requirement, as the start of the message.
        least: Smallest allowed value.
        infinite: Whether infinity is allowed.

    Raises:
        TypeError: It is not a real number.
        ValueError: It is too small, not finite, or too large for a float.
    """
    message = f"{wanted}, not {shown(value)}."
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(message)
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(message) from None
    if not number >= least or (math.isinf(number) and not infinite):
        raise ValueError(message)
    return number


def seconds_until(timeout: object) -> float:
    """Return a timeout in seconds; infinity for None.

    Raises:
        TypeError: It is not a real number.
        ValueError: It is negative.
    """
    wanted = "timeout must be at least 0 seconds or None"
    return math.inf if timeout is None else real_number(timeout, wanted, least=0, infinite=True)


def whole_number(value: object, wanted: str, *, least: int = 1, most: int = 2**63 - 1) -> int:
    """Return a whole number of any integer type as an int.

    Args:
        value: The number. Booleans and text are refused.
        wanted: The requirement, as the start of the message.
        least: Smallest allowed value.
        most: Largest allowed value.

    Raises:
        TypeError: It is not an integer; numpy integers are accepted.
        ValueError: It is out of range.
    """
    message = f"{wanted}, not {shown(value)}."
    if isinstance(value, bool):
        raise TypeError(message)
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # the TypeError is the check
    except TypeError:
        raise TypeError(message) from None
    if not least <= number <= most:
        raise ValueError(message)
    return number


def qubit_index(value: object) -> int:
    """Return the index of a qubit as an int; whether there is such a qubit is for the caller to check.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is too large for any device.
    """
    return whole_number(value, "A qubit must be given by its index, such as 0", least=-(2**63))


def check_boolean(value: object, name: str) -> None:
    """Check that a value is True or False; text such as 'no' would count as true.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {shown(value)}.")


def check_kind(value: object, kind: type, name: str) -> None:
    """Check that a value is an object of a class that users construct, such as `SseLimits`.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {kind.__name__}(...), not {shown(value)}.")


def check_set(values: object, kind: type, wanted: str) -> None:
    """Check that a value is None, or a collection of values of one type, which text is not.

    Args:
        values: The value.
        kind: The type.
        wanted: The requirement, as the start of the message.

    Raises:
        TypeError: It is something else.
        ValueError: It contains text in small letters.
    """
    if values is None:
        return
    if isinstance(values, str) or not isinstance(values, Collection) or not all(isinstance(v, kind) for v in values):
        raise TypeError(f"{wanted}, not {shown(values)}.")
    if any(isinstance(value, str) and not value.isupper() for value in values):
        raise ValueError(f"{wanted}, in capitals, not {shown(values)}.")


def check_limits(limits: DataclassInstance) -> None:
    """Check that each field of a dataclass is a number of at least 0.

    Raises:
        TypeError: A value is not a number.
        ValueError: A value is negative, or NaN.
    """
    for field in dataclasses.fields(limits):
        wanted = f"{field.name} of {type(limits).__name__} must be a number of at least 0"
        real_number(getattr(limits, field.name), wanted, least=0, infinite=True)
