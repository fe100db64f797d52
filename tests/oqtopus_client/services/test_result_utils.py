"""Conversion of bitstrings to integers."""

from __future__ import annotations

import pytest

from oqtopus_client import bitstring_dict_to_int_keys, bitstring_to_int, convert_sampling_counts_to_int_keys
from oqtopus_client.rest.models import JobsS3SamplingResult


@pytest.mark.parametrize(("text", "number"), [("0101", 5), ("0b0101", 5), (" 1_0 ", 2), ("01 10", 6), ("0", 0)])
def test_bitstring_to_int(text: str, number: int) -> None:
    """Spaces, underscores and the prefix are accepted."""
    assert bitstring_to_int(text) == number


@pytest.mark.parametrize("text", ["", "2", "0x1", "0b", "1-1", "b01"])
def test_no_bitstring(text: str) -> None:
    """The message for an invalid bitstring contains it."""
    with pytest.raises(ValueError, match="is not a bitstring"):
        bitstring_to_int(text)


def test_keys() -> None:
    """None gives an empty mapping; counts of keys with equal numbers add up."""
    assert bitstring_dict_to_int_keys(None) == {}
    assert bitstring_dict_to_int_keys({"01": 3, "1": 4, "10": 5}) == {1: 7, 2: 5}


def test_sampling_results() -> None:
    """Models and mappings are converted, with or without divided counts."""
    result = {"counts": {"0010": 5}, "divided_counts": {"1": {"00": 5}, "0": {"10": 5}}}
    converted = {"counts": {2: 5}, "divided_counts": {1: {0: 5}, 0: {2: 5}}}

    assert convert_sampling_counts_to_int_keys(result) == converted
    assert convert_sampling_counts_to_int_keys(JobsS3SamplingResult.from_dict(result)) == converted
    assert convert_sampling_counts_to_int_keys(None) == {"counts": {}, "divided_counts": {}}
    assert convert_sampling_counts_to_int_keys({"counts": None, "divided_counts": None})["divided_counts"] == {}
