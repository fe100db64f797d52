"""OQTOPUS's own scenario tests, on the emulator: each of its runbooks is a test here.

They speak plain HTTP to a server process, as the scenarios do, and further open every file that a job leaves.
"""

from __future__ import annotations

import io
import json
import math
import time
import zipfile
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.support.circuits import BELL
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICE = "qulacs"
SHOTS = 1000
SECONDS = 60
"""Until a job has to have ended."""

QISKIT = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
OFF: dict[str, Any] = {"transpiler_lib": None}
PSEUDO_INVERSE = {"ro_error_mitigation": "pseudo_inverse"}
TIMES = ("submitted_at", "ready_at", "running_at", "ended_at")
SIGMAS = 6

HEAD = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c;'
MEASURE = "c = measure q;"
CX = f"{HEAD} cx q[0], q[1]; {MEASURE}"


class Scenario:
    """The steps that the runbooks have in common.

    Args:
        environment: What the server says to export.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._url = environment["OQTOPUS_URL"]
        self._api = self._session({"q-api-token": environment["OQTOPUS_API_TOKEN"]})
        self._storage = self._session({})

    @staticmethod
    def _session(headers: dict[str, str]) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # no proxy stands before this machine
        session.headers.update(headers)
        return session

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._storage.close()

    def get(self, path: str) -> Any:
        """Return the response to a GET."""
        answer = self._api.get(self._url + path, timeout=SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def file(self, url: str, entry: str) -> bytes:
        """Return the only entry of a zip archive in the storage."""
        answer = self._storage.get(url, timeout=SECONDS)
        assert answer.status_code == 200
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.namelist() == [entry]
            assert archive.infolist()[0].compress_type == zipfile.ZIP_DEFLATED
            return archive.read(entry)

    def json_file(self, job: dict[str, Any], name: str) -> dict[str, Any]:
        """Return a job's `result` or `transpile_result`."""
        return dict(json.loads(self.file(job["job_info"][name], f"{name}.json")))

    def run(self, name: str, job_type: str, content: dict[str, Any], **settings: Any) -> dict[str, Any]:
        """Register, upload, submit and poll a job; check what is the same for all of them."""
        registered = self._api.post(f"{self._url}/jobs", json={}, timeout=SECONDS)
        assert registered.status_code == 200, registered.text
        job_id = registered.json()["job_id"]
        self._upload(registered.json()["presigned_url"], content)
        infos = {"transpiler_info": {}, "mitigation_info": {}, "simulator_info": {}, **settings}
        echoed = {
            "name": name,
            "description": f"description of {name}",
            "device_id": DEVICE,
            "shots": SHOTS,
            "job_type": job_type,
        }
        submitted = self._api.post(f"{self._url}/jobs/{job_id}/submit", json={**echoed, **infos}, timeout=SECONDS)
        assert (submitted.status_code, submitted.json()) == (200, {"message": "job submitted"})

        job = self._wait(job_id)
        times = [datetime.fromisoformat(job[key]) for key in TIMES if key in job]
        assert {key: job[key] for key in echoed} == echoed
        assert times == sorted(times)
        assert len(times) >= 2
        assert (job["mitigation_info"], job["simulator_info"]) == (infos["mitigation_info"], {})
        assert json.loads(self.file(job["job_info"]["input"], "input.json")) == content
        return job

    def _upload(self, target: dict[str, Any], content: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("input.json", json.dumps(content))
        names = ["key", "AWSAccessKeyId", "policy", "signature", "x-amz-security-token"]
        form: list[Any] = [(name, (None, target["fields"][name])) for name in names if target["fields"].get(name)]
        form.append(("file", ("input.zip", buffer.getvalue(), "application/zip")))
        assert self._storage.post(target["url"], files=form, timeout=SECONDS).status_code in {200, 201, 204}

    def _wait(self, job_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            job = dict(self.get(f"/jobs/{job_id}"))
            assert job["job_id"] == job_id
            if job["status"] in {"succeeded", "failed", "cancelled"}:
                return job
            assert job["status"] in {"submitted", "ready", "running"}
            time.sleep(0.05)
        pytest.fail(f"the job is {job['status']} after {SECONDS} seconds")

    def succeed(self, name: str, job_type: str, content: dict[str, Any], **settings: Any) -> dict[str, Any]:
        """Run a job that succeeds."""
        job = self.run(name, job_type, content, **settings)
        assert job["status"] == "succeeded", job["job_info"]
        assert all(key in job for key in TIMES)
        assert job["execution_time"] > 0
        assert "result" in job["job_info"]
        return job

    def counts(self, job: dict[str, Any]) -> dict[str, int]:
        """Return the counts of a sampling job, whose result contains nothing else."""
        result = self.json_file(job, "result")
        counts = dict(result["sampling"]["counts"])
        assert result == {"sampling": {"counts": counts, "divided_counts": None}, "estimation": None}
        return counts

    def transpile_result(self, job: dict[str, Any], n_program_qubits: int) -> dict[str, Any]:
        """Return the output of the transpiler after checking every field."""
        transpiled = self.json_file(job, "transpile_result")
        mapping = transpiled["virtual_physical_mapping"]
        bits = [str(i) for i in range(n_program_qubits)]
        assert set(transpiled) == {"transpiled_program", "stats", "virtual_physical_mapping"}
        assert set(mapping) == {"qubit_mapping", "bit_mapping"}
        assert list(mapping["qubit_mapping"]) == bits
        assert len(set(mapping["qubit_mapping"].values())) == n_program_qubits
        assert mapping["bit_mapping"] == {bit: int(bit) for bit in bits}
        assert set(transpiled["stats"]) == {"before", "after"}
        for stats in transpiled["stats"].values():
            assert set(stats) == {"n_qubits", "n_gates", "n_gates_1q", "n_gates_2q", "depth"}
        assert transpiled["stats"]["before"]["n_qubits"] == n_program_qubits
        assert transpiled["stats"]["after"]["n_qubits"] == 16
        assert transpiled["transpiled_program"].startswith("OPENQASM 3.0;")
        for clbit in range(n_program_qubits):
            qubit = mapping["qubit_mapping"][str(clbit)]
            assert f"c[{clbit}] = measure ${qubit};" in transpiled["transpiled_program"]
        return transpiled


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    """The steps of a scenario against a server that runs jobs of all types."""
    with running_server(tmp_path_factory.mktemp("server"), "--allow-sse") as environment:
        scenario = Scenario(environment)
        yield scenario
        scenario.close()


def near(n: int, probability: float, shots: int = SHOTS) -> bool:
    """Return whether an outcome's count agrees with its probability."""
    return abs(n - shots * probability) <= SIGMAS * math.sqrt(shots * probability * (1 - probability))


def is_bell(counts: dict[str, int], shots: int = SHOTS) -> bool:
    """Return whether these are counts of the Bell state."""
    return set(counts) == {"00", "11"} and sum(counts.values()) == shots and near(counts["00"], 0.5, shots)


def only(job: dict[str, Any], *files: str) -> bool:
    """Return whether a job has exactly these files besides its input."""
    return set(job["job_info"]) - {"message"} == {"input", *files}


# --- Devices


def test_setup(scenario: Scenario) -> None:
    """setup/runn/setup: the device exists, and its calibration is JSON in the response."""
    devices = {device["device_id"]: device for device in scenario.get("/devices")}
    info = json.loads(devices[DEVICE]["device_info"])

    assert [qubit["id"] for qubit in info["qubits"]] == list(range(devices[DEVICE]["n_qubits"]))


def test_setup_of_a_better_device(scenario: Scenario) -> None:
    """setup/runn_setup/setup: some qubits and couplings are good enough for the other scenarios."""
    device = next(device for device in scenario.get("/devices") if device["device_id"] == DEVICE)
    info = json.loads(device["device_info"])
    errors = [1 - qubit["fidelity"] for qubit in info["qubits"]]
    errors += [qubit["meas_error"]["readout_assignment_error"] for qubit in info["qubits"]]
    errors += [1 - coupling["fidelity"] for coupling in info["couplings"]]

    assert 0 < max(errors) < 0.4


# --- Sampling


def test_sampling_default_transpiler(scenario: Scenario) -> None:
    """The job shows the default transpiler."""
    job = scenario.succeed("sampling-default-transpiler", "sampling", {"program": [BELL]})

    assert job["transpiler_info"] == QISKIT
    assert only(job, "result", "transpile_result")
    assert is_bell(scenario.counts(job))
    stats = scenario.transpile_result(job, 2)["stats"]
    assert stats["before"] == {"n_qubits": 2, "n_gates": 2, "n_gates_1q": 1, "n_gates_2q": 1, "depth": 3}


def test_sampling_qiskit_transpiler(scenario: Scenario) -> None:
    """The default transpiler can be requested by its name."""
    job = scenario.succeed("sampling-qiskit-transpiler", "sampling", {"program": [BELL]}, transpiler_info=QISKIT)

    assert job["transpiler_info"] == QISKIT
    assert only(job, "result", "transpile_result")
    assert is_bell(scenario.counts(job))
    assert scenario.transpile_result(job, 2)["stats"]["after"]["n_gates_2q"] == 1


def test_sampling_custom_transpiler(scenario: Scenario) -> None:
    """Custom options are returned unchanged, without defaults, and are obeyed."""
    info = {"transpiler_lib": "qiskit", "transpiler_options": {"initial_layout": [0, 1]}}
    job = scenario.succeed("sampling-custom-transpiler", "sampling", {"program": [BELL]}, transpiler_info=info)

    assert job["transpiler_info"] == info
    assert only(job, "result", "transpile_result")
    assert is_bell(scenario.counts(job))
    mapping = scenario.transpile_result(job, 2)["virtual_physical_mapping"]["qubit_mapping"]
    assert mapping == {"0": 0, "1": 1}


def test_sampling_no_transpiler(scenario: Scenario) -> None:
    """Without a transpiler, a program in the device's gates runs as it is."""
    job = scenario.succeed("sampling-no-transpiler", "sampling", {"program": [CX]}, transpiler_info=OFF)

    assert job["transpiler_info"]["transpiler_lib"] is None
    assert job["transpiler_info"].get("transpiler_options") is None
    assert only(job, "result")
    assert scenario.counts(job) == {"00": SHOTS}


def test_sampling_no_transpiler_mitigation(scenario: Scenario) -> None:
    """Mitigation settings are echoed; without errors, counts may be truncated, but no outcome is added."""
    settings = {"transpiler_info": OFF, "mitigation_info": PSEUDO_INVERSE}
    job = scenario.succeed("sampling-no-transpiler-mitigation", "sampling", {"program": [CX]}, **settings)

    assert job["transpiler_info"] == OFF
    assert only(job, "result")
    counts = scenario.counts(job)
    assert SHOTS - 4 <= sum(counts.values()) <= SHOTS
    assert counts["00"] >= SHOTS - 4


def test_sampling_qiskit_transpiler_mitigation(scenario: Scenario) -> None:
    """Mitigation works with the transpiler."""
    settings = {"transpiler_info": QISKIT, "mitigation_info": PSEUDO_INVERSE}
    job = scenario.succeed("sampling-qiskit-transpiler-mitigation", "sampling", {"program": [BELL]}, **settings)

    assert only(job, "result", "transpile_result")
    counts = scenario.counts(job)
    assert SHOTS - 4 <= sum(counts.values()) <= SHOTS
    assert near(counts["00"], 0.5)
    assert near(counts["11"], 0.5)
    scenario.transpile_result(job, 2)


def test_sampling_with_invalid_qasm(scenario: Scenario) -> None:
    """An invalid program fails before it runs."""
    program = BELL.replace("qubit[2] q;", "quit[2] q;")
    job = scenario.run("sampling-with-invalid-qasm", "sampling", {"program": [program]})

    assert job["status"] == "failed"
    assert job["transpiler_info"] == QISKIT
    assert only(job)
    assert job["job_info"]["message"] == "Expecting value: line 1 column 1 (char 0)"
    assert job.get("execution_time") is None
    assert job.get("running_at") is None
    assert job["submitted_at"] <= job["ready_at"]


# --- Estimation

OPERATOR = [{"pauli": "X 0 X 1", "coeff": 1.5}, {"pauli": "Y 0 Z 1", "coeff": 1.2}]


def check_estimation(scenario: Scenario, job: dict[str, Any]) -> None:
    """Check an estimate: the Bell state has <XX> = 1 and <YZ> = 0, so only the second term fluctuates."""
    result = scenario.json_file(job, "result")
    value, stds = (result["estimation"][name] for name in ("exp_value", "stds"))

    assert only(job, "result", "transpile_result")
    assert result == {"sampling": None, "estimation": {"exp_value": value, "stds": stds}}
    assert abs(value - 1.5) <= SIGMAS * 1.2 / math.sqrt(SHOTS)
    mean = (value - 1.5) / 1.2
    assert math.isclose(stds, 1.2 * math.sqrt((1 - mean**2) / SHOTS), rel_tol=1e-6)
    scenario.transpile_result(job, 2)


def test_estimation(scenario: Scenario) -> None:
    """Two Pauli strings that need separate measurements are estimated."""
    content = {"program": [BELL], "operator": OPERATOR}
    job = scenario.succeed("estimation", "estimation", content)

    assert job["transpiler_info"] == QISKIT
    check_estimation(scenario, job)


def test_estimation_qiskit_transpiler(scenario: Scenario) -> None:
    """An estimation can request the transpiler by its name."""
    content = {"program": [BELL], "operator": OPERATOR}
    job = scenario.succeed("estimation-qiskit-transpiler", "estimation", content, transpiler_info=QISKIT)

    assert job["transpiler_info"] == QISKIT
    check_estimation(scenario, job)


# --- Several programs


def test_mp(scenario: Scenario) -> None:
    """Two programs are combined into one, and its counts divided."""
    programs = [f"{HEAD} x q[1]; {MEASURE}", f"{HEAD} h q[1]; {MEASURE}"]
    job = scenario.succeed("mp", "multi_manual", {"program": programs})
    result = scenario.json_file(job, "result")
    counts = result["sampling"]["counts"]
    combined = scenario.file(job["job_info"]["combined_program"], "combined_program").decode()

    assert job["transpiler_info"] == QISKIT
    assert only(job, "result", "transpile_result", "combined_program")
    assert set(counts) == {"0010", "1010"}
    assert sum(counts.values()) == SHOTS
    assert near(counts["0010"], 0.5)
    assert result["estimation"] is None
    assert list(result["sampling"]["divided_counts"]) == ["1", "0"]
    assert result["sampling"]["divided_counts"] == {
        "1": {"00": counts["0010"], "10": counts["1010"]},
        "0": {"10": SHOTS},
    }
    scenario.transpile_result(job, 4)
    # Text, not JSON; the order in which the registers are declared is the exporter's.
    lines = Counter(line for line in combined.splitlines() if line)
    assert combined.startswith("OPENQASM 3.0;")
    assert lines == Counter(
        ["OPENQASM 3.0;", 'include "stdgates.inc";', "bit[4] c;", "qubit[4] q;", "x q[1];", "h q[3];"]
        + [f"c[{i}] = measure q[{i}];" for i in range(4)]
    )


# --- Server-side execution


def sampling(gates: str, settings: str = "") -> str:
    """Return a program that samples three times in the container, and prints failures."""
    return f"""
import time, traceback
from oqtopus_client import OqtopusClient, OqtopusJobSpec

program = {f"{HEAD} {gates} {MEASURE}"!r}
for i in range(3):
    print(f"## iteration {{i}} ##")
    try:
        with OqtopusClient() as client:
            job = OqtopusJobSpec.sampling(device_id="", program=program, shots=100 * (i + 1){settings})
            result = client.run_sampling(job)
            print(result.status, sorted(result.get_counts()))
    except Exception as error:
        print("Exception:", error)
        traceback.print_exc()
print("## done ##")
"""


def sse_log(scenario: Scenario, job: dict[str, Any]) -> str:
    """Return the program's output as its terminal showed it."""
    log = scenario.file(job["job_info"]["sse_log"], "sse_runtime.log").decode()
    assert log.startswith("$ ")
    assert log.count("\n") == log.count("\r\n")
    return log.removeprefix("$ ").replace("\r\n", "\n")


def test_sse(scenario: Scenario) -> None:
    """An sse job with three mitigated sampling jobs has the last one's result, and the log of all."""
    program = sampling("h q[0]; cx q[0], q[1];", f", mitigation_info={PSEUDO_INVERSE}")
    job = scenario.succeed("sse", "sse", {"sse_program": program})
    counts = scenario.counts(job)
    log = sse_log(scenario, job)

    assert job["transpiler_info"] == QISKIT
    assert only(job, "result", "transpile_result", "sse_log")
    assert 300 - 4 <= sum(counts.values()) <= 300
    assert near(counts["00"], 0.5, 300)
    assert near(counts["11"], 0.5, 300)
    assert log == "".join(f"## iteration {i} ##\nsucceeded ['00', '11']\n" for i in range(3)) + "## done ##\n"
    assert "message" not in job["job_info"]
    assert job["execution_time"] == round(job["execution_time"], 3)
    scenario.transpile_result(job, 2)


def test_sse_estimation(scenario: Scenario) -> None:
    """An sse job can run three estimations, for a device named "sse"."""
    program = f"""
from oqtopus_client import OqtopusClient, OqtopusEstimationOperator, OqtopusJobSpec

operator = [OqtopusEstimationOperator("X 0 X 1", 1.0), OqtopusEstimationOperator("Z 0 Z 1", 1.0)]
with OqtopusClient() as client:
    for i in range(3):
        job = OqtopusJobSpec.estimation(device_id="sse", program={BELL!r}, operator=operator, shots=100)
        result = client.run_estimation(job)
        print(f"iteration {{i}}:", result.exp_value, result.stds)
"""
    job = scenario.succeed("sse-estimation", "sse", {"sse_program": program})

    assert job["transpiler_info"] == QISKIT
    assert only(job, "result", "transpile_result", "sse_log")
    assert scenario.json_file(job, "result") == {"sampling": None, "estimation": {"exp_value": 2.0, "stds": 0.0}}
    assert sse_log(scenario, job) == "".join(f"iteration {i}: 2.0 0.0\n" for i in range(3))
    scenario.transpile_result(job, 2)


def test_sse_no_transpiler(scenario: Scenario) -> None:
    """The sse job shows the transpiler settings of its inner jobs."""
    program = sampling("x q[0]; cx q[0], q[1];", f", transpiler_info={OFF}")
    job = scenario.succeed("sse-no-transpiler", "sse", {"sse_program": program})

    assert job["transpiler_info"]["transpiler_lib"] is None
    assert job["transpiler_info"].get("transpiler_options") is None
    assert only(job, "result", "sse_log")
    assert scenario.counts(job) == {"11": 300}
    expected = "".join(f"## iteration {i} ##\nsucceeded ['11']\n" for i in range(3)) + "## done ##\n"
    assert sse_log(scenario, job) == expected


def test_sse_no_transpiler_failed(scenario: Scenario) -> None:
    """The sse job fails if its last inner job failed, even if the program catches the error."""
    program = sampling("h q[0]; ry(0.5) q[1];", f", transpiler_info={OFF}")
    job = scenario.run("sse-no-transpiler-failed", "sse", {"sse_program": program})

    assert job["status"] == "failed"
    assert only(job)
    assert job["job_info"]["message"] == "sse job failed"
    assert job["transpiler_info"] == OFF
    assert job["execution_time"] > 0
    assert all(key in job for key in TIMES)


def test_sse_non_zero_exit(scenario: Scenario) -> None:
    """A non-zero exit code fails the sse job, even after a job that succeeded."""
    program = sampling("h q[0]; cx q[0], q[1];") + "raise SystemExit(1)\n"
    job = scenario.run("sse-non-zero-exit", "sse", {"sse_program": program})

    assert job["status"] == "failed"
    assert only(job, "transpile_result")
    assert job["job_info"]["message"] == "user program execution error"
    assert job["transpiler_info"] == QISKIT
    assert job["execution_time"] > 0
    assert all(key in job for key in TIMES)


# --- Server-side execution, beyond the runbooks


def test_sse_without_a_job(scenario: Scenario) -> None:
    """A program that runs no job fails the sse job."""
    job = scenario.run("sse-no-job", "sse", {"sse_program": "print('nothing')"})

    assert (job["status"], job["job_info"]["message"]) == ("failed", "internal server error")
    assert only(job)
    assert "execution_time" not in job
    assert job["transpiler_info"] == {}
    assert all(key in job for key in TIMES)


def test_sse_without_a_program(scenario: Scenario) -> None:
    """An sse job without a program fails before it runs."""
    job = scenario.run("sse-no-program", "sse", {"program": [BELL]})

    assert (job["status"], job["job_info"]["message"]) == ("failed", "the sse_program is not specified in the job.")
    assert only(job)
    assert job["transpiler_info"] == {}
    assert set(TIMES) - job.keys() == {"running_at"}
    assert "execution_time" not in job


def test_sse_with_a_large_program(scenario: Scenario) -> None:
    """A program that does not fit into the container's variable fails when the container starts."""
    job = scenario.run("sse-large", "sse", {"sse_program": "#" * 131_000})

    assert (job["status"], job["job_info"]["message"]) == ("failed", "internal server error")
    assert only(job)
    assert "execution_time" not in job
    assert all(key in job for key in TIMES)


def test_sse_with_the_transpiler_of_its_own(scenario: Scenario) -> None:
    """The settings of the job are echoed until those of its last inner job replace them."""
    info = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 3}}
    failed = scenario.run("sse-fails", "sse", {"sse_program": "1 / 0"}, transpiler_info=info)
    program = sampling("h q[0]; cx q[0], q[1];")
    succeeded = scenario.succeed("sse-succeeds", "sse", {"sse_program": program}, transpiler_info=info)

    assert failed["job_info"]["message"] == "user program execution error"
    assert failed["transpiler_info"] == info
    assert "execution_time" not in failed
    assert succeeded["transpiler_info"] == QISKIT
