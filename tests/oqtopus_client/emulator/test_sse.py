"""Server-side execution: real programs, in real processes, whose jobs are really simulated."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation.inputs import ProgramLimits
from oqtopus_client.emulator.sse.job import SseJob, _run_inner
from oqtopus_client.emulator.sse.sandbox import InnerJob, SseLimits, SseOutcome, _exit_code, run_sse
from tests.support.circuits import BELL
from tests.support.sse_programs import DRIVER

PARENT = {"job_id": "0691f3a2-7c1e-7b44-8000-3f5a9d2c1e77", "name": "parent", "job_type": "sse", "shots": 1}

REFUSED = "submit(transpiler_info={'transpiler_lib': None})"  # the device has no h


def simulate(request: Mapping[str, Any], info: Mapping[str, Any]) -> InnerJob:
    """Transpile and sample, as the engine does with any job."""
    job = SseJob(PARENT, b"", built_in_devices()["qulacs"], ProgramLimits(), SseLimits())
    return _run_inner(job, request, info)


def answer(request: Mapping[str, Any], _info: Mapping[str, Any]) -> InnerJob:
    """A job whose only outcome is its number of shots."""
    result = {"sampling": {"counts": {"0": request["shots"]}, "divided_counts": None}, "estimation": None}
    return InnerJob("succeeded", "job is succeeded", result, None, {"transpiler_lib": None}, 0.001)


def run(program: str, run_inner_job: Any = answer, **limits: float) -> SseOutcome:
    """Run a program that knows `submit`."""
    return run_sse(DRIVER + program, PARENT, run_inner_job, SseLimits(**limits))  # type: ignore[arg-type]


def shots_of(outcome: SseOutcome) -> int:
    """What `answer` put into the result."""
    assert outcome.failure is None, outcome.log
    assert outcome.result is not None
    shots: int = outcome.result["sampling"]["counts"]["0"]
    return shots


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where programs get their folders; none is left behind. Its name is short: those of sockets must be."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)
        deadline = time.monotonic() + 30  # of a killed runner's, another process clears up
        while list(Path(folder).iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.01)


class Lifeline:
    """A port that processes under test connect to; its end of file is their end."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(60)

    @property
    def connect(self) -> str:
        """The Python expression that connects."""
        return f"__import__('socket').create_connection({self._listener.getsockname()!r})"

    def accept(self) -> socket.socket:
        """Wait until a process has connected."""
        connection, _ = self._listener.accept()
        connection.settimeout(60)
        return connection

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


@pytest.fixture
def lifeline() -> Iterator[Lifeline]:
    """A port to tell the living by."""
    lifeline = Lifeline()
    yield lifeline
    lifeline.close()


