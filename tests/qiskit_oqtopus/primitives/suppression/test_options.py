"""Options of suppression and mitigation: names, values, changes, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from qiskit_oqtopus.primitives.options import EstimatorOptions, SamplerOptions


def test_defaults() -> None:
    """Nothing is done about errors by default, and no two options share a section."""
    one, other = EstimatorOptions(), EstimatorOptions()
    one.resilience.zne.noise_factors = (1, 2)
    copied = EstimatorOptions.of(one)
    copied.twirling.enable_gates = True

    assert not other.steps
    assert not SamplerOptions().steps
    assert (other.resilience.zne.noise_factors, one.twirling.enable_gates) == ("auto", None)
    assert copied.resilience.zne.noise_factors == (1.0, 2.0)


def test_every_way_to_set_options() -> None:
    """Sections are assigned, changed by name, or updated, which keeps what is not named."""
    options = EstimatorOptions.of(
        {"resilience": {"zne": {"extrapolator": "linear"}}}, twirling={"enable_measure": True}
    )
    options.update(resilience_level=2, resilience={"zne": {"noise_factors": np.array([1, 1.5])}})
    options.dynamical_decoupling.enable = True
    assert options.resilience.zne.extrapolator == ("linear",)
    assert options.resilience.zne.noise_factors == (1.0, 1.5)
    assert options.twirling.enable_measure is True

    with pytest.raises(ValueError, match="noise_factors must be"):
        options.update(resilience_level=1, resilience={"zne": {"noise_factors": [1]}})
    assert options.resilience_level == 2
    options.resilience = {"zne_mitigation": False}  # type: ignore[assignment]
    assert options.resilience.zne.noise_factors == "auto"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"resilience_levl": 1}, TypeError, "Did you mean 'resilience_level' or 'resilience'?"),
        ({"resilience_level": 3}, ValueError, "resilience_level must be 0, 1 or 2, not 3."),
        ({"resilience_level": "1"}, TypeError, "resilience_level must be 0, 1 or 2, not '1'."),
        ({"resilience_level": True}, TypeError, "resilience_level must be 0, 1 or 2, not True."),
        ({"seed_simulator": 7}, TypeError, "no option 'seed_simulator': use seed."),
        ({"resilience_level": np.True_}, TypeError, "resilience_level must be 0, 1 or 2, not True."),
        ({"resilience": {"zne_mitigaton": True}}, TypeError, "resilience has no option 'zne_mitigaton'. Did you mean"),
        ({"resilience": {"zne": {"factors": [1, 2]}}}, TypeError, "resilience.zne has no option 'factors'. Did you"),
        ({"resilience": {"measure_noise_learning": {"shots": 1}}}, TypeError, "measure_noise_learning has no option"),
        ({"dynamical_decoupling": {"sequence": "XX"}}, TypeError, "Did you mean 'sequence_type'?"),
        ({"dynamical_decoupling": {"sequence_type": "XYXY"}}, ValueError, "'XX', 'XpXm' or 'XY4', not 'XYXY'"),
        (
            {"dynamical_decoupling": True},
            TypeError,
            "dynamical_decoupling must be a mapping of names to values, not T",
        ),
        ({"twirling": {"enable_gate": True}}, TypeError, "Did you mean 'enable_gates'"),
        ({"twirling": {"enable_gates": 1}}, ValueError, "twirling.enable_gates must be a valid boolean"),
        (
            {"twirling": {"num_randomizations": 0}},
            ValueError,
            'twirling.num_randomizations must be a positive integer or "auto"',
        ),
        ({"twirling": {"num_randomizations": 2.5}}, TypeError, "twirling.num_randomizations must be a positive"),
        (
            {"twirling": {"strategy": "all"}},
            ValueError,
            "also twirls idle qubits, which is not supported; use 'active'",
        ),
        ({"twirling": {"strategy": ["active"]}}, ValueError, "twirling.strategy must be 'active', not ["),
        ({"twirling": {"strategy": "some"}}, ValueError, "twirling.strategy must be 'active', not 'some'."),
        (
            {"twirling": {"group": "local_c1"}},
            TypeError,
            "twirling has no option 'group': gates are twirled by all pai",
        ),
        (
            {"resilience": {"zne": {"noise_factors": [0.5, 2]}}},
            ValueError,
            "different numbers from 1 to 100, not (0.5,",
        ),
        ({"resilience": {"zne": {"noise_factors": [1]}}}, ValueError, "two or more different numbers"),
        ({"resilience": {"zne": {"noise_factors": [3, 3]}}}, ValueError, "two or more different numbers"),
        ({"resilience": {"zne": {"noise_factors": [1, 1e12]}}}, ValueError, "from 1 to 100"),
        ({"resilience": {"zne": {"noise_factors": 3}}}, ValueError, "resilience.zne.noise_factors must be finite"),
        ({"resilience": {"zne": {"noise_factors": ["1", "3"]}}}, ValueError, "must be finite numbers"),
        ({"resilience": {"zne": {"noise_factors": [True, 3]}}}, ValueError, "must be finite numbers"),
        ({"resilience": {"zne": {"noise_factors": [1, float("nan")]}}}, ValueError, "must be finite numbers"),
        (
            {"resilience": {"zne": {"extrapolated_noise_factors": [-1]}}},
            ValueError,
            "must not be negative, not (-1.0,)",
        ),
        ({"resilience": {"zne": {"extrapolator": "cubic"}}}, ValueError, "one or several of linear, exponential"),
        ({"resilience": {"zne": {"extrapolator": [["linear"]]}}}, ValueError, "one or several of linear, exponential"),
        ({"resilience": {"zne": {"extrapolator": []}}}, ValueError, "one or several of linear, exponential"),
        (
            {"resilience": {"zne": {"amplifier": "pea"}}},
            ValueError,
            "probabilistic error amplification (PEA) needs a le",
        ),
        (
            {"resilience": {"pec_mitigation": True}},
            TypeError,
            "probabilistic error cancellation (PEC) is not supported",
        ),
        ({"resilience": {"pec": {}}}, TypeError, "probabilistic error cancellation (PEC) is not supported"),
        ({"resilience": {"layer_noise_model": []}}, TypeError, "noise of layers is not learned here"),
        ({"resilience": {"layer_noise_learning": {}}}, TypeError, "noise of layers is not learned here"),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    """A wrong name or value is refused at construction, with similar names or the allowed values."""
    with pytest.raises(error, match=re.escape(message)):
        EstimatorOptions.of(options)


def test_numpy_scalars() -> None:
    """NumPy's numbers and booleans are as good as Python's."""
    options = EstimatorOptions.of(
        {"seed": np.int64(5), "resilience_level": np.uint8(1), "dynamical_decoupling": {"enable": np.True_}}
    )
    options.twirling.enable_gates = np.False_  # type: ignore[assignment]

    assert (options.seed, options.resilience_level) == (5, 1)
    assert options.dynamical_decoupling.enable is True
    assert options.twirling.enable_gates is False


def test_no_mitigation_in_samplers() -> None:
    """A sampler says why it has no resilience."""
    with pytest.raises(TypeError, match="OqtopusSampler has no option 'resilience_level': samplers return outcomes"):
        SamplerOptions.of({"resilience_level": 1})
