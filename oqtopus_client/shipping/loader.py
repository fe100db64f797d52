"""The part of a shipped program that runs next to the device: calls the function and reports how it ended.

Servers return a program's log only if the program exits with code 0 and its last job succeeded. So the function's
errors are reported rather than raised, and where its last job failed, or it ran none, one of a single shot is run.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.metadata
import inspect
import json
import os
import sys
import threading
import time
import traceback
import types
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from oqtopus_client.shipping.definitions import Definition
from oqtopus_client.shipping.frames import FrameWriter
from oqtopus_client.shipping.values import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

LAST_PROGRAM = 'OPENQASM 3.0; include "stdgates.inc"; qubit[1] q; bit[1] c; c[0] = measure q[0];'
"""The program of the last job."""
_LAST_NAME = "oqtopus-client: keeps the log"
_LOCK_SECONDS = 20.0
"""How long the end waits for a job that is still running, in seconds: less than is left after the usual timeout."""
_SHOWN = 20_000
"""Characters of a message, a traceback or a value in the report of an error."""
_PACKAGES = ("qiskit", "numpy", "pydantic")


def main(call: dict[str, Any], output: int, folder: str) -> NoReturn:
    """Run a program and end the process.

    Args:
        call: The function and its arguments, as `build` describes them.
        output: A file descriptor of the log, which the function does not know.
        folder: A folder on `sys.path` for the program's files.
    """
    program = _Program(call, FrameWriter(output, call["tag"]))
    program.frames.write("header", {"version": call["version"], "function": call["name"], "packages": _versions()})
    watchdog = threading.Timer(call["timeout"], program.end_late)
    watchdog.daemon = True
    watchdog.start()
    try:
        function, arguments = program.load(Path(folder))
    except BaseException as error:  # noqa: BLE001 - as below
        program.end(_failure(error, "The program could not be started in the server's container: "))
    try:
        value = _called(function, arguments)
    except BaseException as error:  # noqa: BLE001 - an exit code other than 0 would lose the log
        program.interpreter.restore()
        program.end(_failure(error))
    program.interpreter.restore()
    program.end(_returned(value))


class _Interpreter:
    """State of the interpreter that a function can change, and that the end of the program depends on."""

    def __init__(self) -> None:
        self._path, self._modules, self._environment = list(sys.path), dict(sys.modules), dict(os.environ)
        self._recursion_limit = sys.getrecursionlimit()

    def restore(self) -> None:
        """Set it back to what it was."""
        sys.path = self._path
        sys.modules.update(self._modules)
        os.environ.update(self._environment)
        sys.setrecursionlimit(self._recursion_limit)


class _Program:
    def __init__(self, call: dict[str, Any], frames: FrameWriter) -> None:
        self.frames = frames
        self._call = call
        self._functions: list[types.FunctionType] = []
        self._jobs: list[dict[str, Any]] = []
        self._driver_lock = threading.Lock()
        self._end_lock = threading.Lock()
        self._main_thread = threading.get_ident()
        self._pid = os.getpid()
        self._start = time.monotonic()
        self.interpreter = _Interpreter()

    def load(self, folder: Path) -> tuple[Callable[..., Any], tuple[list[Any], dict[str, Any]]]:
        """Return the function and its arguments, with the backend or client as the first."""
        call = self._call
        self._write_files(folder)
        self._watch_driver()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of QPY from a newer Qiskit, for example
            self._define_functions()
            arguments = [self._resolve(each) for each in call["args"]]
            keywords = {name: self._resolve(each) for name, each in call["kwargs"].items()}
            function = self._resolve(call["function"])
        first = self._first_argument(function)
        self.interpreter = _Interpreter()
        return function, ([first, *arguments], keywords)

    def _write_files(self, folder: Path) -> None:
        files = dict(self._call["files"])
        if self._call["device"] is not None:
            files["device.json"] = json.dumps(self._call["device"])
            os.environ["OQTOPUS_SSE_DEVICE"] = str(folder / "device.json")
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")

    def _define_functions(self) -> None:
        # Pickling within the program, for child processes, finds functions by the name of a module.
        module = sys.modules["oqtopus_program"] = types.ModuleType("oqtopus_program")
        shipped = self._call["functions"]
        self._functions = [Definition(**each["definition"]).execute(vars(module)) for each in shipped]
        for name, reference in self._call["namespace"].items():
            setattr(module, name, self._resolve(reference))
        for function, each in zip(self._functions, shipped, strict=True):
            function.__defaults__ = tuple(map(self._resolve, each["defaults"])) or None
            keywords = {name: self._resolve(reference) for name, reference in each["kwdefaults"].items()}
            function.__kwdefaults__ = keywords or None

    def _resolve(self, reference: dict[str, Any]) -> Any:
        """Return the object that `Captures.refer` described."""
        if "function" in reference:
            return self._functions[reference["function"]]
        if "value" in reference:
            try:
                return decode(reference["value"])
            except ValueError as error:
                raise ValueError(f"{reference['name']} cannot be read there: {error}") from error
        module, name = reference["import"]
        found: Any = importlib.import_module(module)
        for attribute in name.split(".") if name else ():
            found = getattr(found, attribute)
        return found

    def _first_argument(self, function: Callable[..., Any]) -> Any:
        if self._call["kind"] == "backend":
            settings = decode(self._call["backend_settings"])
            options = settings.pop("options", {})
            backend = importlib.import_module("qiskit_oqtopus").OqtopusProvider(**settings).get_backend()
            backend.set_options(**options)
            return backend
        client = importlib.import_module("oqtopus_client")
        return client.AsyncOqtopusClient() if inspect.iscoroutinefunction(function) else client.OqtopusClient()

    def _watch_driver(self) -> None:
        """Let jobs take turns, as the driver overwrites one file with each, and record them."""
        driver: Any = importlib.import_module("sse_driver")
        submit = driver.submit_job

        def submit_job(input_job: Any, upload_info: Any) -> Any:
            with self._driver_lock:
                return self._recorded(submit, input_job, upload_info)

        driver.submit_job = submit_job
        self._submit = submit
        # A forked process must not wait for a thread of its parent.
        os.register_at_fork(after_in_child=lambda: setattr(self, "_driver_lock", threading.Lock()))

    def _recorded(self, submit: Callable[..., Any], input_job: Any, upload_info: Any) -> Any:
        job = {
            "job_type": str(getattr(input_job, "job_type", "")),
            "shots": getattr(input_job, "shots", 0),
            "name": getattr(input_job, "name", None) or "",
            "status": "failed",
            "message": "",
            "seconds": 0.0,
        }
        start = time.monotonic()
        try:
            answer = submit(input_job, upload_info)
            job["status"] = "succeeded"
        except BaseException as error:
            job["message"] = str(error)[:1000]
            raise
        finally:
            job["seconds"] = round(time.monotonic() - start, 3)
            self._jobs.append(job)
        return answer

    def end_late(self) -> None:
        """End the program at its time limit, whatever it does."""
        frame = sys._current_frames().get(self._main_thread)  # noqa: SLF001 - the only way to another thread's stack
        self.interpreter.restore()
        stack = "".join(traceback.format_stack(frame)) if frame else ""
        message = f"The function did not end within {self._call['timeout']:g} s and was stopped."
        self.end(_error("TimeoutError", message, f"Where it was:\n{stack}"))

    def end(self, outcome: dict[str, Any]) -> NoReturn:
        """Report the outcome and end the process with exit code 0."""
        if os.getpid() != self._pid:
            os._exit(1)  # a forked process, which must not report for the program
        self._end_lock.acquire()  # never released: the first to arrive here ends the process
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            with contextlib.suppress(BaseException):
                stream.flush()  # type: ignore[union-attr]  # the function may have set it to anything
        try:
            self._report(outcome)
        finally:
            os._exit(0)

    def _report(self, outcome: dict[str, Any]) -> None:
        try:
            self.frames.write("outcome", outcome)
        except Exception as error:  # noqa: BLE001 - any would lose the log
            problem = "too much" if isinstance(error, ValueError) else "what cannot be sent"
            message = f"The function returned {problem}: {error}"
            with contextlib.suppress(OSError):  # the function has closed the log's descriptor
                self.frames.write("outcome", _error(type(error).__name__, message, ""))
        self._keep_log()
        with contextlib.suppress(Exception):
            self.frames.write("end", {"jobs": self._jobs, "seconds": round(time.monotonic() - self._start, 3)})

    def _keep_log(self) -> None:
        """Run a last job of one shot unless the last one succeeded, as servers otherwise discard the log."""
        self._driver_lock.acquire(timeout=_LOCK_SECONDS)
        if self._jobs and self._jobs[-1]["status"] == "succeeded":
            return
        for transpiler_info in ({"transpiler_lib": None}, None):
            with contextlib.suppress(BaseException):
                models = importlib.import_module("oqtopus_client.rest.models")
                request = models.JobsSubmitJobRequest(
                    device_id="", job_type="sampling", shots=1, name=_LAST_NAME, transpiler_info=transpiler_info
                )
                self._submit(request, models.JobsS3SubmitJobInfo(program=[LAST_PROGRAM]))
                return


def _called(function: Callable[..., Any], arguments: tuple[list[Any], dict[str, Any]]) -> Any:
    value = function(*arguments[0], **arguments[1])
    return asyncio.run(value) if inspect.iscoroutine(value) else value


def _returned(value: object) -> dict[str, Any]:
    try:
        return {"value": encode(value, "The return value")}
    except BaseException as error:  # noqa: BLE001 - whatever a user's object does
        shown = ""
        with contextlib.suppress(BaseException):
            shown = repr(value)[:_SHOWN]
        return _error(type(error).__name__, str(error), f"The function returned:\n{shown}\n")


def _failure(error: BaseException, prefix: str = "") -> dict[str, Any]:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__") == __name__:
        trace = trace.tb_next
    try:
        message = str(error)
        lines = traceback.format_exception(type(error), error, trace)
    except BaseException:  # noqa: BLE001 - whatever a user's exception does
        message, lines = "", traceback.format_tb(trace)
    return _error(type(error).__name__, prefix + message, "".join(lines))


def _error(type_name: str, message: str, trace: str) -> dict[str, Any]:
    # The end of a long traceback has the cause.
    return {"error": {"type": type_name, "message": message[:_SHOWN], "traceback": trace[-_SHOWN:]}}


def _versions() -> dict[str, str]:
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions
