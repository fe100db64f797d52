"""Warnings about jobs that servers would run in silence, but not as intended."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest

from oqtopus_client import OqtopusJobSpec
from tests.support.circuits import BELL

SILENT = "OPENQASM 3; qubit q; bit c;"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"simulator_info": {"seed": 3}}, "simulator_info has the unknown key 'seed'. Did you mean 'seed_simulation'?"),
        ({"simulator_info": {"Seed-Simulator": 3}}, "Did you mean 'seed_simulation'?"),
        ({"transpiler_info": {"transpile_lib": None}}, "'transpile_lib'. Did you mean 'transpiler_lib'?"),
        ({"transpiler_info": {"options": {}}}, "'options'. Did you mean 'transpiler_options'?"),
        ({"mitigation_info": {"readout_error_mitigation": "x"}}, "Did you mean 'ro_error_mitigation'?"),
        ({"mitigation_info": {"ro_error_mitigation": "pseudo-inverse"}}, "mitigate nothing. Did you mean 'pseudo_inv"),
        ({"program": SILENT}, "The program measures nothing"),
        ({"job_type": "multi_manual", "program": [SILENT, SILENT]}, "The program measures nothing"),
    ],
)
def test_doubts(settings: dict[str, Any], said: str) -> None:
    """Each warning points to the line that makes the job, and says what was probably meant."""
    with pytest.warns(UserWarning, match=re.escape(said)) as caught:
        OqtopusJobSpec(**{"device_id": "qulacs", "job_type": "sampling", "program": BELL, **settings})

    (warning,) = caught
    assert warning.filename == __file__


@pytest.mark.parametrize(
    "settings",
    [
        {"transpiler_info": {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}},
        {"transpiler_info": {"qubit_allocation": {}, "skip_transpilation": True, "seed_transpilation": 1}},
        {"simulator_info": {"n_qubits": 2, "n_nodes": 1, "n_per_node": 1, "seed_simulation": 1, "simulation_opt": {}}},
        {"mitigation_info": {"ro_error_mitigation": "least_square"}},
        {"mitigation_info": {"zero_noise": 3, 5: 1}},
        {"job_type": "multi_manual", "program": [SILENT, BELL]},
        {"job_type": "sse", "program": "print(1)"},
        {"job_type": "estimation", "program": SILENT, "operator": [{"pauli": "Z 0"}]},
    ],
)
def test_no_doubts(settings: dict[str, Any]) -> None:
    """Known keys, keys of other servers, and programs that need no measurement are accepted in silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OqtopusJobSpec(**{"device_id": "qulacs", "job_type": "sampling", "program": BELL, **settings})
