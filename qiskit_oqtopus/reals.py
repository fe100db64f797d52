"""Conversion of users' numbers of any type to floats, without silent loss or reinterpretation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import ParameterExpression

if TYPE_CHECKING:
    import numpy.typing as npt

_REAL, _TIMES = "buif", "mM"
"""NumPy dtype kinds: booleans, integers and floats; and dates and time spans."""


def real(value: Any) -> float:
    """Return a number as a float.

    >>> real(2 + 0j)
    2.0

    Raises:
        TypeError: The value is not a real number.
        ValueError: The value is text, or too large for a float.
    """
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind in _TIMES:
            raise TypeError(f"{value!r:.80} is not a real number")
        value = value.item()
    if isinstance(value, ParameterExpression) and not value.parameters:
        value = value.numeric()
    if isinstance(value, complex) and value.imag == 0:
        value = value.real
    if isinstance(value, str | bytes | bytearray):  # float() would parse it
        raise ValueError(f"{value!r:.80} is text, not a real number")  # noqa: TRY004 - as float() does
    try:
        return float(value)
    except TypeError:
        raise TypeError(f"{value!r:.80} is not a real number") from None
    except ArithmeticError:
        raise ValueError(f"{value!r:.80} is too large for a float") from None


def reals(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return an array of real numbers as an array of floats; see `real`.

    Raises:
        TypeError, ValueError: An entry is not a real number, or is masked.
    """
    if np.ma.is_masked(values):
        raise ValueError("some entries are masked")
    array = np.asarray(values)
    if array.dtype.kind in _REAL:
        with np.errstate(over="ignore"):  # long floats may overflow; callers check for infinity
            return array.astype(np.float64)
    return np.array([real(value) for value in array.flat], dtype=np.float64).reshape(array.shape)
