"""`backend.run`: programs sent, circuits refused, and counts returned."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Clbit, Parameter
from qiskit.circuit.library import UnitaryGate
from qiskit.providers import BackendV2

from oqtopus_client import OqtopusClient
from oqtopus_client.errors import BatchSubmissionError
from oqtopus_client.rest.storage import unpack
from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusOptions, OqtopusProvider
from tests.support.circuits import bell, keyed

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from oqtopus_client.emulator import Emulator
    from tests.support.recorded_cloud import RecordedCloud


def sent(emulator: Emulator, job_id: str) -> tuple[str, dict[str, Any]]:
    """Return the program and the transpiler settings that the cloud received."""
    archive = emulator._store.get_file(f"{job_id}/input.zip")
    row = emulator._store.get(job_id)
    assert archive is not None
    assert row is not None
    return json.loads(unpack(archive))["program"][0], json.loads(row["transpiler_info"])


def test_bell(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Submission takes three requests; no other is sent until the result is requested."""
    job = backend.run(bell(), shots=1000)
    assert cloud.routes == ["POST /jobs", "POST /storage", "POST /jobs/{id}/submit"]
    counts = job.result().get_counts()

    assert set(counts) == {"00", "11"}
    assert sum(counts.values()) == 1000


def test_default_shots(backend: OqtopusBackend) -> None:
    """The default is a thousand shots, unless the backend's options differ."""
    assert sum(backend.run(bell()).result().get_counts().values()) == 1000
    backend.set_options(shots=10)
    assert sum(backend.run(bell()).result().get_counts().values()) == 10


def test_twenty_circuits_come_back_in_order(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Circuits are submitted concurrently; their results are in the given order."""
    result = backend.run([keyed(i) for i in range(20)], shots=10).result()

    assert [result.get_counts(i) for i in range(20)] == [{f"{i:05b}": 10} for i in range(20)]
    assert result.get_counts("keyed 7") == {"00111": 10}
    assert cloud.most_at_once > 1


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_transpiled_circuits_run_untouched(backend: OqtopusBackend, emulator: Emulator, level: int) -> None:
    """The server does not transpile circuits that Qiskit has transpiled."""
    circuit = QuantumCircuit(4)
    circuit.x(0)
    for a, b in [(0, 1), (0, 2), (0, 3), (3, 1)]:
        circuit.cx(a, b)
    circuit.measure_all()
    isa = transpile(circuit, backend, optimization_level=level, seed_transpiler=1)
    job = backend.run(isa, shots=10)

    assert job.result().get_counts() == {"1101": 10}
    assert sent(emulator, job.job_id())[1] == {"transpiler_lib": None}


def test_other_circuits_are_transpiled_on_the_server(backend: OqtopusBackend, emulator: Emulator) -> None:
    """Circuits with any gates and any couplings run."""
    circuit = QuantumCircuit(5)
    circuit.append(UnitaryGate(np.array([[0, 1], [1, 0]])), [4])
    circuit.cx(4, 0)
    circuit.rzz(0.3, 0, 1)
    circuit.measure_all()
    job = backend.run(circuit, shots=10)

    assert job.result().get_counts() == {"10001": 10}
    program, transpiler = sent(emulator, job.job_id())
    assert transpiler["transpiler_lib"] == "qiskit"
    assert "gate unitary" not in program  # many servers cannot transpile a gate of that name


def test_reversed_coupling_is_not_the_devices_own(backend: OqtopusBackend, emulator: Emulator) -> None:
    """The direction of couplings counts: 0 controls 1, but 1 does not control 0."""
    circuit = QuantumCircuit(2)
    circuit.x(1)
    circuit.cx(1, 0)
    circuit.measure_all()
    job = backend.run(circuit, shots=10)

    assert job.result().get_counts() == {"11": 10}
    assert sent(emulator, job.job_id())[1]["transpiler_lib"] == "qiskit"


def test_angles_are_exact(backend: OqtopusBackend, emulator: Emulator) -> None:
    """Angles are not rounded to multiples of pi."""
    angle = math.pi / 2 + 1e-9
    circuit = QuantumCircuit(1, 1)
    circuit.rz(angle, 0)
    circuit.rz(1e-12, 0)
    circuit.measure(0, 0)
    program, _ = sent(emulator, backend.run(circuit, shots=1).job_id())

    assert f"rz({angle!r}) q[0];" in program
    assert "rz(1e-12) q[0];" in program


def test_registers_on_the_wire(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A program has one register of the measured bits, for any registers; the last write to a bit counts."""
    circuit = QuantumCircuit(QuantumRegister(3, "measure"), ClassicalRegister(4, "output"), ClassicalRegister(2, "pi"))
    circuit.x([1, 2])
    circuit.measure([0, 1, 0, 2], [5, 2, 0, 0])
    job = backend.run(circuit, shots=5)
    program, _ = sent(emulator, job.job_id())

    assert program.splitlines()[3:5] == ["bit[3] c;", "qubit[3] q;"]
    assert program.splitlines()[-3:] == ["c[2] = measure q[0];", "c[1] = measure q[1];", "c[0] = measure q[2];"]
    assert job.result().get_counts() == {"00 0101": 5}


def test_aliased_registers_stay_in_one_piece(backend: OqtopusBackend) -> None:
    """Keys have no spaces for registers with shared or scattered bits."""
    bits = [Clbit() for _ in range(3)]
    circuit = QuantumCircuit(
        QuantumRegister(1), bits, ClassicalRegister(bits=bits[1:]), ClassicalRegister(bits=bits[:2])
    )
    circuit.x(0)
    circuit.measure([0, 0], [0, 2])

    assert backend.run(circuit, shots=5).result().get_counts() == {"101": 5}


def test_loose_bits_form_words_of_their_own(backend: OqtopusBackend) -> None:
    """A loose bit between two registers appears between them in the key."""
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1, "a"))
    circuit.add_bits([Clbit()])
    circuit.add_register(ClassicalRegister(2, "b"))
    circuit.x(0)
    circuit.measure([0, 0], [0, 2])

    assert backend.run(circuit, shots=5).result().get_counts() == {"01 0 1": 5}


