"""Seeds: the same jobs have the same counts each time, and different jobs different random numbers."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.__main__ import main
from oqtopus_client.emulator.database import Database
from oqtopus_client.emulator.seeds import Seeds, number_in_batch, seed_of, without_comments
from oqtopus_client.emulator.worker_pool import WorkerProcesses
from tests.support.circuits import BELL
from tests.support.server_process import running_server
from tests.support.sse_programs import DRIVER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEAD = 'OPENQASM 3; include "stdgates.inc"; '
MIXED = f"{HEAD}qubit[4] q; bit[4] c; h q; cx q[0], q[1]; rx(0.3) q[2]; cx q[1], q[3]; ry(1.1) q[3]; c = measure q;"
CHAIN = "".join(f"cx q[{i}], q[{i + 1}];" for i in range(17))
WIDE = f"{HEAD}qubit[18] q; bit[18] c; h q; {CHAIN} c = measure q;"
SEEDED = {"seed_simulation": 3}


def spec(program: str = MIXED, device_id: str = "lattice64", **settings: Any) -> OqtopusJobSpec:
    """A sampling job whose counts hardly agree by chance."""
    return OqtopusJobSpec.sampling(device_id=device_id, program=program, **settings)


MITIGATION = {"ro_error_mitigation": "pseudo_inverse"}
SPECS = [
    spec(),
    spec(device_id="qulacs"),
    spec(shots=999),
    spec(WIDE),
    spec(simulator_info=SEEDED),
    spec(mitigation_info=MITIGATION),
    OqtopusJobSpec.multi_manual(device_id="lattice64", program=[MIXED, BELL, MIXED]),
    OqtopusJobSpec.estimation(
        device_id="lattice64",
        program=MIXED,
        operator=[{"pauli": "X 0 X 1", "coeff": 0.5}, {"pauli": "Z 2 Y 3", "coeff": 1.5}, {"pauli": "Y 0", "coeff": 1}],
    ),
]


def outcomes(client: OqtopusClient, specs: Sequence[OqtopusJobSpec], *, workers: int = 1) -> list[Any]:
    """Run jobs; return their counts or estimates."""
    ids = [job.job_id for job in client.submit_jobs(specs, max_workers=workers)]
    jobs: list[Any] = [client.wait_for_job(job_id, interval=0.02).raise_for_status() for job_id in ids]
    return [job.exp_value if hasattr(job, "exp_value") else job.get_counts() for job in jobs]


def emulated(specs: Sequence[OqtopusJobSpec], *, workers: int = 1, **settings: Any) -> list[Any]:
    """Run jobs on a new emulator."""
    with Emulator(":memory:", **settings) as emulator, OqtopusClient(emulator.config) as client:
        return outcomes(client, specs, workers=workers)


def test_the_same_counts_each_time(tmp_path: Path) -> None:
    """Neither threads or processes, nor a port between them, nor the order of different jobs matter."""
    found = emulated(SPECS, seed=7)

    assert emulated(SPECS[::-1], seed=7, workers=8)[::-1] == found
    with running_server(tmp_path, "--seed", "7") as environment:
        config = OqtopusConfig(environment["OQTOPUS_URL"], environment["OQTOPUS_API_TOKEN"])
        with OqtopusClient(config) as client:
            served = outcomes(client, SPECS, workers=8)
    assert served == found
    with WorkerProcesses(2) as executor:
        assert emulated(SPECS, seed=7, executor=executor) == found


def test_different_counts() -> None:
    """Another seed gives other counts, except of jobs with their own; so does the second of two equal jobs."""
    mixed, with_own = SPECS[0], SPECS[4]
    first, second, own = emulated([mixed, mixed, with_own], seed=7)
    others = emulated([mixed, mixed, with_own, with_own], seed=8)

    assert first != second
    assert first not in others
    assert second not in others
    assert others[2:] == [own, own]
    assert emulated([with_own, mixed]) == [own, pytest.approx(first, abs=200)]


def test_without_a_seed() -> None:
    """By default counts differ each time, and a seed that is not a non-negative integer is ignored, as on servers."""
    odd = [spec(simulator_info={"seed_simulation": seed}) for seed in (-1, 1.0, "1", True, None)]
    found = emulated([spec(), spec(), *odd])

    assert all(found.count(counts) == 1 for counts in found)
    assert [seed_of(job.simulator_info) for job in odd] == [None] * 5
    assert seed_of({"seed_simulation": 10**30}) == 10**30
    assert seed_of({"seed": 1}) is None


@pytest.mark.parametrize("own", [None, 5])
def test_circuits_of_one_job_are_independent(own: int | None) -> None:
    """The groups of an estimation job and the parts of a multi_manual job draw different random numbers."""
    info = None if own is None else {"seed_simulation": own}
    same = f"{HEAD}qubit[2] q; bit[2] c; h q; c = measure q;"
    combined = OqtopusJobSpec.multi_manual(device_id="qulacs", program=[same] * 8, simulator_info=info)
    # Both are uniform, so equal random numbers would give a difference of exactly 0.
    terms: list[Any] = [{"pauli": "X 0 X 1", "coeff": 1.0}, {"pauli": "Y 0 Y 1", "coeff": -1.0}]
    estimate = OqtopusJobSpec.estimation(
        device_id="qulacs", program=f"{HEAD}qubit[2] q; x q;", operator=terms, shots=99_999, simulator_info=info
    )
    with Emulator(":memory:", seed=1) as emulator, OqtopusClient(emulator.config) as client:
        divided: Any = client.run_job(combined, interval=0.02)
        (difference,) = outcomes(client, [estimate])

    assert len({tuple(sorted(counts.items())) for counts in divided.get_divided_counts().values()}) == 8
    assert 0 < abs(difference) < 0.05


def test_seeds_of_content() -> None:
    """The n-th job of some content has the same seed whatever comes before it; comments and ids do not matter."""
    one, other = Seeds(1), Seeds(1)
    wanted = [one.next("a", {"x": 1, "y": 2}), one.next("a", {"y": 2, "x": 1})]
    other.next("b")

    assert [other.next("a", {"x": 1, "y": 2}) for _ in range(2)] == wanted
    assert len({*wanted, Seeds(2).next("a", {"x": 1, "y": 2}), one.next("b"), one.next("a", [])}) == 5
    assert all(0 <= seed < 1 << 63 for seed in wanted)
    assert without_comments(["// id 7\nx q;\n  // id 8\ny q; // kept", ""]) == ["x q;\ny q; // kept", ""]
    assert number_in_batch("sweep [batch-0123456789abcdef 12/30]") == " 12/30]"
    assert number_in_batch("1/2") == ""


def test_ids_of_clients_do_not_matter() -> None:
    """Jobs that differ in comment lines and in the id of their batch are equal; those of one batch are told apart."""

    def batch(name: str) -> list[OqtopusJobSpec]:
        return [spec(f"// {name}\n{MIXED}", description=f"[batch-{name:0>16} {i}/2]", name=name) for i in (1, 2)]

    found = emulated(batch("a"), seed=1)
    assert emulated(batch("b")[::-1], seed=1)[::-1] == found
    assert found[0] != found[1]


def test_server_side_programs() -> None:
    """The jobs of a server-side program have different random numbers, the same ones each time."""
    program = f"{DRIVER}print(sorted(submit(1000, {MIXED!r}).job_info.result['sampling']['counts'].items()))\n"
    programs = [program * 2, program * 2, program]
    jobs = [OqtopusJobSpec.sse(device_id="lattice64", program=text) for text in programs]
    jobs.append(dataclasses.replace(jobs[0], simulator_info=SEEDED))

    def logs(seed: int | None) -> list[list[str]]:
        with Emulator(":memory:", seed=seed) as emulator, OqtopusClient(emulator.config) as client:
            ended: list[Any] = [client.run_job(job, interval=0.05).raise_for_status() for job in jobs]
            return [re.findall(r"\[\(.*\)\]", job.read_log_text()) for job in ended]

    found = logs(1)
    assert logs(1) == found
    assert [len(set(log)) for log in found] == [2, 2, 1, 2]
    assert len({log[0] for log in found}) == 4
    assert logs(None)[3] == found[3]


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.0, TypeError), (True, TypeError), ("1", TypeError)])
def test_bad_seeds(seed: Any, error: type[Exception]) -> None:
    """An emulator's seed is a non-negative integer of any integer type."""
    with pytest.raises(error, match=re.escape(f"seed must be a non-negative integer, not {seed!r}.")):
        Emulator(":memory:", seed=seed)
    with Emulator(":memory:", seed=np.int64(3)):  # type: ignore[arg-type]
        pass


def test_bad_seed_on_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It ends the command with a message."""
    with pytest.raises(SystemExit, match="2"):
        main(["--port", "0", "--data", str(tmp_path), "--seed", "-1"])

    assert "--seed must be an integer of at least 0, not '-1'." in capsys.readouterr().err


def test_a_seed_survives_the_server(tmp_path: Path) -> None:
    """A job that another process runs later has the seed that it got when it was submitted."""
    expected = emulated([spec()], seed=7)
    database = Database(tmp_path / "emulator.sqlite3")
    with Emulator(tmp_path, seed=7) as emulator:
        emulator.inject("hold_job", status="ready", seconds=600)
        with OqtopusClient(emulator.config) as client:
            job_id = client.submit_job(spec()).job_id
    (row,) = database.all("SELECT status, seed, simulator_info FROM jobs")
    database.close()
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        job: Any = client.wait_for_job(job_id, interval=0.05)

    assert (row["status"], json.loads(row["simulator_info"])) == ("submitted", {})
    assert [job.get_counts()] == expected
