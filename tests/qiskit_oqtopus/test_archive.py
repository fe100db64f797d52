"""Saving jobs to files and loading them."""

from __future__ import annotations

import base64
import io
import json
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Gate
from qiskit.circuit.library import Isometry, MSGate, UCGate, UCRYGate
from qiskit.providers import JobError, JobStatus
from qiskit.quantum_info import Operator

from qiskit_oqtopus import OqtopusJob, OqtopusJobError, OqtopusProvider
from qiskit_oqtopus.errors import LaterReleaseError
from tests.support.circuits import bell, keyed, mixed

if TYPE_CHECKING:
    from pathlib import Path

    from oqtopus_client import OqtopusConfig
    from oqtopus_client.emulator import Emulator
    from qiskit_oqtopus import OqtopusBackend
    from tests.support.held_executor import HeldExecutor
    from tests.support.recorded_cloud import RecordedCloud


def test_saved_and_read(backend: OqtopusBackend, cloud: RecordedCloud, tmp_path: Path) -> None:
    """The file contains everything about an ended job; loading it sends no request."""
    circuits = [mixed(1), mixed(6), bell()]
    circuits[0].metadata["not JSON"] = object()
    job = backend.run(circuits, shots=20, memory=True)
    result = job.result()
    job.save(tmp_path / "new" / "job.json")
    cloud.requests.clear()
    read = OqtopusJob.load(tmp_path / "new" / "job.json")

    assert (read.job_id(), read.job_ids, read.status()) == (job.job_id(), job.job_ids, JobStatus.DONE)
    assert [read.result().get_counts(i) for i in range(3)] == [result.get_counts(i) for i in range(3)]
    assert read.result().get_memory(2) == result.get_memory(2)
    assert (read.times(), read.timestamps, read.execution_time) == (job.times(), job.timestamps, job.execution_time)
    assert [program.text for program in read.programs()] == [program.text for program in job.programs()]
    assert read.circuits() == circuits
    assert read.circuits()[0].metadata == {"number": 1, "of": [20]}
    assert read.error_message() is None
    assert cloud.requests == []
    with pytest.raises(JobError, match=r"its backend is unknown; use provider\.load_job\(path\)\."):
        read.backend()


def test_circuits_are_as_submitted(backend: OqtopusBackend, tmp_path: Path) -> None:
    """A circuit that is changed after `run` is still the job's as it was, also in the file."""
    circuit = bell()
    circuit.metadata = {"lock": threading.Lock(), "number": 1}
    job = backend.run(circuit, shots=5)
    circuit.data.clear()
    circuit.metadata["number"] = 2
    job.save(tmp_path / "job.json")

    for each in (job, OqtopusJob.load(tmp_path / "job.json")):
        assert each.circuits() == [bell()]
        assert each.circuits()[0].metadata["number"] == 1
    assert job.circuits()[0].metadata["lock"] is circuit.metadata["lock"]


class Turn(Gate):
    """A custom gate with a parameter of any type."""

    def __init__(self, kind: object, angle: float) -> None:
        super().__init__("turn", 1, [kind])
        self.angle = angle

    def validate_parameter(self, parameter: object) -> object:
        """Accept any parameter."""
        return parameter

    def _define(self) -> None:
        self.definition = QuantumCircuit(1)
        self.definition.rx(self.angle, 0)


def lost_gates() -> list[Gate]:
    """Return gates that QPY cannot write, cannot read back, or reads back as different gates."""
    halves = [np.eye(2), np.array([[0, 1], [1, 0]])]
    return [
        UCGate(halves),
        Isometry(np.eye(4)[:, [2, 1]], 0, 0),
        MSGate(2, [[0, 0.3], [0.3, 0]]),
        UCRYGate([0.1, 0.2]),
        Turn(object(), 0.1),
        Turn({"a": 1}, 0.2),
        Turn("text", 0.3),
    ]


def test_what_qpy_cannot_hold(backend: OqtopusBackend, tmp_path: Path) -> None:
    """Circuits that QPY cannot represent keep their results and programs; the other circuits are complete."""
    circuits = [keyed(5)]
    for gate in lost_gates():
        circuits.append(QuantumCircuit(2, 2, name=f"lost {gate.name}", metadata={"of": gate.name}))
        circuits[-1].append(gate, range(gate.num_qubits))
        circuits[-1].measure([0, 1], [0, 1])
    job = backend.run(circuits, shots=20)
    result = job.result()
    with pytest.warns(UserWarning, match=r"results are not affected\. Left out: 'lost \w+' \(1\): ") as told:
        job.save(tmp_path / "job.json")
    read = OqtopusJob.load(tmp_path / "job.json")

    assert all(f"({i}): " in str(told[0].message) for i in range(1, len(circuits)))
    assert told[0].filename == __file__
    assert read.result().get_counts() == result.get_counts()
    assert read.circuits()[0] == circuits[0]
    assert [circuit.name for circuit in read.circuits()] == [circuit.name for circuit in circuits]
    assert [circuit.metadata for circuit in read.circuits()[1:]] == [circuit.metadata for circuit in circuits[1:]]
    for ours, theirs in zip(read.circuits()[1:], circuits[1:], strict=True):
        bare = [circuit.remove_final_measurements(inplace=False) for circuit in (ours, theirs)]
        assert Operator(bare[0]).equiv(Operator(bare[1].decompose(reps=9)))


