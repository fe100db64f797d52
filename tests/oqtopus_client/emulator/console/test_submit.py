"""The form submits what a client would submit, and checks it as the command line does."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from oqtopus_client import OqtopusClient, OqtopusDevice, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.console import limited
from oqtopus_client.emulator.console.submit import Fields
from oqtopus_client.emulator.database import Row
from oqtopus_client.rest.storage import unpack
from oqtopus_client.services.openqasm import Program
from tests.support.circuits import BELL
from tests.support.console import console_of, logged_in

PROBLEM = re.compile(r'<li class="message">(.*?)</li>', re.DOTALL)
OF_A_JOB = (
    "device_id",
    "job_type",
    "shots",
    "name",
    "description",
    "transpiler_info",
    "simulator_info",
    "mitigation_info",
)
FILLED = {
    "program": BELL, "device": "lattice64", "type": "sampling", "shots": "200", "name": "<b> & co",
    "description": "d'or", "transpiler": "3", "mitigation": "yes", "seed": "7", "operator": "1.5 X 0 Y 1\n-2 Z 0",
}  # fmt: skip


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulator in which nothing moves jobs."""
    with Emulator(":memory:", executor="external") as emulator:
        yield emulator


def post(
    browser: httpx.Client, action: str = "submit", *, file: tuple[str, bytes] = ("", b""), **typed: str
) -> httpx.Response:
    """Send the form as browsers do."""
    fields = {"program": BELL, "device": "qulacs", "type": "sampling", "shots": "100", **typed, "action": action}
    return browser.post("/console/submit", data=fields, files={"upload": file})


def problems(answer: httpx.Response) -> list[str]:
    """What the check has found."""
    return [html.unescape(text) for text in PROBLEM.findall(answer.text)]


def job_of(emulator: Emulator, answer: httpx.Response) -> Row:
    """The job that was submitted."""
    assert answer.status_code == 303, problems(answer)
    job = emulator.cloud.store.get(
        re.findall(r"/console/jobs/([0-9a-f-]+)\?done=job_submitted", answer.headers["location"])[0]
    )
    assert job is not None
    return job


def input_of(emulator: Emulator, job_id: str) -> Any:
    """The content of a job's input."""
    return json.loads(unpack(emulator.cloud.store.get_file(f"{job_id}/input.zip") or b""))


@pytest.mark.parametrize("job_type", ["sampling", "estimation"])
def test_the_job_is_that_of_a_client(cloud: Emulator, job_type: str) -> None:
    """Input and settings are the same, to the last byte."""
    mine = job_of(cloud, post(console_of(cloud), **FILLED | {"type": job_type}))
    operator = [{"pauli": "X 0 Y 1", "coeff": 1.5}, {"pauli": "Z 0", "coeff": -2}]
    spec = OqtopusJobSpec(
        "lattice64",
        job_type,
        BELL,
        200,
        FILLED["name"],
        FILLED["description"],
        {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 3}},
        {"seed_simulation": 7},
        {"ro_error_mitigation": "pseudo_inverse"},
        operator if job_type == "estimation" else None,
    )
    with OqtopusClient(cloud.config) as client:
        theirs = cloud.cloud.store.get(client.submit_job(spec).job_id)

    assert theirs is not None
    assert [mine[name] for name in (*OF_A_JOB, "status", "owner", "origin", "seed")] == [
        theirs[name] for name in (*OF_A_JOB, "status", "owner", "origin", "seed")
    ]
    assert input_of(cloud, mine["job_id"]) == input_of(cloud, theirs["job_id"])


def test_seeds_are_those_of_the_api() -> None:
    """With a seed of the emulator, the form gives the counts that a client gives."""
    counts = []
    for by_form in (True, False):
        with Emulator(":memory:", seed=11) as emulator, OqtopusClient(emulator.config) as client:
            for _ in range(2):
                if by_form:
                    job_id = job_of(emulator, post(console_of(emulator), device="lattice64"))["job_id"]
                else:
                    spec = OqtopusJobSpec.sampling(device_id="lattice64", program=BELL, shots=100)
                    job_id = client.submit_job(spec).job_id
                counts.append(client.wait_for_job(job_id, interval=0.01).get_counts())  # type: ignore[attr-defined]

    assert counts[:2] == counts[2:]
    assert counts[0] != counts[1]


