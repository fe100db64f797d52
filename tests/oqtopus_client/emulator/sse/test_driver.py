"""The driver in the container, and the engine that it calls."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation.inputs import ProgramLimits
from oqtopus_client.emulator.simulation.transpiling import DEFAULT_TRANSPILER
from oqtopus_client.emulator.sse.job import SseJob, _run_inner
from oqtopus_client.emulator.sse.limits import SseContainer
from tests.support.circuits import BELL
from tests.support.sse_programs import PARENT, answer, run, run_bare, simulate, sse_job

if TYPE_CHECKING:
    from oqtopus_client.emulator.sse.engine_job import EngineJob

CATCHING = "try: submit({})\nexcept Exception as error: print(type(error).__name__, error)\n"


@pytest.mark.parametrize("device", ["qulacs", "sse", ""])
def test_the_sdk_inside_a_program(device: str) -> None:
    """Inside a program, `run_sampling` needs no URL, token or device, and returns the same as outside."""
    ran = run_bare(
        f"""
from oqtopus_client import OqtopusClient, OqtopusJobSpec
with OqtopusClient() as client:
    result = client.run_sampling(OqtopusJobSpec.sampling(device_id={device!r}, program={BELL!r}, shots=1000))
print(sum(result.get_counts().values()), sorted(result.get_counts()), result.status, result.job_id, result.message)
""",
        simulate,
    )

    assert ran.failure is None, ran.output
    assert ran.output == f"1000 ['00', '11'] succeeded {PARENT}/1 job is succeeded\n"
    assert set(json.loads(ran.file("result"))["sampling"]["counts"]) == {"00", "11"}


def test_what_the_driver_returns() -> None:
    """The driver returns contents instead of URLs, the parent's id, and one time for all steps before the end."""
    returned = json.loads(run("print(submit(7).model_dump_json())").output)

    assert (returned["job_id"], returned["device_id"], returned["name"]) == (PARENT, "", "")
    assert (returned["status"], returned["shots"], returned["job_type"]) == ("succeeded", 7, "sampling")
    assert returned["submitted_at"] == returned["ready_at"] == returned["running_at"] <= returned["ended_at"]
    info = {name: value for name, value in returned["job_info"].items() if value is not None}
    assert info == {
        "input": "",
        "message": "job is succeeded",
        "result": {"sampling": {"counts": {"0": 7}, "divided_counts": None}, "estimation": None},
    }


def test_what_the_driver_writes() -> None:
    """`result.json` contains the last job as the engine returned it, whether it succeeded or not."""
    ran = run(
        "submit()\n"
        + CATCHING.format("transpiler_info={'transpiler_lib': None}")
        + "print(open(os.environ['OUT_PATH'] + '/result.json').read())",
        simulate,
    )
    refused, written = ran.output.splitlines()

    assert refused == (
        "SseRuntimeError To execute sampling on OQTOPUS server is failed. reason: failed to execute job on device"
    )
    job: dict[str, Any] = json.loads(written)
    assert (job["status"], job["message"]) == ("failed", "failed to execute job on device")
    assert (job["result"], job["program"], job["operator"]) == (None, [BELL], [])
    assert "job_info" not in job


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("{}", ("succeeded", DEFAULT_TRANSPILER, True)),
        ("None", ("succeeded", DEFAULT_TRANSPILER, True)),
        ("{'transpiler_lib': None}", ("failed", {"transpiler_lib": None}, False)),
    ],
)
def test_an_inner_job_is_run_as_any_other(settings: str, expected: tuple[Any, ...]) -> None:
    """An inner job is transpiled by default, and its times have three decimals."""
    ran = run(CATCHING.format(f"transpiler_info={settings}"), simulate)
    job = ran.ended.last_job

    assert job is not None
    assert (job.status, job.transpiler_info, job.transpile_result is not None) == expected
    assert job.execution_time is None or job.execution_time == round(job.execution_time, 3)


