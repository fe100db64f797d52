"""Conversion of numbers to floats."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import Parameter

from qiskit_oqtopus.reals import real, reals

X = Parameter("x")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5], [1, 2.5]),
        ([1 + 0j, 2], [1, 2]),
        (np.array([[1, 2]], dtype=np.complex64), [[1, 2]]),
        (np.array([1, 2], dtype=np.longdouble), [1, 2]),
        ([True, False], [1, 0]),
        ([Decimal("0.1"), Fraction(1, 4), 10**30, np.array(2.0)], [0.1, 0.25, 1e30, 2]),
        ([X.bind({X: 0.5}), 1], [0.5, 1]),
        (np.array([1, 2 + 0j], dtype=object), [1, 2]),
        (range(3), [0, 1, 2]),
        (7, 7),
        ([np.inf, np.nan], [np.inf, np.nan]),
    ],
)
def test_reals(values: Any, expected: Any) -> None:
    """Every type of real number is converted, including infinite ones."""
    np.testing.assert_array_equal(reals(values), expected, strict=False)
    assert reals(values).dtype == np.float64


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ([1, 2 + 1e-9j], TypeError, "(2+1e-09j) is not a real number"),
        (np.array([1j]), TypeError, "1j is not a real number"),
        (np.array([1, 1j], dtype=object), TypeError, "1j is not a real number"),
        ([(X * 1j).bind({X: 1})], TypeError, "1j is not a real number"),
        ([X], TypeError, "Parameter(x) is not a real number"),
        (["0.5"], ValueError, "'0.5' is text, not a real number"),
        ([1, "0.5"], ValueError, "is text, not a real number"),
        (np.array([b"1"]), ValueError, "b'1' is text, not a real number"),
        (np.array([1, "2"], dtype=object), ValueError, "'2' is text, not a real number"),
        ([None, 1], TypeError, "None is not a real number"),
        ([dt.date(2026, 1, 2)], TypeError, "datetime.date(2026, 1, 2) is not a real number"),
        (np.array([3], dtype="datetime64[ns]"), TypeError, "is not a real number"),
        (np.array([3], dtype="timedelta64[ns]"), TypeError, "is not a real number"),
        ({"x": 1}, TypeError, "{'x': 1} is not a real number"),
        ({1.0}, TypeError, "{1.0} is not a real number"),
        ([10**400], ValueError, "is too large for a float"),
        (np.ma.array([1, 2], mask=[False, True]), ValueError, "some entries are masked"),
        ([[1], [2, 3]], ValueError, "inhomogeneous"),
    ],
)
def test_not_real(values: Any, error: type[Exception], message: str) -> None:
    """Imaginary parts are not dropped; text and times are not reinterpreted."""
    with pytest.raises(error) as caught:
        reals(values)

    assert message in str(caught.value)


def test_one_number() -> None:
    """Angles and durations of gates follow the same rules."""
    assert real(np.float32(0.5)) == 0.5
    with pytest.raises(ValueError, match="'1' is text"):
        real("1")
