"""`run` and `result`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from tests.support.circuits import BELL
from tests.support.command_line import Typed, answer, complaint

FLIP = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; x q[0]; c = measure q;'


@pytest.fixture
def _faultless(cli: Typed) -> Iterator[None]:
    """Clear the faults after a test."""
    yield
    cli("emulator", "faults", "clear")


def test_counts_as_a_table(cli: Typed, bell: str) -> None:
    """The most frequent outcome comes first and has the longest bar."""
    result = cli("run", bell, "--device", "qulacs", "--shots", "500", "--bars")
    rows = [line.split() for line in result.stdout.splitlines() if "%" in line]

    assert result.exit_code == 0
    assert {row[0] for row in rows} == {"00", "11"}
    assert sum(int(row[1]) for row in rows) == 500
    assert int(rows[0][1]) >= int(rows[1][1])
    assert rows[0][3] == "█" * 40


def test_counts_as_json_from_standard_input(cli: Typed) -> None:
    """A program can come through a pipe."""
    result = answer(cli("run", "-", "--device", "qulacs", "--name", "piped", "--json", text=FLIP))

    assert result["counts"] == {"01": 1000}
    assert (result["status"], result["name"], result["device_id"]) == ("succeeded", "piped", "qulacs")


def test_many_outcomes_are_cut_for_people(cli: Typed, tmp_path: Path) -> None:
    """A table shows the most frequent outcomes and the number of the others."""
    file = tmp_path / "uniform.qasm"
    file.write_text('OPENQASM 3; include "stdgates.inc"; qubit[6] q; bit[6] c; h q; c = measure q;', encoding="utf-8")
    result = cli("run", str(file), "--device", "qulacs", "--shots", "100000")

    assert "and 44 rarer outcomes; --json shows all" in result.stdout


def test_settings_arrive(cli: Typed, bell: str) -> None:
    """Transpilation and mitigation are set as requested."""
    level = answer(cli("run", bell, "--device", "qulacs", "--optimization-level", "3", "--mitigate", "--json"))
    native = cli("run", "-", "--device", "qulacs", "--no-transpile", "--no-wait", text=FLIP)
    job_id = native.stdout.strip()
    cli("result", job_id)
    with OqtopusClient() as client:
        first, second = client.get_job(level["job_id"]), client.get_job(job_id)

    assert first.transpiler_info == {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 3}}
    assert first.mitigation_info == {"ro_error_mitigation": "pseudo_inverse"}
    assert second.transpiler_info == {"transpiler_lib": None}


def test_id_now_and_result_later(cli: Typed, bell: str) -> None:
    """Stdout has only the id, for scripts; the hint is on stderr."""
    result = cli("run", bell, "--device", "qulacs", "--no-wait")
    job_id = result.stdout.strip()
    later = answer(cli("result", job_id, "--json"))

    assert f"oqtopus-client result {job_id}" in result.stderr
    assert sum(later["counts"].values()) == 1000
    assert cli("run", bell, "--device", "qulacs", "--no-wait", "--json").stdout.startswith('{\n  "job_id": ')


def test_expectation_value(cli: Typed) -> None:
    """An estimation job's result is a number with its standard error."""
    program = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; h q[0]; cx q[0], q[1];'
    operator = [{"pauli": "Z 0 Z 1", "coeff": 1.5}]
    with OqtopusClient() as client:
        spec = OqtopusJobSpec.estimation(device_id="qulacs", program=program, operator=operator)
        job_id = client.submit_job(spec).job_id

    assert cli("result", job_id).stdout.startswith("1.5 ± ")
    assert answer(cli("result", job_id, "--json"))["exp_value"] == 1.5


def test_several_programs(cli: Typed) -> None:
    """A multi_manual job's result is a table for each program."""
    with OqtopusClient() as client:
        spec = OqtopusJobSpec.multi_manual(device_id="qulacs", program=[FLIP, BELL], shots=100)
        job_id = client.submit_job(spec).job_id
    shown = cli("result", job_id).stdout

    assert shown.index("Program 0") < shown.index("Program 1")
    assert answer(cli("result", job_id, "--json"))["divided_counts"]["0"] == {"01": 100}


