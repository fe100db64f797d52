"""`program`, and what other commands show of programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oqtopus_client import OqtopusClient
from tests.support import shipped_programs as programs
from tests.support.circuits import BELL
from tests.support.command_line import Typed, answer, complaint
from tests.support.sse_programs import DRIVER

SCRIPT = f"""
from __future__ import annotations
{DRIVER}
print("steps", sys.argv[1:], "\\x1b[31mred")
print(submit(shots=int(sys.argv[1])).status)
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    """Return the file of a script that takes its number of shots."""
    file = tmp_path / "steps.py"
    file.write_text(SCRIPT, encoding="utf-8")
    return str(file)


def test_output_and_result(sse_cli: Typed, script: str) -> None:
    """The script's output precedes the counts of its last job; its id is enough to see both again."""
    result = sse_cli("program", script, "50", "--device", "qulacs", "--log", "--", "--fast")
    shown = answer(sse_cli("program", script, "50", "--device", "qulacs", "--log", "--json"))
    job_id = shown["job_id"]

    assert result.exit_code == 0
    assert result.stdout.startswith("steps ['50', '--fast'] [31mred\nsucceeded\n")
    assert {line.split()[0] for line in result.stdout.splitlines() if "%" in line} == {"00", "11"}
    assert (shown["log"], shown["name"]) == ("steps ['50'] \x1b[31mred\nsucceeded\n", "steps.py")
    assert sum(shown["counts"].values()) == 50
    assert answer(sse_cli("result", job_id, "--json"))["counts"] == shown["counts"]
    assert "steps ['50']" in sse_cli("log", job_id).stdout


def test_without_waiting(sse_cli: Typed, script: str) -> None:
    """Only the job's id is printed; its result can be read later."""
    result = sse_cli("program", script, "50", "--device", "qulacs", "--no-wait", "--name", "later")
    job_id = result.stdout.strip()

    assert f"oqtopus-client result {job_id}" in complaint(result)
    assert answer(sse_cli("result", job_id, "--json"))["name"] == "later"
    assert set(answer(sse_cli("program", script, "1", "--device", "qulacs", "--no-wait", "--json"))) == {"job_id"}


def test_failures(sse_cli: Typed, script: str) -> None:
    """A failed script has exit code 1 and likely causes; JSON precedes them."""
    result = sse_cli("program", script, "many", "--device", "qulacs", "--log")
    as_json = sse_cli("program", script, "many", "--device", "qulacs", "--json")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "user program execution error. Likely causes, in order: (1) it raised an exception" in complaint(result)
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["message"] == "user program execution error"
    assert "Likely causes" in complaint(as_json)


def test_functions(sse_cli: Typed) -> None:
    """`result` prints what a function returned, or its error with its traceback; `log` leaves its report out."""
    with OqtopusClient() as client:
        good = client.run_program(programs.counts, 9, BELL, device_id="qulacs")
        bad = client.run_program(programs.raises, device_id="qulacs")
        value = good.result(60)
        bad.wait_for_final_state(60)
    failed = sse_cli("result", bad.job_id)

    assert sse_cli("result", good.job_id).stdout == f"{value!r}\n"
    assert answer(sse_cli("result", good.job_id, "--json"))["value"] == value
    assert sse_cli("log", good.job_id).stdout == "===== sse_runtime.log =====\nmeasured 9\n"
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert 'File "shipped_programs.py", line' in failed.stderr
    assert failed.stderr.splitlines()[-1].endswith("raised UnstableError: two lines")


def test_refusals(sse_cli: Typed, script: str, tmp_path: Path) -> None:
    """A missing file, invalid Python and a device that does not exist are found before anything runs."""
    invalid = tmp_path / "invalid.py"
    invalid.write_text("def", encoding="utf-8")

    assert complaint(sse_cli("program", str(tmp_path / "no.py"), "--device", "qulacs")).endswith(
        "no.py does not exist."
    )
    assert "invalid.py is not a program for Python 3." in complaint(
        sse_cli("program", str(invalid), "--device", "qulacs")
    )
    assert complaint(sse_cli("program", script, "--device", "qulax")).endswith("Did you mean 'qulacs'?")