@pytest.mark.parametrize("action", ["check", "submit"])
@pytest.mark.parametrize(
    ("program", "device"),
    [
        (BELL.replace("h q[0];", "h q[0]"), "qulacs"),
        (BELL.replace("[2]", "[17]"), "qulacs"),
        (BELL.replace("h q[0];", "reset q[0];"), "lattice64"),
        (BELL.replace("h q[0];", "if (c[0]) x q[0];"), "lattice64"),
        (BELL.replace("OPENQASM 3", "OPENQASM 2.0").replace("stdgates", "qelib1"), "qulacs"),
        ("// nothing", "qulacs"),
    ],
)
def test_errors_are_those_of_the_command_line(cloud: Emulator, action: str, program: str, device: str) -> None:
    """Text and line are the same, and nothing is submitted."""
    before = cloud.cloud.store.count("operator", {})
    published = OqtopusDevice(cloud.devices[device].info(n_pending_jobs=0))
    checked = Program("Program", program)
    with pytest.raises(ValueError, match="Program") as raised:
        (checked.check(), checked.check_for(published, transpiled=True))
    answer = post(console_of(cloud), action, program=program, device=device)

    assert (answer.status_code, problems(answer)) == (422, [str(raised.value)])
    assert cloud.cloud.store.count("operator", {}) == before


def test_native_gates_are_needed_without_the_transpiler(cloud: Emulator) -> None:
    """The check knows what the device executes."""
    assert "qulacs does not execute h" in problems(post(console_of(cloud), "check", transpiler="off"))[0]


def test_the_checked_circuit_is_drawn(cloud: Emulator) -> None:
    """A check without findings says so."""
    answer = post(console_of(cloud), "check")

    assert answer.status_code == 200
    assert "qulacs can run this program." in answer.text
    assert "q[0]: ┤ H ├──■──┤M├" in answer.text
    assert "Submit anyway" not in answer.text


def test_what_was_typed_stays(cloud: Emulator) -> None:
    """After an error, the form has every field as it was."""
    typed = FILLED | {"program": "\n<script>\n", "operator": " <i>", "seed": "1", "shots": "3", "type": "estimation"}
    page = post(console_of(cloud), "check", **typed).text
    texts = {
        name: html.unescape(text)
        for name, text in re.findall(r'<textarea id="(\w+)".*?>\n(.*?)</textarea>', page, re.DOTALL)
    }
    chosen = {name: re.findall(r'value="(\w*)" selected', options)[0]
              for name, options in re.findall(r'<select id="(\w+)".*?>(.*?)</select>', page, re.DOTALL)}  # fmt: skip
    inputs = {name: html.unescape(value) for name, value in re.findall(r'<input id="(\w+)"[^>]* value="([^"]*)"', page)}

    assert texts | chosen | inputs == {name: value for name, value in typed.items() if name != "mitigation"}
    assert 'name="mitigation" value="yes" checked' in page
    assert "<script>" not in page
    assert "<details open>" in page


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ({"shots": "0"}, "shots must be an integer from 1 to 10,000,000, not 0."),
        ({"shots": "many"}, "Shots must be a whole number, not 'many'."),
        ({"seed": "-1"}, "Seed must be a whole number, not '-1'."),
        ({"program": " \n"}, "program is empty."),
        ({"device": "nowhere"}, "There is no device 'nowhere', or you may not use it."),
        ({"device": ""}, "device_id is empty"),
        ({"type": "sse"}, "Choose a type of job"),
        ({"name": "x" * 257}, "name has 257 characters; the server keeps at most 256."),
        ({"type": "estimation"}, "An estimation job needs operator"),
        ({"type": "estimation", "operator": "Z 0\n1.2.3 X 0"}, "Operator, line 2: a term is a coefficient"),
        ({"type": "estimation", "operator": "1 XX"}, "pauli must be letters I, X, Y, Z"),
        (
            {"type": "estimation", "operator": "Z 0 Z 2"},
            "The operator names qubit 2, but the program has only 2 qubits",
        ),
    ],
)
def test_fields_that_are_not_valid(cloud: Emulator, typed: dict[str, str], found: str) -> None:
    """Each error names the field and what to do."""
    answer = post(console_of(cloud), **typed)

    assert answer.status_code == 422
    (problem,) = problems(answer)
    assert problem.startswith(found)


