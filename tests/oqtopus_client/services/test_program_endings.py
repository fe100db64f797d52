"""Every way in which a program next to the device ends, and what is reported here: its result, or the cause."""

from __future__ import annotations

import functools
import secrets
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from oqtopus_client import OqtopusClient, ProgramError, ProgramOptions
from oqtopus_client.emulator import Emulator, SseLimits
from tests.support import shipped_programs as programs
from tests.support.circuits import BELL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def beside() -> Iterator[OqtopusClient]:
    """Yield a client of an emulator whose programs have little memory and little time."""
    limits = SseLimits(total_seconds=20, memory_bytes=200 << 20)
    with Emulator(":memory:", sse_limits=limits) as emulator, OqtopusClient(emulator.config) as client:
        yield client


def failure(client: OqtopusClient, function: Callable[..., Any], *args: Any, timeout: float = 15) -> ProgramError:
    """Return the error of a function."""
    options = ProgramOptions(timeout=timeout)
    with pytest.raises(ProgramError) as caught:
        client.run_program(function, *args, device_id="qulacs", options=options).result(60)
    return caught.value


def test_result_output_and_jobs(beside: OqtopusClient) -> None:
    """The return value, what was printed, and the jobs that were run come back, in any process."""
    job = beside.run_program(programs.counts, 50, BELL, device_id="qulacs")
    again = beside.program_job(job.job_id)

    assert sum(job.result(60).values()) == 50
    assert (again.result(), again.logs()) == (job.result(), "measured 50\n")
    assert [(inner.job_type, inner.shots, inner.status) for inner in again.inner_jobs] == [
        ("sampling", 50, "succeeded")
    ]
    assert again.is_function
    assert list(again.timestamps) == ["submitted", "ready", "running", "ended"]
    assert beside.get_job(job.job_id).name == "counts"


def test_without_jobs(beside: OqtopusClient) -> None:
    """A function that runs no job succeeds; the job of one shot that keeps its log is neither result nor inner job."""
    job = beside.run_program(programs.no_jobs, factor=2.0, device_id="qulacs")
    value = job.result(60)

    assert value["array"].tolist() == [0.0, 2.0, 4.0]
    assert (value["nothing"], value["pair"]) == (None, (1, 2.5))
    assert job.inner_jobs == ()


@pytest.mark.parametrize(
    "function",
    [
        programs.prints_marks,
        programs.closes_output,
        programs.loses_a_thread,
        programs.forks,
        programs.upsets_the_interpreter,
    ],
)
def test_nothing_hides_the_result(beside: OqtopusClient, function: Callable[..., Any]) -> None:
    """Whatever a function does to its output, interpreter, threads and processes, its result comes back."""
    job = beside.run_program(function, device_id="qulacs")

    assert job.result(60) == "fine"
    if function is programs.prints_marks:
        assert "@oqtopus 0123456789abcdef outcome" in job.logs()
        assert job.logs().endswith("\ufffd\ufffd @oqtopus \x1b[31mno line end")


def test_a_coroutine_function(beside: OqtopusClient) -> None:
    """It gets an asynchronous client."""
    assert beside.run_program(programs.awaits, BELL, device_id="qulacs").result(60) == 3


@pytest.mark.parametrize(
    ("function", "args", "name", "message"),
    [
        (programs.raises, (), "UnstableError", "two lines"),
        (programs.exits, (), "SystemExit", "3"),
        (programs.interrupts, (), "KeyboardInterrupt", ""),
        (programs.recurses, (), "RecursionError", "maximum recursion depth exceeded"),
        (programs.raises_without_words, (), "SilentError", ""),
        (programs.compiles, (), "SyntaxError", "invalid syntax"),
        (programs.imports, (), "ModuleNotFoundError", "No module named 'no_such_module'"),
        (programs.returns_an_object, (), "TypeError", "The return value['here'] is of type object"),
        (programs.returns_what_exits, (), "TypeError", "Exiting, which cannot be sent"),
        (programs.returns_too_much, (), "ValueError", "The function returned too much: 6,"),
        (programs.refused, (BELL,), "UserApiError", "Expecting value: line 1 column 1"),
        (programs.submits_itself, (), "OqtopusError", "A program next to the device cannot submit another one."),
    ],
)
def test_errors(
    beside: OqtopusClient, function: Callable[..., Any], args: tuple[Any, ...], name: str, message: str
) -> None:
    """An error has its class's name, its message and its traceback, which shows the function's own lines."""
    error = failure(beside, function, *args)

    assert error.type_name == name
    assert f"raised {name}" in str(error)
    assert message in str(error)
    assert "return" in str(error) or f"in {function.__name__}" in str(error.traceback)