@pytest.mark.parametrize("num_clbits", [0, 1, 8])
def test_nothing_measured(backend: OqtopusBackend, num_clbits: int) -> None:
    """With memory, as Qiskit's sampler requests it, unwritten bits are 0, with a warning."""
    circuit = QuantumCircuit(2, num_clbits, name="bare")
    circuit.x([0, 1])
    with pytest.warns(UserWarning, match="Circuit 'bare' has no measurements, so all its bits will be 0"):
        job = backend.run([circuit, bell()], shots=5, memory=True)
    elsewhere = backend.provider.job(job.job_id())

    for result in (job.result(), elsewhere.result()):
        assert result.data(0) == {"counts": {"0x0": 5}, "memory": ["0x0"] * 5}
        assert result.results[0].shots == 5
    with pytest.raises(CircuitError, match="has no measurements"):
        backend.run(QuantumCircuit(0, 1), memory=True)


def test_circuit_names_and_metadata_come_back(backend: OqtopusBackend) -> None:
    """Results carry names and metadata, by which libraries identify circuits."""
    circuit = bell()
    circuit.metadata = {"point": 3}
    result = backend.run(circuit, shots=10).result()

    assert result.results[0].to_dict()["header"]["metadata"] == {"point": 3}
    assert result.get_counts(circuit) == result.get_counts("bell")
    assert (result.backend_name, result.success) == ("qulacs", True)


# --- bad input


def mid_circuit() -> QuantumCircuit:
    """Return a circuit that uses a qubit after measuring it."""
    circuit = QuantumCircuit(2, 2, name="mid")
    circuit.measure(0, 0)
    circuit.cx(0, 1)
    circuit.measure(1, 1)
    return circuit


def with_reset() -> QuantumCircuit:
    """Return a circuit that resets a used qubit."""
    circuit = QuantumCircuit(1, 1, name="reset")
    circuit.x(0)
    circuit.reset(0)
    circuit.measure(0, 0)
    return circuit


def with_if() -> QuantumCircuit:
    """Return a circuit with control flow."""
    circuit = QuantumCircuit(2, 1, name="if")
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    return circuit


def with_initialize() -> QuantumCircuit:
    """Return a circuit that initializes a qubit twice."""
    circuit = QuantumCircuit(1, 1, name="init")
    circuit.initialize([0, 1], 0)
    circuit.initialize([1, 0], 0)
    circuit.measure(0, 0)
    return circuit


