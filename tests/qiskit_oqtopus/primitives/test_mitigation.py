"""Readout mitigation on a device with readout errors: values, standard errors, and metadata."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from oqtopus_client.emulator import EmulatedDevice, Emulator
from qiskit_oqtopus import OqtopusBackend, OqtopusEstimator, OqtopusJobError, OqtopusProvider, OqtopusSampler
from qiskit_oqtopus.primitives import readout
from tests.support.lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ERRORS = ((0.02, 0.04), (0.2, 0.1), (0.05, 0.15), (0.1, 0.1), (0.0, 0.25))


@pytest.fixture(scope="module")
def line() -> Iterator[OqtopusBackend]:
    """A device of five qubits with different readout errors."""
    device = EmulatedDevice.from_device_info(line_of(ERRORS), device_id="line")
    with Emulator(":memory:", devices=[device]) as emulator, OqtopusProvider(emulator.config) as provider:
        yield provider.get_backend("line")


def ghz(width: int) -> QuantumCircuit:
    """Return a circuit that prepares a GHZ state."""
    circuit = QuantumCircuit(width)
    circuit.h(0)
    for i in range(1, width):
        circuit.cx(i - 1, i)
    return circuit


def settings(backend: OqtopusBackend, job: Any) -> list[dict[str, Any]]:
    """Return the mitigation settings that each job was submitted with."""
    return [dict(backend.provider.client.get_job(job_id).mitigation_info or {}) for job_id in job.job_ids]


@pytest.mark.parametrize(("route", "repeats"), [("sampling", 6), ("estimation", 3)])
def test_values_and_errors(line: OqtopusBackend, route: str, repeats: int) -> None:
    """Values deviate by as much as their standard errors say, and the precision is reached."""
    circuit = transpile(ghz(4), line, initial_layout=[1, 2, 3, 4], optimization_level=1)
    labels = ["ZZZZ", "IZZI", "ZIII", "XXXX", "0000", "1IIl"]
    observables = [SparsePauliOp(label).apply_layout(circuit.layout) for label in labels[:4]]
    laid_out = [{f"{label}I": 1.0} for label in labels[4:]]
    job = OqtopusEstimator(line, route=route, mitigation="pseudo_inverse").run(
        [(circuit, [*observables, *laid_out])] * repeats, precision=0.05
    )
    results = job.result()
    values, errors = (np.array([result.data[name] for result in results]) for name in ("evs", "stds"))
    pulls = (values - [1, 1, 0, 1, 0.5, 0.25]) / errors

    assert settings(line, job) == [{}] * len(job.job_ids)
    assert results[0].metadata["mitigated_by"] == "client"
    assert results[0].metadata["target_precision"] == 0.05
    assert np.abs(pulls).max() < 6
    assert abs(pulls.mean()) < 0.6
    assert np.mean(pulls**2) < 2
    assert np.sqrt(np.mean((values - [1, 1, 0, 1, 0.5, 0.25]) ** 2)) < 0.05 * 1.4
    if route == "sampling":
        assert np.mean(pulls[:, [0, 2, 3]] ** 2) > 0.3
        assert errors.max() <= 0.05 * 1.05


def test_where_the_server_transpiles(line: OqtopusBackend) -> None:
    """The errors of the qubits that the server's transpiler chose are used; others would be off by a third."""
    circuit = ghz(3)
    options = {"initial_layout": [4, 3, 2], "optimization_level": 1}
    estimator = OqtopusEstimator(line, mitigation="pseudo_inverse", transpiler_options=options, max_shots=2500)
    job = estimator.run([(circuit, ["IIZ", {"IZZ": 1.0, "ZZI": 1.0}])], shots=20_000)
    result = job.result()[0]

    assert settings(line, job) == [{}] * 8
    assert (result.metadata["route"], result.metadata["mitigated_by"]) == ("sampling", "client")
    assert np.all(np.abs(result.data.evs - [0, 2]) < 5 * result.data.stds)
    assert np.all(result.data.stds < 0.03)
    # <Z> of qubit 4, which misreads a quarter of the ones, is 0.25 as read.
    unmitigated = OqtopusEstimator(line, transpiler_options=options).run([(circuit, "IIZ")], shots=20_000).result()[0]
    assert abs(unmitigated.data.evs - 0.25) < 5 * unmitigated.data.stds


