"""Server-side execution: a user's Python program runs beside the engine, and the jobs it submits run at once.

The cloud runs it in a container. The emulator runs it in a subprocess **on this machine, as this user**: resources are
bounded, secrets stay out of its environment and its working folder is temporary, but it can read your files and use
the network. Run only programs you would run yourself.

A second process watches over the program and ends all that it started: when the program ends, at its time limit, and
when whoever runs it stops it or dies. A program that kills this process, or becomes another user's, is not contained;
on macOS, neither are processes that leave the program's process group (`setsid`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import signal
import site
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    RunInnerJob = Callable[[dict[str, Any], dict[str, Any]], "InnerJob"]

_logger = logging.getLogger("oqtopus_client.emulator")

_CONTAINER = Path(__file__).parent / "container"
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "TZ")
"""What Python and its extension modules may need to start; all else may be a secret."""
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
"""The container has one processor."""
_POLL_SECONDS = 0.1
_LOG_SECONDS = 5.0
_LATE_SECONDS = 2.0
"""After the program's time, until the process that watches over it is taken for stopped."""
_LAST_SECONDS = 30
"""How long that process may then take."""


@dataclass(frozen=True)
class SseLimits:
    """What a program may use. The defaults are the cloud's, except where said.

    Attributes:
        total_seconds: From the program's start to its end, in seconds.
        job_seconds: For one job that the program submits, in seconds.
        memory_bytes: Data of each of its processes, in bytes; enforced on Linux. The container counts the memory in
            use; here it is what was asked for, used or not. So this is the 1 GiB of the cloud's deployment template:
            with its 256 MiB, Qiskit beside SciPy no longer loads.
        program_bytes: The program's text as UTF-8, in bytes.
        message_bytes: What a job may send to the engine or get back, in bytes.
        log_bytes: How much of the output is kept, in bytes.
    """

    total_seconds: float = 600.0
    job_seconds: float = 60.0
    memory_bytes: int = 1 << 30
    program_bytes: int = 10 << 20
    message_bytes: int = 4 << 20
    log_bytes: int = 10 << 20


DEFAULT_LIMITS = SseLimits()


@dataclass(frozen=True)
class InnerJob:
    """A job that a program submitted, as it ended.

    Attributes:
        status: How it ended.
        message: What the server says about that.
        result: The content of its result file; None if it failed.
        transpile_result: The content of its transpile result file; None where nothing was transpiled.
        transpiler_info: The settings it was transpiled with.
        seconds: How long it took on the device.
    """

    status: Literal["succeeded", "failed"]
    message: str | None
    result: dict[str, Any] | None
    transpile_result: dict[str, Any] | None
    transpiler_info: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class SseOutcome:
    """What became of a program.

    Attributes:
        failure: The message of the job that failed; None if it succeeded.
        result: The result of the last job that the program submitted; None if the program failed.
        transpile_result: The same job's transpile result, if it has one.
        transpiler_info: The same job's settings; None if there was no job.
        log: What the program wrote to standard output and standard error, in the order it did.
        seconds: From its start to its end.
    """

    failure: str | None
    result: dict[str, Any] | None
    transpile_result: dict[str, Any] | None
    transpiler_info: dict[str, Any] | None
    log: str
    seconds: float


def run_sse(
    program: str,
    job: Mapping[str, Any],
    run_inner_job: RunInnerJob,
    limits: SseLimits = DEFAULT_LIMITS,
    *,
    stop: threading.Event | None = None,
) -> SseOutcome:
    """Run a program to its end, which no process that it started outlives.

    Args:
        program: Python source.
        job: The server-side job itself, as the program may read it from the variable `JOB_JSON`; without its input,
            for an operating system bounds the size of variables.
        run_inner_job: Runs a job that the program submits; takes the JSON objects of a `JobsSubmitJobRequest` and of
            a `JobsS3SubmitJobInfo`. It is called in other threads, one job after the other; only a job that has been
            given up for its time limit, which cannot be interrupted, may still run beside the next.
        limits: What the program may use.
        stop: Ends the program as soon as it is set.
    """
    source = program.encode(errors="surrogatepass")
    if os.name != "posix":
        return _no_run("server-side programs can be emulated on Linux and macOS only")
    if len(source) > limits.program_bytes:
        return _no_run(f"the program is larger than {limits.program_bytes:,} bytes")
    try:
        # What the program leaves behind may resist, but is no reason to fail.
        with tempfile.TemporaryDirectory(prefix="oqtopus-sse-", ignore_cleanup_errors=True) as folder:
            return _run(Path(folder).resolve(), source, job, run_inner_job, limits, stop or threading.Event())
    except OSError as error:
        _logger.exception("A server-side program could not be started.")
        return _no_run(f"internal server error: {error}")


