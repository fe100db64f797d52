"""Noiseless parts: outcomes are drawn from the probabilities of all, so shots cost almost no time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit_aer import AerSimulator

from oqtopus_client.emulator.simulation.aer import aer_circuit
from oqtopus_client.emulator.simulation.cost import Cost, available_megabytes
from oqtopus_client.emulator.simulation.drawing import drawer

qulacs: Any
try:
    import qulacs
except ImportError:
    qulacs = None

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from oqtopus_client.emulator.simulation.operations import Part

_QUBITS = 60
_QULACS_QUBITS = 11
"""Maximum number of qubits for qulacs, which divides larger states among threads, even if every core is busy."""

_ONE_THREAD_QUBITS = 20
"""Maximum number of qubits for one thread. Several may wait for each other longer if every core is busy."""

_CHUNK = 1 << 20
_Z, _X = 3, 1


def estimate(part: Part, shots: int) -> Cost | None:
    """Estimate the cost; None if there is noise, or for more qubits than any machine holds."""
    if part.n_qubits > _QUBITS or part.is_noisy:
        return None
    amplitudes = 2.0**part.n_qubits
    seconds = 2e-3 + len(part.operations) * (1e-5 + 2e-9 * amplitudes) + 1e-8 * amplitudes + 1e-7 * shots
    return Cost(seconds, 16 * amplitudes / (1 << 20))


def sampler(part: Part, random: np.random.Generator) -> Callable[[int], NDArray[np.bool_]]:
    """Return a function that draws outcomes of a part.

    Args:
        part: The part.
        random: The source of its random numbers.
    """
    return drawer(probabilities(part), part.measured, random)


def probabilities(part: Part) -> NDArray[np.float64]:
    """Return the probability of each outcome of all qubits; qubit 0 is the lowest bit of the index."""
    if qulacs is not None and part.n_qubits <= _QULACS_QUBITS:
        return _squared(_qulacs_state(part))
    circuit = aer_circuit(part)
    circuit.save_statevector()
    threads = 1 if part.n_qubits <= _ONE_THREAD_QUBITS else 0  # 0 means one for each core
    simulator = AerSimulator(method="statevector", max_memory_mb=available_megabytes(), max_parallel_threads=threads)
    return _squared(np.asarray(simulator.run(circuit, shots=1).result().data()["statevector"]))


def _qulacs_state(part: Part) -> NDArray[np.complex128]:
    circuit = qulacs.QuantumCircuit(part.n_qubits)
    # The angles of qulacs have the other sign.
    for name, qubits, value in part.operations:
        match name:
            case "rz":
                circuit.add_RZ_gate(*qubits, -value)
            case "cx":
                circuit.add_CNOT_gate(*qubits)
            case "sx":
                circuit.add_sqrtX_gate(*qubits)
            case "x":
                circuit.add_X_gate(*qubits)
            case "rx":
                circuit.add_RX_gate(*qubits, -value)
            case _:
                circuit.add_multi_Pauli_rotation_gate(list(qubits), [_Z, _Z if name == "rzz" else _X], -value)
    state = qulacs.QuantumState(part.n_qubits)
    circuit.update_quantum_state(state)
    vector: NDArray[np.complex128] = state.get_vector()
    return vector


def _squared(state: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the squares of the amplitudes, in the memory of the amplitudes."""
    squares = state.view(np.float64)
    for start in range(0, len(state), _CHUNK):
        # What is overwritten has been read.
        chunk = state[start : start + _CHUNK]
        squares[start : start + len(chunk)] = chunk.real**2 + chunk.imag**2
    return squares[: len(state)]
