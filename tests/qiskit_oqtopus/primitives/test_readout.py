"""Correction of readout errors, compared with matrices and with the spread of samples."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import pytest

from oqtopus_client.errors import ResponseValidationError
from qiskit_oqtopus.primitives.broadcasting import Broadcast
from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.estimator_plan import EstimatorPlan
from qiskit_oqtopus.primitives.estimator_pubs import EstimatedPub, MeasuredPub, Mitigation
from qiskit_oqtopus.primitives.expectation import Estimate, estimates
from qiskit_oqtopus.primitives.mitigator import Mitigator
from qiskit_oqtopus.primitives.observables import Observable
from qiskit_oqtopus.primitives.readout import Readout

FACTORS = {"I": (1.0, 1.0), "Z": (1.0, -1.0), "0": (1.0, 0.0), "1": (0.0, 1.0)}
LETTERS = sorted(FACTORS)


def misreading(readout: Readout) -> np.ndarray:
    """Return the matrix from probabilities of states to those of outcomes; bit 0 is the last factor."""
    return reduce(np.kron, [np.array([[1 - a, b], [a, 1 - b]]) for a, b in reversed(readout.errors)])


def diagonal(observable: Observable) -> np.ndarray:
    """Return the observable's value in each state of the computational basis."""
    total = observable.constant
    for label, coefficient in observable.terms:
        total = total + coefficient * reduce(np.kron, [np.array(FACTORS[letter]) for letter in label])
    return total


def outcomes(counts: np.ndarray) -> Outcomes:
    """Return a histogram over all outcomes."""
    seen = np.flatnonzero(counts)
    width = int(math.log2(len(counts)))
    return Outcomes((seen[:, None] >> np.arange(width) & 1).astype(np.uint8), counts[seen])


def random_case(seed: int, width: int) -> tuple[np.random.Generator, Readout, Observable, np.ndarray]:
    """Return errors of 1 to 20 %, an observable with projectors and a constant, and a random state."""
    rng = np.random.default_rng(seed)
    readout = Readout(tuple((float(a), float(b)) for a, b in rng.uniform(0.01, 0.2, (width, 2))))
    labels = {"".join(rng.choice(LETTERS, width)): float(rng.normal()) for _ in range(4)}
    labels["Z" * width] = 0.0 if seed % 2 else 1.0
    state = np.zeros(2**width)
    match seed % 3:
        case 0:
            state[[0, -1]] = 0.5
        case 1:
            state[rng.integers(2**width)] = 1.0
        case _:
            state = rng.dirichlet(np.ones(2**width))
    return rng, readout, Observable.of(labels), state


def of_counts(observable: Observable, counts: np.ndarray, readout: Readout | None) -> Estimate:
    """Return the estimate from one measurement of all qubits."""
    measured = "Z" * int(math.log2(len(counts)))
    (found,) = estimates(observable, [(measured, [outcomes(counts)])], 1, readout)
    return found


@pytest.mark.parametrize("seed", range(24))
def test_against_the_inverse_matrix(seed: int) -> None:
    """The value is that of the quasi-probabilities, the variance a multinomial's propagated through the inverse."""
    rng, readout, observable, state = random_case(seed, 1 + seed % 6)
    counts = rng.multinomial(3000, misreading(readout) @ state)
    value, error = of_counts(observable, counts, readout)
    frequencies = counts / 3000
    weights = np.linalg.solve(misreading(readout).T, diagonal(observable))
    expected = weights @ frequencies
    variance = (weights**2 @ frequencies - expected**2) / 2999

    assert value == pytest.approx(expected, abs=1e-9)
    assert error == pytest.approx(math.sqrt(max(variance, 0.0)), rel=1e-6, abs=1e-12) or error > math.sqrt(variance)
    assert error < 1.2 * math.sqrt(variance) + 1e-12


