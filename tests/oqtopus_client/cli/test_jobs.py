"""`jobs`, `job`, `cancel`, `delete` and `log`."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
import requests

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.cli.session import Session
from oqtopus_client.errors import JobNotSubmittedError
from tests.support.command_line import Typed, answer, complaint
from tests.support.scripted_server import ScriptedServer
from tests.support.servers import answering
from tests.support.sse_programs import DRIVER

UNKNOWN = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def job_id(cli: Typed, bell: str) -> str:
    """Return the id of a finished job."""
    return str(answer(cli("run", bell, "--device", "qulacs", "--shots", "10", "--json"))["job_id"])


def test_jobs_newest_first(cli: Typed, bell: str, job_id: str) -> None:
    """Jobs are listed newest first, up to the limit."""
    newer = answer(cli("run", bell, "--device", "qulacs", "--name", "newer", "--json"))["job_id"]
    listed = answer(cli("jobs", "--limit", "2", "--json"))

    assert [job["job_id"] for job in listed] == [newer, job_id]
    assert "newer" in cli("jobs", "--limit", "1").stdout
    assert job_id not in cli("jobs", "--limit", "1").stdout


@pytest.mark.parametrize(("columns", "shown"), [(40, 3), (80, 4), (109, 4), (118, 7)])
def test_jobs_on_narrow_terminals(
    cli: Typed, bell: str, monkeypatch: pytest.MonkeyPatch, columns: int, shown: int
) -> None:
    """Ids, devices and statuses are never broken; names are, and other columns are dropped."""
    name = "a name that is long and has to be broken"
    job_id = answer(cli("run", bell, "--device", "lattice144", "--name", name, "--json"))["job_id"]
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = cli("jobs", "--limit", "1").stdout.splitlines()

    assert len(lines[0].split()) == shown
    (row,) = (line.split() for line in lines if job_id in line)
    assert {"succeeded", "lattice144"} <= set(row)
    assert columns == 40 or max(map(len, lines)) <= columns


def test_filters(cli: Typed, bell: str, job_id: str) -> None:
    """Each filter selects the matching jobs."""
    answer(cli("run", bell, "--device", "lattice64", "--name", "on the chip", "--json"))

    def ids(*filters: str) -> list[str]:
        return [job["job_id"] for job in answer(cli("jobs", *filters, "--json"))]

    assert job_id not in ids("--device", "lattice64")
    assert job_id in ids("--device", "qulacs", "--status", "succeeded", "--since", "1h")
    assert ids("--text", job_id) == [job_id]
    assert job_id not in ids("--status", "failed")
    assert ids("--since", "2999-01-01") == []


@pytest.mark.parametrize("words", [["--since", "yesterday"], ["--since", "99999999999w"], ["--watch", "--json"]])
def test_what_cannot_be_listed(cli: Typed, words: list[str]) -> None:
    """Invalid options are a usage error."""
    assert cli("jobs", *words).exit_code == 2


def test_job(cli: Typed, job_id: str) -> None:
    """Settings, times and files are shown, but not the files' URLs, which are credentials."""
    shown, detailed = cli("job", job_id).stdout, cli("job", job_id, "--json")

    assert all(step in shown for step in ("submitted", "ready", "running", "ended", "job is succeeded"))
    assert answer(detailed)["files"] == ["input", "result", "transpile_result"]
    assert sum(answer(detailed)["counts"].values()) == 10
    assert "http" not in shown + detailed.stdout


def test_unknown_job(cli: Typed) -> None:
    """The error is a single line, which says how to list the known jobs."""
    result = cli("job", UNKNOWN)

    assert result.exit_code == 4
    assert complaint(result) == (
        f"oqtopus-client: Job {UNKNOWN} does not exist on this server, was deleted, or belongs to another user. "
        "List yours with: oqtopus-client jobs"
    )


@pytest.mark.parametrize("part", [slice(0, 13), slice(-12, None)])
def test_parts_of_an_id(cli: Typed, bell: str, part: slice) -> None:
    """A part of an id is never taken for the job; the message has the whole id, so that it can be copied."""
    job_id = answer(cli("run", bell, "--device", "qulacs", "--json"))["job_id"]
    result = cli("delete", "--yes", job_id[part])

    assert result.exit_code == 4
    assert f"Did you mean {job_id} (bell.qasm)?" in complaint(result)
    assert cli("job", job_id).exit_code == 0


def test_cancel(cli: Typed, bell: str) -> None:
    """A running job can be cancelled; its result is then an error."""
    cli("emulator", "faults", "inject", "hold_job", "--status", "running", "--seconds", "3600")
    job_id = cli("run", bell, "--device", "qulacs", "--no-wait").stdout.strip()
    result = cli("cancel", job_id)
    cli("emulator", "faults", "clear")

    assert result.stdout == f"{job_id} cancelled\n"
    assert cli("result", job_id).exit_code == 1


