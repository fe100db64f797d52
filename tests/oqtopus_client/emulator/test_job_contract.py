"""The outcomes of jobs on real servers, line by line, and with `quirks` the servers' faults."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qiskit import qasm3

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.simulation.inputs import JobFailure, ServiceFailure
from oqtopus_client.emulator.store import LEASE_SECONDS
from oqtopus_client.rest.storage import pack, unpack
from tests.support.callers import Caller
from tests.support.circuits import BELL
from tests.support.held_executor import HeldExecutor
from tests.support.jobs import await_condition
from tests.support.stores import shift_clock

OFF = {"transpiler_lib": None}
DEFAULT = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
PSEUDO_INVERSE = {"ro_error_mitigation": "pseudo_inverse"}
Z0 = [{"pauli": "Z 0", "coeff": 1.0}]
UNREADABLE = "Expecting value: line 1 column 1 (char 0)"
NO_RESPONSE = 'details = "Failed to serialize response!"'


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "quirks"])
def quirks(request: pytest.FixtureRequest) -> bool:
    """Whether the emulator reproduces the faults of real servers."""
    return bool(request.param)


@pytest.fixture(scope="module")
def call(quirks: bool) -> Iterator[Caller]:
    """A caller of an emulator with or without quirks."""
    with Emulator(":memory:", quirks=quirks) as emulator:
        caller = Caller("http://emulator.localhost", emulator.token, emulator)
        yield caller
        caller.close()


def program(gates: str, declared: str = "qubit[2] q; bit[2] c;", measure: str = "c = measure q;") -> str:
    """Return a program of two qubits."""
    return f'OPENQASM 3; include "stdgates.inc"; {declared} {gates} {measure}'


def archive(content: Any) -> bytes:
    """Return a job's input."""
    return pack(json.dumps(content).encode(), "input.json")


def finished(call: Caller, content: Any, **settings: Any) -> dict[str, Any]:
    """Run a job to its end."""
    job_id = call.submit(content if isinstance(content, bytes) else archive(content), **settings)
    await_condition(lambda: call.job(job_id)["status"] in {"succeeded", "failed"})
    return call.job(job_id)


def message(job: dict[str, Any]) -> str:
    """Return the message of a failed job."""
    assert job["status"] == "failed"
    return str(job["job_info"]["message"])


