"""Server-side programs: real programs in real processes, with the container's environment and limits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import venv
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from oqtopus_client.emulator.simulation.inputs import JobFailure
from oqtopus_client.emulator.sse.sandbox import _exit_code, _read_job, run_program
from tests.support.sse_programs import DRIVER, PARENT, answer, run, run_bare, sse_job

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.lifeline import Lifeline

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no means for it")


# --- surroundings


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program has the container's variables, none of ours, and the container's buffering and encoding."""
    monkeypatch.setenv("OQTOPUS_API_TOKEN", "secret-1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-2")
    program = DRIVER + "import json; print(json.dumps(dict(os.environ, cwd=os.getcwd(), argv=sys.argv, path=sys.path)))"
    ran = run_bare(program)

    variables = json.loads(ran.output)
    assert "secret" not in ran.output
    assert json.loads(variables["JOB_JSON"]) == json.loads(sse_job(program).model_dump_json())
    assert json.loads(variables["JOB_JSON"])["sse_program"] == program
    assert variables["OQTOPUS_ENV"] == "sse_container"
    assert variables["TERM"] == "dumb"
    assert {variables[f"GRPC_MAX_{way}_MESSAGE_LENGTH"] for way in ("SEND", "RECEIVE")} == {"4194304"}
    assert variables["IN_PATH"] == f"{variables['cwd']}/in"
    assert variables["OUT_PATH"] == f"{variables['cwd']}/out"
    assert variables["argv"] == [f"{variables['IN_PATH']}/userprogram.py"]
    assert variables["path"][0] == variables["IN_PATH"]
    assert {"PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONIOENCODING", "COLUMNS"}.isdisjoint(variables)


def test_another_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another interpreter runs a program with the driver and its own packages, without this process's packages."""
    venv.create(tmp_path, symlinks=True)
    python = str(tmp_path / "bin/python")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    who = "import sys; print(sys.executable, '/elsewhere' in sys.path, flush=True)\n"
    child = f"import subprocess; subprocess.run(['python', '-c', {who!r}])\n"
    without_packages = run_bare(who + child + "import sse_driver", python=python)

    assert without_packages.failure == "user program execution error"
    assert without_packages.output.startswith(f"{python} False\n" * 2)
    assert without_packages.output.endswith("ModuleNotFoundError: No module named 'oqtopus_client'\n")

    (site,) = tmp_path.glob("lib/python*/site-packages")
    (site / "packages.pth").write_text("\n".join(filter(None, sys.path)))
    assert run_bare(DRIVER + "submit(7)", python=python).shots == 7


def test_the_program_is_the_main_script() -> None:
    """No module is imported before the program, and its traceback has no other frames."""
    ran = run_bare("import sys\nprint(__name__, 'runpy' in sys.modules, sys.stdin.read() == '')\n1 / 0")

    lines = ran.output.splitlines()
    assert lines[0] == "__main__ False True"
    assert lines[1] == "Traceback (most recent call last):"
    assert 'userprogram.py", line 3, in <module>' in lines[2]
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_output_goes_to_one_terminal() -> None:
    """Both streams are a line-buffered terminal without size; text without a newline comes later."""
    ran = run_bare("""
import os, subprocess, sys
print(sys.stdout.isatty(), sys.stderr.isatty(), sys.stdin.isatty(), tuple(os.get_terminal_size(1)))
print(sys.stdout.encoding, sys.stdout.errors)
sys.stdout.write("last")
sys.stderr.write("error\\n")
subprocess.run(["echo", "child"])
os.write(1, b"direct\\n")
""")

    assert ran.ended.output == (
        b"$ True True False (0, 0)\r\nutf-8 surrogateescape\r\nerror\r\nchild\r\ndirect\r\nlast"
    )


def test_output_of_any_bytes() -> None:
    """The terminal accepts bytes that are not UTF-8, and a long output does not block."""
    ran = run('sys.stdout.buffer.write(b"\\xff\\xe9\\n"); print("量子\\n" * 100_000)')

    assert ran.output == "\ufffd\ufffd\n" + "量子\n" * 100_000 + "\n"


@only_linux
def test_one_processor() -> None:
    """The program and its children share one processor."""
    ran = run(
        "print(len(os.sched_getaffinity(0)), flush=True)\n"
        "subprocess.run([sys.executable, '-c', 'import os; print(len(os.sched_getaffinity(0)))'])"
    )

    assert ran.output == "1\n1\n"


