"""Invalid job specs are refused at construction, with the value and the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oqtopus_client import OqtopusJobSpec
from tests.support.circuits import BELL


def spec(**changes: Any) -> OqtopusJobSpec:
    """Return a valid sampling job with changes."""
    return OqtopusJobSpec.sampling(**{"device_id": "qulacs", "program": BELL, **changes})


@pytest.mark.parametrize("shots", [0, -1, 10_000_001])
def test_shots_out_of_range(shots: int) -> None:
    """Shots must be within the API's limits."""
    with pytest.raises(ValueError, match="from 1 to 10,000,000, not " + str(shots)):
        spec(shots=shots)


@pytest.mark.parametrize("shots", [1.5, 100.0, "100", None, True])
def test_shots_of_another_type(shots: object) -> None:
    """Shots are neither rounded nor parsed."""
    with pytest.raises(TypeError) as caught:
        spec(shots=shots)

    assert str(caught.value) == f"shots must be an integer from 1 to 10,000,000, not {shots!r}."


def test_numpy_integers_are_integers() -> None:
    """Shots may be numpy integers."""
    assert spec(shots=np.int64(5)).to_model().to_json().count('"shots":5') == 1


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"program": ""}, ValueError, "program is empty"),
        ({"program": []}, ValueError, "takes exactly one program, not 0"),
        ({"program": [BELL, BELL]}, ValueError, "takes exactly one program, not 2; submit one job for each"),
        ({"program": 5}, TypeError, r"must be OpenQASM 3 text, such as .* returns, not int"),
        ({"program": [None]}, TypeError, r"must be OpenQASM 3 text, .*, not NoneType"),
        ({"device_id": ""}, ValueError, "device_id is empty"),
        ({"device_id": "d" * 65}, ValueError, "device_id has 65 characters; the server keeps at most 64"),
        ({"name": "n" * 257}, ValueError, "name has 257 characters"),
        ({"name": 5}, TypeError, "name must be text, not 5"),
        ({"description": "d" * 1025}, ValueError, "description has 1025 characters"),
        ({"name": "\ud800"}, ValueError, "name cannot be sent as UTF-8: surrogates not allowed at position 0"),
        ({"program": "// \ud800"}, ValueError, "program cannot be sent as UTF-8"),
        ({"transpiler_info": {"a": {1}}}, TypeError, "transpiler_info must be JSON-serialisable: .*set is not JSON"),
        ({"mitigation_info": {"a": np.int64(1)}}, TypeError, "mitigation_info must be JSON-serialisable"),
        ({"simulator_info": {"a": float("nan")}}, ValueError, "simulator_info must be JSON-serialisable"),
        ({"transpiler_info": [1]}, TypeError, r"transpiler_info must be a mapping of names to values, not \[1\]"),
    ],
)
def test_bad_values(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    """Each message names the value and what to do."""
    with pytest.raises(error, match=message):
        spec(**changes)


def test_unknown_job_type() -> None:
    """The message for an unknown type lists the known ones."""
    with pytest.raises(ValueError, match="one of 'estimation', 'sampling', 'multi_manual', 'sse', not 'sampeling'"):
        OqtopusJobSpec("qulacs", "sampeling", BELL)


def test_request_and_input() -> None:
    """A spec is converted to the request and the input file."""
    job = spec(shots=7, name="bell", transpiler_info={"transpiler_lib": None})

    assert job.to_model().to_dict() == {
        "device_id": "qulacs",
        "job_type": "sampling",
        "shots": 7,
        "name": "bell",
        "transpiler_info": {"transpiler_lib": None},
        "simulator_info": {},
        "mitigation_info": {},
    }
    assert job.to_s3_submit_job_info().to_dict() == {"program": [BELL]}


def test_no_device_in_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """Server-side programs leave the device to the server explicitly; elsewhere a device is required."""
    monkeypatch.setenv("OQTOPUS_ENV", "sse_container")

    assert spec(device_id="").to_model().device_id == ""
    with pytest.raises(ValueError, match="device_id is empty"):
        spec(device_id=None)