@pytest.mark.parametrize("seed", range(12))
def test_errors_are_what_they_say(seed: int) -> None:
    """300 repetitions show no bias, and deviations as large as the standard errors."""
    rng, readout, observable, state = random_case(seed, 1 + seed // 2)
    truth = diagonal(observable) @ state
    draws = rng.multinomial(2000, misreading(readout) @ state, size=300)
    values, errors = np.array([of_counts(observable, counts, readout) for counts in draws]).T
    pulls = (values - truth) / errors

    # The mean of 300 pulls scatters by 0.06, that of their squares by 0.08.
    assert abs(pulls.mean()) < 0.25
    assert 0.7 < np.mean(pulls**2) < 1.35


def test_the_spread_of_mitigation() -> None:
    """With errors of 10 %, ZZZZ spreads 1.25^4 times as much as a parity, and a precision takes shots accordingly."""
    readout = Readout(((0.1, 0.1),) * 4)
    observable = Observable.of({"ZZZZ": 1.0})
    state = np.full(16, 1 / 16)
    rng = np.random.default_rng(4)
    draws = rng.multinomial(1000, misreading(readout) @ state, size=400)
    values, errors = np.array([of_counts(observable, counts, readout) for counts in draws]).T

    assert errors == pytest.approx(1.25**4 / math.sqrt(1000), rel=0.02)
    assert values.std() == pytest.approx(1.25**4 / math.sqrt(1000), rel=0.12)
    assert Mitigator(readout, sent_as_is=True).amplification([observable], 0) == pytest.approx(1.25**4)


@pytest.mark.parametrize("seed", range(20))
def test_amplification_is_a_bound(seed: int) -> None:
    """No state gives one shot a larger spread, for an observable of norm 1."""
    _, readout, observable, _ = random_case(seed, 1 + seed % 5)
    terms = [(label, c / sum(abs(c) for _, c in observable.terms)) for label, c in observable.terms]
    scaled = Observable(tuple(terms), 0.0)
    weights = np.linalg.solve(misreading(readout).T, diagonal(scaled))
    second = misreading(readout).T @ weights**2
    worst = math.sqrt(second.max())

    for sent_as_is in (True, False):
        assert Mitigator(readout, sent_as_is=sent_as_is).amplification([scaled], 0) >= worst - 1e-12
    assert Mitigator(readout, sent_as_is=True).amplification([Observable.of({})], 0) == 1.0


@pytest.mark.parametrize("chance", [0.001, 0.01])
def test_rare_misreadings(chance: float) -> None:
    """With rare misreadings, deviations stay within the standard errors, which are never zero."""
    readout = Readout(((chance, chance),) * 2)
    observable = Observable.of({"ZZ": 1.0})
    draws = np.random.default_rng(2).multinomial(100, misreading(readout)[:, 0], size=500)
    values, errors = np.array([of_counts(observable, counts, readout) for counts in draws]).T

    assert errors.min() > 0
    assert np.mean(((values - 1) / errors) ** 2) < 1.3


def test_of_the_qubits_that_were_measured() -> None:
    """Each outcome uses the errors of the qubits it was measured on, which may differ between jobs."""
    readout = Readout(((0.0, 0.0), (0.1, 0.2), (0.25, 0.25)))
    observable = Observable.of({"ZI": 1.0, "IZ": 10.0})
    one = Outcomes(np.array([[0, 1]], np.uint8), np.array([5]))

    def values(*measured: Outcomes) -> list[float]:
        return [found.value for found in estimates(observable, [("ZZ", measured)], len(measured), readout)]

    straight, crossed = values(one.measured_on([1, 2]), one.measured_on([2, 1]))
    (both,) = values(Outcomes.concatenated([one.measured_on([1, 2]), one.measured_on([2, 1])]))

    # With (p10, p01) = (0.1, 0.2), 0 counts as 0.9/0.7 and 1 as -1.1/0.7; with (0.25, 0.25) as 2 and -2.
    assert straight == pytest.approx(10 * 0.9 / 0.7 - 2)
    assert crossed == pytest.approx(10 * 2 - 1.1 / 0.7)
    assert both == pytest.approx((straight + crossed) / 2)
    for impossible in ([1], [1, 3], [-1, 0]):
        with pytest.raises(ResponseValidationError, match="of a device of 3 qubits, which is impossible"):
            values(one.measured_on(impossible))


def test_without_mitigation() -> None:
    """Errors of zero change neither values nor standard errors."""
    counts = np.array([40, 0, 0, 60])
    for observable in (Observable.of({"ZI": 1.0, "IZ": -1.0}), Observable.of({"0I": 2.0, "ZZ": 1.0})):
        plain = of_counts(observable, counts, None)
        assert of_counts(observable, counts, Readout(((0.0, 0.0), (0.0, 0.0)))) == plain
    assert of_counts(Observable.of({"ZI": 1.0, "IZ": -1.0}), counts, None) == (0.0, 0.0)


@pytest.mark.parametrize("seed", range(12))
def test_operators_that_hold_the_inverse(seed: int) -> None:
    """The operator that a server estimates from raw counts has the observable's value in every state."""
    _, readout, observable, _ = random_case(seed, 1 + seed % 4)
    paulis = observable.as_paulis()
    mitigation, (sent,) = Mitigator(readout, sent_as_is=True).for_server([paulis], 0)

    assert mitigation.by == "client"
    assert misreading(readout).T @ diagonal(sent) == pytest.approx(diagonal(observable))
    # Its least error is no larger than that of any state, added up over terms.
    squares = np.zeros(len(diagonal(sent)))
    for label, c in paulis.terms:
        weights = np.linalg.solve(misreading(readout).T, diagonal(Observable.of({label: 1.0})))
        squares += abs(c) * np.sqrt(misreading(readout).T @ weights**2 - 1)
    assert 0 < mitigation.spreads[0] <= squares.min() + 1e-9


def test_least_error_of_an_estimation() -> None:
    """A standard error of 0 from the server is raised to a bound; a larger one is kept."""
    observable = Observable.of({"ZZ": 1.0})
    pub = EstimatedPub(
        broadcast=Broadcast((2,), ()),
        observables=(observable,),
        shots=100,
        precision=0.1,
        mitigation=Mitigation("client", (0.5,)),
    )
    readout = Readout(((0.1, 0.1),) * 2, "2026-11-01T00:00:00+00:00")
    result = pub.finish(iter([Estimate(1.02, 0.0), Estimate(0.9, 0.2)]), readout)

    assert result.data.stds.tolist() == [0.05, 0.2]
    assert result.metadata["mitigated_by"] == "client"
    assert result.metadata["calibrated_at"] == "2026-11-01T00:00:00+00:00"


def test_as_json() -> None:
    """A plan keeps its readout errors in JSON; the JSON of a plan without mitigation is unchanged."""
    fields: dict[str, Any] = {
        "broadcast": Broadcast((), ()),
        "observables": (Observable.of({"Z": 1.0}),),
        "shots": 10,
        "precision": 0.3,
    }
    pub = MeasuredPub(**fields, measurements=(("Z",),))
    readout = Readout(((0.1, 0.2), None), None)
    for plan in (
        EstimatorPlan((pub, EstimatedPub(**fields))),
        EstimatorPlan((replace(pub, mitigation=Mitigation("client")),), readout),
        EstimatorPlan((EstimatedPub(**fields, mitigation=Mitigation("server", (1.5,))),), readout),
    ):
        assert EstimatorPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert set(EstimatorPlan((pub,)).to_json()) == {"pubs"}
    assert len(pub.to_json()) == 8


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ((), "PUB 3: The device publishes no readout errors, so none can be mitigated."),
        (
            ((0.1, 0.1), None),
            "PUB 3: The device publishes no readout errors for its qubit 1, so they cannot be mitigated.",
        ),
        (
            ((0.1, 0.1), (0.5, 0.4999)),
            "PUB 3: Qubit 1 of the device reads 1 from state 0 with probability 0.5 and 0 from",
        ),
    ],
    ids=["none", "gap", "singular"],
)
def test_errors_that_cannot_be_undone(errors: tuple, message: str) -> None:
    """They are refused before submission; other qubits matter only if the server may choose them."""
    readout = Readout(errors)
    for sent_as_is in (True, False):
        with pytest.raises(ValueError, match=message):
            Mitigator(readout, sent_as_is=sent_as_is).check([Observable.of({"ZI": 1.0})], 3)
        Mitigator(readout, sent_as_is=sent_as_is).check([Observable.of({"II": 1.0})], 3)
    if errors:
        Mitigator(readout, sent_as_is=True).check([Observable.of({"IZ": 1.0})], 3)
        with pytest.raises(ValueError, match=r"The server may choose it; use qiskit.transpile"):
            Mitigator(readout, sent_as_is=False).check([Observable.of({"IZ": 1.0})], 3)


