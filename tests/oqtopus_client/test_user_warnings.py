"""Warnings point to the user's line, however deep in the package they are issued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit

from qiskit_oqtopus import CircuitError, OqtopusEstimator, OqtopusSampler
from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.sampler_plan import SampledPub, SamplerPlan

if TYPE_CHECKING:
    from collections.abc import Callable

    from qiskit_oqtopus import OqtopusBackend


def bell() -> QuantumCircuit:
    """A circuit that the server transpiles."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


CALLS: dict[str, tuple[str, Callable[[OqtopusBackend], Any]]] = {
    "run, mitigation": ("readout errors", lambda backend: backend.run(bell(), mitigation="pseudo_inverse")),
    "run, noise model": ("noise_model is", lambda backend: backend.run(bell(), noise_model="any")),
    "run, unmeasured": (
        "has no measurements",
        lambda backend: backend.run(QuantumCircuit(1, 1), memory=True),
    ),
    "sampler, mitigation": (
        "readout errors",
        lambda backend: OqtopusSampler(backend, mitigation="pseudo_inverse").run([bell()]),
    ),
    "sampler, no registers": (
        "no classical registers",
        lambda backend: OqtopusSampler(backend).run([QuantumCircuit(1)]),
    ),
    "estimator": (
        "the server mitigates",
        lambda backend: OqtopusEstimator(backend, mitigation="pseudo_inverse", route="estimation").run(
            [(bell(), "ZZ")]
        ),
    ),
}


@pytest.mark.parametrize(("message", "call"), CALLS.values(), ids=CALLS)
def test_line_of_the_call(backend: OqtopusBackend, message: str, call: Callable[[OqtopusBackend], Any]) -> None:
    """The warning's location is in this file."""
    with pytest.warns(UserWarning, match=message) as caught:
        call(backend)

    assert {warning.filename for warning in caught} == {__file__}


def test_line_of_the_result() -> None:
    """Lost shots are found when the result is read, and reported there."""
    pub = SampledPub((), 100, (("c", (0,)),), measured=True)
    outcomes = Outcomes.from_bitstrings({"0": 50}, [0], 1)
    with pytest.warns(UserWarning, match="50 of 100 shots") as caught:
        SamplerPlan((pub,), seed=1).finish([outcomes])

    assert caught[0].filename == __file__


def test_measurements_before_gates(backend: OqtopusBackend) -> None:
    """The error names a way to defer measurements that an estimator's user has, too."""
    circuit = QuantumCircuit(1)
    circuit.add_register(ClassicalRegister(1, "c"))
    circuit.measure(0, 0)
    circuit.h(0)
    with pytest.raises(CircuitError, match=r"or use qiskit_oqtopus.defer_measurements\(circuit\)"):
        OqtopusEstimator(backend).run([(circuit, "Z")])