@pytest.mark.parametrize(
    ("line", "pauli", "coefficient"),
    [("Z 0", "Z 0", 1.0), ("-2.5e-1*X0 Y 1", "X 0 Y 1", -0.25), (" .5 I ", "I", 0.5), ("+3 Z 1", "Z 1", 3.0)],
)
def test_terms_of_an_operator(cloud: Emulator, line: str, pauli: str, coefficient: float) -> None:
    """A coefficient may be left out, or be written with a sign for the product."""
    job = job_of(cloud, post(console_of(cloud), type="estimation", operator=f"\n{line}\r\n"))

    assert input_of(cloud, job["job_id"])["operator"] == [{"pauli": pauli, "coeff": coefficient}]


@pytest.mark.parametrize("line", ["1{}!", "1{}*{}!", "!{}", "1{}", "1*{}"])
def test_long_terms_take_no_long_time(line: str) -> None:
    """Reading a term takes a time in proportion to its length, so that no form can stop the server."""
    for fill in (" ", "1", "."):
        start = time.thread_time()
        with pytest.raises(ValueError, match="a term is") as caught:
            Fields(type="estimation", program="x", operator=line.replace("{}", fill * 30_000)).spec()
        assert time.thread_time() - start < 2
        assert len(str(caught.value)) < 300


def test_estimations_need_no_measurement(cloud: Emulator) -> None:
    """The operator says what is measured; a sampling without measurement is doubtful."""
    unmeasured = BELL.replace("c = measure q;", "")
    browser = console_of(cloud)
    job_of(cloud, post(browser, program=unmeasured, type="estimation", operator="Z 0"))
    answer = post(browser, program=unmeasured)

    assert answer.status_code == 200
    assert problems(answer)[0].startswith("Program measures nothing")
    assert "Submit anyway" in answer.text
    job_of(cloud, post(browser, "anyway", program=unmeasured))


def test_problems_and_warnings_are_both_shown(cloud: Emulator) -> None:
    """A program may have both."""
    found = problems(post(console_of(cloud), program=BELL.replace("[2]", "[17]").replace("c = measure q;", "")))

    assert [text.partition(" ")[2][:12] for text in found] == ["line 4: the ", "measures not"]


def test_files(cloud: Emulator) -> None:
    """A file replaces the text, is read as the command line reads it, and names the job."""
    browser = console_of(cloud)
    flip = BELL.replace("h q[0];", "x q[0];")
    job = job_of(cloud, post(browser, file=("flip.qasm", b"\xef\xbb\xbf" + flip.replace("\n", "\r\n").encode())))

    assert job["name"] == "flip.qasm"
    assert input_of(cloud, job["job_id"])["program"] == [flip]
    assert job_of(cloud, post(browser, file=("flip.qasm", flip.encode()), name="mine"))["name"] == "mine"
    (problem,) = problems(post(browser, file=("flip.qasm", flip.encode("utf-16"))))
    assert problem.startswith("flip.qasm, line 1: OpenQASM 3 programs must be UTF-8 text (it is UTF-16).")
    (problem,) = problems(post(browser, file=("f.qasm", flip.replace("x q[0];", "x q[0]").encode())))
    assert problem == "f.qasm, line 6: a semicolon is missing at the end of the line: x q[0]"


