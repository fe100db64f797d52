"""`effective`: the steps that a level and options amount to, without any device."""

from __future__ import annotations

import re
from typing import Any

import pytest

from qiskit_oqtopus.primitives.options import EstimatorOptions, SamplerOptions
from qiskit_oqtopus.primitives.suppression.extrapolation import Extrapolation
from qiskit_oqtopus.primitives.suppression.steps import Learning, Steps

ZNE = Extrapolation((1.0, 3.0, 5.0), ("exponential", "linear"), (0.0, 1.0, 3.0, 5.0))


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, Steps()),
        ({"resilience_level": 1}, Steps(learning=Learning(twirled=False))),
        (
            {"resilience_level": 1, "twirling": {"enable_measure": True}},
            Steps(learning=Learning(twirled=True), twirl_measure=True),
        ),
        (
            {"resilience_level": 1, "twirling": {"enable_measure": True, "num_randomizations": 2}},
            Steps(learning=Learning(True, num_randomizations=2), twirl_measure=True, num_randomizations=2),
        ),
        (
            {"resilience_level": 2},
            Steps(extrapolation=ZNE, learning=Learning(twirled=True), twirl_gates=True, twirl_measure=True),
        ),
        (
            {"resilience_level": 2, "twirling": {"enable_gates": False, "enable_measure": False}},
            Steps(extrapolation=ZNE, learning=Learning(twirled=False)),
        ),
        (
            {"resilience_level": 2, "resilience": {"measure_mitigation": False, "zne_mitigation": False}},
            Steps(twirl_gates=True, twirl_measure=True),
        ),
        ({"resilience": {"zne_mitigation": True}}, Steps(extrapolation=ZNE)),
        (
            {"twirling": {"enable_gates": True, "num_randomizations": 4, "shots_per_randomization": 100}},
            Steps(twirl_gates=True, num_randomizations=4, shots_per_randomization=100),
        ),
        (
            {
                "resilience": {
                    "zne_mitigation": True,
                    "zne": {
                        "noise_factors": [1, 2],
                        "extrapolator": "fallback",
                        "extrapolated_noise_factors": [0.5, 0],
                    },
                }
            },
            Steps(extrapolation=Extrapolation((1.0, 2.0), ("fallback",), (0.5, 0.0))),
        ),
    ],
)
def test_steps(options: dict[str, Any], steps: Steps) -> None:
    """The level fills in what is None; twirled measurements change how readout errors are calibrated."""
    assert EstimatorOptions.of(options).steps == steps
    assert bool(steps) == bool(options)


def test_decoupling() -> None:
    """No level includes decoupling; estimators and samplers have it with its options."""
    given = {"dynamical_decoupling": {"enable": True, "sequence_type": "XY4"}}
    for options in (EstimatorOptions.of(given), SamplerOptions.of(given)):
        assert options.steps.decoupling == options.dynamical_decoupling
        assert options.steps
    assert EstimatorOptions(resilience_level=2).steps.decoupling is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"resilience_level": 1, "twirling": {"num_randomizations": 32}},
            "twirling.num_randomizations=32 has no effect, as nothing is twirled",
        ),
        (
            {"resilience_level": 1, "resilience": {"measure_noise_learning": {"num_randomizations": 32}}},
            "resilience.measure_noise_learning.num_randomizations=32 needs twirled measurements",
        ),
        (
            {"resilience_level": 1, "twirling": {"enable_measure": True, "num_randomizations": 1}},
            "twirling.num_randomizations=1 is odd, but mitigation of readout errors with twirled measurements needs",
        ),
        (
            {"resilience_level": 2, "resilience": {"measure_noise_learning": {"num_randomizations": 3}}},
            "resilience.measure_noise_learning.num_randomizations=3 is odd",
        ),
        (
            {"resilience_level": 2, "resilience": {"zne": {"extrapolator": ["linear", "double_exponential"]}}},
            "The extrapolator double_exponential needs 4 different noise factors, not [1.0, 3.0, 5.0].",
        ),
    ],
)
def test_contradictions(options: dict[str, Any], message: str) -> None:
    """Options that cannot be meant together are refused."""
    with pytest.raises(ValueError, match=re.escape(message)):
        EstimatorOptions.of(options).steps  # noqa: B018 - the property raises
