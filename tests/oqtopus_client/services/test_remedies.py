"""Remedies for the messages of servers."""

from __future__ import annotations

from typing import Any

import pytest

from oqtopus_client import OqtopusClient, OqtopusJobResult, OqtopusJobSpec
from oqtopus_client.errors import JobFailedError
from oqtopus_client.rest.models import JobsJob
from oqtopus_client.services.job_results import typed_result
from oqtopus_client.services.remedies import with_remedy
from tests.support.circuits import BELL

NO_ANSWER = "Expecting value: line 1 column 1 (char 0)"
REFUSED = "failed to execute job on device"
INVALID = "Job input validation failed"
RPC = (
    '<AioRpcError of RPC that terminated with: status = StatusCode.INTERNAL details = "Failed to serialize response!">'
)
QISKIT = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}


def failed(job_type: str = "sampling", **settings: Any) -> OqtopusJobResult:
    """Return a failed job."""
    fields = {"job_id": "1", "name": "", "device_id": "a", "shots": 1, "job_info": {}, "status": "failed"}
    return typed_result(JobsJob.from_dict({**fields, "job_type": job_type, **settings}))


@pytest.mark.parametrize(
    ("message", "job", "remedy"),
    [
        (NO_ANSWER, None, "check its OpenQASM 3 syntax, its gates, and that it has no more qubits than the device"),
        (NO_ANSWER, failed(transpiler_info=QISKIT), "The server could not read or place the program: check its Open"),
        (NO_ANSWER, failed(transpiler_info={"transpiler_lib": "tket"}), "has no transpiler 'tket'"),
        (
            NO_ANSWER,
            failed(transpiler_info={"transpiler_lib": "qiskit", "transpiler_options": {"initial_layout": [99]}}),
            "could not use its options {'initial_layout': [99]}",
        ),
        (
            NO_ANSWER,
            failed(transpiler_info={"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 7}}),
            "could not use its options {'optimization_level': 7}",
        ),
        (NO_ANSWER, failed(transpiler_info={"transpiler_lib": "qiskit", "transpiler_options": [1]}), "options [1]"),
        (REFUSED, None, "transpile the program for it first"),
        (REFUSED, failed(transpiler_info={"transpiler_lib": None}), "transpile the program for it first"),
        (
            REFUSED,
            failed(transpiler_info=QISKIT),
            "The server transpiled the program, so its gates are the device's own",
        ),
        ("device status is not available", failed(), "went out of service"),
        ("failed to combine programs: invalid qubit size", failed("multi_manual"), "combine fewer"),
        ("failed to combine programs", failed("multi_manual"), "could not read one of the programs"),
        ("'transpiler_options'", failed(), "needs transpiler_lib and transpiler_options both"),
        ("the operator is not specified in the job.", failed("estimation"), "needs an operator"),
        ("the sse_program is not specified in the job.", failed("sse"), "needs the text of a Python program"),
        ("pipeline execution timed out", failed("estimation"), "may take 60 s"),
        ("error during pipeline execution", failed(), "submit the job again"),
        ("user program execution error", failed("sse"), "Servers keep no log of failed jobs"),
        ("sse job failed", failed("sse"), "The last job that the program submitted failed"),
        ("sse_log.zip size: 10485761B is larger than the max file size 10485760B", failed("sse"), "print less"),
        ("internal server error", failed("sse"), "must submit at least one job, and its text must not exceed"),
        ("internal server error", failed(), "submit the job again"),
        ("job result is None", failed(), "submit the job again"),
        ("Job input download failed: Invalid ZIP file", failed(), "a zip archive of one JSON file"),
        (f"{INVALID}: the program has too many bits: the emulator takes at most 9.", failed(), "let the emulator take"),
        (f"{INVALID}: the operator has 11 terms, more than 10.", failed("estimation"), "let the emulator take more"),
        (f"{INVALID}: reading and transpiling it took longer than 9 seconds.", failed(), "Make the program smaller"),
        (f"{INVALID}: each term of the operator needs a pauli", failed("estimation"), "a pauli and a real coeff"),
        ("'NoneType' object is not subscriptable", failed(), "has no program"),
        ("list index out of range", failed(), "has no program"),
        (RPC, failed("estimation"), "The server's estimator failed"),
        (RPC, failed("estimation", mitigation_info={"ro_error_mitigation": "pseudo_inverse"}), "Or run without mitig"),
        (RPC, failed(mitigation_info={"ro_error_mitigation": "pseudo_inverse"}), "at most 32 measured bits"),
        (RPC, failed("multi_manual", mitigation_info={"ro_error_mitigation": "pseudo_inverse"}), "no multi_manual job"),
        ("<AioRpcError ... StatusCode.RESOURCE_EXHAUSTED ...>", failed(), "4 MiB"),
        ("<AioRpcError ... StatusCode.UNAVAILABLE ...>", failed(), "submit the job again"),
    ],
)
def test_remedies(message: str, job: OqtopusJobResult | None, remedy: str) -> None:
    """The server's message comes first, then a remedy that depends on the job's settings."""
    said = with_remedy(message, job)

    assert said.startswith(message.rstrip(".") + ". ")
    assert remedy in said
    assert said.endswith((".", "}}."))


@pytest.mark.parametrize("info", [QISKIT, {"transpiler_lib": None}])
def test_the_emulator_gives_its_own_remedy(info: dict[str, Any]) -> None:
    """A reason after the server's message is the emulator's, which also says what to do."""
    message = f"{REFUSED}: the 40 qubits that its gates connect are too many: ... Connect fewer qubits."

    assert with_remedy(message, failed(transpiler_info=info)) == message


def test_only_gates_are_to_be_transpiled() -> None:
    """Transpiling does not help a program that the server transpiled: it may need too much memory."""
    said = with_remedy(REFUSED, failed(transpiler_info=QISKIT))

    assert "transpile the program" not in said
    assert "more qubits than a simulator has memory for" in said


LAYER = "sx q; rz(0.3) q; " + " ".join(f"cx q[{i}], q[{i + 1}];" for i in (*range(0, 39, 2), *range(1, 39, 2)))
WIDE = f'OPENQASM 3; include "stdgates.inc"; qubit[40] q; bit[40] c; {LAYER * 20} sx q; c = measure q;'
PAIR = [{"pauli": "Z 0", "coeff": 1.0}]


@pytest.mark.parametrize(
    ("program", "changes", "remedy"),
    [
        (BELL.replace("h q", "hh q"), {}, "check its OpenQASM 3 syntax"),
        (BELL, {"transpiler_info": {"transpiler_lib": "qiskit", "transpiler_options": {"no": 1}}}, "options {'no': 1}"),
        (BELL, {"transpiler_info": {"transpiler_lib": "tket", "transpiler_options": {}}}, "transpiler_lib 'qiskit'"),
        (BELL, {"transpiler_info": {"transpiler_lib": None}}, "transpile the program for it first"),
        (
            WIDE,
            {"device_id": "lattice64"},
            "Clifford circuit. Connect fewer qubits, or entangle them with fewer gates.",
        ),
        (
            BELL,
            {"job_type": "estimation", "operator": [{"pauli": "Z 5", "coeff": 1.0}]},
            "must name qubits of the prog",
        ),
        ([BELL] * 9, {"job_type": "multi_manual"}, "more qubits together than the device"),
    ],
    ids=["gate", "option", "library", "native", "memory", "operator", "combined"],
)
def test_failures_of_the_emulator(client: OqtopusClient, program: Any, changes: dict[str, Any], remedy: str) -> None:
    """Failures in the emulator have the right remedy."""
    spec = OqtopusJobSpec(**{"device_id": "qulacs", "job_type": "sampling", "program": program, "shots": 10} | changes)
    with pytest.raises(JobFailedError) as caught:
        client.run_job(spec, interval=0.05).raise_for_status()

    assert remedy in str(caught.value)
