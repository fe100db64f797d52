"""Runs PennyLane's circuits by its plugin for Qiskit; the environment says which cloud.

Exact values are those of PennyLane's own simulator.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pennylane as qml

from qiskit_oqtopus import OqtopusProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from pennylane.devices import Device
    from pennylane.measurements import MeasurementProcess

SHOTS = 10_000
ERROR = 1 / math.sqrt(SHOTS)
ANGLES = qml.numpy.array([math.pi / 3, 0.4], requires_grad=True)
AMPLITUDES = np.array([0.1, 0.5, 0.7, 0.5])


def main() -> None:
    """Run the documentation's circuit, with each measurement that there is."""
    with OqtopusProvider() as provider:
        device = qml.device("qiskit.remote", wires=2, backend=provider.get_backend("qulacs"))
        exact = qml.device("default.qubit", wires=2)
        values(device, exact)
        samples(device)
        gradient(device, exact)


def rotated(angles: np.ndarray, measure: Callable[[], MeasurementProcess]) -> MeasurementProcess:
    """The documentation's circuit, and another angle."""
    qml.RX(angles[0], wires=0)
    qml.CNOT(wires=[0, 1])
    qml.RY(angles[1], wires=1)
    return measure()


def prepared(angles: np.ndarray, measure: Callable[[], MeasurementProcess]) -> MeasurementProcess:
    """A state given by its amplitudes: in Qiskit's circuit that is an `initialize`, which begins with resets."""
    qml.StatePrep(AMPLITUDES, wires=[0, 1], normalize=True)
    return rotated(angles, measure)


def values(device: Device, exact: Device) -> None:
    """Values, variances and probabilities, within six standard errors."""
    for circuit in (rotated, prepared):
        for measure in (
            lambda: qml.expval(qml.PauliZ(1)),
            lambda: qml.expval(0.5 * qml.PauliX(0) @ qml.PauliX(1) + 0.5 * qml.PauliZ(0)),
            lambda: qml.var(qml.PauliZ(0)),
            lambda: qml.probs(wires=[1, 0]),
        ):
            found = qml.QNode(circuit, device, shots=SHOTS)(ANGLES, measure)
            expected = qml.QNode(circuit, exact)(ANGLES, measure)
            print(circuit.__name__, measure(), found, expected)
            assert np.allclose(found, expected, rtol=0, atol=6 * ERROR), (found, expected)


def samples(device: Device) -> None:
    """Shots one by one, and counted; a quarter of them has a 1."""
    shots = qml.QNode(rotated, device, shots=SHOTS)(ANGLES, lambda: qml.sample(wires=[0, 1]))
    counts = qml.QNode(rotated, device, shots=SHOTS)(ANGLES, lambda: qml.counts(wires=[0]))
    print("samples", np.mean(shots, axis=0), "counts", counts)
    assert shots.shape == (SHOTS, 2)
    assert abs(np.mean(shots[:, 0]) - 0.25) < 3 * ERROR
    assert abs(counts["1"] / SHOTS - 0.25) < 3 * ERROR


def gradient(device: Device, exact: Device) -> None:
    """A gradient by parameter shifts, within six standard errors."""

    def measure() -> MeasurementProcess:
        return qml.expval(qml.PauliZ(1))

    found = qml.grad(qml.QNode(rotated, device, shots=SHOTS, diff_method="parameter-shift"))(ANGLES, measure)
    expected = qml.grad(qml.QNode(rotated, exact))(ANGLES, measure)
    print("gradient", found, expected)
    assert np.allclose(found, expected, rtol=0, atol=6 * ERROR), (found, expected)


if __name__ == "__main__":
    main()