def with_angle(angle: object) -> QuantumCircuit:
    """Return a circuit with a rotation by an angle."""
    circuit = QuantumCircuit(1, 1, name="angle")
    circuit.rx(angle, 0)
    circuit.measure(0, 0)
    return circuit


def with_subroutine() -> QuantumCircuit:
    """Return a circuit with a mid-circuit measurement inside an instruction."""
    circuit = QuantumCircuit(2, 2, name="sub")
    circuit.append(bell().to_instruction(), [0, 1], [0, 1])
    circuit.h(1)
    return circuit


def unmeasured(qubits: int = 1) -> QuantumCircuit:
    """Return a circuit without measurements."""
    return QuantumCircuit(qubits, 1, name="bare")


BAD_CIRCUITS = [
    (unmeasured(), "Circuit 'bare' has no measurements, so there is nothing to count. Add measure_all()."),
    (unmeasured(17), "Circuit 'bare' has 17 qubits, but qulacs has only 16."),
    (
        with_angle(Parameter("alpha")),
        "Circuit 'angle' has unbound parameters: alpha. Bind them with assign_parameters(), or run "
        "it with parameter_values.",
    ),
    (with_angle(math.nan), "Circuit 'angle' has the angle nan in 'rx'; angles must be finite numbers."),
    (with_angle(-math.inf), "Circuit 'angle' has the angle -inf in 'rx'; angles must be finite numbers."),
    (
        mid_circuit(),
        "Circuit 'mid' acts on qubit 0 (cx) after measuring it. OQTOPUS devices treat every measurement as final and "
        "would return wrong counts; measure at the end only, or use qiskit_oqtopus.defer_measurements(circuit), which "
        "measures spare "
        "qubits at the end (in backend.run() and OqtopusSampler: defer_measurements=True).",
    ),
    (
        with_reset(),
        "Circuit 'reset' resets a qubit after using it (qubit 0), which OQTOPUS devices do not execute. Qubits start "
        "in |0>: use another one, or qiskit_oqtopus.defer_measurements(circuit), which does so (in "
        "backend.run() and OqtopusSampler: defer_measurements=True).",
    ),
    (
        with_initialize(),
        "Circuit 'init' resets a qubit after using it (qubit 0), which OQTOPUS devices do not execute. Qubits start in "
        "|0>: use another one, or qiskit_oqtopus.defer_measurements(circuit), which does so (in "
        "backend.run() and OqtopusSampler: defer_measurements=True).",
    ),
    (with_if(), "Circuit 'if' has control flow (if_else), which OQTOPUS devices do not execute."),
    (
        with_subroutine(),
        "Circuit 'sub' acts on qubit 1 (h) after measuring it. OQTOPUS devices treat every measurement as final and "
        "would return wrong counts; measure at the end only, or use qiskit_oqtopus.defer_measurements(circuit), which "
        "measures spare "
        "qubits at the end (in backend.run() and OqtopusSampler: defer_measurements=True).",
    ),
    ("circuit", "run_input must be a QuantumCircuit or several, not 'circuit'."),
    (None, "run_input must be a QuantumCircuit or several, not None."),
    ([None], "run_input must contain QuantumCircuits only, not None."),
]


@pytest.mark.parametrize(("circuit", "message"), BAD_CIRCUITS, ids=lambda value: getattr(value, "name", None))
def test_bad_circuits(backend: OqtopusBackend, cloud: RecordedCloud, circuit: Any, message: str) -> None:
    """Circuits that a device would run wrongly are refused with the reason, before any request."""
    for run_input in (circuit, [bell(), circuit]) if isinstance(circuit, QuantumCircuit) else (circuit,):
        with pytest.raises(CircuitError) as caught:
            backend.run(run_input)

        assert str(caught.value) == message
        assert cloud.requests == []


@pytest.mark.parametrize("run_input", [[], (), iter([])])
def test_no_circuits(backend: OqtopusBackend, cloud: RecordedCloud, run_input: Any) -> None:
    """An empty list of circuits is an error."""
    with pytest.raises(ValueError, match="run_input is empty; pass at least one circuit"):
        backend.run(run_input)

    assert cloud.requests == []