def test_large_programs(cloud: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that takes too long is stopped, and the job can be submitted regardless."""
    large = BELL + "cx q[0], q[1];\n" * 600_000
    monkeypatch.setattr(limited, "SECONDS", 0.1)
    answer = post(console_of(cloud), file=("large.qasm", large.encode()))

    assert answer.status_code == 200
    assert problems(answer)[0].startswith("The check took too long")
    job = job_of(cloud, post(console_of(cloud), "anyway", file=("large.qasm", large.encode())))
    assert input_of(cloud, job["job_id"])["program"] == [large]
    assert post(console_of(cloud), file=("huge.qasm", large.encode() * 2)).status_code == 413


def test_devices_of_a_user() -> None:
    """Other devices are neither offered nor accepted, and one that is off is found by the check and by the API."""
    with Emulator(":memory:", executor="external") as emulator:
        browser = logged_in(emulator, emulator.add_user("ada", devices=["qulacs"]))
        page = browser.get("/console/submit").text
        assert re.findall(r'<option value="(\w+)">\w+ \(', page) == ["qulacs"]
        refused = post(browser, "anyway", device="lattice64")
        assert problems(refused)[0].startswith("There is no device 'lattice64'")
        assert '<option value="lattice64" selected>lattice64 (not available to you)' in refused.text
        emulator.set_status("qulacs", "unavailable")
        assert problems(post(browser, "check"))[0].startswith("qulacs is unavailable at present.")
        assert problems(post(browser, "anyway")) == ["device qulacs is not available"]
        (user,) = emulator.cloud.users._database.all("SELECT id FROM users WHERE name = 'ada'")
        assert emulator.cloud.store.count(user["id"], {}) == {}


@pytest.mark.parametrize("job_type", ["sampling", "estimation"])
def test_jobs_can_be_submitted_again(cloud: Emulator, job_type: str) -> None:
    """The form has the fields of the earlier job."""
    browser = console_of(cloud)
    typed = FILLED | {"type": job_type}
    first = job_of(cloud, post(browser, **typed))
    page = browser.get(f"/console/submit?again={first['job_id']}").text
    fields = {
        name: html.unescape(text)
        for name, text in re.findall(r'<textarea id="(\w+)".*?>\n(.*?)</textarea>', page, re.DOTALL)
    }
    fields |= dict(re.findall(r'<select id="(\w+)".*?value="(\w*)" selected', page, re.DOTALL))
    fields |= {
        name: html.unescape(value) for name, value in re.findall(r'<input id="(\w+)"[^>]* value="([^"]*)"', page)
    }
    again = job_of(cloud, post(browser, mitigation="yes" if 'value="yes" checked' in page else "", **fields))

    assert [again[name] for name in OF_A_JOB] == [first[name] for name in OF_A_JOB]
    assert input_of(cloud, again["job_id"]) == input_of(cloud, first["job_id"])
    assert "The form has no fields" not in page


def test_settings_that_the_form_lacks(cloud: Emulator) -> None:
    """The form says what a job submitted again would not have."""
    layout = {"transpiler_lib": "qiskit", "transpiler_options": {"initial_layout": [3, 4]}}
    spec = OqtopusJobSpec.sampling(device_id="lattice64", program=BELL, transpiler_info=layout)
    with OqtopusClient(cloud.config) as client:
        job_id = client.submit_job(spec).job_id
        program = client.submit_job(OqtopusJobSpec.sse(device_id="lattice64", program="print()")).job_id
    browser = console_of(cloud)

    assert "The form has no fields for these settings" in browser.get(f"/console/submit?again={job_id}").text
    assert "initial_layout" in browser.get(f"/console/submit?again={job_id}").text
    assert "The form has the fields of" not in browser.get(f"/console/submit?again={program}").text
    cloud.cloud.store.put_file(f"{job_id}/input.zip", b"not a zip")
    assert browser.get(f"/console/submit?again={job_id}").status_code == 404