def test_two_programs_at_once() -> None:
    """Each of two concurrent programs has its own engine and folder."""
    program = "for i in range(5): submit({0}); open('mine', 'x') if i == 0 else None"
    with ThreadPoolExecutor() as threads:
        ran = list(threads.map(run, [program.format(1), program.format(2)]))

    assert [each.shots for each in ran] == [1, 2]


# --- limits


def test_the_largest_program() -> None:
    """The program is in a variable, which Linux limits to 128 KiB, including its name."""
    room = 131_062 - len(sse_job("").model_dump_json())
    text = "print(len(open(__file__).read()))#"
    ran = run_bare(text.ljust(room, "x"))

    assert ran.output == f"{room}\n"
    with pytest.raises(JobFailure, match=r"^internal server error$"):
        run_bare(text.ljust(room + 1, "x"))
    with pytest.raises(JobFailure, match=r"^internal server error$"):
        run_bare(text.ljust(room, "\n"))  # two characters in JSON


@only_linux
def test_the_memory_limit() -> None:
    """A program above the limit is killed, without a MemoryError; memory that is only reserved does not count."""
    ran = run(
        "import mmap; reserved = mmap.mmap(-1, 600 << 20); print('so far')\n"
        "try: used = b'x' * (400 << 20); time.sleep(60)\n"
        "except MemoryError: print('never')",
        memory_bytes=256 << 20,
    )

    assert ran.ended.exit_code == 137
    assert ran.output == "so far\n"
    assert ran.failure == "user program execution error"


@only_linux
def test_the_memory_of_all_processes() -> None:
    """The largest process is killed, which may be a child; shared memory counts once."""
    ran = run(
        "shared = b'x' * (150 << 20)\n"
        "children = [subprocess.Popen(['sleep', '60'], preexec_fn=lambda: None) for _ in range(2)]\n"
        "pid = os.fork()\n"
        "if not pid: time.sleep(1); more = b'x' * (200 << 20); time.sleep(60)\n"
        "print(os.waitpid(pid, 0)[1]); submit(5)",
        memory_bytes=256 << 20,
    )

    assert ran.output == "9\n"
    assert ran.shots == 5


def test_scientific_packages_fit_into_memory() -> None:
    """The default limit leaves room for Qiskit, which reserves much more than it uses."""
    ran = run("import numpy, qiskit, qiskit_aer, scipy.optimize, qiskit_oqtopus; submit(); numpy.ones(1 << 24)")

    assert ran.failure is None, ran.output


def test_the_time_limit_ends_all_processes(lifeline: Lifeline) -> None:
    """The time limit also ends processes that the program started."""
    grandchild = f"import time; alive = {lifeline.connect}; print('alive', flush=True); time.sleep(600)"
    program = f"subprocess.run([sys.executable, '-c', {grandchild!r}])"
    for seconds in (1.5, 5, 60):  # a slow machine needs longer to start both
        ran = run(program, total_seconds=seconds)
        if ran.output:
            break

    assert ran.ended.exit_code is None
    assert ran.failure == "user program execution error"
    assert ran.output == "alive\n"
    with lifeline.accept() as connection:
        assert connection.recv(1) == b""


# --- ends


def test_stopping_a_program(lifeline: Lifeline) -> None:
    """Closing the emulator does not wait for programs."""
    program = f"import time; alive = {lifeline.connect}; time.sleep(600)"
    stop = threading.Event()
    with ThreadPoolExecutor() as threads:
        running = threads.submit(run_bare, program, stop=stop)
        with lifeline.accept() as connection:
            stop.set()
            assert connection.recv(1) == b""

    assert running.result().ended.exit_code is None


def test_no_process_outlives_the_program(lifeline: Lifeline) -> None:
    """Background processes do not delay the program's end, and end with it."""
    grandchild = f"import time; alive = {lifeline.connect}; print('here', flush=True); time.sleep(600)"
    program = f"""
child = subprocess.Popen([sys.executable, "-c", {grandchild!r}], stdout=subprocess.PIPE)
child.stdout.readline()
submit(5)
"""
    assert run(program).shots == 5
    with lifeline.accept() as connection:
        assert connection.recv(1) == b""


RUNNER = """
import tempfile
from oqtopus_client.emulator.sse.engine_job import EngineJob
from oqtopus_client.emulator.sse.sandbox import run_program
tempfile.tempdir = {temporary!r}
run_program(EngineJob.model_validate_json({job!r}), None)
"""