def test_cancel_what_was_never_submitted(cli: Typed, server: dict[str, str]) -> None:
    """The id is also deleted, as servers cannot list a job cancelled before its submission."""
    token = {"q-api-token": server["OQTOPUS_API_TOKEN"]}
    job_id = requests.post(f"{server['OQTOPUS_URL']}/jobs", headers=token, json={}, timeout=30).json()["job_id"]

    assert cli("cancel", job_id).stdout == f"{job_id} cancelled\n"
    assert cli("jobs").exit_code == 0
    with OqtopusClient() as client:
        assert job_id not in {job.job_id for job in client.list_jobs(order="DESC", size=10)}


@pytest.mark.parametrize("words", [["result"], ["result", "--no-wait"], ["result", "--timeout", "60"], ["job"]])
def test_what_was_never_submitted_is_not_waited_for(cli: Typed, server: dict[str, str], words: list[str]) -> None:
    """The wait would never end; the message says how to remove the id."""
    token = {"q-api-token": server["OQTOPUS_API_TOKEN"]}
    job_id = requests.post(f"{server['OQTOPUS_URL']}/jobs", headers=token, json={}, timeout=30).json()["job_id"]
    result = cli(*words, job_id)

    assert (result.exit_code, result.stdout) == (4, "")
    assert complaint(result) == (
        f"oqtopus-client: {JobNotSubmittedError(job_id)} Remove the unused id with: oqtopus-client cancel {job_id}"
    )
    assert cli("jobs", "--limit", "3").exit_code == 0
    assert cli("cancel", job_id).stdout == f"{job_id} cancelled\n"
    assert cli(*words, job_id).exit_code == 4


@pytest.mark.parametrize("words", [["result"], ["result", "--no-wait"], ["job"], ["log"]])
def test_what_was_cancelled_before_it_was_submitted(
    monkeypatch: pytest.MonkeyPatch, oqtopus: Typed, words: list[str]
) -> None:
    """Servers know only its status; other jobs that servers cannot show get no such explanation."""
    server = ScriptedServer(**{"GET /jobs/1": 500, "GET /jobs/1/status": {"job_id": "1", "status": "cancelled"}})
    config = OqtopusConfig("http://emulator.localhost", api_token="token", transport=server, retry_max_attempts=1)
    monkeypatch.setattr(Session, "config", lambda _: config)
    result = oqtopus(*words, "1")

    assert result.exit_code == 4
    assert "Job 1 was cancelled, and the server cannot show it (HTTP 500" in complaint(result)
    assert complaint(result).endswith("Remove it with: oqtopus-client delete 1")
    server.answers["GET /jobs/1/status"] = {"job_id": "1", "status": "succeeded"}
    assert oqtopus(*words, "1").exit_code == 5


def test_cancelling_where_the_id_is_gone_at_once(monkeypatch: pytest.MonkeyPatch, oqtopus: Typed) -> None:
    """A job that was deleted in the meantime counts as cancelled."""
    status = {"job_id": "1", "status": "registered"}
    server = ScriptedServer(**{"GET /jobs/1/status": status, "POST /jobs/1/cancel": {"message": "accepted"}})
    config = OqtopusConfig("http://emulator.localhost", api_token="token", transport=server)
    monkeypatch.setattr(Session, "config", lambda _: config)

    assert oqtopus("cancel", "1").stdout == "1 cancelled\n"


def test_one_failure_does_not_stop_the_others(cli: Typed, job_id: str) -> None:
    """The other jobs are deleted, and the exit code is that of the failure."""
    result = cli("delete", "--yes", "--json", UNKNOWN, job_id)

    assert result.exit_code == 4
    assert answer(result)[job_id] == "deleted"
    assert UNKNOWN in complaint(result)
    assert cli("job", job_id).exit_code == 4


def test_deleting_asks_first(cli: Typed, job_id: str) -> None:
    """Without a yes, the job is kept."""
    assert cli("delete", job_id, text="n\n").exit_code == cli("delete", job_id, text="").exit_code == 130
    assert cli("job", job_id).exit_code == 0
    assert cli("delete", job_id, text="y\n").stdout.endswith(f"{job_id} deleted\n")


def test_job_that_cannot_be_cancelled(cli: Typed, job_id: str) -> None:
    """The error contains the job id."""
    result = cli("cancel", job_id)

    assert result.exit_code not in {0, 2}
    assert job_id in complaint(result)


def test_invalid_id_among_others(cli: Typed, job_id: str) -> None:
    """The other jobs are deleted, and the exit code is that of the failure."""
    result = cli("delete", "--yes", "..", job_id)

    assert (result.exit_code, result.stdout) == (2, f"{job_id} deleted\n")
    assert "1 job deleted, 1 not." in result.stderr


ESCAPE = "\x1b]0;owned\x07\u202e"


def test_refusals_do_not_speak_to_the_terminal(monkeypatch: pytest.MonkeyPatch, oqtopus: Typed) -> None:
    """Server messages cannot print control characters or a second line."""
    server = answering(400, json.dumps({"message": f"no{ESCAPE}\nreally"}).encode())
    config = OqtopusConfig("http://emulator.localhost", api_token="token", transport=server)
    monkeypatch.setattr(Session, "config", lambda _: config)

    assert complaint(oqtopus("cancel", "2")) == "oqtopus-client: Job 2: HTTP 400: no]0;owned really"


