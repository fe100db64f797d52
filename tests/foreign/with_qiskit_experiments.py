"""Characterizes devices with Qiskit Experiments; the environment says which cloud.

Its default path runs circuits through Qiskit's sampler for any backend, which reads shots one by one. The tutorial has
it call `backend.run`.
"""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit_experiments.framework import BaseExperiment
from qiskit_experiments.library import T1, StateTomography

from qiskit_oqtopus import OqtopusProvider, OqtopusSampler

SHOTS = 10_000
TUTORIAL = Path(__file__).parents[2] / "tutorials" / "08_experiments.py"


def main() -> None:
    """Do what users do, one after the other."""
    with OqtopusProvider() as provider:
        tomography(provider)
        relaxation(provider)
        relaxation_by_sampler(provider)
    tutorial()


def tomography(provider: OqtopusProvider) -> None:
    """Without noise, the state that was prepared is the state that is found.

    Shot noise costs 0.006 of the fidelity, give or take 0.002: the limit is twenty standard deviations away. No two
    qubits are alike, so bits in any other order would cost at least 0.22.
    """
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.ry(0.7, 1)
    circuit.ry(1.4, 2)
    fidelity = measured(StateTomography(circuit, backend=provider.get_backend("qulacs")), "state_fidelity")
    print("fidelity", fidelity)
    assert fidelity > 0.95, fidelity


def relaxation(provider: OqtopusProvider) -> None:
    """On a noisy chip, the excited state decays as its calibration says, whatever readout errors do to it.

    Shot noise is 0.8 % of what is fitted, so 10 % are more than ten standard deviations.
    """
    backend = provider.get_backend("lattice64")
    for qubit in (0, 3):
        calibrated = backend.target.qubit_properties[qubit].t1
        delays = np.linspace(0, 3, 25) * calibrated
        fitted = measured(T1([qubit], delays, backend=backend), "T1").nominal_value
        print("qubit", qubit, "T1", fitted, "calibrated", calibrated)
        assert math.isclose(fitted, calibrated, rel_tol=0.1), (qubit, fitted, calibrated)


def relaxation_by_sampler(provider: OqtopusProvider) -> None:
    """The same with our own sampler, which knows the backend."""
    sampler = OqtopusSampler(provider.get_backend("lattice64"), default_shots=SHOTS)
    calibrated = sampler.backend.target.qubit_properties[5].t1
    fitted = measured(T1([5], np.linspace(0, 3, 25) * calibrated), "T1", sampler=sampler).nominal_value
    print("qubit 5 T1 by our sampler", fitted, "calibrated", calibrated)
    assert math.isclose(fitted, calibrated, rel_tol=0.1), (fitted, calibrated)


def tutorial() -> None:
    """What the tutorial measures is what the calibration says, within six standard errors.

    Benchmarking has another one, which its fits do not know: sequences of gates are chosen by chance.
    """
    names = runpy.run_path(str(TUTORIAL))
    target, qubit, pair = (names[name] for name in ("target", "QUBIT", "PAIR"))
    calibrated = [1e6 * lifetime.t1 for lifetime in names["lifetimes"]]
    assert len(names["t1s"]) == len(calibrated)
    for t1, expected in zip(names["t1s"], calibrated, strict=True):
        assert abs(t1.nominal_value - expected) < 6 * t1.std_dev, (t1, expected)
    assert math.isclose(names["t2"].nominal_value, target.qubit_properties[qubit].t2, rel_tol=0.1), names["t2"]
    readout = target["measure"][qubit,]
    misread = (names["matrix"][1, 0], names["matrix"][0, 1])
    for share, expected in zip(misread, (readout.prob_meas1_prep0, readout.prob_meas0_prep1), strict=True):
        assert abs(share - expected) < 6 * math.sqrt(expected / names["SHOTS"]), (share, expected)
    error = target["cx"][pair].error
    assert abs(names["epg"].nominal_value - error) < 6 * names["epg"].std_dev + 0.2 * error, (names["epg"], error)
    for picture in ("t1.png", "rb.png"):
        assert Path(picture).stat().st_size > 10_000


def measured(experiment: BaseExperiment, name: str, **run: Any) -> float:
    """Run an experiment and return one of its results."""
    data = experiment.run(**run, shots=SHOTS).block_for_results()
    assert data.status().name == "DONE", data.errors()
    (value,) = data.analysis_results(name, dataframe=True).value
    return value


if __name__ == "__main__":
    main()
