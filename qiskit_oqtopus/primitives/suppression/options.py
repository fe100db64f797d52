"""The options of error suppression and mitigation, named as in qiskit-ibm-runtime, typed and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from oqtopus_client.checks import whole_number
from qiskit_oqtopus.options import StrictOptions, readable
from qiskit_oqtopus.primitives.suppression.extrapolation import EXTRAPOLATORS
from qiskit_oqtopus.reals import reals


class ChangeableOptions(StrictOptions):
    """Options that are also validated when they are changed."""

    model_config = ConfigDict(validate_assignment=True)

    def update(self, **options: Any) -> None:
        """Change several options, or none if one is invalid; a mapping changes the options that it names.

        Raises:
            TypeError: An option is unknown.
            ValueError: A value is invalid.
        """
        options = self.renamed(options)
        checked = self.checked(_merged(self, options))
        for name in options:
            setattr(self, name, getattr(checked, name))

    @classmethod
    def section(cls, value: Any) -> Self:
        """Return a section of other options from options of this class, or a mapping of names to values.

        The section is a copy, so that no two primitives share it.

        Raises:
            TypeError: The value has another type, or an option is unknown.
            ValueError: A value is invalid.
        """
        if not isinstance(value, Mapping | cls):
            raise TypeError(f"{cls._taker} must be a mapping of names to values, not {value!r}.")
        return cls.checked(dict(value))

    @field_validator("num_randomizations", "shots_per_randomization", mode="before", check_fields=False)
    @classmethod
    def _are_counts(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str) and value == "auto":
            return value
        return whole_number(value, f'{cls._section}{info.field_name} must be a positive integer or "auto"')

    if not TYPE_CHECKING:  # type checkers would accept any name

        def __getattr__(self, name: str) -> Any:
            if name in self._refused:
                raise AttributeError(f"{self._taker} has no option {name!r}: {self._refused[name]}")
            return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        name = self._aliases.get(name, name)
        self._check_name(name)
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            raise ValueError(readable(error, self._section)) from None


def _merged(options: ChangeableOptions, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of options after changes, which name the options of sections to change."""
    merged = dict(options)
    for name, value in changes.items():
        current = merged.get(name)
        if isinstance(current, ChangeableOptions) and isinstance(value, Mapping):
            merged[name] = _merged(current, value)
        else:
            merged[name] = value
    return merged


def _factors(value: Any, info: ValidationInfo) -> Any:
    """Return several numbers as floats, or `auto`."""
    if isinstance(value, str) and value == "auto":
        return value
    given = list(value) if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else []
    try:
        factors = reals([] if any(isinstance(each, bool | np.bool_) for each in given) else given)
    except (TypeError, ValueError):
        factors = np.zeros(0)
    if factors.ndim != 1 or not len(factors) or not np.isfinite(factors).all():
        raise ValueError(f'resilience.zne.{info.field_name} must be finite numbers or "auto", not {value!r}.')
    return tuple(factors.tolist())


Count = int | Literal["auto"]
Factors = Annotated[tuple[float, ...] | Literal["auto"], BeforeValidator(_factors)]


class DynamicalDecoupling(ChangeableOptions):
    """Pulses on idle qubits that undo slow dephasing.

    Attributes:
        enable: Whether to insert the pulses. They also replace delays that the circuit has on purpose, so leave it off
            for experiments that measure T1 or T2.
        sequence_type: `XX`, `XpXm` or `XY4`.
        extra_slack_distribution: Where to put the rest that does not divide evenly: in the `middle`, or at the `edges`.
        scheduling_method: Whether gates are as late as possible (`alap`), or as soon as possible (`asap`).
        skip_reset_qubits: Whether to leave qubits alone before their first gate, while they are in `|0>`; by default
            True, where qiskit-ibm-runtime has False.
    """

    _taker = "dynamical_decoupling"
    _section = "dynamical_decoupling."

    enable: bool = False
    sequence_type: Literal["XX", "XpXm", "XY4"] = "XX"
    extra_slack_distribution: Literal["middle", "edges"] = "middle"
    scheduling_method: Literal["alap", "asap"] = "alap"
    skip_reset_qubits: bool = True


class Twirling(ChangeableOptions):
    """Random Paulis that turn errors of gates and measurements into stochastic ones.

    Each randomization of a circuit is a job. The primitive's result has no flips, but the counts of a single job, as
    `provider.job` and `provider.client` return them for its own id, are those of its randomization.

    Attributes:
        enable_gates: Whether to twirl `cx` gates; None leaves it to `resilience_level`.
        enable_measure: Whether to flip measured qubits at random and undo it in the outcomes; None leaves it to
            `resilience_level`.
        num_randomizations: Number of randomizations of each circuit. `"auto"` takes 8 for measurements alone and 16
            with gates, fewer if each would have fewer than 64 shots. It must be even where measurements are twirled to
            mitigate readout errors.
        shots_per_randomization: Number of shots of each. `"auto"` divides the shots of the PUB; a number takes the
            place of these together with `num_randomizations`.
        strategy: The qubits to twirl in each layer of gates: `active`, those of its gates.
    """

    _taker = "twirling"
    _section = "twirling."
    _refused: ClassVar[Mapping[str, str]] = {"group": "gates are twirled by all pairs of Paulis, IBM's 'pauli'."}

    enable_gates: bool | None = None
    enable_measure: bool | None = None
    num_randomizations: Count = "auto"
    shots_per_randomization: Count = "auto"
    strategy: Literal["active"] = "active"

    @field_validator("strategy", mode="before")
    @classmethod
    def _is_active(cls, strategy: Any) -> Any:
        if strategy in ("active-accum", "active-circuit", "all"):
            raise ValueError(
                f"twirling.strategy={strategy!r} also twirls idle qubits, which is not supported; use 'active', which "
                "twirls the qubits of each gate."
            )
        return strategy