def _run(
    folder: Path,
    source: bytes,
    job: Mapping[str, Any],
    run_inner_job: RunInnerJob,
    limits: SseLimits,
    stop: threading.Event,
) -> SseOutcome:
    for name in ("in", "out", "work"):
        (folder / name).mkdir()
    (folder / "in" / "program.py").write_bytes(source)
    start = time.perf_counter()
    with _InnerJobServer(folder / "engine", run_inner_job, limits) as engine:
        process = subprocess.Popen(  # noqa: S603 - running the user's program is the purpose
            [sys.executable, str(_CONTAINER), str(folder), str(limits.memory_bytes), str(limits.total_seconds)],
            bufsize=0,
            cwd=folder / "work",
            env=_environment(folder, job, limits),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log = _Log(process.stdout, limits.log_bytes)
        exit_code = _exit_code(process, limits.total_seconds, stop)
    seconds = time.perf_counter() - start
    last = engine.last
    failure = _failure(exit_code, last, limits) if not stop.is_set() else "the program has been stopped"
    return SseOutcome(
        failure=failure,
        result=last.result if last and failure is None else None,
        transpile_result=last.transpile_result if last else None,
        transpiler_info=last.transpiler_info if last else None,
        log=log.text(),
        seconds=seconds,
    )


def _exit_code(process: subprocess.Popen[bytes], seconds: float, stop: threading.Event) -> int | None:
    """Wait for the program's exit code, None if it was stopped or took too long.

    Its time is kept by the process that watches over it: in this one, no thread may run while native code works on a
    job of the program's.
    """
    deadline = time.monotonic() + seconds
    try:
        while not stop.is_set() and time.monotonic() < deadline + _LATE_SECONDS:
            with contextlib.suppress(subprocess.TimeoutExpired):
                exit_code = process.wait(_POLL_SECONDS)
                return exit_code if time.monotonic() < deadline else None
        return None
    finally:
        if process.stdin:
            process.stdin.close()
        for _ in range(_LAST_SECONDS):
            # The program may have stopped the process that watches over it.
            process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
                break
        else:
            process.kill()
            process.wait()


def _failure(exit_code: int | None, last: InnerJob | None, limits: SseLimits) -> str | None:
    """The message of a job that failed, in the server's words; where they hide the reason, it follows them."""
    if exit_code is None:
        return f"user program execution error: it took longer than {limits.total_seconds:g} seconds"
    if exit_code:
        return "user program execution error"
    if last is None:
        return "internal server error: the program ended without having submitted a job"
    return None if last.status == "succeeded" else last.message or "sse job failed"


def _no_run(failure: str) -> SseOutcome:
    return SseOutcome(failure, None, None, None, "", 0.0)


def _environment(folder: Path, job: Mapping[str, Any], limits: SseLimits) -> dict[str, str]:
    work = str(folder / "work")
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        **dict.fromkeys(_ONE_THREAD, "1"),
        "QISKIT_PARALLEL": "FALSE",
        "HOME": work,
        "TMPDIR": work,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PYTHONPATH": os.pathsep.join(_python_path()),
        "PYTHONUSERBASE": site.getuserbase(),  # packages of the user's, which Python seeks at home otherwise
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",  # the order of the log is that of the program
        "OQTOPUS_ENV": "sse_container",
        "JOB_JSON": json.dumps(dict(job)),
        "IN_PATH": str(folder / "in"),
        "OUT_PATH": str(folder / "out"),
        "SSE_ENGINE_ADDRESS": f"unix:{folder / 'engine'}",
        "GRPC_MAX_MESSAGE_BYTES": str(limits.message_bytes),
        "GRPC_MAX_RECEIVE_MESSAGE_LENGTH": str(limits.message_bytes),
        "GRPC_MAX_SEND_MESSAGE_LENGTH": str(limits.message_bytes),
    }