def runner(program: str, temporary: Path) -> list[str]:
    """A command that runs a program in the sandbox."""
    text = RUNNER.format(temporary=str(temporary), job=sse_job(program).model_dump_json())
    return [sys.executable, "-c", text]


def test_a_program_ends_with_its_runner(lifeline: Lifeline, temporary: Path) -> None:
    """Killing the process that runs the emulator leaves neither processes nor folders."""
    program = f"import time; alive = {lifeline.connect}; time.sleep(600)"
    with subprocess.Popen(runner(program, temporary)) as process, lifeline.accept() as connection:
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


STOP_THE_SUPERVISOR = """
import signal
os.kill(os.getppid(), signal.SIGSTOP)
"""


@only_linux
@pytest.mark.parametrize(
    ("end", "first"),
    [
        ("by itself", ""),
        ("by a crash", ""),
        ("time", ""),
        ("stop", ""),
        ("killed runner", ""),
        ("stop", STOP_THE_SUPERVISOR),
        ("killed runner", STOP_THE_SUPERVISOR),
    ],
)
def test_no_orphan_outlives_the_program(lifeline: Lifeline, temporary: Path, end: str, first: str) -> None:
    """No process survives the program, not even one in its own session or without its parent.

    Nor does it help to stop the supervisor.
    """
    last = {"by itself": "submit(5)", "by a crash": "os.kill(os.getpid(), 11)"}.get(end, "time.sleep(600)")
    program = DRIVER + first + ESCAPED.replace("CONNECT", lifeline.connect) + last
    if end == "killed runner":
        with subprocess.Popen(runner(program, temporary)) as process, lifeline.accept() as connection:
            process.kill()
            process.wait(60)
            assert connection.recv(1) == b""
        return
    stop = threading.Event()
    with ThreadPoolExecutor() as threads:
        running = threads.submit(run_bare, program, stop=stop, total_seconds=5 if end == "time" else 60)
        with lifeline.accept() as connection:
            if end == "stop":
                stop.set()
            assert connection.recv(1) == b""

    assert (running.result().failure is None) == (end == "by itself")


@only_linux
def test_a_stopped_supervisor_does_not_stop_time() -> None:
    """A stopped supervisor is continued, and its end is awaited no longer than the program's time limit."""
    code = "import os, signal, sys; os.kill(os.getpid(), signal.SIGSTOP); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], bufsize=0, stdin=subprocess.PIPE) as supervisor:
        os.waitid(os.P_PID, supervisor.pid, os.WSTOPPED)
        assert _exit_code(supervisor, -60, threading.Event()) is None
    assert supervisor.returncode == 0


def test_the_supervisor_touches_no_other_folder(tmp_path: Path) -> None:
    """Run by hand, without its parent's pipe, the supervisor removes no other folder."""
    command = [sys.executable, "-m", "oqtopus_client.emulator.sse.container", str(tmp_path), "1", "1"]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert "FileNotFoundError" in run.stderr
    assert tmp_path.exists()


def test_a_result_file_may_be_anything(tmp_path: Path) -> None:
    """Links, pipes, folders and truncated files are not read as a job, and do not block the reader."""
    file = tmp_path / "result.json"
    file.write_text(sse_job("").model_dump_json())
    assert _read_job(file) is not None
    for name in ("missing", "torn", "link", "pipe", "folder"):
        (tmp_path / name).mkdir()
    (tmp_path / "torn/result.json").write_bytes(file.read_bytes()[:-9])
    (tmp_path / "link/result.json").symlink_to(file)
    os.mkfifo(tmp_path / "pipe/result.json")
    (tmp_path / "folder/result.json").mkdir()

    assert [_read_job(folder / "result.json") for folder in tmp_path.iterdir() if folder.is_dir()] == [None] * 5


def test_what_cannot_be_started(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A program that cannot be started fails the job as on servers, and the emulator logs the reason."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/missing/python")
        with pytest.raises(JobFailure, match=r"^internal server error$"):
            run("")
    with monkeypatch.context() as patch:
        patch.setattr("os.name", "nt")
        with pytest.raises(JobFailure, match="server-side programs can be emulated on Linux and macOS only"):
            run_program(sse_job(""), answer)

    assert f"Job {PARENT}: the program could not be started." in caplog.text
    assert "/missing/python" in caplog.text
