"""Clifford circuits sampled by Stim."""

from __future__ import annotations

import subprocess
import sys

SAMPLE_IN_THREADS = """
import sys
import threading

import stim

import oqtopus_client.emulator.simulation.clifford

sys.setswitchinterval(1e-6)
barrier = threading.Barrier(4)


def sample():
    sampler = stim.Circuit("M 0").compile_sampler()
    barrier.wait()
    sampler.sample(1000)


threads = [threading.Thread(target=sample) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_first_samples_of_several_threads() -> None:
    """The first samples of a process may be drawn by several threads at the same time."""
    subprocess.run([sys.executable, "-c", SAMPLE_IN_THREADS], check=True, timeout=60)
