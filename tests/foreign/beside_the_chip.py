"""Runs programs in an environment like the container's: `python -m tests.foreign.beside_the_chip FOLDER`.

The environment, made in the folder, has the container's Python, Qiskit and published client, and not this distribution.
The emulator and its clients are those of the checkout. Each job waits two seconds in a queue, unless a program runs it.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp, Statevector
from scipy.optimize import minimize

from oqtopus_client import OqtopusClient, ProgramError
from oqtopus_client.emulator import Emulator, SseLimits
from oqtopus_client.shipping.archive import archive
from qiskit_oqtopus import OqtopusProvider
from tests.foreign.hybrid import mitigated, phase, qaoa, vqe
from tests.foreign.run import environment, interpreter, run
from tests.foreign.sse_scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable

PYTHON = "3.13"
# The container's versions, but for NumPy and quri-parts, whose versions there have no wheels for this Python; NumPy
# 1.26.4, built from source, passes as well.
CONTAINER = (
    "qiskit==1.4.3",
    "numpy>=2.1",
    "scipy==1.15.3",
    "matplotlib==3.10.3",
    "networkx==3.5",
    "oqtopus-client==1.1.6",
    "quri-parts-oqtopus==1.1.4",
    "quri-parts-circuit==0.25.1",
    "quri-parts-core==0.25.1",
    "quri-parts-qulacs==0.25.1",
    "quri-parts-rust==0.25.1",
)
ABSENT = ("httpx", "typer", "rich", "platformdirs", "qiskit_oqtopus", "qiskit_aer")
# Of the two that operators set, the smaller one.
MEMORY = SseLimits(memory_bytes=256 << 20)
QUEUE_SECONDS = 2.0
STEPS = 30

# Puts this SDK before the published client, as shipped programs do.
OWN_MODULES = f"""
import base64, bz2, os, sys, tempfile
folder = os.path.join(tempfile.mkdtemp(), "shipped")
parts = bz2.decompress(base64.b85decode("{archive("", ["oqtopus_client"], ())}")).decode().split("\\0")
for path, text in zip(parts[::2], parts[1::2]):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
sys.path.insert(0, folder)
"""

HAMILTONIAN = SparsePauliOp(["ZZ", "XI", "IX"], [1.0, 0.5, 0.5])
EDGES = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 2)]
PHASE = 2.1


def main(folder: Path) -> None:
    """Run everything; what is slow waits for the queue and runs beside the installation."""
    programs = {vqe: (ansatz(), HAMILTONIAN, STEPS), qaoa: (EDGES, STEPS), phase: (kickbacks(), STEPS)}
    with ThreadPoolExecutor() as threads, Emulator(":memory:", max_running=8, seed=7) as emulator:
        backend = with_a_queue(emulator).get_backend("qulacs")
        started = {function: threads.submit(timed, function, backend, *args) for function, args in programs.items()}
        python = container(folder)
        scenarios(python)
        local = {function: each.result() for function, each in started.items()}
    with Emulator(":memory:", sse_python=python, sse_limits=MEMORY, seed=7) as emulator:
        provider = with_a_queue(emulator)
        for function, args in programs.items():
            there = timed(lambda *args: provider.run_program(*args, backend="qulacs").result(), function, *args)
            compare(function.__name__, local[function], there)
        returns_and_raises(provider)


def container(folder: Path) -> Path:
    """Make an environment like the container's, and return its Python."""
    base = interpreter(PYTHON)
    if base is None:
        sys.exit(f"Python {PYTHON} is not installed here; programs beside the chip run with it.")
    python = environment(folder, *CONTAINER, python=base)
    missing = "import sys; from importlib.util import find_spec; sys.exit(any(map(find_spec, sys.argv[1:])))"
    run(python, "-I", "-c", missing, *ABSENT, folder=folder)
    return python


def with_a_queue(emulator: Emulator) -> OqtopusProvider:
    """Let each job of the User API wait in a queue, and return a provider."""
    emulator.inject("hold_job", status="ready", seconds=QUEUE_SECONDS, times=None)
    return OqtopusProvider(emulator.config)


