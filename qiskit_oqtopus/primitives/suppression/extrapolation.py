"""Extrapolation of values to zero noise: `Extrapolation`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qiskit_oqtopus.primitives.suppression.terms import Array

    Curve = Callable[[Array, Array], tuple[Array, Array]]
    """Returns, for parameters and noise factors, the values, and their derivatives: shape (factors, parameters)."""

FALLBACK = "fallback"
"""The extrapolator that takes the value of least noise."""

_LEAST_FACTORS = {
    "linear": 2,
    "exponential": 2,
    "double_exponential": 4,
    FALLBACK: 1,
    **{f"polynomial_degree_{degree}": degree + 1 for degree in range(1, 8)},
}

EXTRAPOLATORS = tuple(_LEAST_FACTORS)

_LARGEST_LOG = 50.0
"""The largest logarithm of an amplitude that a fit starts from."""

_CONVERGED = range(1, 5)
"""The statuses of MINPACK for a fit that was found."""

_MOST_EVALUATIONS = 100
"""The most evaluations of a curve in a fit; ten are usual."""

_MOST_ERRORS = 2
"""The most standard errors by which an accepted value may be outside its range."""


def check_extrapolator(name: str, noise_factors: Sequence[float]) -> None:
    """Check that there are enough different noise factors for an extrapolator.

    Raises:
        ValueError: There are not.

    >>> check_extrapolator("polynomial_degree_2", [1, 3])
    Traceback (most recent call last):
      ...
    ValueError: The extrapolator polynomial_degree_2 needs 3 different noise factors, not [1, 3].
    """
    least = _LEAST_FACTORS[name]
    if len(set(noise_factors)) < least:
        raise ValueError(f"The extrapolator {name} needs {least} different noise factors, not {[*noise_factors]}.")


@dataclass(frozen=True, eq=False)
class Fit:
    """A curve through values at several noise factors.

    Attributes:
        curve: The curve.
        parameters: Its parameters.
        response: The derivative of each parameter by each value: shape (parameters, noise factors).
    """

    curve: Curve
    parameters: Array
    response: Array

    def at(self, points: Sequence[float]) -> tuple[Array, Array]:
        """Return the curve's values at noise factors.

        Returns:
            The values, and their derivatives by the values that were fitted: shape (points, noise factors).
        """
        values, derivatives = self.curve(self.parameters, np.asarray(points, float))
        return values, derivatives @ self.response


def fit(name: str, noise_factors: Sequence[float], values: Array, errors: Array) -> Fit | None:
    """Return the curve that fits best, by least squares weighted with the standard errors.

    The errors are taken as they are, without rescaling them by the residuals; the standard error of an extrapolated
    value thus follows from its derivatives by the values. It does not cover that the curve may have another form.

    Args:
        name: The extrapolator: `linear` and `polynomial_degree_k` are polynomials, `exponential` is a exp(-r x),
            `double_exponential` is a exp(-r x) + b exp(-s x) with r, s >= 0, and `fallback` is constant: the mean of
            the values of least noise.
        noise_factors: The factor of the noise in each value.
        values: The values.
        errors: Their standard errors. One of zero, where all shots agreed, counts as the least of the others.

    Returns:
        The fit; None if there are too few different noise factors, or no best curve was found.
    """
    factors = np.asarray(noise_factors, float)
    if len(np.unique(factors)) < _LEAST_FACTORS[name]:
        return None
    known = errors[np.isfinite(errors) & (errors > 0)]
    sigmas = np.ones_like(factors)
    if len(known):
        sigmas = np.where(np.isfinite(errors), np.maximum(errors, known.min()), known.max())
    if name == FALLBACK:
        return _fallback(factors, values)
    if name == "exponential":
        return _nonlinear_fit(_exponential, _exponential_start(factors, values, sigmas), factors, values, sigmas)
    if name == "double_exponential":
        amplitude, rate = _exponential_start(factors, values, sigmas)
        start = [amplitude / 2, max(rate, 0.01) / 2, amplitude / 2, max(rate, 0.01) * 2]
        return _nonlinear_fit(_double_exponential, start, factors, values, sigmas, least=[-np.inf, 0, -np.inf, 0])
    degree = 1 if name == "linear" else int(name.rpartition("_")[2])
    weighted = np.vander(factors, degree + 1, increasing=True) / sigmas[:, np.newaxis]
    response = np.linalg.pinv(weighted) / sigmas
    return Fit(_polynomial, response @ values, response)


def _fallback(factors: Array, values: Array) -> Fit:
    least = factors == factors.min()
    response = least / least.sum()
    return Fit(_polynomial, np.array([response @ values]), response[np.newaxis])


def _nonlinear_fit(
    curve: Curve,
    start: Sequence[float],
    factors: Array,
    values: Array,
    sigmas: Array,
    least: Sequence[float] | None = None,
) -> Fit | None:
    """Return the best curve that is found from a start, with parameters above some bounds; None if none is found."""
    # It takes a tenth of a second, which only extrapolation needs.
    from scipy.optimize import least_squares, leastsq  # type: ignore[import-untyped]  # noqa: PLC0415

    def residuals(parameters: Array) -> Array:
        residual: Array = (curve(parameters, factors)[0] - values) / sigmas
        return residual

    def jacobian(parameters: Array) -> Array:
        derivatives: Array = curve(parameters, factors)[1] / sigmas[:, np.newaxis]
        return derivatives

    with np.errstate(over="ignore", invalid="ignore"):
        if least is None:  # several times as fast
            best, *_, status = leastsq(residuals, start, Dfun=jacobian, full_output=True, maxfev=_MOST_EVALUATIONS)
            is_best = status in _CONVERGED
        else:
            found = least_squares(residuals, start, jacobian, bounds=(least, np.inf), max_nfev=_MOST_EVALUATIONS)
            best, is_best = found.x, found.success
        weighted = jacobian(best)
    if not is_best or not np.isfinite(weighted).all() or np.linalg.matrix_rank(weighted) < len(start):
        return None
    return Fit(curve, best, np.linalg.pinv(weighted) / sigmas)


def _polynomial(parameters: Array, factors: Array) -> tuple[Array, Array]:
    powers = np.vander(factors, len(parameters), increasing=True)
    return powers @ parameters, powers


def _exponential(parameters: Array, factors: Array) -> tuple[Array, Array]:
    amplitude, rate = parameters
    decay = np.exp(-rate * factors)
    values = amplitude * decay
    return values, np.array([decay, -factors * values]).T


def _double_exponential(parameters: Array, factors: Array) -> tuple[Array, Array]:
    (first, of_first), (second, of_second) = (_exponential(each, factors) for each in parameters.reshape(2, 2))
    return first + second, np.hstack([of_first, of_second])


def _exponential_start(factors: Array, values: Array, sigmas: Array) -> tuple[float, float]:
    """Return amplitude and rate of a line through the logarithms of the values that have the least one's sign."""
    sign = float(np.sign(values[np.argmin(factors)])) or 1.0
    sizes = np.maximum(sign * values, sigmas / 10)
    weights = sizes / sigmas
    slope, intercept = np.polyfit(factors, np.log(sizes), 1, w=weights)
    return sign * float(np.exp(min(intercept, _LARGEST_LOG))), -float(slope)


