"""Conversion of bitstring keys to integers. The width of a key is lost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from oqtopus_client import rest
from oqtopus_client.checks import shown

if TYPE_CHECKING:
    from oqtopus_client.rest.models import JobsS3SamplingResult

_BITSTRING = re.compile(r"(0b)?[01]+")


def bitstring_to_int(bitstring: str) -> int:
    """Convert a bitstring to an integer, rightmost bit lowest; spaces, `_` and a leading `0b` are allowed.

    Raises:
        TypeError: It is not text.
        ValueError: It is not a bitstring.

    >>> bitstring_to_int("0b01 01")
    5
    """
    if not isinstance(bitstring, str):
        raise TypeError(f"A bitstring must be text, such as '0101', not {shown(bitstring)}.")
    digits = bitstring.replace("_", "").replace(" ", "").strip()
    if not _BITSTRING.fullmatch(digits):
        raise ValueError(f"{shown(bitstring)} is not a bitstring.")
    return int(digits.removeprefix("0b"), 2)


def bitstring_dict_to_int_keys(values: Mapping[str, object] | None) -> dict[int, object]:
    """Convert the bitstring keys of a mapping to integers; counts of keys with the same value are added.

    Raises:
        ValueError: A key is not a bitstring.
    """
    converted: dict[int, object] = {}
    for key, value in (values or {}).items():
        number = bitstring_to_int(key)
        known = converted.get(number)
        converted[number] = known + value if isinstance(known, int) and isinstance(value, int) else value
    return converted


def convert_sampling_counts_to_int_keys(
    sampling_result: JobsS3SamplingResult | Mapping[str, object] | None,
) -> dict[str, dict[int, object] | dict[int, dict[int, object]]]:
    """Return `counts` and `divided_counts` of a sampling result with integer keys; empty if missing.

    Raises:
        ValueError: A key is not a bitstring.
    """
    if isinstance(sampling_result, rest.JobsS3SamplingResult):
        sampling_result = sampling_result.to_dict()
    branch = sampling_result or {}
    divided = _mapping(branch.get("divided_counts"))
    return {
        "counts": bitstring_dict_to_int_keys(_mapping(branch.get("counts"))),
        "divided_counts": {int(index): bitstring_dict_to_int_keys(_mapping(part)) for index, part in divided.items()},
    }


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