class MeasureNoiseLearning(ChangeableOptions):
    """The calibration circuits of readout mitigation; one calibration serves all PUBs of a run.

    Attributes:
        num_randomizations: With twirled measurements, the number of calibration circuits, an even one; `"auto"` takes
            twirling's, or 8 if that is `"auto"`, too. Without, there are two circuits, all qubits in `|0>` and all in
            `|1>`.
        shots_per_randomization: Number of shots of each circuit. `"auto"` takes the most shots that a circuit of the
            run has; twirled calibration circuits share these.
    """

    _taker = "resilience.measure_noise_learning"
    _section = "resilience.measure_noise_learning."

    num_randomizations: Count = "auto"
    shots_per_randomization: Count = "auto"


_MOST_NOISE = 100
"""Maximum noise factor; nothing remains of a state on any chip, and programs grow by as much."""

_PEA = "probabilistic error amplification (PEA) needs a learned noise model; use gate_folding."
_LEARNING = (
    "noise of layers is not learned here; resilience.zne_mitigation amplifies noise without a model of it, and "
    "twirling.enable_gates makes it stochastic."
)


class Zne(ChangeableOptions):
    """Extrapolation to zero noise.

    Attributes:
        noise_factors: The factors by which folding of `cx` gates amplifies their noise, from 1 to 100; `"auto"` takes
            1, 3 and 5.
        extrapolator: One or several of `linear`, `exponential`, `double_exponential`, `polynomial_degree_1` to
            `polynomial_degree_7` and `fallback`, the value of least noise. The first one that fits well is used.
        extrapolated_noise_factors: The factors at which the data have all extrapolators' values; `"auto"` takes 0 and
            `noise_factors`.
        amplifier: `gate_folding`: each `cx` becomes an odd number of them; for other factors, random ones become more.
    """

    _taker = "resilience.zne"
    _section = "resilience.zne."

    noise_factors: Factors = "auto"
    extrapolator: tuple[str, ...] = ("exponential", "linear")
    extrapolated_noise_factors: Factors = "auto"
    amplifier: Literal["gate_folding"] = "gate_folding"

    @field_validator("amplifier", mode="before")
    @classmethod
    def _is_folding(cls, amplifier: Any) -> Any:
        if amplifier == "pea":
            raise ValueError(f"resilience.zne.amplifier='pea' is not supported: {_PEA}")
        return amplifier

    @field_validator("noise_factors")
    @classmethod
    def _amplify(cls, factors: Any) -> Any:
        if factors == "auto":
            return factors
        if len(set(factors)) < max(2, len(factors)) or min(factors) < 1 or max(factors) > _MOST_NOISE:
            raise ValueError(
                f"resilience.zne.noise_factors must be two or more different numbers from 1 to {_MOST_NOISE}, not "
                f"{factors}."
            )
        return factors

    @field_validator("extrapolated_noise_factors")
    @classmethod
    def _are_not_negative(cls, factors: Any) -> Any:
        if factors != "auto" and min(factors) < 0:
            raise ValueError(f"resilience.zne.extrapolated_noise_factors must not be negative, not {factors}.")
        return factors

    @field_validator("extrapolator", mode="before")
    @classmethod
    def _are_extrapolators(cls, names: Any) -> Any:
        given = (names,) if isinstance(names, str) else tuple(names) if isinstance(names, list | tuple) else ()
        if not given or not all(name in EXTRAPOLATORS for name in given):
            raise ValueError(
                f"resilience.zne.extrapolator must be one or several of {', '.join(EXTRAPOLATORS)}, not {names!r}."
            )
        return given


class Resilience(ChangeableOptions):
    """Error mitigation of an estimator.

    Attributes:
        measure_mitigation: Whether to undo readout errors, measured by calibration circuits of the same run. None
            leaves it to `resilience_level`.
        measure_noise_learning: The calibration circuits.
        zne_mitigation: Whether to extrapolate to zero noise; None leaves it to `resilience_level`.
        zne: The extrapolation.
    """

    _taker = "resilience"
    _section = "resilience."
    _refused: ClassVar[Mapping[str, str]] = {
        "pec_mitigation": f"probabilistic error cancellation (PEC) is not supported, as {_LEARNING}",
        "pec": f"probabilistic error cancellation (PEC) is not supported, as {_LEARNING}",
        "layer_noise_learning": _LEARNING,
        "layer_noise_model": _LEARNING,
    }

    measure_mitigation: bool | None = None
    measure_noise_learning: Annotated[MeasureNoiseLearning, BeforeValidator(MeasureNoiseLearning.section)] = Field(
        default_factory=MeasureNoiseLearning
    )
    zne_mitigation: bool | None = None
    zne: Annotated[Zne, BeforeValidator(Zne.section)] = Field(default_factory=Zne)
