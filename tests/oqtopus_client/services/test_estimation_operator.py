"""Terms of an observable: text that a server would silently take for the identity is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from oqtopus_client import OqtopusEstimationOperator, OqtopusJobSpec
from oqtopus_client.rest.models import JobsS3OperatorItem
from tests.support.circuits import BELL


@pytest.mark.parametrize("pauli", ["X 0 Y 1", "X0 Y1", "X0Y1", "X 0Y 1", "X 00 Y 01"])
def test_spellings(pauli: str) -> None:
    """All spellings that servers read alike are sent in one form."""
    assert OqtopusEstimationOperator(pauli, 1.5).to_model().to_dict() == {"pauli": "X 0 Y 1", "coeff": 1.5}


@pytest.mark.parametrize(("pauli", "sent"), [("I", "I"), ("I 0", "I 0"), ("Z10", "Z 10")])
def test_identity_and_large_indices(pauli: str, sent: str) -> None:
    """The identity has two spellings; a coefficient is always sent, as servers fail without."""
    assert OqtopusEstimationOperator(pauli).to_model().to_dict() == {"pauli": sent, "coeff": 1.0}


@pytest.mark.parametrize("pauli", ["XX", "x 0", "", "X", "X 0,Y 1", "X -1", "W 0", "X 0 Y 1 ", "X 0 X 0", "X 1 Y 01"])
def test_bad_paulis(pauli: str) -> None:
    """The message for an invalid Pauli string contains it."""
    with pytest.raises(ValueError, match="pauli") as caught:
        OqtopusEstimationOperator(pauli, 1.0)

    assert repr(pauli) in str(caught.value)


@pytest.mark.parametrize("coeff", [1j, "1", True, [1.0]])
def test_coefficients_that_are_no_real_numbers(coeff: Any) -> None:
    """Coefficients that are not real numbers are refused."""
    with pytest.raises(TypeError, match="coeff must be a real number"):
        OqtopusEstimationOperator("X 0", coeff)


@pytest.mark.parametrize("coeff", [float("nan"), float("inf")])
def test_coefficients_that_are_not_finite(coeff: float) -> None:
    """Coefficients that are not finite are refused, as JSON cannot contain them."""
    with pytest.raises(ValueError, match="coeff must be finite"):
        OqtopusEstimationOperator("X 0", coeff)


@pytest.mark.parametrize("coeff", [2, np.float64(2), np.int64(2), Fraction(2)])
def test_any_real_number(coeff: Any) -> None:
    """Coefficients may be real numbers of any type, such as numpy's."""
    assert OqtopusEstimationOperator("X 0", coeff).to_model().coeff == 2.0


def test_round_trip() -> None:
    """An operator is unchanged by a round trip to the wire."""
    term = OqtopusEstimationOperator("X 0 Z 3", -0.5)

    assert OqtopusEstimationOperator.from_model(term.to_model()) == term


@pytest.mark.parametrize(
    "term",
    [{"pauli": "X0", "coeff": 2}, JobsS3OperatorItem(pauli="X0", coeff=2), OqtopusEstimationOperator("X0", 2)],
)
def test_forms_of_a_term(term: Any) -> None:
    """A term may have any of the three forms in the reference."""
    job = OqtopusJobSpec.estimation(device_id="qulacs", program=BELL, operator=[term])

    assert job.to_s3_submit_job_info().to_dict()["operator"] == [{"pauli": "X 0", "coeff": 2.0}]


@pytest.mark.parametrize("operator", [None, [], "X 0", [5], [{"pauli": "XX"}], [{"pauly": "X 0"}]])
def test_bad_operators(operator: Any) -> None:
    """Invalid operators, or none, of an estimation job are refused."""
    with pytest.raises((TypeError, ValueError), match=r"operator|pauli|pauly"):
        OqtopusJobSpec.estimation(device_id="qulacs", program=BELL, operator=operator)


def test_operator_of_another_job() -> None:
    """An operator of a sampling job is refused, as it would be ignored."""
    with pytest.raises(ValueError, match="operator is for estimation jobs only, not for type 'sampling'"):
        OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, operator=[OqtopusEstimationOperator("X 0")])


def test_other_kinds_of_jobs() -> None:
    """multi_manual jobs take several programs, and sse jobs source code."""
    multi = OqtopusJobSpec.multi_manual(device_id="qulacs", program=[BELL, BELL])
    sse = OqtopusJobSpec.sse(device_id="qulacs", program="print(1)")

    assert multi.to_s3_submit_job_info().to_dict() == {"program": [BELL, BELL]}
    assert sse.to_s3_submit_job_info().to_dict() == {"sse_program": "print(1)"}
    assert (multi.job_type, sse.job_type) == ("multi_manual", "sse")
