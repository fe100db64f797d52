"""How long the emulator takes for circuits of many kinds, beside Qiskit Aer by hand with the same noise.

Run by hand: `python tests/benchmarks/simulation.py`. A figure is the best round trip of a job through a port, with a
warm worker process, from its submission to its counts. For Aer, it is the best time of `AerSimulator().run`, of a
circuit that has its noise already (`backend.noisy`), without any reading or transpiling. Both take turns. Figures
depend on the machine; its cores are printed with them.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from qiskit_aer import AerSimulator

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator.device_files import built_in_devices
from qiskit_oqtopus import OqtopusProvider
from tests.benchmarks.simulation_jobs import JOBS, QUIET
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qiskit import QuantumCircuit

    from qiskit_oqtopus import OqtopusBackend
    from tests.benchmarks.simulation_jobs import BenchmarkJob

OFF = {"transpiler_lib": None}


class Figures(NamedTuple):
    """What was measured.

    Attributes:
        emulator: Seconds of a round trip.
        aer: Seconds of Aer by hand; None if it cannot run the circuit.
    """

    emulator: float
    aer: float | None


def measure(job: BenchmarkJob, client: OqtopusClient, backend: OqtopusBackend, rounds: int) -> Figures:
    """Return the best times of several rounds, in which the emulator and Aer take turns."""
    circuit = job.circuit()
    (program,) = backend.programs(circuit)
    spec = OqtopusJobSpec.sampling(device_id=job.device_id, program=program.text, shots=job.shots, transpiler_info=OFF)
    by_hand = None if job.by_hand is None else aer_run(job, circuit, backend)
    times: dict[str, list[float]] = {"emulator": [], "aer": []}
    for _ in range(rounds):
        times["emulator"].append(seconds(lambda: round_trip(client, spec)))
        if by_hand is not None:
            times["aer"].append(seconds(by_hand))
    return Figures(min(times["emulator"]), min(times["aer"], default=None))


def round_trip(client: OqtopusClient, spec: OqtopusJobSpec) -> None:
    """Run a job."""
    job: Any = client.run_job(spec, interval=0.01)
    assert sum(job.raise_for_status().get_counts().values()) == spec.shots


def aer_run(job: BenchmarkJob, circuit: QuantumCircuit, backend: OqtopusBackend) -> Callable[[], object]:
    """Return what a user would call to run the circuit in Aer."""
    noisy = circuit if job.device_id in ("qulacs", QUIET) else backend.noisy(circuit)
    simulator = AerSimulator(method=job.by_hand)

    def run() -> None:
        assert simulator.run(noisy, shots=job.shots).result().success

    return run


def seconds(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="part of the names of the jobs to measure")
    options = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'seconds':36} {'emulator':>9} {'goal':>6} {'Aer':>9} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lattice = built_in_devices()["lattice64"]
        quiet = dataclasses.replace(lattice, noisy=False, description={**lattice.description, "device_id": QUIET})
        (folder / "quiet.json").write_text(quiet.to_file())
        with running_server(folder / "data", "--devices", str(folder)) as environment:
            config = OqtopusConfig(environment["OQTOPUS_URL"], environment["OQTOPUS_API_TOKEN"])
            with OqtopusClient(config) as client, OqtopusProvider(config) as provider:
                for job in (job for job in JOBS if options.only in job.name):
                    figures = measure(job, client, provider.get_backend(job.device_id), options.rounds + 1)
                    print(row(job, figures), flush=True)


def row(job: BenchmarkJob, figures: Figures) -> str:
    """Return a row of the table."""
    goal = "" if job.goal is None else f"{job.goal:.1f}"
    aer, ratio = ("", "") if figures.aer is None else (f"{figures.aer:.3f}", f"{figures.emulator / figures.aer:.2f}")
    return f"{job.name:36} {figures.emulator:9.3f} {goal:>6} {aer:>9} {ratio:>6}"


if __name__ == "__main__":
    main()