def test_threads_and_processes_take_turns() -> None:
    """Each call of the driver gets its own answer, and jobs run one at a time."""
    busy = threading.Lock()

    def alone(job: EngineJob) -> None:
        assert busy.acquire(blocking=False)
        answer(job)
        busy.release()

    program = """
from concurrent.futures import ThreadPoolExecutor
import multiprocessing
def ask(shots):
    assert submit(shots).job_info.result["sampling"]["counts"] == {"0": shots}
with ThreadPoolExecutor(8) as threads:
    list(threads.map(ask, range(1, 20)))
child = multiprocessing.get_context("fork").Process(target=ask, args=(50,))
child.start(), child.join()
assert child.exitcode == 0
"""
    assert run(program, alone).shots == 50


def test_a_job_that_breaks_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    """If the engine fails, the program gets an exception and the emulator's log the reason."""

    def broken(_job: object) -> None:
        raise ZeroDivisionError

    ran = run(CATCHING.format(""), broken)

    assert "reason: error during pipeline execution" in ran.output
    assert ran.failure == "sse job failed"
    assert "ZeroDivisionError" in caplog.text


def test_a_job_that_takes_too_long() -> None:
    """The engine gives up at the limit, while the job may continue."""
    released = threading.Event()

    def slow(job: EngineJob) -> None:
        released.wait(60)
        answer(job)

    ran = run(CATCHING.format(""), slow, job_seconds=0.2)
    released.set()

    assert ran.output.startswith("SseRuntimeError To execute sampling on OQTOPUS server is failed.")
    assert "reason: pipeline execution timed out" in ran.output
    assert ran.failure == "sse job failed"


def test_a_job_that_never_ends() -> None:
    """Real servers lose track of an estimation that fails on the device: its program waits until the limit."""
    device = replace(built_in_devices()["qulacs"], quirks=True)
    job = SseJob(sse_job(""), device, ProgramLimits(), SseContainer())
    program = f"""
off = {{"transpiler_lib": None}}
request = JobsSubmitJobRequest(device_id="", job_type="estimation", shots=10, transpiler_info=off)
info = JobsS3SubmitJobInfo(program=[{BELL!r}], operator=[{{"pauli": "X 0 X 1", "coeff": 1.0}}])
try: sse_driver.submit_job(request, info)
except sse_driver.SseRuntimeError as error: print(error)
"""
    ran = run(program, lambda inner: _run_inner(job, inner), job_seconds=5)

    assert ran.output.endswith("reason: pipeline execution timed out\n")
    assert ran.failure == "sse job failed"
    assert ran.ended.last_job is not None
    assert ran.ended.last_job.status == "running"


def test_messages_are_bounded() -> None:
    """The call fails if a message is too long for the engine, and the previous job's result stays."""

    def long_answer(job: EngineJob) -> None:
        answer(job)
        job.message = "x" * (5000 if job.shots == 2 else 1)

    ran = run(
        "submit(1)\n" + CATCHING.format("3, program='x' * 5000") + CATCHING.format("2"), long_answer, message_bytes=5000
    )

    assert ran.output.count("RpcError <_InactiveRpcError of RPC that terminated with:") == 2
    assert ran.output.count("status = StatusCode.RESOURCE_EXHAUSTED") == 2
    assert 'details = "Sent message larger than max (' in ran.output
    assert 'details = "Received message larger than max (' in ran.output
    assert ran.shots == 1


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("del os.environ['JOB_JSON']; submit()", "OSError Could not get job data"),
        ("os.environ['OUT_PATH'] += '/missing'; submit()", "SseRuntimeError The path to output does not exist "),
        ("os.environ['SSE_ENGINE_ADDRESS'] = 'unix:/missing'; submit()", "RpcError <_InactiveRpcError of RPC"),
        (
            "from types import SimpleNamespace as N\n"
            " sse_driver.submit_job(N(model_dump=lambda mode: {}), N(model_dump=lambda mode: {}))",
            "SseRuntimeError Could not parse job data: ",
        ),
    ],
)
def test_what_the_driver_cannot_do(program: str, message: str) -> None:
    """The driver reports why a call failed, and writes no result."""
    ran = run(f"try:\n {program}\nexcept Exception as error: print(type(error).__name__, error)")

    assert ran.output.startswith(message)
    assert ran.ended.last_job is None