@pytest.mark.parametrize("device", ["qulacs", "sse", ""])
def test_the_sdk_inside_a_program(device: str) -> None:
    """`run_sampling` needs no URL, no token and no device there, and answers as it does outside."""
    program = f"""
from oqtopus_client import OqtopusClient, OqtopusJobSpec
with OqtopusClient() as client:
    result = client.run_sampling(OqtopusJobSpec.sampling(device_id={device!r}, program={BELL!r}, shots=1000))
print(sum(result.get_counts().values()), sorted(result.get_counts()), result.status, result.job_id)
"""
    outcome = run_sse(program, PARENT, simulate)

    assert outcome.failure is None, outcome.log
    assert outcome.log == f"1000 ['00', '11'] succeeded {PARENT['job_id']}\n"
    assert outcome.result is not None
    assert set(outcome.result["sampling"]["counts"]) == {"00", "11"}
    assert outcome.transpiler_info == {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
    assert outcome.transpile_result is not None
    assert outcome.seconds > 0


def test_what_the_driver_returns() -> None:
    """Contents instead of URLs, the parent's id, and one time for all that came before the end."""
    program = """
import json
job = submit(7)
print(job.model_dump_json())
print(open(os.environ["OUT_PATH"] + "/result.json").read())
"""
    returned, written = (json.loads(line) for line in run(program).log.splitlines())

    assert returned == written
    assert returned["job_id"] == PARENT["job_id"]
    assert (returned["status"], returned["shots"], returned["job_type"]) == ("succeeded", 7, "sampling")
    assert returned["submitted_at"] == returned["ready_at"] == returned["running_at"] <= returned["ended_at"]
    info = {name: value for name, value in returned["job_info"].items() if value is not None}
    assert info == {
        "input": "",
        "message": "job is succeeded",
        "result": {"sampling": {"counts": {"0": 7}, "divided_counts": None}, "estimation": None},
    }


def test_the_last_job_counts() -> None:
    """The result is that of the job that was submitted last."""
    assert shots_of(run("for shots in (1, 2, 3): submit(shots)")) == 3


def test_threads_and_processes_take_turns() -> None:
    """Whoever calls the driver gets the answer to its own question, and jobs run one at a time."""
    busy = threading.Lock()

    def alone(request: Mapping[str, Any], info: Mapping[str, Any]) -> InnerJob:
        assert busy.acquire(blocking=False)
        with_lock = answer(request, info)
        busy.release()
        return with_lock

    program = """
from concurrent.futures import ThreadPoolExecutor
import multiprocessing
def ask(shots):
    assert submit(shots).job_info.result["sampling"]["counts"] == {"0": shots}
with ThreadPoolExecutor(8) as threads:
    list(threads.map(ask, range(1, 20)))
child = multiprocessing.get_context("fork").Process(target=ask, args=(50,))
child.start(), child.join()
assert child.exitcode == 0
"""
    assert shots_of(run(program, alone)) == 50


@pytest.mark.parametrize(
    ("program", "failure"),
    [
        ("submit(); sys.exit(1)", "user program execution error"),
        ("submit(); raise SystemExit('enough')", "user program execution error"),
        ("submit(); os.kill(os.getpid(), 9)", "user program execution error"),
        ("submit(); 1 / 0", "user program execution error"),
        ("print('nothing')", "internal server error: the program ended without having submitted a job"),
        ("submit(); raise SystemExit(0)", None),
        ("submit(); sys.exit()", None),
    ],
)
def test_exit_codes(program: str, failure: str | None) -> None:
    """A program succeeds if it submits a job and exits with 0; what it submitted last is told in any case."""
    outcome = run(program)

    assert outcome.failure == failure
    assert (outcome.result is None) == (failure is not None)
    assert outcome.transpiler_info == (None if "nothing" in program else {"transpiler_lib": None})


def test_a_traceback_is_in_the_log() -> None:
    """It begins with the program, and comes after what was printed before."""
    outcome = run_sse("print('before')\ndef f():\n    raise ValueError('ungültig')\nf()", PARENT, answer)

    lines = outcome.log.splitlines()
    assert lines[:2] == ["before", "Traceback (most recent call last):"]
    assert 'program.py", line 4, in <module>' in lines[2]
    assert lines[-1] == "ValueError: ungültig"


@pytest.mark.parametrize("program", ["def", "\0", "\ud800", "# coding: nonsense"])
def test_what_is_no_program(program: str) -> None:
    """Python says so in the log."""
    outcome = run_sse(program, PARENT, answer)

    assert outcome.failure == "user program execution error"
    assert "Error: " in outcome.log


def test_a_job_that_fails() -> None:
    """The program gets an exception with the server's words; uncaught, it ends the program."""
    outcome = run(REFUSED, simulate)

    assert outcome.failure == "user program execution error"
    assert outcome.log.endswith(
        "SseRuntimeError: To execute sampling on OQTOPUS server is failed. reason: failed to execute job on device\n"
    )
    assert outcome.transpiler_info == {"transpiler_lib": None}
    assert outcome.transpile_result is None


def test_a_failure_that_is_caught() -> None:
    """It is the program's outcome if that job was the last, and forgotten if it was not."""
    caught = f"""
try:
    {REFUSED}
except sse_driver.SseRuntimeError:
    print("caught")
"""
    last, not_last = run(caught, simulate), run(caught + "submit()", simulate)

    assert (last.failure, last.result, last.log) == ("failed to execute job on device", None, "caught\n")
    assert not_last.failure is None
    assert not_last.result is not None


def test_a_job_that_breaks_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    """The program goes on; the server's log has the reason."""

    def broken(_request: object, _info: object) -> InnerJob:
        raise ZeroDivisionError

    outcome = run("submit()", broken)

    assert "reason: error during pipeline execution" in outcome.log
    assert "ZeroDivisionError" in caplog.text


def test_a_job_that_takes_too_long() -> None:
    """The driver gives up at the limit, whatever the engine still does."""
    released = threading.Event()

    def slow(request: Mapping[str, Any], info: Mapping[str, Any]) -> InnerJob:
        released.wait(60)
        return answer(request, info)

    outcome = run("try: submit()\nexcept sse_driver.SseRuntimeError as error: print(error)", slow, job_seconds=0.2)
    released.set()

    assert outcome.failure == "pipeline execution timed out"
    assert "reason: pipeline execution timed out" in outcome.log


def test_messages_are_bounded() -> None:
    """What is too long for the engine is refused on either side."""
    asks = run("submit(program='x' * 5000)", message_bytes=5000)
    gets = run(
        "submit()",
        lambda *_: InnerJob("succeeded", None, {"counts": dict.fromkeys(map(str, range(999)), 1)}, None, {}, 0.1),
        message_bytes=5000,
    )

    assert "are more than the 5,000 that the engine takes" in asks.log
    assert "are more than the 5,000 allowed" in gets.log


def test_the_time_limit_ends_all_processes(lifeline: Lifeline) -> None:
    """Also those that the program started."""
    grandchild = f"import time; alive = {lifeline.connect}; print('alive', flush=True); time.sleep(600)"
    program = f"subprocess.run([sys.executable, '-c', {grandchild!r}])"
    for seconds in (1.5, 5, 60):  # a slow machine needs longer to start both
        outcome = run(program, total_seconds=seconds)
        if outcome.log:
            break

    assert outcome.failure == f"user program execution error: it took longer than {seconds:g} seconds"
    assert outcome.log == "alive\n"
    with lifeline.accept() as connection:
        assert connection.recv(1) == b""


def test_stopping_a_program(lifeline: Lifeline) -> None:
    """Whoever closes the emulator does not wait for programs."""
    program = f"import time; alive = {lifeline.connect}; time.sleep(600)"
    stop = threading.Event()
    with ThreadPoolExecutor() as threads:
        running = threads.submit(run_sse, program, PARENT, answer, stop=stop)
        with lifeline.accept() as connection:
            stop.set()
            assert connection.recv(1) == b""

    assert running.result().failure == "the program has been stopped"


def test_no_process_outlives_the_program(lifeline: Lifeline) -> None:
    """What runs in the background ends with it."""
    grandchild = f"import time; alive = {lifeline.connect}; print('here', flush=True); time.sleep(600)"
    program = f"""
child = subprocess.Popen([sys.executable, "-c", {grandchild!r}], stdout=subprocess.PIPE)
child.stdout.readline()
submit(5)
"""
    assert shots_of(run(program)) == 5
    with lifeline.accept() as connection:
        assert connection.recv(1) == b""


def test_a_program_ends_with_its_runner(lifeline: Lifeline, temporary: Path) -> None:
    """Killing the process that runs the emulator leaves neither processes nor folders."""
    program = f"import time; alive = {lifeline.connect}; time.sleep(600)"
    runner = (
        "import tempfile; from oqtopus_client.emulator.sse.sandbox import run_sse; "
        f"tempfile.tempdir = {str(temporary)!r}; run_sse({program!r}, {{}}, None)"
    )
    with subprocess.Popen([sys.executable, "-c", runner]) as process, lifeline.accept() as connection:
        process.send_signal(signal.SIGKILL)
        process.wait(60)

        assert connection.recv(1) == b""


ESCAPED = """
here, there = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        alive = CONNECT
        os.write(there, b"x")
        time.sleep(600)
    os._exit(0)
os.read(here, 1)
"""


STOP_THE_WATCH = """
import signal
os.kill(os.getppid(), signal.SIGSTOP)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems let orphans go")
@pytest.mark.parametrize(
    ("end", "first"),
    [
        ("by itself", ""),
        ("by a crash", ""),
        ("time", ""),
        ("stop", ""),
        ("killed runner", ""),
        ("stop", STOP_THE_WATCH),
        ("killed runner", STOP_THE_WATCH),
    ],
)
def test_no_orphan_outlives_the_program(lifeline: Lifeline, temporary: Path, end: str, first: str) -> None:
    """Neither a session of its own nor the loss of its parent saves a process, however the program ends.

    Nor does it help to stop the process that watches over the program.
    """
    last = {"by itself": "submit(5)", "by a crash": "os.kill(os.getpid(), 11)"}.get(end, "time.sleep(600)")
    program = DRIVER + first + ESCAPED.replace("CONNECT", lifeline.connect) + last
    if end == "killed runner":
        runner = (
            "import tempfile; from oqtopus_client.emulator.sse.sandbox import run_sse; "
            f"tempfile.tempdir = {str(temporary)!r}; run_sse({program!r}, {{}}, None)"
        )
        with subprocess.Popen([sys.executable, "-c", runner]) as process, lifeline.accept() as connection:
            process.kill()
            process.wait(60)
            assert connection.recv(1) == b""
        return
    stop = threading.Event()
    limits = SseLimits(total_seconds=5 if end == "time" else 60)
    with ThreadPoolExecutor() as threads:
        running = threads.submit(run_sse, program, PARENT, answer, limits, stop=stop)
        with lifeline.accept() as connection:
            if end == "stop":
                stop.set()
            assert connection.recv(1) == b""

    assert (running.result().failure is None) == (end == "by itself")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot wait for a stop")
def test_a_stopped_watch_does_not_stop_time() -> None:
    """Whoever runs a program has it go on where it was stopped, and waits no longer than for the program's time."""
    code = "import os, signal, sys; os.kill(os.getpid(), signal.SIGSTOP); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], bufsize=0, stdin=subprocess.PIPE) as watch:
        os.waitid(os.P_PID, watch.pid, os.WSTOPPED)
        assert _exit_code(watch, -60, threading.Event()) is None
    assert watch.returncode == 0


def test_the_starter_touches_no_other_folder(tmp_path: Path) -> None:
    """Run by hand, without the pipe that tells of its parent, it removes nothing it was not made for."""
    command = [sys.executable, "-m", "oqtopus_client.emulator.sse.container", str(tmp_path), "1", "1"]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert "FileNotFoundError" in run.stderr
    assert tmp_path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not count mapped memory")
def test_the_memory_limit() -> None:
    """A program that wants more gets Python's own error."""
    outcome = run("bytearray(100 << 20); print('so far'); bytearray(300 << 20)", memory_bytes=256 << 20)

    assert outcome.failure == "user program execution error"
    assert outcome.log.startswith("so far\n")
    assert outcome.log.endswith("MemoryError\n")


def test_scientific_packages_fit_into_memory() -> None:
    """The default limit leaves room for Qiskit, which reserves much more than it uses."""
    outcome = run("import numpy, qiskit, qiskit_aer, scipy.optimize, qiskit_oqtopus; submit(); numpy.ones(1 << 24)")

    assert outcome.failure is None, outcome.log


def test_output_is_bounded() -> None:
    """A program may write as much as it likes; the log says what it left out."""
    outcome = run("submit(3); sys.stdout.write('é' * 1_000_000); print('end')", log_bytes=1000)

    assert shots_of(outcome) == 3
    assert outcome.log == "é" * 500 + "\n[The log is cut here, at 1,000 bytes; 1,999,004 more were written.]\n"


def test_output_is_text() -> None:
    """Both streams in the order they were written, any script, and what is no UTF-8 replaced."""
    program = """
print("量子"); print("🐙", file=sys.stderr); sys.stdout.buffer.write(b"\\xff\\n"); print(sys.stdin.read() == "")
"""
    assert run(program).log == "量子\n🐙\n\ufffd\nTrue\n"


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The container's variables, and none of ours."""
    monkeypatch.setenv("OQTOPUS_API_TOKEN", "secret-1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-2")
    outcome = run("import json; print(json.dumps(dict(os.environ, cwd=os.getcwd(), argv=sys.argv, path=sys.path[0])))")

    variables = json.loads(outcome.log)
    assert "secret" not in outcome.log
    assert variables["OQTOPUS_ENV"] == "sse_container"
    assert json.loads(variables["JOB_JSON"]) == PARENT
    assert variables["GRPC_MAX_MESSAGE_BYTES"] == "4194304"
    assert variables["TERM"] == "dumb"
    assert variables["OMP_NUM_THREADS"] == "1"
    assert variables["HOME"] == variables["TMPDIR"] == variables["cwd"]
    assert variables["argv"] == [f"{variables['IN_PATH']}/program.py"]
    assert variables["path"] == variables["IN_PATH"]
    assert {"OUT_PATH", "SSE_ENGINE_ADDRESS"} <= set(variables)


def test_a_program_that_is_no_server_side_program() -> None:
    """The driver works in its own place only."""
    outcome = run("del os.environ['JOB_JSON']; submit()")

    assert outcome.log.endswith("OSError: Could not get job data\n")


def test_two_programs_at_once() -> None:
    """Each has its own engine and folder."""
    program = "for i in range(5): submit({0}); open('mine', 'x') if i == 0 else None"
    with ThreadPoolExecutor() as threads:
        outcomes = list(threads.map(run, [program.format(1), program.format(2)]))

    assert [shots_of(outcome) for outcome in outcomes] == [1, 2]


def test_programs_that_are_too_large() -> None:
    """They do not run."""
    assert run("", program_bytes=10).failure == "the program is larger than 10 bytes"


def test_a_job_too_large_for_a_variable() -> None:
    """Whatever the operating system refuses fails the job, not the emulator."""
    outcome = run_sse("", {"name": "x" * (os.sysconf("SC_ARG_MAX") + 1)}, answer)

    assert outcome.failure is not None
    assert outcome.failure.startswith("internal server error: ")


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has none of what this needs, and is told so."""
    with monkeypatch.context() as patch:
        patch.setattr("os.name", "nt")
        outcome = run("")

    assert outcome.failure == "server-side programs can be emulated on Linux and macOS only"
