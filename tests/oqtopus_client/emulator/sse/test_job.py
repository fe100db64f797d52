"""An sse job's input, and its outcome for each kind of end of its program."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS, JobFailure
from oqtopus_client.emulator.simulation.pipeline import pack_json
from oqtopus_client.emulator.sse.job import SseJob, read_sse_job, run_sse_job
from oqtopus_client.emulator.sse.limits import SseContainer
from tests.support.sse_programs import REFUSED, answer, run, run_bare, simulate, sse_job

if TYPE_CHECKING:
    from oqtopus_client.emulator.sse.engine_job import EngineJob

ROW = {
    "job_id": "id",
    "name": "name",
    "description": None,
    "job_type": "sse",
    "status": "ready",
    "device_id": "qulacs",
    "shots": 1,
    "submitted_at": "2026-11-26T10:00:00Z",
    "transpiler_info": {},
    "simulator_info": {},
    "mitigation_info": {},
}

EXECUTION_ERROR = "user program execution error"
CAUGHT = f"try: {REFUSED}\nexcept sse_driver.SseRuntimeError: print('caught')\n"


@pytest.mark.parametrize(
    ("program", "exit_code", "failure"),
    [
        ("submit()", 0, None),
        ("submit(); raise SystemExit(None)", 0, None),
        ("submit(); raise SystemExit(0)", 0, None),
        ("submit(); 1 / 0", 1, EXECUTION_ERROR),
        ("submit(); raise SystemExit('text')", 1, EXECUTION_ERROR),
        ("submit(); sys.exit(3)", 3, EXECUTION_ERROR),
        ("submit(); print('lost', end=''); os._exit(0)", 0, None),
        ("submit(); os.kill(os.getpid(), 9)", 137, EXECUTION_ERROR),
        ("submit(); import threading; threading.Thread(target=lambda: 1 / 0).start()", 0, None),
        ("submit(); import threading; threading.Thread(target=time.sleep, args=[60], daemon=True).start()", 0, None),
        ("submit(); subprocess.Popen(['sleep', '60'])", 0, None),
        ("print('no inner job')", 0, "internal server error"),
        (CAUGHT, 0, "sse job failed"),
        (CAUGHT + "submit()", 0, None),
        (f"submit(); {REFUSED}", 1, EXECUTION_ERROR),
    ],
)
def test_ends(program: str, exit_code: int, failure: str | None) -> None:
    """Exit code and last inner job determine the outcome; a failed job shows neither result nor log."""
    ran = run(program, simulate)
    last = ran.ended.last_job

    assert (ran.ended.exit_code, ran.failure) == (exit_code, failure), ran.output
    assert {"result.zip", "sse_log.zip"} <= ran.outcome.files.keys() if failure is None else True
    assert {"result.zip", "sse_log.zip"}.isdisjoint(ran.outcome.files) or failure is None
    assert ("transpile_result.zip" in ran.outcome.files) == (last is not None and last.transpile_result is not None)
    assert ran.outcome.transpiler_info == (json.dumps(last.transpiler_info) if last else None)
    assert ran.outcome.seconds == (round(ran.ended.seconds, 3) if last else None)
    assert "lost" not in ran.output


def test_a_thread_that_does_not_end() -> None:
    """The program waits for its threads, at most until the time limit."""
    ran = run("submit(); import threading; threading.Thread(target=time.sleep, args=[600]).start()", total_seconds=2)

    assert (ran.ended.exit_code, ran.failure) == (None, EXECUTION_ERROR)


def test_a_traceback_of_a_thread_is_in_the_log() -> None:
    """A traceback of a thread is in the log, and does not fail the program."""
    ran = run("submit(3); import threading; threading.Thread(target=lambda: 1 / 0).start()")

    assert ran.shots == 3
    assert ran.file("sse_log").decode().endswith("ZeroDivisionError: division by zero\r\n")


@pytest.mark.parametrize("program", ["def", "\0", "# coding: nonsense"])
def test_programs_that_python_refuses(program: str) -> None:
    """A program that Python refuses fails with the reason in its output, which the user does not see."""
    ran = run_bare(program)

    assert ran.failure == EXECUTION_ERROR
    assert "Error: " in ran.output


def test_the_result_is_the_file_that_was_left() -> None:
    """The result is the last job's, unless the program replaces `result.json`."""
    file = "os.path.join(os.environ['OUT_PATH'], 'result.json')"
    keep = f"submit(1); kept = open({file}).read(); submit(2)\n"

    assert run(keep).shots == 2
    assert run(f"{keep}open({file}, 'w').write(kept)").shots == 1
    assert run(f"{keep}open({file}, 'w').write(kept[:-9])").failure == "internal server error"
    assert run(f"{keep}os.remove({file})").failure == "internal server error"


