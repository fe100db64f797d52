"""Real numbers of whatever kind a user gives them: nothing is lost or read into them in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import ParameterExpression

if TYPE_CHECKING:
    import numpy.typing as npt

_REAL, _TIMES = "buif", "mM"
"""Kinds of arrays, as numpy names them: booleans, integers and floats; and moments and spans of time."""


def real(value: Any) -> float:
    """A number as a float.

    >>> real(2 + 0j)
    2.0

    Raises:
        TypeError: It is not a number, or not real.
        ValueError: It is text, or beyond all floats.
    """
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind in _TIMES:
            raise TypeError(f"{value!r:.80} is not a real number")
        value = value.item()
    if isinstance(value, ParameterExpression) and not value.parameters:
        value = value.numeric()
    if isinstance(value, complex) and value.imag == 0:
        value = value.real
    if isinstance(value, str | bytes | bytearray):  # which float() would read
        raise ValueError(f"{value!r:.80} is text, not a real number")  # noqa: TRY004 - as float() has it
    try:
        return float(value)
    except TypeError:
        raise TypeError(f"{value!r:.80} is not a real number") from None
    except ArithmeticError:
        raise ValueError(f"{value!r:.80} is beyond all floats") from None


def reals(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """An array as one of floats, where all its entries are real numbers; see `real`.

    Raises:
        TypeError, ValueError: They are not, or some are masked.
    """
    if np.ma.is_masked(values):
        raise ValueError("some entries are masked")
    array = np.asarray(values)
    if array.dtype.kind in _REAL:
        with np.errstate(over="ignore"):  # what longer floats may become is for the caller to check
            return array.astype(np.float64)
    return np.array([real(value) for value in array.flat], dtype=np.float64).reshape(array.shape)
