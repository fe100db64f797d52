"""Functions that are shipped, run in the emulator's container, and read back."""

from __future__ import annotations

import base64
import bz2
import json
import re
import sys
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from oqtopus_client.shipping.archive import pack
from oqtopus_client.shipping.program import is_built
from tests.support import chips
from tests.support.circuits import BELL
from tests.support.shipped import Settings, outcome_of, outcome_of_text, text_of, value_of
from tests.support.sse_programs import simulate

SHOTS = 7


def twice(number: int = SHOTS) -> int:
    """A helper of this module."""
    return 2 * number


def sample(client: Any, program: str, *, shots: int) -> dict[str, Any]:
    """Run a job next to the device."""
    from oqtopus_client import OqtopusJobSpec  # noqa: PLC0415 - imported where it runs

    print("before the job", end="")  # noqa: T201
    job = client.run_sampling(OqtopusJobSpec.sampling(device_id="qulacs", program=program, shots=shots + twice()))
    return {"counts": job.get_counts(), "array": np.arange(3) / 7, 1: (2j, None)}


def test_a_function_runs_next_to_the_device() -> None:
    """Its value, its output and its jobs come back."""
    outcome = outcome_of(sample, BELL, shots=3)

    assert outcome.error is None
    assert outcome.value["counts"] == {"0": 17}
    assert outcome.value[1] == (2j, None)
    assert np.array_equal(outcome.value["array"], np.arange(3) / 7)
    assert outcome.printed == "before the job"
    assert [(job.job_type, job.shots, job.status) for job in outcome.inner_jobs] == [("sampling", 17, "succeeded")]
    assert outcome.versions["python"] == sys.version.split()[0]


def test_a_function_needs_no_job() -> None:
    """Nor does a lambda."""
    offset = 4

    assert value_of(lambda _, x: x + offset, 3) == 7


def fail(_: Any) -> None:
    """Raise an error."""
    raise KeyError(f"line one\n{SHOTS}")


def test_errors_come_back() -> None:
    """With their traceback, which shows the function's own lines."""
    outcome = outcome_of(fail)

    assert outcome.error is not None
    assert (outcome.error.type_name, outcome.error.message) == ("KeyError", repr("line one\n7"))
    assert 'raise KeyError(f"line one' in outcome.error.traceback
    assert "test_program.py" in outcome.error.traceback
    assert "loader" not in outcome.error.traceback
    assert outcome.inner_jobs == ()


def test_a_coroutine_function() -> None:
    """It gets an asynchronous client."""

    async def function(client: Any, program: str) -> Any:
        from oqtopus_client import OqtopusJobSpec  # noqa: PLC0415 - imported where it runs

        job = await client.run_sampling(OqtopusJobSpec.sampling(device_id="", program=program, shots=5))
        return job.get_counts()

    assert value_of(function, BELL) == {"0": 5}


def expectation(backend: Any, circuit: QuantumCircuit, observable: SparsePauliOp) -> Any:
    """Use backend, sampler and estimator."""
    from qiskit_oqtopus import OqtopusEstimator, OqtopusSampler  # noqa: PLC0415 - imported where it runs

    measured = circuit.measure_all(inplace=False)
    value = OqtopusEstimator(backend).run([(circuit, observable)], precision=0.1).result()[0].data.evs
    counts = OqtopusSampler(backend).run([measured], shots=30).result()[0].data.meas.get_counts()
    return backend.name, backend.num_qubits, float(value), counts, backend.run(measured, shots=20).result().get_counts()


def test_the_backend_is_the_device() -> None:
    """Its description comes along, with its couplings and calibration, and jobs of all kinds run on it."""
    device = chips.device(chips.CHIP)
    circuit = QuantumCircuit(2)
    circuit.x([0, 1])
    program = text_of(
        expectation,
        circuit,
        SparsePauliOp(["ZI", "ZZ"], [1, 0.5]),
        kind="backend",
        device=json.loads(device.raw.to_json()),
    )
    outcome = outcome_of_text(program, simulate)

    assert outcome.error is None, outcome.error.traceback
    assert outcome.value == (device.device_id, device.n_qubits, -0.5, {"11": 30}, {"11": 20})
    assert [job.shots for job in outcome.inner_jobs[-2:]] == [30, 20]


def test_the_timeout() -> None:
    """An endless loop is reported, with the line that ran, and jobs that had ended."""

    def function(client: Any, program: str) -> None:
        from oqtopus_client import OqtopusJobSpec  # noqa: PLC0415 - imported where it runs

        client.run_sampling(OqtopusJobSpec.sampling(device_id="", program=program, shots=5))
        while True:
            pass

    outcome = outcome_of(function, BELL, settings=Settings(timeout=3))

    assert outcome.error is not None
    assert outcome.error.message == "The function did not end within 3 s and was stopped."
    assert "while True" in outcome.error.traceback or "pass" in outcome.error.traceback
    assert [job.shots for job in outcome.inner_jobs] == [5]


