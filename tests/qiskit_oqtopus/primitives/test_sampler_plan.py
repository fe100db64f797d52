"""Conversion of counts to bit arrays, compared with Qiskit's own."""

from __future__ import annotations

import copy
import json
import pickle
from collections import Counter

import numpy as np
import pytest
from qiskit.primitives import BitArray

from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.plan import Block, by_program, joined, planned_jobs
from qiskit_oqtopus.primitives.sampler_plan import CountedBitArray, SampledPub, SamplerPlan


def random_counts(rng: np.random.Generator, width: int, shots: int) -> dict[str, int]:
    """Return a histogram of up to thirty outcomes."""
    keys = ["".join(map(str, row)) for row in rng.integers(0, 2, (30, width)).tolist()]
    return dict(Counter(keys[i] for i in rng.integers(0, 30, shots)))


def plan(shape: tuple[int, ...], shots: int, *cregs: tuple[int, ...]) -> SamplerPlan:
    """Return a plan for one PUB."""
    registers = tuple((f"r{i}", bits) for i, bits in enumerate(cregs))
    return SamplerPlan((SampledPub(shape, shots, registers, measured=True),), seed=1)


def measured(counts: dict[str, int], width: int) -> Outcomes:
    """Return outcomes over bits that are all measured."""
    return Outcomes.from_bitstrings(counts, range(width), width)


@pytest.mark.parametrize("width", [1, 7, 8, 9, 64, 65])
def test_counts_are_qiskits(width: int) -> None:
    """Precomputed counts equal those that Qiskit computes from the shots, at each index and in total."""
    rng = np.random.default_rng(width)
    given = [random_counts(rng, width, 200) for _ in range(6)]
    (pub,) = plan((2, 3), 200, tuple(range(width))).finish([measured(counts, width) for counts in given])
    bits = pub.data.r0
    plain = BitArray(bits.array, bits.num_bits)

    assert isinstance(bits, CountedBitArray)
    assert [bits.get_counts(place) for place in np.ndindex(2, 3)] == given
    for loc in (None, (1, 2), (0, -1)):
        assert bits.get_counts(loc) == plain.get_counts(loc)
        assert bits.get_int_counts(loc) == plain.get_int_counts(loc)
    with pytest.raises(IndexError):
        bits.get_counts((2, 0))


def test_one_dimension() -> None:
    """An index may be a single number, as in Qiskit."""
    (pub,) = plan((2,), 3, (0, 1)).finish([measured({"01": 3}, 2), measured({"10": 3}, 2)])

    assert [pub.data.r0.get_counts(i) for i in (0, 1, -1)] == [{"01": 3}, {"10": 3}, {"10": 3}]


def test_still_a_bit_array() -> None:
    """Sliced, combined, copied and pickled arrays have the right counts."""
    (pub,) = plan((2,), 4, (0, 1)).finish([measured({"01": 4}, 2), measured({"10": 1, "11": 3}, 2)])
    bits = pub.data.r0

    assert bits[0].get_counts() == {"01": 4}
    assert bits.slice_bits(1)[1].get_counts() == {"1": 4}
    assert (~bits).get_counts(0) == {"10": 4}
    assert bits.transpose().reshape(1, 2).get_counts((0, 1)) == {"10": 1, "11": 3}
    assert BitArray.concatenate_shots([bits, bits]).get_counts(0) == {"01": 8}
    assert np.allclose(bits.expectation_values("ZZ"), [-1, 0.5])
    for twin in (copy.deepcopy(bits), pickle.loads(pickle.dumps(bits))):  # noqa: S301 - our own
        assert twin == bits
        assert twin.get_counts(1) == {"10": 1, "11": 3}


def test_shots_stay_together() -> None:
    """Registers may scatter and share bits; a shot has the same index in each, and shots are not sorted."""
    counts = {"000": 300, "011": 300, "110": 400}
    (pub,) = plan((), 1000, (0, 2), (2,), (1, 0, 2)).finish([measured(counts, 3)])
    words = zip(*(pub.data[name].get_bitstrings() for name in ("r0", "r1", "r2")), strict=True)

    assert {(first, second, third) for first, second, third in words} == {
        ("00", "0", "000"),
        ("01", "0", "011"),
        ("10", "1", "101"),
    }
    assert pub.data.r2.get_counts() == {"000": 300, "011": 300, "101": 400}
    assert 100 < pub.data.r1.slice_shots(range(500)).get_counts()["1"] < 300