def scenarios(python: Path) -> None:
    """OQTOPUS's scenarios, on the published client in the environment and on this SDK in its place."""
    with (
        Emulator(":memory:", sse_python=python, sse_limits=MEMORY) as emulator,
        OqtopusClient(emulator.config) as client,
        ThreadPoolExecutor(2) as threads,
    ):
        for preamble, client_folder in (("", str(python.parents[1])), (OWN_MODULES, "/shipped/oqtopus_client/")):
            logs = threads.map(lambda scenario, text=preamble: scenario.run(client, text), SCENARIOS.values())
            for name, log in zip(SCENARIOS, logs, strict=True):
                assert not log or client_folder in log.splitlines()[1], log
                print(f"Scenario {name!r} on {client_folder}: ok")


def timed(function: Callable[..., dict[str, Any]], *args: object) -> tuple[dict[str, Any], float]:
    """Call a function, and return its result and the time it took."""
    start = time.monotonic()
    return function(*args), time.monotonic() - start


def compare(name: str, local: tuple[dict[str, Any], float], there: tuple[dict[str, Any], float]) -> None:
    """Demand the same value within five errors of both, close to the exact one, in a fifth of the time."""
    (here, seconds_here), (beside, seconds) = local, there
    print(f"{name}: {here['value']:.4f} here in {seconds_here:.1f} s, {beside['value']:.4f} in {seconds:.1f} s")
    errors = 5 * np.hypot(here["error"], beside["error"])
    assert abs(here["value"] - beside["value"]) < errors, (here, beside)
    assert abs(beside["value"] - exact(name)) < errors, beside
    assert seconds < seconds_here / 5, (seconds, seconds_here)
    if "memory" in beside:
        print(f"{name}: {beside['memory']:.0f} MiB")
        assert beside["memory"] < 200, beside


def returns_and_raises(provider: OqtopusProvider) -> None:
    """Circuits come back from the older Qiskit, mitigation works with it, and so do errors."""
    bound = ansatz().assign_parameters([0.3, 0.4])
    job = provider.run_program(mitigated, bound, "ZZ", backend="lattice64")
    failing = provider.run_program(mitigated, bound, "ZQ", backend="lattice64")
    isa, value, error = job.result()
    state = Statevector(bound)
    assert abs(value - state.expectation_value(SparsePauliOp("ZZ")).real) < 5 * error, (value, error)
    assert isa.num_qubits == provider.get_backend("lattice64").num_qubits
    used = {qubit: index for index, qubit in enumerate({qubit for gate in isa for qubit in gate.qubits})}
    circuit = QuantumCircuit(len(used))
    for gate in isa:
        circuit.append(gate.operation, [used[qubit] for qubit in gate.qubits])
    np.testing.assert_allclose(sorted(Statevector(circuit).probabilities()), sorted(state.probabilities()), atol=1e-9)
    with pytest.raises(ProgramError, match=r"raised QiskitError: .*ZQ"):
        failing.result()


def ansatz() -> QuantumCircuit:
    """Return a circuit of two angles for the ground state of HAMILTONIAN."""
    circuit = QuantumCircuit(2)
    for qubit, name in enumerate("ab"):
        circuit.ry(Parameter(name), qubit)
    circuit.cx(0, 1)
    return circuit


def kickbacks() -> list[QuantumCircuit]:
    """Return the circuits that `phase` takes, for PHASE."""
    circuits = [QuantumCircuit(2, 1) for _ in range(7)]
    for power, circuit in enumerate(circuits):
        circuit.h(0)
        circuit.x(1)
        circuit.cp(2**power * PHASE, 0, 1)
        circuit.p(-Parameter("angle"), 0)
        circuit.h(0)
        circuit.measure(0, 0)
    return circuits


def exact(name: str) -> float:
    """Return the exact value of what a function finds."""
    if name == "vqe":
        return float(np.linalg.eigvalsh(HAMILTONIAN.to_matrix())[0])
    if name == "phase":
        return PHASE
    cuts = np.array([sum((state >> i ^ state >> j) & 1 for i, j in EDGES) for state in range(32)])

    def cut(angles: np.ndarray) -> float:
        circuit = QuantumCircuit(5)
        circuit.h(range(5))
        for edge in EDGES:
            circuit.rzz(angles[0], *edge)
        circuit.rx(2 * angles[1], range(5))
        return float(Statevector(circuit).probabilities() @ cuts)

    starts = [(gamma, beta) for gamma in (0.3, 0.6, 0.9) for beta in (-1.2, -0.4, 0.4, 1.2)]
    return max(-minimize(lambda angles: -cut(angles), start).fun for start in starts)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
