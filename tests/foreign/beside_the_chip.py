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
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from oqtopus_client import OqtopusClient
from oqtopus_client.emulator import Emulator, SseLimits
from qiskit_oqtopus import OqtopusProvider
from tests.foreign.hybrid import phase, qaoa, vqe
from tests.foreign.run import environment, interpreter, run
from tests.foreign.sse_scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable

PYTHON = "3.13"
# The container's versions, but for NumPy: 1.26.4 has no wheel for this Python. tests/foreign/README.md
CONTAINER = ("qiskit==1.4.3", "numpy>=2.1", "scipy==1.15.3", "oqtopus-client==1.1.6", "quri-parts-oqtopus==1.1.4")
ABSENT = ("httpx", "typer", "rich", "platformdirs", "qiskit_oqtopus", "qiskit_aer")
# Of the two that operators set, the smaller one.
MEMORY = SseLimits(memory_bytes=256 << 20)
QUEUE_SECONDS = 2.0
STEPS = 30

HAMILTONIAN = SparsePauliOp(["ZZ", "XI", "IX"], [1.0, 0.5, 0.5])
EDGES = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 2)]
PHASE = 2.1


def main(folder: Path) -> None:
    """Run everything; what is slow waits for the queue and runs beside the installation."""
    programs = {vqe: (ansatz(), HAMILTONIAN, STEPS), qaoa: (EDGES, STEPS), phase: (kickbacks(), STEPS)}
    with ThreadPoolExecutor() as threads:
        installed = threads.submit(container, folder)
        with Emulator(":memory:", max_running=8) as emulator:
            backend = with_a_queue(emulator).get_backend("qulacs")
            here = {function: threads.submit(timed, function, backend, *args) for function, args in programs.items()}
            python = installed.result()
            scenarios(python)
            local = {function: run.result() for function, run in here.items()}
    with Emulator(":memory:", sse_python=python, sse_limits=MEMORY) as emulator:
        provider = with_a_queue(emulator)
        for function, args in programs.items():
            there = timed(lambda *args: provider.run_program(*args, backend="qulacs").result(), function, *args)
            compare(function.__name__, local[function], there)


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
    ):
        for name, scenario in SCENARIOS.items():
            for preamble, owner in (("", python.parents[1]), (own_modules(), "oqtopus-program")):
                log = scenario.run(client, preamble)
                assert not log or str(owner) in log.splitlines()[1], log
            print(f"scenario {name!r}: ok")


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
