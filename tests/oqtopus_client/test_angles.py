"""Angles stay those of the same gate, and small ones as they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.circuit import Parameter
from qiskit.circuit.library import CUGate, RZGate
from qiskit.quantum_info import Operator

from oqtopus_client.angles import reduced, with_reduced_angles


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_large_angles_are_reduced_exactly(angle: float) -> None:
    """Sine and cosine of half of it, which are all that gates and their controls see, are those of the whole angle."""
    small = reduced(angle)

    assert abs(small) <= 4 * math.pi
    assert math.sin(small / 2) == pytest.approx(math.sin(angle / 2), abs=1e-15)
    assert math.cos(small / 2) == pytest.approx(math.cos(angle / 2), abs=1e-15)


@pytest.mark.parametrize("angle", [0.0, -0.0, 5e-324, math.pi / 2 + 1e-9, -12.5, math.inf, math.nan])
def test_other_angles_stay_as_they_are(angle: float) -> None:
    """Small angles keep every digit and sign; other values pass through."""
    assert repr(reduced(angle)) == repr(angle)


def test_gates() -> None:
    """Those with large angles are copied, others are the same object; parameters stay."""
    large, small, unbound = CUGate(1e17, 0.5, -3e22, 2), RZGate(0.5), RZGate(Parameter("a"))

    assert with_reduced_angles(RZGate(10**17)).params == with_reduced_angles(RZGate(np.float64(1e17))).params
    assert with_reduced_angles(large).params == [reduced(1e17), 0.5, reduced(-3e22), 2]
    assert large.params == [1e17, 0.5, -3e22, 2]
    assert large.definition is not None  # from now on the gate keeps it
    assert Operator(with_reduced_angles(large).definition).equiv(CUGate(*map(reduced, large.params)))
    assert with_reduced_angles(small) is small
    assert with_reduced_angles(unbound) is unbound