def test_misread_more_often_than_not() -> None:
    """Errors above one half invert the outcome, which can be corrected as well."""
    readout = Readout(((0.9, 0.8),))
    counts = np.random.default_rng(1).multinomial(10_000, misreading(readout)[:, 1])
    value, error = of_counts(Observable.of({"Z": 1.0}), counts, readout)

    assert abs(value + 1) < 5 * error < 0.1


def test_much_to_undo() -> None:
    """A warning says that standard errors grow tenfold, or shots a hundredfold."""
    readout = Readout(((0.1, 0.1),) * 12)
    with pytest.warns(UserWarning, match=r"PUB 0: mitigation .* errors by up to 14.6, .* takes 212 times"):
        Mitigator(readout, sent_as_is=True).amplification([Observable.of({"Z" * 12: 1.0})], 0)


@pytest.mark.parametrize(("sent_as_is", "why"), [(True, "too many terms"), (False, "it also transpiles the circuit")])
def test_what_the_server_mitigates(sent_as_is: bool, why: str) -> None:
    """The server's errors are bounds, and a warning names its bias."""
    readout = Readout(((0.01, 0.02),) * 13)
    label = "Z" * 13 if sent_as_is else "I" * 12 + "Z"
    observable = Observable.of({label: 2.0})
    with pytest.warns(UserWarning, match=f"PUB 0: the server mitigates readout errors of its estimates.*{why}"):
        mitigation, observables = Mitigator(readout, sent_as_is=sent_as_is).for_server([observable], 0)

    assert observables == [observable]
    assert mitigation.by == "server"
    assert mitigation.spreads == pytest.approx([2 * (1.01 / 0.97) ** label.count("Z")])


def test_every_label_on_two_qubits() -> None:
    """Every product of two letters is exact."""
    readout = Readout(((0.03, 0.11), (0.2, 0.05)))
    state = np.array([0.1, 0.2, 0.3, 0.4])
    counts = misreading(readout) @ state * 1e6
    for label in map("".join, itertools.product(LETTERS, repeat=2)):
        observable = Observable.of({label: 1.5, "II": -0.25} if label != "II" else {"II": 1.0})
        assert of_counts(observable, np.rint(counts).astype(int), readout).value == pytest.approx(
            diagonal(observable) @ state if observable.terms else 1.0, abs=1e-5
        )
