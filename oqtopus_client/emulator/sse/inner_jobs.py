"""The engine's side of the connection between a server-side program's driver and the engine."""

from __future__ import annotations

import json
import logging
import queue
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from oqtopus_client.emulator.sse.engine_job import EngineJob

if TYPE_CHECKING:
    from pathlib import Path

    from oqtopus_client.emulator.sse.limits import SseLimits

RunInnerJob = Callable[[EngineJob], object]
"""Runs a job that a program submitted, and updates it."""

_logger = logging.getLogger("oqtopus_client.emulator")

_POLL_SECONDS = 0.1
_FINAL = {"succeeded", "failed"}


class InnerJobs:
    """Runs the jobs that a program submits, one after the other, until the `with` block ends.

    A request is a job as JSON. The response is a line of JSON with `status` and `message` of the call, followed by the
    job as it ended, or by nothing if the request was invalid.

    Args:
        address: Path of the Unix socket to listen on.
        run_inner_job: Called in another thread for each job. Only a job that exceeded its time limit, which cannot be
            interrupted, may still run beside the next one.
        limits: Limits of a job's time and size.
    """

    def __init__(self, address: Path, run_inner_job: RunInnerJob, limits: SseLimits) -> None:
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
        # The answer to a job that still runs is dropped.
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
                    except (OSError, ValueError):
                        # The program ended meanwhile, or wrote to the socket itself.
                        _logger.debug("A server-side program's request was not answered.", exc_info=True)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(self._limits.job_seconds)
        with connection.makefile("rb") as reader:
            request = reader.read(self._limits.message_bytes + 1)
        try:
            job = EngineJob.model_validate_json(request)
        except ValidationError:
            status, message, content = "failed", "invalid request data", ""
        else:
            status, message = self._run(job)
            content = job.model_dump_json()
        connection.sendall(f"{json.dumps({'status': status, 'message': message})}\n{content}".encode())

    def _run(self, job: EngineJob) -> tuple[str, str]:
        """Run a job within its time limit, and return status and message of the call."""
        ended: queue.SimpleQueue[str] = queue.SimpleQueue()

        def work() -> None:
            try:
                self._run_inner_job(job)
            except BaseException:  # Qiskit's native code may panic, which is not an Exception
                _logger.exception("A server-side program's job failed with an unexpected error.")
                ended.put("error during pipeline execution")
            else:
                if job.status in _FINAL:
                    ended.put("")

        threading.Thread(target=work, name="oqtopus-sse-job", daemon=True).start()
        try:
            message = ended.get(timeout=self._limits.job_seconds)
        except queue.Empty:
            message = "pipeline execution timed out"
        return "failed" if message else "succeeded", message