def test_the_output_of_a_failed_function(beside: OqtopusClient) -> None:
    """What it printed before is there, and its job succeeded, as otherwise the server would have discarded it."""
    job = beside.run_program(programs.raises, device_id="qulacs")

    assert job.logs(60) == "before\n"
    assert job.status() == "succeeded"
    with pytest.raises(ProgramError):
        job.result()


def test_an_endless_loop(beside: OqtopusClient) -> None:
    """It is stopped at the timeout, and the traceback shows where."""
    error = failure(beside, programs.loops, timeout=2)

    assert "raised TimeoutError: The function did not end within 2 s and was stopped." in str(error)
    assert "while True" in str(error.traceback) or "pass" in str(error.traceback)


@pytest.mark.parametrize(
    ("function", "args", "causes"),
    [
        (
            programs.takes_memory,
            (),
            ["user program execution error", "(1) it used more memory", "(2) it ended its own process"],
        ),
        (programs.crashes, (), ["user program execution error", "(1) it used more memory", "native code crashed"]),
        (programs.exits_at_once, (1,), ["user program execution error", "(2) it ended its own process (os._exit"]),
        (programs.exits_at_once, (0,), ["internal server error", "(2) it ended its own process (os._exit)"]),
        (
            programs.exits_after_a_job,
            (BELL,),
            ["ended after", "ends without a report", "Likely causes, in order: (1) it ended"],
        ),
        (programs.closes_all_files, (), ["ended after", "without a result", "(2) it closed the file descriptors"]),
        (programs.prints_too_much, (), ["larger than the max file size", "print less"]),
    ],
)
def test_likely_causes(
    beside: OqtopusClient, function: Callable[..., Any], args: tuple[Any, ...], causes: list[str]
) -> None:
    """Where the log is lost or incomplete, the message lists the likely causes in order."""
    error = failure(beside, function, *args)

    assert error.type_name is None
    assert [cause for cause in causes if cause not in str(error)] == []


def test_the_servers_time_limit() -> None:
    """A server with a shorter limit than the timeout ends the program, and there is neither result nor log."""
    limits = SseLimits(total_seconds=2)
    with Emulator(":memory:", sse_limits=limits) as emulator, OqtopusClient(emulator.config) as client:
        job = client.run_program(programs.sleeps, device_id="qulacs")
        for read in (job.result, job.logs):
            with pytest.raises(ProgramError, match="it ran beyond the server's time limit"):
                read(60)


def test_the_time_limit_of_an_inner_job() -> None:
    """A job that takes too long fails, and the message has the limit and what to do."""
    with (
        Emulator(":memory:", sse_limits=SseLimits(job_seconds=0.5)) as emulator,
        OqtopusClient(emulator.config) as client,
    ):
        job = client.run_program(programs.takes_long, 3, device_id="lattice64")
        with pytest.raises(
            ProgramError, match=r"pipeline execution timed out\. A job of a server-side program may take"
        ):
            job.result(60)


def test_a_device_out_of_service() -> None:
    """Not even the job that keeps the log succeeds, and the message says so."""
    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        emulator.inject("fail_job", message="device status is not available", times=None)
        job = client.run_program(programs.no_jobs, factor=2.0, device_id="qulacs")
        with pytest.raises(ProgramError, match="device"):
            job.result(60)


def test_cancelled(beside: OqtopusClient) -> None:
    """A cancelled program has neither result nor log."""
    job = beside.run_program(programs.sleeps, device_id="qulacs")

    assert job.cancel()
    with pytest.raises(ProgramError, match=f"Job {job.job_id}: was cancelled."):
        job.result(60)
    assert job.cancel()
    assert job.inner_jobs == ()


def made(text: str) -> Callable[..., Any]:
    """Return a function without source."""
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102 - the point
    function: Callable[..., Any] = names["function"]
    return function