def _python_path() -> list[str]:
    root = Path(__file__).parents[3]
    # Of installed packages Python knows, and they must not come before its own; of a checkout it may not.
    ours = [] if root.name in {"site-packages", "dist-packages"} else [str(root)]
    return [str(_CONTAINER), *ours, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]


class _InnerJobServer:
    """Runs the jobs that a program submits, one after the other, until the `with` block ends.

    Attributes:
        last: The last job that ended.
    """

    def __init__(self, address: Path, run_inner_job: RunInnerJob, limits: SseLimits) -> None:
        self.last: InnerJob | None = None
        self._run_inner_job = run_inner_job
        self._limits = limits
        self._closed = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(str(address))
            self._listener.listen()
        except OSError:
            self._listener.close()
            raise

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, name="oqtopus-sse-engine", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Nobody waits for a job that still runs; its answer goes nowhere.
        self._closed.set()

    def _serve(self) -> None:
        with self._listener:
            self._listener.settimeout(_POLL_SECONDS)
            while not self._closed.is_set():
                try:
                    connection, _ = self._listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    try:
                        self._answer(connection)
                    except (OSError, ValueError, TypeError, KeyError):
                        # The program ended meanwhile, or wrote to the socket itself.
                        _logger.debug("A server-side program's request came to nothing.", exc_info=True)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(self._limits.job_seconds)
        with connection.makefile("rb") as reader:
            asked = json.loads(reader.read(self._limits.message_bytes + 1))
        request, info = asked["request"], asked["info"]
        inner = self._in_time(request, info)
        answer = json.dumps(asdict(inner)).encode()
        if len(answer) > self._limits.message_bytes:
            reason = f"its result's {len(answer):,} bytes are more than the {self._limits.message_bytes:,} allowed"
            inner = _failed(reason, request, inner.seconds)
            answer = json.dumps(asdict(inner)).encode()
        if not self._closed.is_set():
            self.last = inner
        connection.sendall(answer)

    def _in_time(self, request: dict[str, Any], info: dict[str, Any]) -> InnerJob:
        ended: queue.SimpleQueue[InnerJob] = queue.SimpleQueue()

        def work() -> None:
            try:
                ended.put(self._run_inner_job(request, info))
            except BaseException:  # Qiskit's native code may panic, which is no Exception
                _logger.exception("A server-side program's job broke the emulator.")
                ended.put(_failed("error during pipeline execution", request, 0.0))

        threading.Thread(target=work, name="oqtopus-sse-job", daemon=True).start()
        seconds = self._limits.job_seconds
        try:
            return ended.get(timeout=seconds)
        except queue.Empty:
            return _failed("pipeline execution timed out", request, seconds)


def _failed(message: str, request: Mapping[str, Any], seconds: float) -> InnerJob:
    return InnerJob("failed", message, None, None, request.get("transpiler_info") or {}, seconds)


class _Log:
    """Reads a program's output to its end, so that the program never waits, and keeps the first `limit` bytes."""

    def __init__(self, output: IO[bytes] | None, limit: int) -> None:
        self._output = output
        self._limit = limit
        self._kept = bytearray()
        self._dropped = 0
        self._thread = threading.Thread(target=self._read, name="oqtopus-sse-log", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        if self._output is None:
            return
        with self._output as output:
            while chunk := output.read(1 << 16):
                kept = chunk[: self._limit - len(self._kept)]
                self._kept += kept
                self._dropped += len(chunk) - len(kept)

    def text(self) -> str:
        """The output as text, what is no UTF-8 replaced."""
        # Only a process that has left the program's group can still hold the pipe open.
        self._thread.join(_LOG_SECONDS)
        text = self._kept.decode(errors="replace")
        if self._dropped:
            text += f"\n[The log is cut here, at {self._limit:,} bytes; {self._dropped:,} more were written.]\n"
        return text
