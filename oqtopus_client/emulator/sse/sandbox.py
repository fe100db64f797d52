"""The sandbox of a server-side program: a subprocess with the environment and limits of the cloud's container.

The cloud runs the program in a container. The emulator runs it **on this machine, as this user**: resources are
limited, secrets stay out of its environment and its folders are temporary, but it can read your files and use the
network. Run only programs that you would run yourself.

A second process supervises the program and ends it with all its descendants: when it exits, at its time limit, and
when the process that called `run_program` stops it or dies. A program that kills its supervisor, or switches to
another user, is not contained; on macOS, neither are processes that leave the program's process group (`setsid`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import site
import stat
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from oqtopus_client.emulator.simulation.inputs import JobFailure
from oqtopus_client.emulator.sse.engine_job import EngineJob
from oqtopus_client.emulator.sse.inner_jobs import InnerJobs
from oqtopus_client.emulator.sse.limits import DEFAULT_CONTAINER
from oqtopus_client.emulator.sse.terminal import Terminal

if TYPE_CHECKING:
    from oqtopus_client.emulator.sse.inner_jobs import RunInnerJob
    from oqtopus_client.emulator.sse.limits import SseContainer

_logger = logging.getLogger("oqtopus_client.emulator")

_CONTAINER = Path(__file__).parent / "container"
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")
"""Variables that Python and its extension modules may need to start; any other may be a secret."""
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "QISKIT_PARALLEL": "FALSE",
}
"""The container has one processor. Linux can pin a process to one; elsewhere these variables must suffice."""
_MAX_VARIABLE_BYTES = (128 << 10) - len("JOB_JSON=") - 1
"""The longest JOB_JSON that Linux passes to a process, whose program therefore has some 125 kB at most."""
_MAX_RESULT_BYTES = 64 << 20
"""Size of the container's file system, in bytes."""
_POLL_SECONDS = 0.1
_LATE_SECONDS = 2.0
"""How long after the program's time limit its supervisor is considered stopped, in seconds."""
_LAST_SECONDS = 30
"""How long the supervisor may take to end all processes, in seconds."""


@dataclass(frozen=True)
class EndedProgram:
    """A program that has ended.

    Attributes:
        exit_code: Its exit code, as a shell reports it; None if it exceeded its time limit or was stopped.
        last_job: The job in its `result.json`, where the driver writes the last job that the program ran. None if the
            file is missing or does not contain a job.
        output: What it wrote to its terminal.
        seconds: Time from its start to its end, in seconds.
    """

    exit_code: int | None
    last_job: EngineJob | None
    output: bytes
    seconds: float


def run_program(
    job: EngineJob,
    run_inner_job: RunInnerJob,
    container: SseContainer = DEFAULT_CONTAINER,
    *,
    stop: threading.Event | None = None,
) -> EndedProgram:
    """Run an sse job's program to its end. None of its processes outlives the call.

    Args:
        job: The sse job, with its program.
        run_inner_job: Runs a job that the program submits; see `InnerJobs`.
        container: Limits and interpreter of the program.
        stop: Ends the program as soon as it is set.

    Raises:
        JobFailure: The program could not be started.
    """
    if os.name != "posix":
        raise JobFailure("server-side programs can be emulated on Linux and macOS only")
    job_json = job.model_dump_json()
    if (size := len(job_json.encode())) > _MAX_VARIABLE_BYTES:
        _logger.warning(
            "Job %s: JOB_JSON, which holds the program, has %d bytes; a server cannot start a container with more than "
            "%d.",
            job.job_id,
            size,
            _MAX_VARIABLE_BYTES,
        )
        raise JobFailure("internal server error")
    try:
        # A program may leave files behind that cannot be removed.
        with tempfile.TemporaryDirectory(prefix="oqtopus-sse-", ignore_cleanup_errors=True) as name:
            folder = Path(name).resolve()
            for path in ("sse/in", "sse/out", "home", "tmp"):
                (folder / path).mkdir(parents=True)
            (folder / "sse/in/userprogram.py").write_bytes((job.sse_program or "").encode())
            environment = _environment(folder, job_json, container)
            return _run(folder, environment, run_inner_job, container, stop or threading.Event())
    except OSError as error:
        _logger.exception("Job %s: the program could not be started.", job.job_id)
        raise JobFailure("internal server error") from error