@pytest.mark.usefixtures("_faultless")
def test_failed_job(cli: Typed, bell: str) -> None:
    """A failed job has its own exit code, and the server's message, in JSON as well."""
    cli("emulator", "faults", "inject", "fail_job", "--message", "fridge is warm", "--times", "2")
    result = cli("run", bell, "--device", "qulacs")
    machine = cli("run", bell, "--device", "qulacs", "--json")

    assert result.exit_code == machine.exit_code == 1
    assert complaint(result).endswith(" has the status 'failed': fridge is warm.")
    assert answer(machine)["message"] == "fridge is warm"


@pytest.mark.usefixtures("_faultless")
def test_time_is_up(cli: Typed, bell: str) -> None:
    """After a timeout the job continues, and the message says how to get its result."""
    cli("emulator", "faults", "inject", "hold_job", "--status", "running", "--seconds", "3600")
    result = cli("run", bell, "--device", "qulacs", "--timeout", "0.5")
    job_id = complaint(result).split()[2]

    assert result.exit_code == 6
    assert complaint(result) == (
        f"oqtopus-client: Job {job_id} did not finish within 0.5 s. "
        f"The job continues on the server; wait for it with: oqtopus-client result {job_id}"
    )
    assert cli("result", job_id, "--no-wait").exit_code == 1
    cli("emulator", "faults", "clear")
    assert cli("result", job_id).exit_code == 0


@pytest.mark.usefixtures("_faultless")
def test_lost_submission(cli: Typed, bell: str) -> None:
    """If it is unknown whether the job runs, its id is reported, even if devices cannot be listed."""
    cli("emulator", "faults", "inject", "lost_answer", "--path", "/jobs/*/submit", "--times", "3")
    for path in ("/jobs/*/status", "/devices"):
        cli("emulator", "faults", "inject", "drop", "--path", path, "--method", "GET", "--times", "3")
    result = cli("run", bell, "--device", "qulacs")
    job_id = complaint(result).split()[2].rstrip(":")

    assert result.exit_code == 5
    assert "It may have been submitted anyway" in complaint(result)
    assert cli("result", job_id).exit_code == 0


@pytest.mark.usefixtures("_faultless")
def test_result_out_of_reach(cli: Typed, bell: str) -> None:
    """The message contains the job's id, and says how to get the result later."""
    cli("emulator", "faults", "inject", "server_error", "--path", "/storage*", "--method", "GET", "--times", "3")
    result = cli("run", bell, "--device", "qulacs")
    job_id = complaint(result).split()[2]

    assert result.exit_code == 5
    assert complaint(result) == (
        f"oqtopus-client: Job {job_id} was submitted, but: The storage refused the download: HTTP 500 Internal Server "
        f"Error. Get its result with: oqtopus-client result {job_id}"
    )
    cli("emulator", "faults", "clear")
    assert cli("result", job_id).exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.qasm", "--device", "qulacs"], 2, "nowhere.qasm cannot be read: No such file or directory."),
        (["BELL", "--device", "qulax"], 4, "Unknown device 'qulax'. Did you mean 'qulacs'?"),
        (["BELL", "--device", "qulacs", "--shots", "0"], 2, "--shots"),
        (["BELL", "--device", "qulacs", "--no-transpile", "--optimization-level", "2"], 2, "--no-transpile turns off"),
        (["BELL"], 2, "--device"),
    ],
)
def test_what_cannot_be_run(cli: Typed, bell: str, words: list[str], code: int, said: str) -> None:
    """The error says why, and nothing runs."""
    result = cli("run", *(bell if word == "BELL" else word for word in words))

    assert result.exit_code == code
    assert said in " ".join(result.stderr.replace("│", "").split())
    assert result.stdout == ""


def test_no_such_job(cli: Typed) -> None:
    """An unknown id has its own exit code."""
    assert cli("result", "01900000-0000-7000-8000-000000000000").exit_code == 4
