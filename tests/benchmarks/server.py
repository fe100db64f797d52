"""A loopback server for benchmarks: as much of the User API as clients use, several times faster than any of them.

Not for tests: it checks nothing. Each job ends `duration` seconds after its submission; each answer takes `latency`
seconds, without taking processor time.

    python tests/benchmarks/server.py --latency 0.005 --duration 0.5
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import zipfile
from io import BytesIO
from typing import Any

_DONE = {"submitted_at": "2026-01-01T00:00:00Z", "ready_at": "2026-01-01T00:00:01Z"}


def _zipped(content: object) -> bytes:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("result.json", json.dumps(content))
    return archive.getvalue()


class State:
    """Jobs, files, and what has been asked."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.latency, self.duration, self.spread = options.latency, options.duration, options.spread
        self.jobs: dict[str, float] = {}
        self.requests = self.connections = 0
        counts = {format(key, f"0{options.width}b"): 1 for key in range(options.keys)}
        result = _zipped({"sampling": {"counts": counts, "divided_counts": None}, "estimation": None})
        self.files = {"result": result, "input": _zipped({"program": ["OPENQASM 3;"]})}
        self.files["transpile_result"] = _zipped(
            {"transpiled_program": "OPENQASM 3;", "stats": {}, "virtual_physical_mapping": {}}
        )
        self.devices = [_device(options.qubits)]
        self.url = ""

    def answer(self, method: str, path: str, query: str) -> Any:
        """The body for a request: bytes, or an object for JSON."""
        parts = path.strip("/").split("/")
        if parts[0] == "files":
            return self.files[parts[1]]
        if parts[0] == "upload":
            return b""
        if parts[0] == "devices":
            return self.devices
        if parts[0] == "counters":
            return {"requests": self.requests, "connections": self.connections}
        if path == "/jobs":
            return self.register() if method == "POST" else self.page(query)
        if len(parts) == 2:
            return self.job(parts[1])
        if parts[2] == "submit":
            # Jobs end one after the other over `spread` seconds.
            self.jobs[parts[1]] = time.monotonic() + self.duration + self.spread * (int(parts[1][4:]) % 1000) / 1000
            return {"message": "job submitted"}
        return {"job_id": parts[1], "status": self.status(parts[1])}

    def register(self) -> object:
        """A new job."""
        job_id = f"job-{len(self.jobs):08d}"
        self.jobs[job_id] = 0.0
        fields = {"key": f"{job_id}/input.zip", "policy": "p", "signature": "s"}
        return {"job_id": job_id, "presigned_url": {"url": f"{self.url}/upload", "fields": fields}}

    def status(self, job_id: str) -> str:
        """A job's status by now."""
        return "succeeded" if time.monotonic() >= self.jobs[job_id] else "running"

    def page(self, query: str) -> list[object]:
        """One page of jobs."""
        wanted = dict(item.split("=") for item in query.split("&") if item)
        size, page = int(wanted.get("size", 100)), int(wanted.get("page", 1))
        ids = list(reversed(self.jobs)) if wanted.get("order") == "DESC" else list(self.jobs)
        if "status" in wanted.get("fields", ""):
            return [{"job_id": i, "status": self.status(i)} for i in ids[(page - 1) * size : page * size]]
        return [self.job(i) for i in ids[(page - 1) * size : page * size]]

    def job(self, job_id: str) -> object:
        """A whole job."""
        status = self.status(job_id)
        names = ("input", "result", "transpile_result") if status == "succeeded" else ("input",)
        return {
            "job_id": job_id,
            "name": "bench",
            "description": "",
            "job_type": "sampling",
            "status": status,
            "device_id": "qulacs",
            "shots": 1000,
            "job_info": {name: f"{self.url}/files/{name}" for name in names},
            "transpiler_info": {},
            "simulator_info": {},
            "mitigation_info": {},
            **_DONE,
        }


def _device(n_qubits: int) -> dict[str, object]:
    qubit = {
        "fidelity": 0.999,
        "qubit_lifetime": {"t1": 30.0, "t2": 40.0},
        "gate_duration": {"rz": 0, "sx": 16, "x": 24},
    }
    couplings = [{"control": i, "target": i + 1, "fidelity": 0.98} for i in range(n_qubits - 1)]
    info = {"qubits": [{"id": i, **qubit} for i in range(n_qubits)], "couplings": couplings}
    return {
        "device_id": "chip",
        "device_type": "QPU",
        "status": "available",
        "n_pending_jobs": 0,
        "n_qubits": n_qubits,
        "basis_gates": ["sx", "rz", "rzx90"],
        "supported_instructions": ["measure"],
        "device_info": json.dumps(info),
        "description": "",
    }


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive and Content-Length, which is all that clients need."""

    def __init__(self, state: State) -> None:
        self.state, self.buffer = state, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.state.connections += 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1")
            lower = head.lower()
            length, at = 0, lower.find("content-length:")
            if at >= 0:
                length = int(lower[at + 15 :].split("\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            if "transfer-encoding: chunked" in lower:
                tail = self.buffer.find(b"0\r\n\r\n", end)
                if tail < 0:
                    return
                length = tail + 5 - end - 4
            self.buffer = self.buffer[end + 4 + length :]
            method, target, _ = head.split(" ", 2)
            path, _, query = target.partition("?")
            self.state.requests += 1
            content = self.state.answer(method, path, query)
            kind = b"application/octet-stream" if isinstance(content, bytes) else b"application/json"
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            answer = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(body), body)
            if self.state.latency:
                asyncio.get_running_loop().call_later(self.state.latency, self.write, answer)
            else:
                self.write(answer)

    def write(self, answer: bytes) -> None:
        """Send, unless the client has gone."""
        if not self.transport.is_closing():
            self.transport.write(answer)  # type: ignore[attr-defined]


async def main() -> None:
    """Serve for ever; print the URL."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0, help="seconds an answer takes")
    parser.add_argument("--duration", type=float, default=0.0, help="seconds a job takes")
    parser.add_argument("--spread", type=float, default=0.0, help="seconds over which a thousand jobs end")
    parser.add_argument("--keys", type=int, default=4, help="distinct outcomes of a job")
    parser.add_argument("--width", type=int, default=16, help="bits of an outcome")
    parser.add_argument("--qubits", type=int, default=144, help="qubits of the device")
    state = State(parser.parse_args())
    server = await asyncio.get_running_loop().create_server(lambda: Connection(state), "127.0.0.1", 0, backlog=1024)
    state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(state.url, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