def _run(
    folder: Path,
    environment: dict[str, str],
    run_inner_job: RunInnerJob,
    container: SseContainer,
    stop: threading.Event,
) -> EndedProgram:
    limits = container.limits
    command = container.python or sys.executable, _CONTAINER, folder, limits.memory_bytes, limits.total_seconds
    start = time.perf_counter()
    with InnerJobs(folder / "engine", run_inner_job, limits):
        with Terminal() as terminal:
            process = subprocess.Popen(  # noqa: S603 - running the user's program is the purpose
                list(map(str, command)),
                bufsize=0,
                cwd=folder / "sse",
                env=environment,
                stdin=subprocess.PIPE,
                stdout=terminal.device,
                stderr=terminal.device,
                start_new_session=True,
            )
        exit_code = _exit_code(process, limits.total_seconds, stop)
    seconds = time.perf_counter() - start
    return EndedProgram(exit_code, _read_job(folder / "sse/out/result.json"), terminal.output(), seconds)


def _exit_code(process: subprocess.Popen[bytes], seconds: float, stop: threading.Event) -> int | None:
    """Wait for the program's exit code; None if it was stopped or took too long.

    The supervisor enforces the time limit, as native code that works on one of the program's jobs may block all threads
    of this process.
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
            # The program may have stopped its supervisor.
            process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
                break
        else:
            process.kill()
            process.wait()


def _read_job(file: Path) -> EngineJob | None:
    """Read the job that a program left in a file, which may be anything: a link, a pipe, a truncated file."""
    try:
        with open(file, "rb", opener=_open_at_once) as reader:
            is_file = stat.S_ISREG(os.fstat(reader.fileno()).st_mode)
            content = reader.read(_MAX_RESULT_BYTES + 1) if is_file else b""
    except OSError:
        return None
    try:
        return EngineJob.model_validate_json(content) if len(content) <= _MAX_RESULT_BYTES else None
    except ValidationError:
        return None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _environment(folder: Path, job_json: str, container: SseContainer) -> dict[str, str]:
    """The container's variables, those that Python needs to start, and folders that are removed afterwards."""
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        **({} if sys.platform == "linux" else _ONE_THREAD),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "TERM": "dumb",
        "OQTOPUS_ENV": "sse_container",
        "JOB_JSON": job_json,
        "IN_PATH": str(folder / "sse/in"),
        "OUT_PATH": str(folder / "sse/out"),
        "SSE_ENGINE_ADDRESS": f"unix:{folder / 'engine'}",
        "GRPC_MAX_RECEIVE_MESSAGE_LENGTH": str(container.limits.message_bytes),
        "GRPC_MAX_SEND_MESSAGE_LENGTH": str(container.limits.message_bytes),
        **(_packages_of(container.python) if container.python else _own_packages()),
    }


def _own_packages() -> dict[str, str]:
    """The variables with which a program finds this process's packages."""
    root = Path(__file__).parents[3]
    # Python knows where installed packages are, and they must not precede its own; it may not know a checkout.
    ours = [] if root.name in {"site-packages", "dist-packages"} else [str(root)]
    path = [str(_CONTAINER), *ours, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    home = {name: os.environ[name] for name in ("PYTHONHOME",) if name in os.environ}
    # Python would look for this user's packages at HOME.
    return {"PYTHONPATH": os.pathsep.join(path), "PYTHONUSERBASE": site.getuserbase(), **home}


def _packages_of(python: str) -> dict[str, str]:
    """The variables with which a program finds the packages of another interpreter, and none of this process's."""
    path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", os.defpath)])
    return {"PATH": path, "PYTHONPATH": str(_CONTAINER)}
