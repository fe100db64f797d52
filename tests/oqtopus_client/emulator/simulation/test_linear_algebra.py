"""Threads of NumPy's linear algebra."""

from __future__ import annotations

import pytest
from threadpoolctl import ThreadpoolController

from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation import linear_algebra, sampling
from oqtopus_client.emulator.simulation.circuits import parse
from oqtopus_client.emulator.simulation.linear_algebra import one_thread


def threads() -> int:
    """Return the number of threads of NumPy's linear algebra; other libraries may have a fixed one."""
    return max(library["num_threads"] for library in linear_algebra._controller().select(user_api="blas").info())


def test_overlapping_simulations_leave_the_number_of_threads_as_it_was() -> None:
    """It is one until the last of several simulations ends, whichever begins first."""
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        first, second = one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == 1
        second.__exit__(None, None, None)
        assert threads() == 2


def test_simulations_use_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator chooses methods and samples in one thread."""
    seen = []

    def choose(*args: object) -> object:
        seen.append(threads())
        return original(*args)  # type: ignore[arg-type]

    original = sampling.choose
    monkeypatch.setattr(sampling, "choose", choose)
    circuit = parse('OPENQASM 3; include "stdgates.inc"; qubit[1] q; bit[1] c; x q[0]; c[0] = measure q[0];')
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        assert sampling.sample(circuit, built_in_devices()["qulacs"], 3).counts == {"1": 3}
    assert seen == [1]
