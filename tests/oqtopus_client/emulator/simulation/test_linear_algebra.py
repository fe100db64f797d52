"""Threads of NumPy's linear algebra, in processes without other simulations."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.source_tree import ROOT

BEGIN = """
from threadpoolctl import ThreadpoolController
from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation import linear_algebra, sampling
from oqtopus_client.emulator.simulation.circuits import parse

controller = linear_algebra._controller().select(user_api="blas")

def threads():
    # Other libraries than NumPy's may have a fixed number.
    return max(library["num_threads"] for library in controller.info())

controller.limit(limits=2)
"""
OVERLAPPING = """
first, second = linear_algebra.one_thread(), linear_algebra.one_thread()
first.__enter__()
second.__enter__()
first.__exit__(None, None, None)
assert threads() == 1
second.__exit__(None, None, None)
assert threads() == 2
"""
SIMULATING = """
def choose(*args):
    assert threads() == 1
    return original(*args)

original, sampling.choose = sampling.choose, choose
circuit = parse('OPENQASM 3; include "stdgates.inc"; qubit[1] q; bit[1] c; x q[0]; c[0] = measure q[0];')
assert sampling.sample(circuit, built_in_devices()["qulacs"], 3).counts == {"1": 3}
assert threads() == 2
"""


@pytest.mark.parametrize("steps", [OVERLAPPING, SIMULATING])
def test_one_thread(steps: str) -> None:
    """Linear algebra has one thread until the last of several simulations ends, and then as many as before."""
    subprocess.run([sys.executable, "-c", BEGIN + steps], cwd=ROOT, check=True, timeout=120)
