"""What it takes to make a Target and a noise model of a device's calibration, beside Qiskit Aer's own noise model.

Run by hand: `python tests/benchmarks/calibration.py`. Compare the ratios; the times depend on the machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from qiskit_aer.noise import NoiseModel

sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator import square_lattice
from qiskit_oqtopus import OqtopusBackend
from qiskit_oqtopus.target import target_from_device

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def milliseconds(work: Callable[[], object], repeat: int) -> float:
    """The median of some runs, after one that does not count."""
    times = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:]) * 1e3


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each size of chip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", nargs="*", default=["4x4", "8x8", "12x12", "25x40"], help="rows and columns")
    parser.add_argument("--repeat", type=int, default=20, help="how often to measure what is fast")
    options = parser.parse_args(arguments)
    for size in options.sizes:
        rows, columns = map(int, size.split("x"))
        described = square_lattice("chip", rows, columns, seed=1).info(n_pending_jobs=0)
        device = OqtopusDevice(described)
        backend = OqtopusBackend(None, device, None)  # type: ignore[arg-type]
        active = [0, 1, 2, columns, columns + 1]
        target = milliseconds(lambda device=device: target_from_device(device), options.repeat)
        few = milliseconds(lambda backend=backend, active=active: backend.noise_model(active), options.repeat)
        every = milliseconds(backend.noise_model, 1)
        aers = milliseconds(lambda backend=backend: NoiseModel.from_backend(backend), 1)
        print(
            f"{rows * columns:5} qubits   Target {target:6.1f} ms   noise of 5 qubits {few:6.1f} ms   "
            f"of all {every:8.0f} ms   Aer's {aers:8.0f} ms"
        )


if __name__ == "__main__":
    main()
