"""A campaign over a bad network: every job's result arrives, once, whatever breaks.

Between client and server stands a proxy that breaks connections at every phase, answers with errors, cuts downloads
short and dawdles. The server is killed and started again, and so is the client, which keeps a journal.
Run by hand: `python tests/benchmarks/chaos.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusError
from tests.benchmarks.soak import insist, killed_again_and_again, numbered, only_outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_REQUESTS = 5
"""Register, upload, submit, job, result; and a poll for a hundred jobs."""

DROPPED, REFUSED, CUT = 0.02, 0.05, 0.01
STATUSES = (429, 500, 502, 503, 504)
PAUSE = 0.005


class Proxy:
    """Hands requests on to a server, mostly."""

    def __init__(self, port: int, seed: int) -> None:
        self.requests: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._port = port
        self._random = random.Random(seed)

    def _happens(self, chance: float, fault: str) -> bool:
        if self._random.random() >= chance:
            return False
        self.faults[fault] += 1
        return True

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._exchange(reader, writer):
                pass
        writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection is still good."""
        request = await _message(reader)
        self.requests[_route(request)] += 1
        if self._happens(DROPPED, "dropped before it was sent"):
            return False
        if self._happens(REFUSED, "refused"):
            body = b'{"message": "chaos"}'
            status = self._random.choice(STATUSES)
            head = f"HTTP/1.1 {status} Chaos\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            return True
        await asyncio.sleep(self._random.expovariate(1 / PAUSE))
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            server_writer.write(request)
            answer = await _message(server_reader)
        finally:
            server_writer.close()
        if self._happens(DROPPED, "dropped after it was carried out"):
            return False
        download = request.startswith(b"GET /storage")
        if self._happens(DROPPED + CUT * download, "dropped within the answer"):
            writer.write(answer[: len(answer) // 2])
            await writer.drain()
            return False
        writer.write(answer)
        return True


def _route(request: bytes) -> str:
    """What a request is for, without ids."""
    method, _, rest = request.decode("latin-1").partition(" ")
    room, *rest_of_path = urlsplit(rest.partition(" ")[0]).path.strip("/").split("/")
    rest_of_path[:1] = ["{job_id}"] * bool(rest_of_path)
    return f"{method} /{'/'.join([room, *rest_of_path] if room == 'jobs' else [room])}"


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One HTTP message, whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return head + await reader.readexactly(int(length or 0))


@contextmanager
def proxied(server: OqtopusConfig, seed: int) -> Iterator[tuple[Proxy, str]]:
    """A proxy before a server, and its URL."""
    proxy = Proxy(int(urlsplit(server.base_url).port or 0), seed)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(proxy.handle, "127.0.0.1", 0, backlog=1024)

    listener = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield proxy, f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        listener.close()
        loop.close()


def campaign(url: str, token: str, jobs: int, journal: Path, results: Path) -> None:
    """Submit jobs and write their outcomes down; begun again after a death, go on from the journal."""
    config = OqtopusConfig(
        url,
        token,
        retry_max_attempts=12,
        retry_backoff_seconds=0.05,
        retry_status_codes=frozenset(STATUSES),
        retry_budget_seconds=300,
    )
    with OqtopusClient(config, journal=journal) as client:
        entries = insist(lambda: client.resume(max_workers=16))
        if not entries:
            with suppress(OqtopusError):
                client.submit_jobs([numbered(number) for number in range(jobs)], max_workers=16)
        while {entry.state for entry in entries} != {"submitted"}:
            entries = insist(lambda: client.resume(max_workers=16))
        done = {json.loads(line)["job_id"] for line in results.read_text().splitlines()} if results.exists() else set()
        left = {str(entry.job_id) for entry in entries} - done
        with results.open("a") as stream:
            while left:
                with suppress(OqtopusError):
                    polling = {"interval": 0.5, "interval_backoff": 1.5, "max_interval": 5.0, "timeout": None}
                    for job in client.as_completed(sorted(left), **polling, max_workers=16):  # type: ignore[arg-type]
                        stream.write(json.dumps({"job_id": job.job_id, "outcome": only_outcome(job)}) + "\n")
                        stream.flush()
                        left.discard(job.job_id)
        (results.parent / "peak").write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def chaos(jobs: int, server_kills: int, client_kills: int, seed: int = 1) -> dict[str, object]:
    """Run a campaign through it all; returns what there is to tell.

    Raises:
        AssertionError: A result was lost, doubled or another's, or an id was left behind.
    """
    done = threading.Event()
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory() as name,
        killed_again_and_again(Path(name, "data"), server_kills, done, every=2 + jobs / 400) as server,
        proxied(server, seed) as (proxy, url),
    ):
        journal, results = Path(name, "journal.sqlite3"), Path(name, "results.jsonl")
        command = [sys.executable, __file__, "--campaign", url, str(server.api_token), str(jobs), journal, results]
        for kill in range(client_kills + 1):
            with subprocess.Popen(command) as process:
                if kill == client_kills:
                    assert process.wait() == 0
                    continue
                with pytest.raises(subprocess.TimeoutExpired):  # it has not ended
                    process.wait(timeout=chance.uniform(1, 3 + jobs / 150))
                process.send_signal(signal.SIGKILL)
        lines = [json.loads(line) for line in results.read_text().splitlines()]
        with OqtopusClient(server) as client:
            leftovers = insist(lambda: client.remove_unsubmitted(older_than=timedelta(0)))
            listed = Counter(str(job.status) for job in insist(lambda: list(client.iter_jobs(fields="job_id,status"))))
        peak = int(Path(name, "peak").read_text()) / 1024
    assert sorted(line["outcome"] for line in lines) == list(range(jobs))
    assert len({line["job_id"] for line in lines}) == jobs
    assert listed == {"succeeded": jobs}
    return {
        "results": len(lines),
        "leftovers removed": len(leftovers),
        "requests a job": round(proxy.requests.total() / jobs, 2),
        "at least": LEAST_REQUESTS,
        "peak MiB": round(peak),
        **proxy.requests,
        **proxy.faults,
    }


def main() -> None:
    """Print what happened, and how long it took."""
    if sys.argv[1:2] == ["--campaign"]:
        url, token, jobs, journal, results = sys.argv[2:]
        campaign(url, token, int(jobs), Path(journal), Path(results))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--server-kills", type=int, default=3)
    parser.add_argument("--client-kills", type=int, default=2)
    options = parser.parse_args()
    start = time.perf_counter()
    told = chaos(options.jobs, options.server_kills, options.client_kills)
    print(f"{options.jobs} jobs in {time.perf_counter() - start:.0f} s: {told}")


if __name__ == "__main__":
    main()