def result(call: Caller, job: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a succeeded job."""
    assert job["status"] == "succeeded", job
    return call.file(job["job_info"]["result"])


# --- Before the device


@pytest.mark.parametrize(
    ("job_type", "content"),
    [
        ("sampling", b"not a zip"),
        ("sampling", pack(b"not JSON", "input.json")),
        ("sampling", ["not an object"]),
        ("sampling", {"program": "a text"}),
        ("estimation", {"program": [BELL], "operator": [{"pauli": "Z 0"}]}),
        ("multi_manual", {"program": ["not OpenQASM"]}),
        ("multi_manual", {"program": [program("", "qubit[17] q; bit[17] c;")]}),
    ],
)
def test_failures_before_transpiling(call: Caller, job_type: str, content: Any) -> None:
    """Jobs that fail before transpiling do not show the default transpiler."""
    job = finished(call, content, job_type=job_type)

    assert (job["status"], job["transpiler_info"]) == ("failed", {})
    assert set(job["job_info"]) == {"input", "message"}
    assert "running_at" not in job


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, "'NoneType' object is not subscriptable"),
        ({"program": None}, "'NoneType' object is not subscriptable"),
        ({"program": []}, "list index out of range"),
        ({"program": ["not OpenQASM"]}, UNREADABLE),
    ],
)
def test_failures_of_transpiling(call: Caller, content: Any, expected: str) -> None:
    """Jobs without a readable program fail while transpiling, and show the default transpiler."""
    job = finished(call, content)

    assert (message(job), job["transpiler_info"]) == (expected, DEFAULT)


@pytest.mark.parametrize("content", [{}, {"program": None}])
def test_no_programs_to_combine(call: Caller, content: Any) -> None:
    """A job without programs to combine fails."""
    assert message(finished(call, content, job_type="multi_manual")) == "failed to combine programs"


@pytest.mark.parametrize("lib", ["tket", "ouqu-tp", "nonsense"])
def test_other_transpilers(call: Caller, lib: str) -> None:
    """A missing or unknown transpiler library fails like an unreadable program."""
    info = {"transpiler_lib": lib, "transpiler_options": {}}

    assert message(finished(call, {"program": [BELL]}, transpiler_info=info)) == UNREADABLE


def test_transpiled_program_keeps_registers(call: Caller) -> None:
    """A transpiled program keeps the names of its classical registers and the order of bits."""
    text = program("x q[1];", "qubit[2] q; bit[1] a; bit[2] b;", "b[1] = measure q[1]; a[0] = measure q[0];")
    job = finished(call, {"program": [text]})
    transpiled = call.file(job["job_info"]["transpile_result"])["transpiled_program"]

    assert "bit[1] a;\nbit[2] b;\n" in transpiled
    assert [register.name for register in qasm3.loads(transpiled).cregs] == ["a", "b"]
    assert result(call, job)["sampling"]["counts"] == {"100": 1000}


def test_bits_with_the_name_of_qubits(call: Caller) -> None:
    """Classical registers keep any name, even `q`."""
    text = program("x a[0];", "qubit[2] a; bit[2] q;", "q = measure a;")
    job = finished(call, {"program": [text]})

    assert "bit[2] q;" in call.file(job["job_info"]["transpile_result"])["transpiled_program"]
    assert result(call, job)["sampling"]["counts"] == {"01": 1000}


def test_aliases_of_registers(call: Caller) -> None:
    """Aliases of registers add no bits."""
    text = program("let d = c[0:0]; x q[0];")

    assert result(call, finished(call, {"program": [text]}))["sampling"]["counts"] == {"01": 1000}


# --- Several programs


def test_combined_measurements_come_last(call: Caller) -> None:
    """All measurements are at the end of the combined program."""
    first = program("x q[0]; c[0] = measure q[0]; x q[1];", measure="c[1] = measure q[1];")
    job = finished(call, {"program": [first, program("x q[1];")]}, job_type="multi_manual")
    lines = unpack(call("GET", job["job_info"]["combined_program"]).content).decode().splitlines()
    measured = ["measure" in line for line in lines if line]

    assert measured == [False] * (len(measured) - 4) + [True] * 4
    divided = result(call, job)["sampling"]["divided_counts"]
    assert divided == {"1": {"10": 1000}, "0": {"11": 1000}}


def test_no_programs_at_all(call: Caller) -> None:
    """An empty list combines to an empty program."""
    job = finished(call, {"program": []}, job_type="multi_manual", shots=7)

    assert result(call, job)["sampling"]["counts"] == {"": 7}


def test_mitigated_several_programs(call: Caller, quirks: bool) -> None:
    """A mitigated `multi_manual` job fails on servers."""
    job = finished(call, {"program": [program("x q[0];")] * 2}, job_type="multi_manual", mitigation_info=PSEUDO_INVERSE)

    if quirks:
        assert NO_RESPONSE in message(job)
        assert {"input", "message", "transpile_result", "combined_program"} == set(job["job_info"])
    else:
        assert set(result(call, job)["sampling"]["counts"]) == {"0101"}


# --- Estimation


def test_estimates_have_single_precision(call: Caller) -> None:
    """Estimates and their errors have single precision."""
    operator = [{"pauli": "Z 0", "coeff": 0.1}, {"pauli": "X 1", "coeff": 0.3}]
    job = finished(call, {"program": [program("h q[0];")], "operator": operator}, job_type="estimation")

    for number in result(call, job)["estimation"].values():
        assert number == float(np.float32(number)) != 0


@pytest.mark.parametrize("coeff", [1.5, "1.5", " 1.5 "])
def test_coefficients(call: Caller, coeff: Any) -> None:
    """A coefficient may be a string with a number."""
    content = {"program": [program("x q[0];")], "operator": [{"pauli": "Z 0", "coeff": coeff}]}

    assert result(call, finished(call, content, job_type="estimation"))["estimation"]["exp_value"] == -1.5


def test_empty_operator(call: Caller) -> None:
    """An empty operator has the value zero."""
    job = finished(call, {"program": [BELL], "operator": []}, job_type="estimation")

    assert result(call, job)["estimation"] == {"exp_value": 0.0, "stds": 0.0}


@pytest.mark.parametrize("content", [{}, {"operator": None}])
def test_no_operator(call: Caller, content: dict[str, Any]) -> None:
    """A job without an operator fails after transpiling, and shows the transpile result."""
    job = finished(call, {"program": [BELL], **content}, job_type="estimation")

    assert message(job) == "the operator is not specified in the job."
    assert (set(job["job_info"]), job["transpiler_info"]) == ({"input", "message", "transpile_result"}, DEFAULT)


def test_failure_of_the_estimator(call: Caller, quirks: bool) -> None:
    """The job shows its transpile result; servers do not show the reason."""
    operator = [{"pauli": "Z 2", "coeff": 1.0}]
    job = finished(call, {"program": [BELL], "operator": operator}, job_type="estimation")

    assert "transpile_result" in job["job_info"]
    assert ("AioRpcError" in message(job), NO_RESPONSE in message(job)) == (quirks, quirks)
    assert ("qubit 2" in message(job)) == (not quirks)


@pytest.mark.parametrize("info", [{}, PSEUDO_INVERSE])
def test_estimation_that_fails_on_the_device(call: Caller, quirks: bool, info: dict[str, str]) -> None:
    """An estimation that fails on the device stays `running` on servers until it is cancelled."""
    content = {"program": [program("h q[0];")], "operator": Z0}
    job_id = call.submit(archive(content), job_type="estimation", transpiler_info=OFF, mitigation_info=info)
    if not quirks:
        await_condition(lambda: call.job(job_id)["status"] == "failed")
        assert message(call.job(job_id)) == "failed to execute job on device"
        return
    await_condition(lambda: call.job(job_id)["status"] == "running")
    for _ in range(20):
        finished(call, {"program": [BELL]})
    job = call.job(job_id)

    assert (job["status"], set(job["job_info"]), "ended_at" in job) == ("running", {"input"}, False)
    assert call("POST", f"/jobs/{job_id}/cancel").status_code == 200
    assert call.job(job_id)["status"] == "cancelled"


@pytest.mark.parametrize("cancelling", [False, True])
def test_no_worker_takes_a_lost_job(monkeypatch: pytest.MonkeyPatch, cancelling: bool) -> None:
    """No worker claims it, now or later, and a cancellation takes effect at once."""
    spec = OqtopusJobSpec.estimation(
        device_id="qulacs", program=program("h q[0];"), operator=Z0, shots=10, transpiler_info=OFF
    )
    with Emulator(":memory:", quirks=True, cancelling=cancelling) as emulator, OqtopusClient(emulator.config) as client:
        job_id = client.submit_job(spec).job_id
        await_condition(lambda: not emulator._engine._runs and client.status(job_id) == "running")
        shift_clock(monkeypatch, 2 * LEASE_SECONDS)
        bell = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10)
        for _ in range(3):
            assert client.run_job(bell, interval=0.01).status == "succeeded"
        assert client.status(job_id) == "running"
        client.cancel_job(job_id)
        assert client.status(job_id) == "cancelled"


@pytest.mark.parametrize("job_type", ["sampling", "estimation"])
@pytest.mark.parametrize("quirky", [False, True])
def test_device_out_of_service(job_type: str, quirky: bool) -> None:
    """A job that waits for the device fails; servers lose track of an estimation."""
    held = HeldExecutor()
    spec = getattr(OqtopusJobSpec, job_type)(
        device_id="qulacs", program=program(""), shots=10, **({"operator": Z0} if job_type == "estimation" else {})
    )
    with (
        Emulator(":memory:", executor=held, max_running=2, quirks=quirky) as emulator,
        OqtopusClient(emulator.config) as client,
    ):
        others = OqtopusJobSpec.sampling(device_id="qulacs", program=program(""), shots=10)
        for _ in range(2):
            client.submit_job(others)
            held.await_work()
        await_condition(lambda: len(emulator._engine._runs) == 2)
        job_id = client.submit_job(spec).job_id
        emulator.set_status("qulacs", "unavailable")
        for _ in range(6):
            held.step()
        await_condition(lambda: not emulator._engine._runs)
        job = client.get_job(job_id)

    lost = quirky and job_type == "estimation"
    assert (job.status, job.message) == (("running", None) if lost else ("failed", "device status is not available"))


# --- Mitigation


@pytest.mark.parametrize(
    ("measured", "plain_key", "quirky_key"),
    [("c = measure q;", "10010", "10010"), ("c[4] = measure q[4]; c[1] = measure q[1];", "10010", "10")],
)
def test_mitigated_keys(call: Caller, quirks: bool, measured: str, plain_key: str, quirky_key: str) -> None:
    """Servers' keys have as many characters as measured bits: a wider register loses its place."""
    text = program("x q[1]; x q[4];", "qubit[5] q; bit[5] c;", measured)
    counts = result(call, finished(call, {"program": [text]}, mitigation_info=PSEUDO_INVERSE))["sampling"]["counts"]
    most = max(counts, key=lambda key: counts[key])

    assert most == (quirky_key if quirks else plain_key)
    assert {len(key) for key in counts} == {len(most)}
    assert counts[most] in {999, 1000}


def test_times_on_the_device(call: Caller) -> None:
    """Times on the device have three decimals."""
    seconds = finished(call, {"program": [BELL]})["execution_time"]

    assert seconds == round(seconds, 3) > 0


@pytest.mark.parametrize("make", [JobFailure, ServiceFailure])
def test_failures_cross_processes(make: type[JobFailure]) -> None:
    """A worker process sends a failure with its text and all that is known of the job."""
    failure = make("reason")
    failure.status, failure.files, failure.transpiler_info = "running", {"a.zip": b"a"}, DEFAULT
    copied = pickle.loads(pickle.dumps(failure))  # noqa: S301 - our own

    assert (str(copied), copied.status, copied.files, copied.transpiler_info) == (
        str(failure),
        "running",
        {"a.zip": b"a"},
        DEFAULT,
    )
