"""Decoding of counts and memory."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiskit_oqtopus.header import CircuitHeader
from qiskit_oqtopus.results import anonymous_header, counts_to_memory, to_experiment, wire_to_clbits

HEADER = CircuitHeader("c", num_qubits=3, num_clbits=3, clbits=(0, 1, 2), memory=True)


@given(
    st.dictionaries(st.integers(0, 50).map(hex), st.integers(1, 20), min_size=1),
    st.integers(0, 2**32 - 1),
)
def test_memory_lists_every_shot(counts: dict[str, int], seed: int) -> None:
    """Memory has each outcome as often as counted, in an order that the seed determines."""
    memory = counts_to_memory(counts, shots=sum(counts.values()), seed=seed)

    assert Counter(memory) == counts
    assert memory == counts_to_memory(counts, shots=len(memory), seed=seed)


def test_order_of_memory_is_random() -> None:
    """Any part of the memory is a fair sample."""
    memory = counts_to_memory({"0x0": 5000, "0x1": 5000}, shots=10_000, seed=1)

    # The standard deviation is 25; a sorted list would have 5000.
    assert abs(memory[:5000].count("0x0") - 2500) < 150
    assert memory != counts_to_memory({"0x0": 5000, "0x1": 5000}, shots=10_000, seed=2)


def test_shots_that_mitigation_lost() -> None:
    """Memory has as many entries as requested shots; counts are the server's."""
    experiment = to_experiment(HEADER, {"000": 600, "111": 390, "010": 0}, shots=1000, job_id="j")

    assert experiment.data.counts == {"0x0": 600, "0x7": 390}
    assert (experiment.shots, experiment.lost_shots) == (990, 10)
    assert len(experiment.data.memory) == 1000
    lost = Counter(experiment.data.memory) - Counter(experiment.data.counts)
    assert set(lost) <= {"0x0", "0x7"}
    assert sum(lost.values()) == 10


def test_nothing_was_counted() -> None:
    """Without counts, the memory is empty."""
    experiment = to_experiment(HEADER, {}, shots=10, job_id="j")

    assert (experiment.data.counts, experiment.data.memory, experiment.shots) == ({}, [], 0)


def test_short_keys() -> None:
    """Missing bits of a key are 0."""
    assert wire_to_clbits({"1": 2, "01": 3, "100": 4}, clbits=[0, 2, 5]) == {"0x1": 5, "0x20": 4}


@pytest.mark.parametrize("key", ["", "0001", "2", "0x1", "1 0", "-1", "1\u00b2"])
def test_keys_that_cannot_be(key: str) -> None:
    """Invalid outcomes raise an error."""
    with pytest.raises(ValueError, match=r"The server sent the outcome .*, but 3 bits were measured"):
        wire_to_clbits({key: 1}, clbits=[0, 1, 2])


def test_anonymous() -> None:
    """The widest key determines the number of bits."""
    assert anonymous_header("theirs", {"0": 1, "101": 2}).clbits == (0, 1, 2)
    assert anonymous_header("theirs", {}).num_clbits == 0