def test_qubits_that_the_server_does_not_tell(line: OqtopusBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error is raised if the server does not report the qubits."""
    job = OqtopusEstimator(line, mitigation="pseudo_inverse").run([(ghz(2), "ZZ")], shots=10)
    monkeypatch.setattr(job._run.batch, "transpile_results", lambda: [None])  # type: ignore[attr-defined]
    with pytest.raises(OqtopusJobError, match="does not report which qubits it measured"):
        job.result()


def test_estimation_where_the_server_transpiles(line: OqtopusBackend) -> None:
    """The server mitigates, as metadata and a warning say, and its errors are bounds by the worst qubits."""
    estimator = OqtopusEstimator(line, route="estimation", mitigation="pseudo_inverse")
    with pytest.warns(
        UserWarning, match="Its values are biased, the more so the more qubits are measured, and stds are upper"
    ):
        job = estimator.run([(ghz(2), {"ZZ": 1.0, "XX": 2.0, "II": 1.0})], shots=4000)
    result = job.result()[0]

    assert settings(line, job) == [{"ro_error_mitigation": "pseudo_inverse"}]
    assert result.metadata["mitigated_by"] == "server"
    # The worst two: 1.1/0.7 and 1.25/0.75.
    assert result.data.stds == pytest.approx(3 * (1.1 / 0.7) * (1.25 / 0.75) / math.sqrt(4000))
    assert abs(result.data.evs - 4) < 5 * result.data.stds


def test_shots_of_a_precision(line: OqtopusBackend) -> None:
    """A precision takes the shots that the worst observable needs; an explicit number of shots is kept."""
    circuit = transpile(QuantumCircuit(5), line, optimization_level=0)
    estimator = OqtopusEstimator(line, mitigation="pseudo_inverse")
    observables = [{"IIIIZ": 1.0}, {"IZIII": 1.0, "ZIIII": 3.0}]
    factor = (1.25 + 3 * 1.25 / 0.75) / 4
    by_precision, by_shots = (
        estimator.run([(circuit, observables)], **given).result()[0].metadata
        for given in ({"precision": 0.1}, {"shots": 100})
    )

    assert (by_precision["shots"], by_precision["target_precision"]) == (math.ceil(100 * factor**2), 0.1)
    assert by_shots["shots"] == 100
    assert by_shots["target_precision"] == pytest.approx(0.1 * factor)
    with pytest.raises(ValueError, match=r"would take 5.*e\+09 shots.* Mitigation takes 2.78 times the shots"):
        estimator.run([(circuit, "ZIIII")], precision=2.3e-5)


def test_bindings_share_what_they_measure(line: OqtopusBackend) -> None:
    """The values of a sweep are mitigated one by one."""
    circuit = QuantumCircuit(5)
    circuit.sx(3)
    circuit.rz(Parameter("t"), 3)
    circuit.sx(3)
    angles = np.linspace(0, 3, 4)
    observables = [["IZIII"], [{"IZIII": -2.0, "ZIIII": 0.0, "IIIII": 1.0}]]
    result = (
        OqtopusEstimator(line, mitigation="pseudo_inverse")
        .run([(circuit, observables, angles[:, None])], shots=5000)
        .result()[0]
    )
    unmitigated = OqtopusEstimator(line).run([(circuit, observables, angles[:, None])], shots=50).result()[0]

    assert result.data.evs.shape == (2, 4)
    assert np.all(np.abs(result.data.evs[0] + np.cos(angles)) < 5 * result.data.stds[0])
    assert result.data.evs[1] == pytest.approx(1 - 2 * result.data.evs[0])
    assert result.data.stds[1] == pytest.approx(2 * result.data.stds[0])
    assert "mitigated_by" not in unmitigated.metadata


def test_what_the_device_publishes_now() -> None:
    """The present readout errors are used, even with an older backend object, and the job stores them."""
    device = EmulatedDevice.from_device_info(line_of([(0.0, 0.0)] * 2), device_id="pair")
    with Emulator(":memory:", devices=[device]) as emulator, OqtopusProvider(emulator.config) as provider:
        pair = provider.get_backend("pair")
        emulator.calibrate("pair", line_of([(0.2, 0.2)] * 2))
        job = OqtopusEstimator(pair, mitigation="pseudo_inverse").run([(QuantumCircuit(2), "ZZ")], shots=10_000)
        here = job.result()[0]
        emulator.calibrate("pair", {**line_of([(0.4, 0.4)] * 2), "calibrated_at": "2030-01-01T00:00:00Z"})
        there = provider.job(job.job_id()).result()[0]  # type: ignore[union-attr]
        at = provider.get_backend("pair").calibrated_at

    assert abs(here.data.evs - 1) < 5 * here.data.stds < 0.2
    assert (there.data.evs, there.data.stds) == (here.data.evs, here.data.stds)
    assert here.metadata["calibrated_at"] == there.metadata["calibrated_at"] != at.isoformat()  # type: ignore[union-attr]
    assert pair.target["measure"][0,].prob_meas1_prep0 == 0  # the user's backend is as it was


@pytest.mark.parametrize(
    ("qubit", "message"),
    [
        (
            {"meas_error": {"prob_meas1_prep0": 0.5, "prob_meas0_prep1": 0.5}},
            "Qubit 1 of the device reads 1 from state 0",
        ),
        ({}, "publishes no readout errors for its qubit 1"),
    ],
    ids=["coin", "gap"],
)
def test_errors_that_cannot_be_undone(qubit: dict[str, Any], message: str) -> None:
    """Nothing is submitted for such qubits; other qubits can be used."""
    info = line_of([(0.1, 0.1)] * 2)
    info["qubits"][1] = {"id": 1, "fidelity": 1.0, **qubit}
    device = EmulatedDevice.from_device_info(info, device_id="pair")
    with Emulator(":memory:", devices=[device]) as emulator, OqtopusProvider(emulator.config) as provider:
        estimator = OqtopusEstimator(provider.get_backend("pair"), mitigation="pseudo_inverse")
        with pytest.raises(ValueError, match=f"PUB 1: .*{message}"):
            estimator.run([(QuantumCircuit(2), "IZ"), (QuantumCircuit(2), "ZZ")])
        assert list(provider.jobs()) == []
        assert estimator.run([(QuantumCircuit(2), "IZ")], shots=10).result()[0].metadata["mitigated_by"] == "client"


def test_shots_that_the_server_loses(backend: OqtopusBackend) -> None:
    """Shots missing from the server's counts are drawn again, as metadata and a warning say."""
    chip = backend.provider.get_backend("lattice64")
    circuit = QuantumCircuit(9)
    circuit.sx(range(9))
    circuit.measure_all()
    job = OqtopusSampler(chip, mitigation="pseudo_inverse").run([circuit], shots=500)
    with pytest.warns(UserWarning, match=r"PUB 0: \d+ of 500 shots \(.*%\) are missing from the server's counts"):
        (pub,) = job.result()
    counted = sum(chip.provider.client.get_job(job.job_ids[0]).get_counts().values())

    assert pub.data.meas.num_shots == 500
    assert pub.metadata["lost_shots"] == 500 - counted > 0
    lost = chip.run(circuit, shots=500, mitigation="pseudo_inverse")
    with pytest.warns(UserWarning, match=r"Circuit 0: \d+ of 500 shots"):
        experiment = lost.result().results[0]
    assert experiment.shots + experiment.lost_shots == 500
    assert chip.run(circuit, shots=500).result().results[0].lost_shots == 0


def test_one_request_more(line: OqtopusBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run requests the device once, and only if readout errors are to be mitigated."""
    asked = []
    of = readout.Readout.of
    monkeypatch.setattr(readout.Readout, "of", lambda backend: asked.append(backend) or of(backend))
    pubs = [(QuantumCircuit(2), "ZZ")] * 3
    for mitigation, times in ((None, 0), ("pseudo_inverse", 1)):
        OqtopusEstimator(line, mitigation=mitigation).run(pubs, shots=5).result()
        assert len(asked) == times