def test_gates_of_ones_own(backend: OqtopusBackend, tmp_path: Path) -> None:
    """Custom gates are loaded without their class, with their definitions."""
    circuit = QuantumCircuit(1, 1)
    circuit.append(Turn(2.0, 0.1), [0])
    circuit.measure(0, 0)
    backend.run(circuit, shots=5).save(tmp_path / "job.json")
    (read,) = OqtopusJob.load(tmp_path / "job.json").circuits()

    assert read.data[0].operation.params == [2.0]
    assert read.decompose() == circuit.decompose()


def test_circuits_of_other_versions(backend: OqtopusBackend, tmp_path: Path) -> None:
    """Results survive circuits that this version of Qiskit cannot read, in both formats of saved jobs."""
    file = tmp_path / "job.json"
    job = backend.run(keyed(1), shots=5)
    job.result()
    job.save(file)
    content = json.loads(file.read_text("utf-8"))
    newer = base64.b64encode(b"QISKIT\xff" + base64.b64decode(content["circuits"][0])[7:]).decode()
    for circuits in (newer, [newer]):
        file.write_text(json.dumps(content | {"circuits": circuits}), "utf-8")
        with pytest.warns(UserWarning, match=r"are rebuilt from their programs on loading; results are not affected\."):
            read = OqtopusJob.load(file)
        assert read.result().get_counts() == {"00001": 5}
        assert read.circuits()[0].name == "keyed 1"
    earlier = io.BytesIO()
    qpy.dump([keyed(1)], earlier)
    file.write_text(json.dumps(content | {"circuits": base64.b64encode(earlier.getvalue()).decode()}), "utf-8")

    assert OqtopusJob.load(file).circuits() == [keyed(1)]


def test_secrets_stay_out(backend: OqtopusBackend, config: OqtopusConfig, tmp_path: Path) -> None:
    """A saved job contains no token and no URL, and only its owner can read the file."""
    job = backend.run([keyed(1), keyed(2)], shots=5)
    job.save(tmp_path / "job.json")
    text = (tmp_path / "job.json").read_text("utf-8")

    assert config.api_token is not None
    assert config.api_token not in text
    assert "http" not in text
    assert "ignature" not in text
    assert (tmp_path / "job.json").stat().st_mode & 0o777 == 0o600


def test_failed_jobs(backend: OqtopusBackend, tmp_path: Path) -> None:
    """A failed job is loaded with its reason."""
    job = backend.run(bell(), shots=5, transpiler_options={"optimization_level": 99})
    with pytest.raises(OqtopusJobError):
        job.result()
    job.save(tmp_path / "job.json")
    read = OqtopusJob.load(tmp_path / "job.json")

    assert read.status() is JobStatus.ERROR
    assert read.error_message() == job.error_message()
    with pytest.raises(OqtopusJobError, match="1 of 1 circuits ended without a result"):
        read.result()


def test_unfinished_jobs(held_emulator: Emulator, held: HeldExecutor, tmp_path: Path) -> None:
    """A job loaded with a provider gets its missing parts from the server, and finds its backend."""
    with OqtopusProvider(held_emulator.config) as provider:
        job = provider.get_backend("qulacs").run(keyed(3), shots=5)
        job.save(tmp_path / "job.json")
        held.step()
        held.step()

        read = provider.load_job(tmp_path / "job.json")
        assert read.result(timeout=30).get_counts() == {"00011": 5}
        assert read.backend().name == "qulacs"
        assert OqtopusJob.load(tmp_path / "job.json", provider).result(timeout=30).get_counts() == {"00011": 5}
        with pytest.raises(JobError, match=r"use provider\.load_job\(path\) to request more"):
            OqtopusJob.load(tmp_path / "job.json").result()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "something else"}, "its format is 'something else', not 'qiskit_oqtopus job'"),
        ({"jobs": None}, "'NoneType' object is not iterable"),
        ({"circuits": "AAAA"}, "its circuits are not QPY"),
        ({"circuits": ["AAAA"]}, "its circuits are not QPY"),
        (None, "Expecting value"),
    ],
)
def test_other_files(backend: OqtopusBackend, tmp_path: Path, change: dict[str, object] | None, reason: str) -> None:
    """Loading any other file raises an error with the reason."""
    file = tmp_path / "job.json"
    backend.run(keyed(1), shots=5).save(file)
    file.write_text("not JSON" if change is None else json.dumps(json.loads(file.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(ValueError, match=f"job.json is not a valid saved job: .*{reason}"):
        OqtopusJob.load(file)


def test_files_of_later_releases(backend: OqtopusBackend, tmp_path: Path) -> None:
    """A file or program of a later version is refused with a message that names the remedy."""
    file = tmp_path / "job.json"
    backend.run(keyed(1), shots=5).save(file)
    content = json.loads(file.read_text("utf-8"))
    program = content["programs"][0][0].replace('{"v":1,', '{"v":4,')
    for change, what in (({"version": 4}, str(file)), ({"programs": [[program]]}, "Its header")):
        file.write_text(json.dumps(content | change), "utf-8")
        with pytest.raises(LaterReleaseError) as caught:
            OqtopusJob.load(file)
        assert str(caught.value).startswith(f"{what} has the format version 4, which oqtopus-client ")
        assert str(caught.value).endswith("cannot read: install the release that wrote it, or a later one.")
