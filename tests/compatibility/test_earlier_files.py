"""What earlier versions wrote stays good: saved jobs, journals, profiles, and jobs that are still on the server.

`write.py` wrote the files, each folder with the release of its name; this version reads them and gets the same numbers.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig
from oqtopus_client.emulator import Emulator
from oqtopus_client.services.journal import Journal
from qiskit_oqtopus import OqtopusJob, OqtopusProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASES = sorted(Path(__file__).parent.glob("files_of_*"))
JOBS = "circuits", "memory", "together", "sweep", "failed"
PRIMITIVES = "estimator, estimation", "estimator, sampling", "estimator, mitigated", "sampler"


@pytest.fixture(params=RELEASES, ids=lambda folder: folder.name, scope="module")
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a release's files."""
    return Path(shutil.copytree(request.param, tmp_path_factory.mktemp("files"), dirs_exist_ok=True))


@pytest.fixture(scope="module")
def expected(files: Path) -> Any:
    """What the release read itself."""
    return json.loads((files / "expected.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def server(files: Path) -> Iterator[Emulator]:
    """The emulator with the release's database."""
    (files / "data").mkdir(exist_ok=True)
    shutil.copy(files / "emulator.sqlite3", files / "data")
    with Emulator(files / "data") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def earlier(server: Emulator) -> Iterator[OqtopusProvider]:
    """A provider of that emulator's devices."""
    with OqtopusProvider(server.config) as provider:
        yield provider


def counts(job: OqtopusJob) -> list[dict[str, int] | None]:
    """The counts of each circuit; None where it failed."""
    return [dict(one.data.counts) if one.success else None for one in job.result(partial=True).results]


def plain(data: Any) -> Any:
    """A primitive's data as JSON has it."""
    return data.tolist() if isinstance(data, np.ndarray) else data.get_counts()


@pytest.mark.parametrize("name", JOBS)
def test_saved_jobs(files: Path, expected: Any, name: str) -> None:
    """A saved job reads as it did, without a server."""
    job = OqtopusJob.load(files / f"job_{name}.json")

    assert (job.job_id(), job.job_ids) == (expected["runs"][name]["job_id"], expected["runs"][name]["job_ids"])
    assert counts(job) == expected["runs"][name]["counts"]
    assert job.circuits()[0].name == ("turn" if name == "sweep" else "bell")


@pytest.mark.parametrize("name", JOBS)
def test_jobs_on_the_server(earlier: OqtopusProvider, expected: Any, name: str) -> None:
    """A job that an earlier version submitted is found by its id, with its registers, names and metadata."""
    job = earlier.job(expected["runs"][name]["job_id"])

    assert job.job_ids == expected["runs"][name]["job_ids"]
    assert counts(job) == expected["runs"][name]["counts"]
    if name == "circuits":
        assert job.result().get_counts(1) == {"101 00": 200}
        assert job.result().results[0].header["metadata"] == {"angle": 0.5, "nested": [1, {"two": None}]}
        assert [circuit.name for circuit in job.circuits()] == ["bell", "多"]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_primitive_jobs(earlier: OqtopusProvider, expected: Any, name: str) -> None:
    """A primitive's job is finished from what is on the server, to the same numbers."""
    result = earlier.job(expected["primitives"][name]["job_id"]).result()
    data = [
        {
            key: value.tolist() if isinstance(value, np.ndarray) else value.get_counts()
            for key, value in pub.data.items()
        }
        for pub in result
    ]

    assert data == expected["primitives"][name]["data"]


def test_jobs_of_the_sdk(earlier: OqtopusProvider, expected: Any) -> None:
    """Jobs that the SDK submitted read as they did."""
    get, sdk = earlier.client.get_job, expected["sdk"]

    assert get(sdk["sampling"][0]).get_counts() == sdk["sampling"][1]  # type: ignore[attr-defined]
    assert get(sdk["estimation"][0]).exp_value == sdk["estimation"][1]  # type: ignore[attr-defined]
    assert str(get(sdk["sse"][0]).status) == sdk["sse"][1]


def test_state_of_the_emulator(server: Emulator, earlier: OqtopusProvider, expected: Any) -> None:
    """The emulator continues where the earlier one stopped: token, device status, and the job in its queue."""
    job = earlier.client.wait_for_job(expected["waiting"], timeout=60)

    assert server.token == expected["token"]
    assert earlier.get_backend("lattice64").status == "unavailable"
    assert sum(job.get_counts().values()) == 100  # type: ignore[attr-defined]


def test_journal(files: Path, expected: Any) -> None:
    """A journal has the jobs and states that were written to it."""
    journal = Journal(files / "journal.sqlite3")
    entries = asyncio.run(journal.entries())
    journal.close()

    assert [[e.number, e.spec.name, str(e.state), e.job_id] for e in entries] == expected["journal"]
    assert [len(e.spec.program) for e in entries if e.spec.name == "removing"] == [2]


def test_resume(files: Path, server: Emulator) -> None:
    """A campaign of an earlier version is finished by this one: jobs that the server does not have are settled."""
    shutil.copy(files / "journal.sqlite3", files / "resumed.sqlite3")
    with OqtopusClient(server.config, journal=files / "resumed.sqlite3") as client:
        entries = client.resume()

    assert {e.spec.name: str(e.state) for e in entries} == {
        "intended": "submitted",
        "uncertain": "removed",
        "removing": "submitted",
        "submitted": "submitted",
        "removed": "removed",
    }


def test_profiles(files: Path) -> None:
    """Profiles hold the same settings."""
    one, two = (OqtopusConfig.from_file(name, files / "profiles") for name in ("default", "two"))

    assert (one.base_url, one.api_token, one.timeout, one.proxy) == (
        "https://one.example.org",
        "of-no-use-anywhere",
        30.0,
        None,
    )
    assert (two.base_url, two.api_token, two.timeout, two.proxy) == (
        "https://two.example.org",
        "50%;#a",
        5.0,
        "http://proxy.example.org:3128",
    )