def test_totals_that_miss_the_shots() -> None:
    """Shots missing from mitigated counts are drawn from the others, with a warning."""
    found = [measured({"0": 700, "1": 200}, 1), measured({"0": 0, "1": 1005}, 1)]
    with pytest.warns(UserWarning, match=r"PUB 0: 100 of 1,000 shots \(10.0%\) are missing from the server's counts"):
        (pub,) = plan((2,), 1000, (0,)).finish(found)
    counts = pub.data.r0.get_counts(0)

    assert pub.data.r0.num_shots == sum(counts.values()) == 1000
    assert counts["0"] >= 700
    assert counts["1"] >= 200
    assert pub.data.r0.get_counts(1) == {"1": 1000}
    assert pub.metadata["lost_shots"] == [100, 0]


@pytest.mark.parametrize("lost", [0, 1, 31])
def test_few_lost_shots(lost: int) -> None:
    """Losses below the statistical spread are only in the metadata."""
    (pub,) = plan((), 1000, (0,)).finish([measured({"0": 500 - lost, "1": 500}, 1)])

    assert pub.metadata.get("lost_shots", 0) == lost


def test_the_same_for_everybody() -> None:
    """The seed determines the order of shots in every process."""
    outcomes = [measured({"0": 50, "1": 49}, 1)]
    here = plan((), 100, (0,))
    there = SamplerPlan.from_json(json.loads(json.dumps(here.to_json())))

    assert there.finish(outcomes)[0].data.r0 == here.finish(outcomes)[0].data.r0
    assert SamplerPlan(here.pubs, seed=2).finish(outcomes)[0].data.r0 != here.finish(outcomes)[0].data.r0


@pytest.mark.parametrize("key", ["", "012", "1 0", "\u0661"])
def test_keys_that_are_no_outcomes(key: str) -> None:
    """Keys that are not bitstrings raise an error."""
    with pytest.raises(ValueError, match="outcome"):
        Outcomes.from_bitstrings({key: 1}, range(2), 2)


def test_short_keys_and_zeros() -> None:
    """Bits missing from a key are 0, outcomes with zero counts are omitted, and no outcomes give an empty array."""
    outcomes = Outcomes.from_bitstrings({"1": 2, "10": 3, "11": 0}, [0, 3], 4)

    assert outcomes.bits.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]
    assert outcomes.numbers.tolist() == [2, 3]
    assert Outcomes.from_bitstrings({}, range(2), 2).bits.shape == (0, 2)


def test_shares() -> None:
    """Each program's shots are split evenly across as many jobs as needed; programs are in order."""
    blocks = [Block(2, 10, 3, (0,), 1), Block(1, 5, 1, (0,), 1)]

    assert [(job.program, job.text, job.shots) for job in planned_jobs(blocks)] == [
        *[(0, 0, 4), (0, 0, 3), (0, 0, 3)],
        *[(1, 1, 4), (1, 1, 3), (1, 1, 3)],
        (2, 2, 5),
    ]


def test_jobs_of_randomizations() -> None:
    """Each randomization has as many jobs, with its own text; plans without randomizations are written as ever."""
    plain, randomized = Block(1, 5, 1, (0,), 1), Block(2, 10, 4, (0, 1), 2, flips=(0, 2))

    assert [(job.program, job.randomization, job.text, job.shots) for job in planned_jobs([plain, randomized])] == [
        (0, 0, 0, 5),
        *[(1, 0, 1, 3), (1, 0, 1, 3), (1, 1, 2, 2), (1, 1, 2, 2)],
        *[(2, 0, 3, 3), (2, 0, 3, 3), (2, 1, 4, 2), (2, 1, 4, 2)],
    ]
    assert plain.to_json() == [1, 5, 1, [0], 1]
    assert [Block.from_json(block.to_json()) for block in (plain, randomized)] == [plain, randomized]


def test_flips_are_undone() -> None:
    """Outcomes of a program are joined across its jobs without the flips of each, and kept apart by randomization."""
    block = Block(1, 10, 4, (0, 1), 2, flips=(0, 2))
    seen = [Outcomes.from_bitstrings(counts, (0, 1), 2) for counts in ({"01": 3}, {"11": 3}, {"11": 2}, {"01": 2})]
    (parts,) = by_program(list(planned_jobs([block])), seen)
    outcomes = joined(parts)

    assert outcomes.bits.tolist() == [[1, 0], [1, 1], [1, 0], [1, 1]]
    assert [each.bits.tolist() for each in outcomes.randomizations] == [[[1, 0], [1, 1]]] * 2
    assert [each.numbers.tolist() for each in outcomes.randomizations] == [[3, 3], [2, 2]]