def test_ids_do_not_speak_to_the_terminal(monkeypatch: pytest.MonkeyPatch, oqtopus: Typed, bell: str) -> None:
    """Job ids from a server cannot print control characters either."""
    server = ScriptedServer(
        **{
            "POST /jobs": {"job_id": f"1{ESCAPE}", "presigned_url": {"url": "http://a.localhost/up", "fields": {}}},
            "POST /up": b"",
            f"POST /jobs/1{ESCAPE}/submit": {"message": "submitted"},
        }
    )
    config = OqtopusConfig("http://emulator.localhost", api_token="token", transport=server)
    monkeypatch.setattr(Session, "config", lambda _: config)
    result = oqtopus("run", bell, "--device", "a", "--no-wait")

    assert result.stdout == "1]0;owned\n"
    assert complaint(result) == (
        "Submitted. The job continues on the server; wait for it with: oqtopus-client result 1]0;owned"
    )


def test_log(sse_cli: Typed, tmp_path: Path) -> None:
    """The log of a program is printed without control characters, which a saved file keeps."""
    with OqtopusClient() as client:
        spec = OqtopusJobSpec.sse(device_id="qulacs", program=f"{DRIVER}print('\\x1b[31mhello', 6 * 7)\nsubmit()")
        job_id = client.submit_job(spec).job_id
        client.wait_for_job(job_id)
    file = tmp_path / "run.log"

    assert "[31mhello 42" in sse_cli("log", job_id).stdout
    assert "\x1b" not in sse_cli("log", job_id).stdout
    assert "\x1b[31mhello 42" in answer(sse_cli("log", job_id, "--json"))["log"]
    assert sse_cli("log", job_id, "--save", str(file)).exit_code == 0
    assert "\x1b[31mhello 42" in file.read_text(encoding="utf-8")
    assert sse_cli("log", job_id, "--save", str(file)).exit_code == 2  # existing files are not overwritten


def test_log_of_a_job_without(cli: Typed, job_id: str) -> None:
    """Only server-side jobs have a log."""
    assert cli("log", job_id).exit_code == 4


def test_names_in_a_log_archive_are_not_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, oqtopus: Typed
) -> None:
    """A file name in the archive does not determine where the log is written."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("../../escaped.txt", "text")
    job = {"job_id": "1", "status": "succeeded", "job_info": {"sse_log": "http://storage.localhost/log.zip"}}
    server = ScriptedServer(**{"GET /jobs/1": job, "GET /log.zip": archive.getvalue()})
    config = OqtopusConfig("http://emulator.localhost", api_token="token", transport=server)
    monkeypatch.setattr(Session, "config", lambda _: config)
    file = tmp_path / "deep" / "down" / "here.log"
    file.parent.mkdir(parents=True)
    result = oqtopus("log", "1", "--save", str(file))

    assert result.exit_code == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


@pytest.mark.parametrize(("word", "meant"), [("done", "succeeded"), ("ERROR", "failed"), ("canceled", "cancelled")])
def test_status_of_other_software(cli: Typed, word: str, meant: str) -> None:
    """A status under another name is refused with OQTOPUS's name."""
    result = cli("jobs", "--status", word)

    assert result.exit_code == 2
    assert f"'{meant}'" in result.stderr


def test_no_jobs(cli: Typed) -> None:
    """An empty list says so."""
    assert "No job matches" in cli("jobs", "--text", "there is none with this text").stderr
    assert answer(cli("jobs", "--text", "there is none with this text", "--json")) == []


def test_ids_from_a_pipe(cli: Typed, bell: str) -> None:
    """The ids of one command are cancelled or deleted by the next, each once, and failures do not stop the others."""
    ids = [answer(cli("run", bell, "--device", "qulacs", "--json"))["job_id"] for _ in range(2)]
    piped = f"{ids[0]}\nnowhere\n{ids[0]}\r\n"
    asked, cancelled = cli("delete", "-", text=piped), cli("cancel", "-", text=piped)
    deleted = cli("delete", "--yes", ids[1], "-", text=piped)

    assert (asked.exit_code, asked.stdout) == (2, "")
    assert "Ids from standard input need --yes" in complaint(asked)
    assert (cancelled.exit_code, cancelled.stdout) == (5, "")
    assert f"Job {ids[0]} has already succeeded" in cancelled.stderr
    assert cancelled.stderr.endswith("oqtopus-client: 0 jobs cancelled, 2 not.\n")
    assert (deleted.exit_code, deleted.stdout) == (4, f"{ids[1]} deleted\n{ids[0]} deleted\n")
    assert deleted.stderr.endswith("oqtopus-client: 2 jobs deleted, 1 not.\n")


def test_no_ids_in_a_pipe(cli: Typed) -> None:
    """There is nothing to do, as after `jobs --ids` without such jobs."""
    cancelled, deleted = cli("cancel", "-", text="\n"), cli("delete", "--yes", "--json", "-", text="")

    assert (cancelled.exit_code, cancelled.stdout) == (0, "")
    assert complaint(cancelled) == "oqtopus-client: 0 jobs cancelled, 0 not."
    assert (deleted.exit_code, deleted.output) == (0, "{}\n")
