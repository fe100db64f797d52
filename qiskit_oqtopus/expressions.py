"""Evaluation of many parameter expressions for many bindings at once."""

from __future__ import annotations

import cmath
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import Parameter, ParameterExpression

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_PROBES = (np.sqrt(2.0), -np.pi / 5)
"""Two irrational distances from zero; an expression that is linear at both counts as linear."""

_LARGE = 1e4
"""Larger terms are evaluated by Qiskit: rounding in a different order of operations could change an angle."""


def evaluate(
    expressions: Sequence[ParameterExpression], parameters: Sequence[Parameter], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Evaluate parameter expressions.

    All expressions that are linear in their parameters, as nearly all in circuits are, take one matrix product.

    Args:
        expressions: The expressions.
        parameters: Their parameters.
        values: The parameters' values, of shape (bindings, parameters).

    Returns:
        An array of shape (bindings, expressions), NaN where an expression has no real value.

    >>> x, y = Parameter("x"), Parameter("y")
    >>> evaluate([2 * x + 1, x * y], [x, y], np.array([[0.5, 3.0], [1.0, -1.0]]))
    array([[ 2. ,  1.5],
           [ 3. , -1. ]])
    """
    index = {parameter: i for i, parameter in enumerate(parameters)}
    weights = np.zeros((len(parameters), len(expressions)))
    offsets = np.zeros(len(expressions))
    others = []
    for column, expression in enumerate(expressions):
        if isinstance(expression, Parameter):
            weights[index[expression], column] = 1.0
        elif (linear := _linear(expression)) is not None:
            offsets[column], slopes = linear
            for parameter, slope in slopes.items():
                weights[index[parameter], column] = slope
        else:
            others.append(column)
    # An infinite value times a weight of zero is NaN, which callers refuse.
    with np.errstate(invalid="ignore", over="ignore"):
        evaluated = values @ weights + offsets
        large = np.abs(values) @ np.abs(weights) + np.abs(offsets) > _LARGE
    large[:, others] = True
    for row, column in np.argwhere(large):
        expression = expressions[column]
        binding = {parameter: values[row, index[parameter]] for parameter in expression.parameters}
        evaluated[row, column] = _value(expression, binding)
    return evaluated


def _linear(expression: ParameterExpression) -> tuple[float, dict[Parameter, float]] | None:
    """Return the offset and slopes of an expression, or None if it is not linear."""
    parameters = list(expression.parameters)
    offset = _value(expression, dict.fromkeys(parameters, 0.0))
    slopes = {}
    try:
        for parameter in parameters:
            slopes[parameter] = float(expression.gradient(parameter))
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError):
        return None  # a slope that is not a number
    for probe in _PROBES:
        point = {parameter: probe * (i + 1) for i, parameter in enumerate(parameters)}
        expected = offset + sum(slopes[parameter] * value for parameter, value in point.items())
        if not np.isclose(_value(expression, point), expected, rtol=1e-12, atol=1e-12):
            return None
    return offset, slopes


def _value(expression: ParameterExpression, binding: dict[Parameter, Any]) -> float:
    """Return the value for one binding; NaN if it is not real."""
    try:
        value = complex(expression.bind({parameter: float(number) for parameter, number in binding.items()}))
    except (TypeError, ValueError, ArithmeticError, RuntimeError):
        return np.nan
    return value.real if cmath.isclose(value, value.real, rel_tol=1e-14) else np.nan