@pytest.mark.parametrize(
    ("function", "args", "message"),
    [
        (programs.takes_an_argument, (object(),), "Argument 'value'"),
        (programs.takes_an_argument, ([1, {2: open}],), "Argument 'value'"),
        (
            programs.takes_an_argument,
            (),
            "takes_an_argument() cannot be called with these arguments and a client: missing",
        ),
        (programs.takes_an_argument, (secrets.token_bytes(130_000),), "compressed: argument 'value' 16"),
        (programs.takes_an_argument, (np.array([object()]),), "Argument 'value'"),
        (programs.generates, (), "generates() is a generator function"),
        (programs.uses_a_global, (), "HOLDER"),
        (made("def function(client): pass"), (), "The source of function() is not available"),
        (functools.partial(programs.counts, shots=3), (), "A program must be a function, not a partial"),
        (OqtopusClient, (), "A program must be a function, not the class OqtopusClient"),
        (5, (), "A program must be a function or the path of a Python file, not int."),
    ],
)
def test_what_cannot_be_sent(
    beside: OqtopusClient, function: Callable[..., Any], args: tuple[Any, ...], message: str
) -> None:
    """It is refused here, with the name of what cannot be sent, and what to do."""
    before = len(list(beside.iter_jobs()))
    with pytest.raises((TypeError, ValueError)) as caught:
        beside.run_program(function, *args, device_id="qulacs")

    assert message in str(caught.value)
    assert len(list(beside.iter_jobs())) == before


def test_options_of_another_type(beside: OqtopusClient) -> None:
    """A function's own `options` are not mistaken for those of the program."""
    with pytest.raises(TypeError, match="options must be ProgramOptions or None, not dict; a function whose own"):
        beside.run_program(programs.takes_an_argument, 1, device_id="qulacs", options={"shots": 1})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        ("print(1)", ["internal server error", "(1) it submitted no job, and a script must submit at least one"]),
        ("1 / 0", ["user program execution error", "(1) it raised an exception"]),
        ("raise SystemExit(3)", ["user program execution error", "(1) it raised an exception, or ended with an exit"]),
        ("while True: pass", ["user program execution error", "it ran beyond the server's time limit"]),
        (
            "import sse_driver\nfrom oqtopus_client.rest.models import *\ntry:\n"
            "    sse_driver.submit_job(JobsSubmitJobRequest(device_id='', job_type='sampling', shots=1), "
            "JobsS3SubmitJobInfo(program=['no program']))\nexcept Exception: pass",
            ["sse job failed. The likely cause: the last job that it submitted failed, even if it caught the error"],
        ),
    ],
)
def test_scripts(tmp_path: Path, text: str, causes: list[str]) -> None:
    """A script's errors are lost on servers; the causes are listed."""
    file = tmp_path / "script.py"
    file.write_text(text, encoding="utf-8")
    limits = SseLimits(total_seconds=3)
    with Emulator(":memory:", sse_limits=limits) as emulator, OqtopusClient(emulator.config) as client:
        job = client.run_program(file, device_id="qulacs")
        with pytest.raises(ProgramError) as caught:
            job.result(60)

    assert [cause for cause in causes if cause not in str(caught.value)] == []
    assert "a function given to run_program() reports its errors" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "args", "kwargs", "message"),
    [
        ("missing.py", None, (), {}, "missing.py does not exist."),
        ("script.txt", b"", (), {}, "script.txt is not a Python file; its name must end in .py."),
        ("script.py", b"def", (), {}, "script.py is not a program for Python 3."),
        ("script.py", b"\xff", (), {}, "script.py is not UTF-8 text"),
        ("script.py", b"'\\n'" * 30_000, (), {}, "script.py has 150,002 bytes as JSON; servers cannot start programs"),
        ("script.py", b"#" * 130_000, (), {}, "script.py has 130,000 bytes; at most 125,000 are allowed."),
        ("script.py", b"", (1,), {}, "A script's command line consists of str, not 1."),
        ("script.py", b"", (), {"steps": 1}, "A script takes a command line, not keyword arguments: 'steps'."),
    ],
)
def test_scripts_that_are_not_submitted(
    beside: OqtopusClient,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    message: str,
) -> None:
    """A script that no server can run is refused here."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((TypeError, ValueError)) as caught:
        beside.run_program(tmp_path / name, *args, device_id="qulacs", **kwargs)

    assert message in str(caught.value)