@pytest.mark.parametrize(
    ("shots", "error"), [(0, ValueError), (10_000_001, ValueError), (1.5, TypeError), ("100", TypeError)]
)
def test_bad_shots(backend: OqtopusBackend, cloud: RecordedCloud, shots: Any, error: type[Exception]) -> None:
    """The message contains the value and the range, for an option of the run and for a default."""
    message = f"shots must be an integer from 1 to 10,000,000, not {shots!r}."
    with pytest.raises(error) as of_run:
        backend.run(bell(), shots=shots)
    with pytest.raises(error) as of_options:
        backend.set_options(shots=shots)

    assert str(of_run.value) == str(of_options.value) == message
    assert backend.options.shots == 1000
    assert cloud.requests == []


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("shot", "run() has no option 'shot'. Did you mean 'shots'?"),
        (
            "nonsense",
            f"run() has no option 'nonsense'. Known: {', '.join(map(repr, OqtopusOptions.model_fields))}.",
        ),
        (
            "parameter_binds",
            "run() has no option 'parameter_binds': use parameter_values, with a row for each binding and a column for "
            "each parameter.",
        ),
    ],
)
def test_unknown_options(backend: OqtopusBackend, cloud: RecordedCloud, option: str, message: str) -> None:
    """The error suggests the name that was probably meant."""
    with pytest.raises(TypeError) as caught:
        backend.run(bell(), **{option: 5})
    with pytest.raises(TypeError):
        backend.set_options(**{option: 5})

    assert str(caught.value) == message
    assert cloud.requests == []


def test_broken_batch_is_cancelled(held_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a batch cannot be submitted completely, its submitted jobs are cancelled."""
    submits = 0

    async def losing_the_third(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal submits
        is_submit = scope["path"].endswith("/submit")
        submits += is_submit
        if is_submit and submits >= 3:
            raise ConnectionResetError("the line went dead")
        await held_emulator(scope, receive, send)

    monkeypatch.setattr("qiskit_oqtopus.batch.WORKERS", 1)
    config = dataclasses.replace(held_emulator.config, transport=losing_the_third)
    with OqtopusProvider(config) as provider, OqtopusClient(held_emulator.config) as client:
        with pytest.raises(BatchSubmissionError, match="the line went dead") as caught:
            provider.get_backend("qulacs").run([bell()] * 4)
        jobs = {job.job_id: job.status for job in client.list_jobs()}

    assert jobs == dict.fromkeys(caught.value.job_ids, "cancelled")
    assert len(jobs) == 2
    assert caught.value.__notes__ == ["Cancellation of these jobs has been requested."]


def test_broken_batch_leaves_no_broken_list(held_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of uncertain state that was not submitted is deleted, as cancelling it would break the list of jobs."""
    monkeypatch.setattr("qiskit_oqtopus.batch.WORKERS", 1)
    held_emulator.inject("drop", path="/jobs/*/submit", times=3)
    held_emulator.inject("drop", path="/jobs/*/status", method="GET", times=3)
    with OqtopusProvider(held_emulator.config) as provider:
        with pytest.raises(BatchSubmissionError, match="may have been submitted anyway"):
            provider.get_backend("qulacs").run([bell()] * 2)

        assert provider.client.list_jobs() == []


# --- as Qiskit's libraries treat backends


def test_is_a_backend(backend: OqtopusBackend) -> None:
    """The backend has the interface of `BackendV2`."""
    assert isinstance(backend, BackendV2)
    assert (backend.version, backend.name, backend.num_qubits, backend.max_circuits) == (2, "qulacs", 16, None)
    assert backend.description == "Noiseless state vector simulator"
    assert copy.deepcopy({"backend": backend})["backend"] is backend


def test_configuration(provider: OqtopusProvider) -> None:
    """The configuration has the fields that mthree reads before calibration."""
    simulator, chip = (provider.get_backend(name).configuration() for name in ("qulacs", "lattice64"))

    assert (simulator.num_qubits, simulator.max_shots, simulator.simulator) == (16, 10_000_000, True)
    assert (chip.num_qubits, chip.max_shots, chip.simulator) == (64, 10_000_000, False)
    assert math.ceil(3000 / chip.max_experiments) == 1  # jobs that it takes for 3000 circuits


def test_counts_survive_pickling(backend: OqtopusBackend) -> None:
    """Results can be pickled."""
    result = backend.run(bell(), shots=10).result()

    assert pickle.loads(pickle.dumps(result)).get_counts() == result.get_counts()  # noqa: S301 - our own
