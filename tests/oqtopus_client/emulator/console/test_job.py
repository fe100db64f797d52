"""The page of a job shows what the API says, whatever the job is."""

from __future__ import annotations

import html
import json
import random
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.console import limited
from oqtopus_client.emulator.console.job_files import MOST_CHARACTERS
from oqtopus_client.emulator.console.job_filters import STATUSES
from oqtopus_client.emulator.console.pages import duration
from oqtopus_client.rest.storage import pack, unpack
from tests.support.circuits import BELL
from tests.support.console import console_of, logged_in

BAR = re.compile(r'<td class="outcome"><code>(\w*)</code></td>.*?<td class="number">(-?[\d,.]+)</td>')
STAGE = re.compile(
    r"</svg> ([\w ]+)</td><td>(?:<time datetime=\"([^\"]*)\">)?.*?</td><td class=\"number\">(.*?)</td></tr>"
)
FILE = re.compile(r"/console/jobs/[0-9a-f-]{36}/files/([\w.]+)")
EVIL = "\"><script>alert('1')</script>"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulator whose jobs run."""
    with Emulator(":memory:") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def still() -> Iterator[Emulator]:
    """An emulator in which nothing moves jobs."""
    with Emulator(":memory:", executor="external", cancelling=True) as emulator:
        yield emulator


def run(emulator: Emulator, spec: OqtopusJobSpec) -> str:
    """Run a job to its end."""
    with OqtopusClient(emulator.config) as client:
        job_id = client.submit_job(spec).job_id
        client.wait_for_job(job_id, interval=0.01)
        return job_id


def add(emulator: Emulator, files: dict[str, bytes] | None = None, **fields: Any) -> str:
    """Store a job as it is at some time of its life, with files, and return its id."""
    store = emulator.cloud.store
    job_id = store.register("operator")
    times = dict.fromkeys(("submitted_at", "ready_at", "running_at", "ended_at"), "2026-08-20T06:14:03.500000Z")
    known = {"status": "succeeded", "job_type": "sampling", "device_id": "qulacs", "shots": 10}
    for name, value in {**known, **times, **fields}.items():
        store._database.change(f"UPDATE jobs SET {name} = ? WHERE job_id = ?", value, job_id)  # noqa: S608
    for name, content in (files or {}).items():
        store.put_file(f"{job_id}/{name}.zip", content)
    return job_id


def page_of(emulator: Emulator, job_id: str) -> str:
    """The page of a job."""
    answer = console_of(emulator).get(f"/console/jobs/{job_id}")
    assert answer.status_code == 200
    return answer.text


def api(browser: httpx.Client, emulator: Emulator, job_id: str) -> dict[str, Any]:
    """The job as the API shows it."""
    answer = browser.get(f"/jobs/{job_id}", headers={"q-api-token": emulator.token})
    return dict(json.loads(answer.text))


def bars(page: str) -> dict[str, int]:
    """The counts on a page, or on a part of it."""
    return {outcome: int(count.replace(",", "")) for outcome, count in BAR.findall(page)}


def test_counts_are_those_of_the_result(cloud: Emulator) -> None:
    """The histogram has each outcome with its count, and the order of bits."""
    job_id = run(cloud, OqtopusJobSpec.sampling(device_id="lattice64", program=BELL, shots=2000, name=EVIL))
    with OqtopusClient(cloud.config) as client:
        counts = client.get_job(job_id).get_counts()  # type: ignore[attr-defined]
    page = page_of(cloud, job_id)

    assert bars(page) == counts
    assert "2,000 counts of 4 outcomes. In an outcome, classical bit 0 is rightmost." in page
    assert f"<h1><bdi>{html.escape(EVIL).replace('&quot;', '&#34;').replace('&#x27;', '&#39;')}" in page
    assert 'data-live="/console/jobs/' + job_id + '"' not in page


def test_times_and_durations_are_those_of_the_job(cloud: Emulator) -> None:
    """They agree with the API, which has whole seconds, and with the database to the last digit shown."""
    job_id = run(cloud, OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10))
    row, shown = cloud.cloud.store.get(job_id), STAGE.findall(page_of(cloud, job_id))
    assert row is not None
    job = api(console_of(cloud), cloud, job_id)

    assert [name for name, _, _ in shown] == ["In the queue", "In preparation", "On the device"]
    assert [time for _, time, _ in shown] == [job[name] for name in ("submitted_at", "ready_at", "running_at")]
    seconds = [float(row[name][17:-1]) + 60 * int(row[name][14:16]) for name in
               ("submitted_at", "ready_at", "running_at", "ended_at")]  # fmt: skip
    passed = [(end - start) % 3600 for start, end in pairwise(seconds)]
    assert [text for _, _, text in shown] == [duration(value) for value in passed]
    assert f"<dd>{duration(job['execution_time'])}</dd>" in page_of(cloud, job_id)


def test_expectation_values(cloud: Emulator) -> None:
    """Value and standard error are those of the API; the operator is shown with its coefficients."""
    operator = [{"pauli": "Z 0 Z 1", "coeff": 1.5}, {"pauli": "X 0", "coeff": -0.25}]
    spec = OqtopusJobSpec.estimation(device_id="lattice64", program=BELL, shots=500, operator=operator)
    job_id = run(cloud, spec)
    with OqtopusClient(cloud.config) as client:
        job: Any = client.get_job(job_id)
    page = page_of(cloud, job_id)

    assert f"<strong>{job.exp_value:.8g} ± {job.stds:.2g}</strong>" in page
    assert re.findall(r'<td><code>(.*?)</code></td><td class="number">(.*?)</td>', page) == [
        ("Z 0 Z 1", "1.5"), ("X 0", "-0.25")
    ]  # fmt: skip


def test_programs_of_one_job(cloud: Emulator) -> None:
    """Each program of a multi_manual job has its own counts, in the order of the programs."""
    flip = BELL.replace("h q[0];", "x q[0];")
    job_id = run(cloud, OqtopusJobSpec.multi_manual(device_id="qulacs", program=[flip, BELL], shots=300))
    with OqtopusClient(cloud.config) as client:
        job: Any = client.get_job(job_id)
    page = page_of(cloud, job_id)
    first, second, joint = re.split(r"Counts of program [01]|Joint counts", page)[1:]

    assert bars(first) == job.divided_bitstring_counts()["0"] == {"11": 300}
    assert bars(second) == job.divided_bitstring_counts()["1"]
    assert bars(joint) == job.get_counts()
    assert "Combined circuit" in console_of(cloud).get(f"/console/jobs/{job_id}/circuit?of=combined").text


def test_logs_are_only_text(cloud: Emulator) -> None:
    """The output of an sse program is shown without what controls a terminal, and never as a part of the page."""
    program = (
        f"print({EVIL!r})\nprint('\\x1b[31mred\\x1b[0m\\u202e')\n"
        "import sse_driver\nfrom oqtopus_client.rest.models import JobsS3SubmitJobInfo, JobsSubmitJobRequest\n"
        "request = JobsSubmitJobRequest(device_id='', job_type='sampling', shots=10)\n"
        f"sse_driver.submit_job(request, JobsS3SubmitJobInfo(program=[{BELL!r}]))\n"
    )
    job_id = run(cloud, OqtopusJobSpec.sse(device_id="qulacs", program=program))
    page = page_of(cloud, job_id)

    assert sum(bars(page).values()) == 10
    assert "<script>" not in page
    log = html.unescape(page.partition("<h2>Log</h2>")[2].partition("</code>")[0])
    assert EVIL in log
    assert "\nred\n" in f"{log}\n"
    assert re.findall(r"/circuit\?of=(\w+)", page)[::2] == ["transpiled"]
    assert "The result is that of the last job" in page


def test_failures_say_what_to_do(cloud: Emulator) -> None:
    """The message of a failed job comes with its remedy, and a program that cannot be drawn with the line."""
    broken = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL.replace("h q[0];", "h q[0]"))
    job_id = run(cloud, broken)
    page = html.unescape(page_of(cloud, job_id))
    message = api(console_of(cloud), cloud, job_id)["job_info"]["message"]

    assert f"The job failed: {message}. The server could not read or place the program" in page
    circuit = console_of(cloud).get(f"/console/jobs/{job_id}/circuit?of=program").text
    assert (
        "The circuit cannot be drawn. Program, line 6: a semicolon is missing at the end of the line: h q[0]" in circuit
    )
    evil = page_of(cloud, add(cloud, status="failed", message=EVIL))
    assert "<script>" not in evil
    assert "without a message" in page_of(cloud, add(cloud, status="failed", message=None))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("job_type", ["sampling", "estimation", "multi_manual", "sse"])
def test_jobs_of_every_status_and_type(still: Emulator, status: str, job_type: str) -> None:
    """Each has a page, even without files; it is live until the job has ended."""
    page = page_of(still, add(still, status=status, job_type=job_type, ended_at=None))

    ended = status in {"succeeded", "failed", "cancelled"}
    assert f'<span class="badge {status}">' in page
    assert ('id="job" data-live=' in page) is not ended
    assert ('value="delete"' in page) is ended
    assert ('value="cancel"' in page) is not ended
    assert FILE.findall(page) == ["job.json"]


def test_registered_jobs(still: Emulator) -> None:
    """A job without anything has a page, also after a cancellation, for which the API of real servers breaks."""
    job_id = still.cloud.store.register("operator")
    assert "waits for its client to submit it" in page_of(still, job_id)
    still.cloud.store.cancel(job_id)
    assert "was cancelled before it was submitted" in page_of(still, job_id)

    with Emulator(":memory:", quirks=True) as quirky:
        job_id = quirky.cloud.store.register("operator")
        quirky.cloud.store.cancel(job_id)
        assert "was cancelled before it was submitted" in page_of(quirky, job_id)
        assert job_id in console_of(quirky).get("/console/jobs").text


def test_waiting_jobs_show_the_queue() -> None:
    """The jobs of a device that have not ended are counted, those of other users included."""
    with Emulator(":memory:", executor="external") as emulator:
        job_id = add(emulator, status="submitted", ready_at=None, running_at=None, ended_at=None)
        assert "No other job of this device is waiting or running." in page_of(emulator, job_id)
        for status in ("submitted", "ready", "running", "succeeded"):
            add(emulator, status=status, owner="another")
        add(emulator, status="submitted", device_id="lattice64")
        assert "4 jobs of this device are waiting or running, including this one." in page_of(emulator, job_id)


def test_cancelled_jobs_have_no_end(still: Emulator) -> None:
    """As servers do not record it, the page says so."""
    job_id = add(still, status="cancelled", running_at=None, ended_at=None)

    assert STAGE.findall(page_of(still, job_id))[-1][2] == "until it was cancelled, at a time that is not recorded"


def test_files_are_those_of_the_api(cloud: Emulator) -> None:
    """Each file can be saved as it is stored and unpacked; the job itself as its fields."""
    job_id = run(cloud, OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10, name=EVIL))
    browser, job = console_of(cloud), api(console_of(cloud), cloud, job_id)
    names = set(FILE.findall(page_of(cloud, job_id)))
    files = set(job["job_info"]) - {"message"}

    assert names == {"job.json", *files, *(f"{name}.zip" for name in files)}
    for name in files:
        stored = browser.get(job["job_info"][name].removeprefix("http://127.0.0.1:8080")).content
        answer = browser.get(f"/console/jobs/{job_id}/files/{name}")
        assert browser.get(f"/console/jobs/{job_id}/files/{name}.zip").content == stored
        assert answer.content == unpack(stored)
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}.json"'
    fields = json.loads(browser.get(f"/console/jobs/{job_id}/files/job.json").text)
    assert fields == {
        **{name: value for name, value in job.items() if name != "job_info"},
        "message": "job is succeeded",
    }
    for name in ("nothing", "sse_log.zip", "..%2F..%2Fx", "job.json.zip"):
        assert browser.get(f"/console/jobs/{job_id}/files/{name}").status_code == 404


def test_files_never_become_pages(still: Emulator) -> None:
    """Browsers save them under a harmless name."""
    job_id = add(still, {"input": pack(b"<script>", '../"evil\r\n.html')})
    answer = console_of(still).get(f"/console/jobs/{job_id}/files/input")

    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="_evil__.html"'


def test_jobs_of_others_do_not_exist(cloud: Emulator) -> None:
    """Neither a page nor a circuit nor a file shows that there is such a job."""
    job_id = run(cloud, OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10, name="secret name"))
    browser = logged_in(cloud, cloud.add_user("eve"))
    paths = ("", "/circuit?of=program", "/files/job.json", "/files/input.zip", "/files/input")
    answers = [browser.get(f"/console/jobs/{job_id}{path}") for path in paths]
    answers.append(browser.get(f"/console/jobs/{job_id[:-12]}000000000000"))

    assert [answer.status_code for answer in answers] == [404] * 6
    assert all("There is no such job." in answer.text and "secret name" not in answer.text for answer in answers)
    assert "secret name" not in browser.get(f"/console/submit?again={job_id}").text


def test_huge_results(still: Emulator) -> None:
    """The most frequent outcomes are shown, and the sum of the others."""
    generator = random.Random(5)
    counts = {f"{n:016b}": generator.randrange(1, 100) for n in range(1 << 16)}
    result = {"sampling": {"counts": counts, "divided_counts": None}, "estimation": None}
    page = page_of(still, add(still, {"result": pack(json.dumps(result).encode(), "result.json")}))
    shown = bars(page)

    assert len(shown) == 32
    assert list(shown.values()) == sorted(counts.values(), reverse=True)[:32]
    assert all(counts[outcome] == count for outcome, count in shown.items())
    assert (
        f'{(1 << 16) - 32:,} others</td><td></td><td class="number">{sum(counts.values()) - sum(shown.values()):,}'
        in page
    )
    assert len(page) < 40_000


def test_huge_programs(still: Emulator) -> None:
    """The beginning is shown, without a button that would copy only a part."""
    program = BELL + "x q[0];\n" * 1_300_000
    page = page_of(still, add(still, {"input": pack(json.dumps({"program": [program]}).encode(), "input.json")}))

    assert f"The first {MOST_CHARACTERS:,} characters of {len(program):,}" in page
    assert len(page) < 2 * MOST_CHARACTERS
    assert 'class="copy"' not in page


def test_many_programs_and_terms(still: Emulator) -> None:
    """The first ones are shown, and how many there are more."""
    given = {
        "program": [f"// {n}" for n in range(70)],
        "operator": [{"pauli": f"Z {n}", "coeff": n} for n in range(60)],
    }
    result = {"sampling": {"counts": {"0": 1}, "divided_counts": {str(n): {"0": n} for n in range(120)}}}
    files = {"input": pack(json.dumps(given).encode(), "i"), "result": pack(json.dumps(result).encode(), "r")}
    page = page_of(still, add(still, files, job_type="multi_manual"))

    assert re.findall(r"<code>// (\d+)</code>", page) == [str(n) for n in range(50)]
    assert re.findall(r"Counts of program (\d+)", page) == [str(n) for n in range(50)]
    assert re.findall(r"<code>Z (\d+)</code>", page) == [str(n) for n in range(50)]
    assert re.findall(r"and (\d+) more", page) == ["70", "20", "10"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"sampling": 1}',
        b'{"sampling": {"counts": {"0": "many"}}}',
        b'{"sampling": {"counts": [1]}}',
    ],
)
def test_results_in_any_form(still: Emulator, content: bytes) -> None:
    """An external engine may write anything; the page says what it cannot show, and offers the file."""
    page = page_of(still, add(still, {"result": pack(content, "result.json"), "input": b"not a zip"}))

    assert "This file cannot be shown" in page
    assert {"result", "result.zip", "input.zip"} <= set(FILE.findall(page))


KEYS = (
    "program", "operator", "pauli", "coeff", "sampling", "counts", "divided_counts", "estimation", "exp_value", "stds",
    "transpiled_program", "stats", "before", "after", "virtual_physical_mapping", "qubit_mapping", "0", "01",
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(KEYS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=10,
)
FILES = st.fixed_dictionaries({}, optional=dict.fromkeys(("input", "result", "transpile_result", "sse_log"), VALUES))


@settings(max_examples=40)
@given(FILES, st.sampled_from(["sampling", "estimation", "multi_manual", "sse"]))
def test_no_file_breaks_a_page(still: Emulator, files: dict[str, Any], job_type: str) -> None:
    """Whatever JSON the files contain, the job has a page, and a form that submits it again or says why not."""
    packed = {name: pack(json.dumps(content).encode(), name) for name, content in files.items()}
    job_id = add(still, packed, job_type=job_type)

    assert FILE.findall(page_of(still, job_id))[-1] == "job.json"
    assert console_of(still).get(f"/console/submit?again={job_id}").status_code in {200, 404}


def test_unpacking_may_fail(still: Emulator) -> None:
    """A damaged file can still be saved as it is."""
    job_id, browser = add(still, {"result": b"not a zip"}), console_of(still)
    answer = browser.get(f"/console/jobs/{job_id}/files/result")

    assert (answer.status_code, "Download it as it is stored." in answer.text) == (404, True)
    assert browser.get(f"/console/jobs/{job_id}/files/result.zip").content == b"not a zip"


@pytest.mark.parametrize(("method", "said"), [("pseudo_inverse", True), ("other", False)])
def test_mitigated_counts(still: Emulator, method: str, said: bool) -> None:
    """They may be negative or fractional; the page says that they are corrected if they are."""
    counts = {"0": 104.25, "1": -4.5}
    result = pack(json.dumps({"sampling": {"counts": counts}}).encode(), "result.json")
    mitigation = json.dumps({"ro_error_mitigation": method})
    page = page_of(still, add(still, {"result": result}, mitigation_info=mitigation))

    assert BAR.findall(page) == [("0", "104.25"), ("1", "-4.5")]
    assert ("The counts are corrected for readout errors" in page) is said


def test_circuits_show_where_they_run(cloud: Emulator) -> None:
    """The transpiled circuit has the numbers of the device's qubits, which are also in the mapping."""
    job_id = run(cloud, OqtopusJobSpec.sampling(device_id="lattice64", program=BELL, shots=10))
    transpiled = console_of(cloud).get(f"/console/jobs/{job_id}/circuit").text
    mapping = re.findall(r"\d+ → \$(\d+)", page_of(cloud, job_id))

    assert set(re.findall(r"^ *\$(\d+): ", transpiled.replace('<pre tabindex="0">', "\n"), re.MULTILINE)) == set(
        mapping
    )
    submitted = console_of(cloud).get(f"/console/jobs/{job_id}/circuit?of=program").text
    assert "q[0]: ┤ H ├──■──┤M├" in submitted
    assert console_of(cloud).get(f"/console/jobs/{job_id}/circuit?of=x").status_code == 404


def test_drawing_ends_in_time(still: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A circuit that takes too long is not drawn, and the next one is."""
    job_id = add(still, {"input": pack(json.dumps({"program": [BELL]}).encode(), "input.json")})
    browser = console_of(still)
    with monkeypatch.context() as patch:
        patch.setattr(limited, "SECONDS", 0.0)
        assert "took too long" in browser.get(f"/console/jobs/{job_id}/circuit?of=program").text

    assert "┤ H ├" in browser.get(f"/console/jobs/{job_id}/circuit?of=program").text