def test_a_job_without_a_result() -> None:
    """A program that succeeds without a result fails the job."""

    def without_result(job: EngineJob) -> None:
        answer(job)
        job.result = None

    ran = run("submit()", without_result)

    assert ran.failure == "job result is None"


def test_the_log() -> None:
    """The log is a terminal's: the prompt, both streams in the order of the writes, and its line ends."""
    ran = run("print('out'); print('err', file=sys.stderr); submit(); print('end', end='')")

    assert ran.file("sse_log") == b"$ out\r\nerr\r\nend"
    assert json.loads(ran.file("result")) == {
        "sampling": {"counts": {"0": 10}, "divided_counts": None},
        "estimation": None,
    }


def test_files_are_bounded() -> None:
    """A log that exceeds the limit when zipped fails the job; nothing is truncated."""
    compressible = run("submit(5); print('x' * 2_000_000)", file_bytes=10_000)
    random = run("submit(5); print(os.urandom(6_000).hex())", file_bytes=5_000)
    endless = run("submit(5)\nfor _ in range(70): print('x' * (1 << 20))")

    assert len(compressible.file("sse_log")) == 2_000_004
    assert compressible.shots == 5
    for ran, limit in ((random, 5_000), (endless, 10 << 20)):
        sizes = re.fullmatch(r"sse_log\.zip size: (\d+)B is larger than the max file size (\d+)B", str(ran.failure))
        assert sizes is not None
        assert int(sizes[1]) > int(sizes[2]) == limit
        assert ran.outcome.files == {}


# --- input


def test_reading_the_job() -> None:
    """A container gets the whole job, with its program, which may be empty."""
    job = read_sse_job(ROW, pack_json("input", {"sse_program": ""}), DEFAULT_LIMITS)

    assert job.sse_program == ""
    assert json.loads(job.model_dump_json()).items() >= {**ROW, "status": "running", "output_files": []}.items()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, r"^the sse_program is not specified in the job\.$"),
        ({"sse_program": None}, r"^the sse_program is not specified in the job\.$"),
        ({"program": ["print()"]}, r"^the sse_program is not specified in the job\.$"),
        ({"sse_program": 5}, r"^Job input validation failed: sse_program must be a text\.$"),
        ({"sse_program": "\ud800"}, r"^Job input validation failed: sse_program must be a text\.$"),
        ([], r"^Job input download failed: Expected JSON root to be an object \(dict\) but got list$"),
    ],
)
def test_input_without_a_program(content: Any, message: str) -> None:
    """A job without a program fails before it runs."""
    with pytest.raises(JobFailure, match=message):
        read_sse_job(ROW, pack_json("input", content), DEFAULT_LIMITS)


def test_the_output_of_a_failed_program_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The emulator logs a failed program's output, which the user does not see."""
    job = SseJob(sse_job("print('why')\n1 / 0"), built_in_devices()["qulacs"], DEFAULT_LIMITS, SseContainer())

    assert run_sse_job(job).message == EXECUTION_ERROR
    assert f"Job {job.job.job_id}: {EXECUTION_ERROR} (exit code 1). The program's output:\n$ why" in caplog.text
    assert "ZeroDivisionError" in caplog.text