class Extrapolated(NamedTuple):
    """A value that was extrapolated.

    Attributes:
        extrapolator: The name of the extrapolator that was chosen.
        value: The value at zero noise.
        response: Its derivative by each value that was fitted.
        curves: The values of all extrapolators at all points: shape (extrapolators, points). They are NaN for an
            extrapolator without a fit.
        responses: Their derivatives by the values that were fitted: shape (extrapolators, points, noise factors).
    """

    extrapolator: str
    value: float
    response: Array
    curves: Array
    responses: Array


@dataclass(frozen=True)
class Extrapolation:
    """The extrapolation of values to zero noise.

    Attributes:
        noise_factors: The factor of the noise in each value, as achieved.
        extrapolators: The names of extrapolators, of which the first is chosen that fits well.
        points: The noise factors at which the curves' values are wanted.
    """

    noise_factors: tuple[float, ...]
    extrapolators: tuple[str, ...]
    points: tuple[float, ...] = (0.0,)

    @property
    def is_possible(self) -> bool:
        """Whether there are enough different noise factors for one of the extrapolators."""
        return any(len(set(self.noise_factors)) >= _LEAST_FACTORS[name] for name in self.extrapolators)

    def of(self, values: Array, errors: Array, *, relative_error: float = 0.0) -> Extrapolated:
        """Return the extrapolated value of a Pauli.

        An extrapolator fits well if its value at zero noise is in [-1, 1] within two standard errors, and the standard
        error is at most 1. If none does, `fallback` is chosen.

        Args:
            values: The values at each noise factor.
            errors: Their standard errors.
            relative_error: A relative standard error that all values share.
        """
        shape = len(self.extrapolators), len(self.points)
        curves, responses = np.full(shape, np.nan), np.full((*shape, len(values)), np.nan)
        chosen = None
        for i, name in enumerate(self.extrapolators):
            if (found := fit(name, self.noise_factors, values, errors)) is not None:
                curves[i], responses[i] = found.at(self.points)
                if chosen is None and _is_good(found, errors, relative_error):
                    chosen = name, found
        if chosen is None:
            chosen = FALLBACK, _fallback(np.asarray(self.noise_factors), values)
        name, best = chosen
        (value,), (response,) = best.at([0.0])
        return Extrapolated(name, float(value), response, curves, responses)


def _is_good(found: Fit, errors: Array, relative_error: float) -> bool:
    """Return whether a fit's value at zero noise is one that a Pauli may have."""
    (value,), (response,) = found.at([0.0])
    used = response != 0  # an error may be infinite
    error = math.hypot(*(response[used] * errors[used]), value * relative_error)
    return error <= 1 and abs(value) <= 1 + _MOST_ERRORS * error