@pytest.mark.parametrize("lost", ["ARCHIVE", "CALL"])
def test_a_program_that_cannot_be_unpacked(lost: str) -> None:
    """The log is kept nevertheless, and shows why."""
    program = re.sub(f'{lost} = ".{{9}}', f'{lost} = "!!!!!!!!!', text_of(fail))
    outcome = outcome_of_text(program)

    assert outcome.missing == "The log has no report of a function."
    assert "Traceback" in outcome.printed
    assert "OSError: Invalid data stream" in outcome.printed


def test_what_cannot_be_set_up_there() -> None:
    """The message tells it from an error of the function."""
    program = text_of(lambda _, f: f(), json.dumps)
    broken = outcome_of_text(with_call(program, "json", "no_such_module"))

    assert broken.error is not None
    assert broken.error.message == (
        "The program could not be started in the server's container: No module named 'no_such_module'"
    )


def test_an_argument_that_cannot_be_read_there() -> None:
    """The message names it: the container's Qiskit may not know one of its gates."""
    broken = outcome_of_text(with_call(text_of(scale, QuantumCircuit(1)), "circuit", "sphere"))

    assert broken.error is not None
    assert broken.error.message.endswith("Argument 'x' cannot be read there: 'sphere' is not a known kind of value")


def scale(_: Any, x: Any, options: Any = None) -> Any:  # noqa: ARG001 - sent along
    """Return the argument."""
    return x


def with_call(program: str, old: str, new: str) -> str:
    """The program with another text in its call."""
    found = re.search('CALL = "(.*)"', program)
    assert found is not None
    call = bz2.decompress(base64.b85decode(found[1])).decode().replace(f'"{old}"', f'"{new}"')
    return program.replace(found[1], pack(call))


def test_programs_that_are_too_large() -> None:
    """The message lists the size of each part, the largest first, and the text is otherwise below the limit."""
    data = np.random.default_rng(1).random(8000)
    with pytest.raises(ValueError, match=r"The program has [\d,]+ bytes; servers cannot start .* 125,000") as caught:
        text_of(sample, BELL, shots=data)
    total, *sizes = (
        int(size.replace(",", "")) for size in re.findall(r" ([\d,]+\d)(?: bytes;|, |\. )", str(caught.value))
    )

    assert "compressed: argument 'shots' " in str(caught.value)
    assert all(part in str(caught.value) for part in ("this package", "sample()", "twice()", "global 'np'"))
    # Some eight bytes a number, and five characters for four bytes.
    assert 78_000 <= sizes[0] < 82_000
    assert sizes == sorted(sizes, reverse=True)
    assert abs(total - sum(sizes)) < 4000


def test_features_that_take_room() -> None:
    """The message names the features for which the program takes more modules with it."""
    with pytest.raises(ValueError, match=r"larger for what the program mentions: parallel, twirling\.$"):
        text_of(scale, np.random.default_rng(1).random(15000), {"parallel": True, "twirling": {}})


def generate(_: Any) -> Any:
    """Yield."""
    yield 1


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "message"),
    [
        (sample, (), {}, r"sample\(\) cannot be called with these arguments and a client: missing a required argument"),
        (lambda: 1, (), {}, r"<lambda>\(\) cannot be called with these arguments and a client: too many positional"),
        (sample, (BELL,), {"client": 1, "shots": 1}, "multiple values for argument 'client'"),
        (sample, (BELL,), {"shots": object()}, "Argument 'shots' is of type object"),
        (lambda *_: 0, (1, object()), {}, "Argument 3 is of type object"),
        (Any, (), {}, "A program must be a function, not"),
        (generate, (), {}, r"generate\(\) is a generator function; collect what it yields in a list"),
    ],
)
def test_arguments_are_checked(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], message: str) -> None:
    """Here, rather than after the queue."""
    with pytest.raises(TypeError, match=message):
        text_of(function, *args, **kwargs)


def test_programs_are_recognized() -> None:
    """By their first line, which names the function."""
    program = text_of(fail)

    assert is_built(program)
    assert program.startswith(
        f"# A function shipped by oqtopus-client {version('oqtopus-client')} (Apache-2.0): fail\n"
    )
    assert program.isascii()
    assert not is_built("print(1)")


def test_child_processes_do_not_run_the_program_again() -> None:
    """A spawned child imports the main module, and a forked one may end in the function: neither reports."""

    def function(_: Any) -> Any:
        import multiprocessing  # noqa: PLC0415 - imported where it runs
        import os  # noqa: PLC0415
        import sys  # noqa: PLC0415

        spawned = multiprocessing.get_context("spawn").Process(target=print, args=("from a child",))
        spawned.start()
        spawned.join()
        if os.fork() == 0:
            sys.exit(0)
        return os.wait()[1], spawned.exitcode

    outcome = outcome_of(function)

    assert outcome.value == (256, 0)
    assert outcome.printed == "from a child\n"
