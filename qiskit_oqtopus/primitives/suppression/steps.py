"""The steps that a level and its options amount to: `Steps`, `effective`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qiskit_oqtopus.primitives.suppression.extrapolation import Extrapolation, check_extrapolator

if TYPE_CHECKING:
    from qiskit_oqtopus.primitives.suppression.options import DynamicalDecoupling, Resilience, Twirling

Count = int | Literal["auto"]

_NOISE_FACTORS = (1.0, 3.0, 5.0)


@dataclass(frozen=True)
class Learning:
    """The calibration circuits of readout mitigation.

    Attributes:
        twirled: Whether they are random flips of all qubits; if not, there are two, all qubits in |0> and all in |1>.
        num_randomizations: Number of random circuits.
        shots_per_randomization: Number of shots of each circuit.
    """

    twirled: bool
    num_randomizations: Count = "auto"
    shots_per_randomization: Count = "auto"


@dataclass(frozen=True)
class Steps:
    """The steps that suppress and mitigate errors, in the order of the circuits: extrapolation, twirling, decoupling.

    Attributes:
        extrapolation: Extrapolation to zero noise, if any.
        learning: Calibration and mitigation of readout errors, if any.
        twirl_gates: Whether to twirl gates.
        twirl_measure: Whether to twirl measurements.
        num_randomizations: Number of randomizations of each circuit, if something is twirled.
        shots_per_randomization: Number of shots of each.
        decoupling: The options of dynamical decoupling, if any.
    """

    extrapolation: Extrapolation | None = None
    learning: Learning | None = None
    twirl_gates: bool = False
    twirl_measure: bool = False
    num_randomizations: Count = "auto"
    shots_per_randomization: Count = "auto"
    decoupling: DynamicalDecoupling | None = None

    @property
    def twirls(self) -> bool:
        """Whether circuits are randomized."""
        return self.twirl_gates or self.twirl_measure

    @property
    def changes_values(self) -> bool:
        """Whether values are mitigated, which takes sums of Paulis."""
        return self.learning is not None or self.extrapolation is not None

    def __bool__(self) -> bool:
        return self.twirls or self.changes_values or self.decoupling is not None


def effective(
    level: int, decoupling: DynamicalDecoupling, twirling: Twirling, resilience: Resilience | None = None
) -> Steps:
    """Return the steps that a level and options amount to; options that are None follow from the level.

    Args:
        level: The estimator's `resilience_level`; 0 for a sampler.
        decoupling: Options of dynamical decoupling.
        twirling: Options of twirling.
        resilience: Options of an estimator's mitigation.

    Raises:
        ValueError: Options contradict each other.
    """
    mitigates = extrapolates = False
    if resilience is not None:
        mitigates = _given(resilience.measure_mitigation, level >= 1)
        extrapolates = _given(resilience.zne_mitigation, level >= 2)  # noqa: PLR2004 - the level itself
    twirl_gates = _given(twirling.enable_gates, level >= 2)  # noqa: PLR2004
    twirl_measure = _given(twirling.enable_measure, level >= 2)  # noqa: PLR2004
    if mitigates and not (twirl_gates or twirl_measure):
        _check_randomizations(twirling)
    return Steps(
        extrapolation=_extrapolation(resilience) if resilience is not None and extrapolates else None,
        learning=_learning(resilience, twirling, twirled=twirl_measure)
        if resilience is not None and mitigates
        else None,
        twirl_gates=twirl_gates,
        twirl_measure=twirl_measure,
        num_randomizations=twirling.num_randomizations,
        shots_per_randomization=twirling.shots_per_randomization,
        decoupling=decoupling if decoupling.enable else None,
    )


def _given(value: bool | None, otherwise: bool) -> bool:
    return otherwise if value is None else value


def _check_randomizations(twirling: Twirling) -> None:
    """Refuse numbers of randomizations where nothing is twirled, as users of qiskit-ibm-runtime expect it to be."""
    for name in ("num_randomizations", "shots_per_randomization"):
        if getattr(twirling, name) != "auto":
            raise ValueError(
                f"twirling.{name}={getattr(twirling, name)} has no effect, as nothing is twirled: readout errors are "
                "calibrated with two circuits. Set twirling.enable_measure=True to twirl measurements, or leave it out."
            )


def _learning(resilience: Resilience, twirling: Twirling, *, twirled: bool) -> Learning:
    given = resilience.measure_noise_learning
    count = given.num_randomizations
    if not twirled:
        if count != "auto":
            raise ValueError(
                f"resilience.measure_noise_learning.num_randomizations={count} needs twirled measurements, as readout "
                "errors are otherwise calibrated with two circuits. Set twirling.enable_measure=True, or leave it out."
            )
        return Learning(twirled, count, given.shots_per_randomization)
    for name, number in (
        ("twirling", twirling.num_randomizations),
        ("resilience.measure_noise_learning", count),
    ):
        if number != "auto" and number % 2:
            raise ValueError(
                f"{name}.num_randomizations={number} is odd, but mitigation of readout errors with twirled "
                "measurements needs pairs of complementary flips, as values are biased otherwise. Use "
                f"{number + 1}, or twirling.enable_measure=False."
            )
    return Learning(twirled, twirling.num_randomizations if count == "auto" else count, given.shots_per_randomization)


def _extrapolation(resilience: Resilience) -> Extrapolation:
    zne = resilience.zne
    factors = _NOISE_FACTORS if zne.noise_factors == "auto" else zne.noise_factors
    for name in zne.extrapolator:
        check_extrapolator(name, factors)
    wanted = zne.extrapolated_noise_factors
    return Extrapolation(factors, zne.extrapolator, (0.0, *factors) if wanted == "auto" else wanted)
