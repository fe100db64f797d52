"""Write a file of each format that users keep, as this version does: `python -m tests.compatibility.write FOLDER`.

The files of a release stay in this folder for good, and `test_earlier_files.py` reads them with every later version.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
import tempfile
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusEstimationOperator, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.services.journal import Journal, JournalState
from qiskit_oqtopus import OqtopusBackend, OqtopusEstimator, OqtopusProvider, OqtopusSampler

BELL = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n'
TOKEN = "of-no-use-anywhere"


def main(folder: Path) -> None:
    """Write all files."""
    folder.mkdir(parents=True, exist_ok=True)
    expected: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        data = Path(name, "emulator")
        with Emulator(data) as emulator, OqtopusProvider(emulator.config) as provider:
            expected["token"] = emulator.token
            expected["runs"] = write_runs(provider, folder)
            expected["primitives"] = run_primitives(provider)
            expected["sdk"] = run_sdk(provider.client)
            emulator.set_status("lattice64", "unavailable")
        # Jobs in the queue have to survive, too.
        with Emulator(data, executor=Never()) as emulator, OqtopusClient(emulator.config) as client:
            expected["waiting"] = client.submit_job(spec("waiting")).job_id
        shutil.copy(one_file(data / "emulator.sqlite3"), folder / "emulator.sqlite3")
        journal = Path(name, "journal.sqlite3")
        expected["journal"] = asyncio.run(write_journal(journal))
        shutil.copy(one_file(journal), folder / "journal.sqlite3")
    write_profiles(folder / "profiles")
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, default=np.ndarray.tolist) + "\n", "utf-8")


class Never(Executor):
    """Takes work and leaves it."""

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        """Leave it."""
        return Future()


def one_file(path: Path) -> Path:
    """A database that is closed, without files beside it."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    database.execute("VACUUM")
    database.close()
    return path


def spec(name: str) -> OqtopusJobSpec:
    """A sampling job."""
    return OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100, name=name)


def circuits() -> list[QuantumCircuit]:
    """A circuit with a name and metadata, and one of several registers, of which one bit is not measured."""
    bell = QuantumCircuit(2, name="bell", metadata={"angle": 0.5, "nested": [1, {"two": None}]})
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    several = QuantumCircuit(QuantumRegister(3, "q"), ClassicalRegister(2, "a"), ClassicalRegister(3, "b"), name="多")
    several.x([0, 2])
    several.measure([0, 1, 2], [4, 0, 2])
    return [bell, several]


def write_runs(provider: OqtopusProvider, folder: Path) -> dict[str, Any]:
    """Jobs of `backend.run`, saved and left on the server."""
    backend = provider.get_backend("qulacs")
    theta = Parameter("theta")
    turn = QuantumCircuit(1, name="turn")
    turn.ry(theta, 0)
    turn.measure_all()
    jobs = {
        "circuits": backend.run(circuits(), shots=200),
        "memory": backend.run(circuits(), shots=20, memory=True),
        "together": backend.run(circuits(), shots=50, multi_manual=True),
        "sweep": backend.run(turn, parameter_values=[[0.0], [np.pi], [1.0]], shots=60),
        "failed": backend.run(circuits()[0], shots=5, transpiler_options={"optimization_level": 99}),
    }
    runs = {}
    for name, job in jobs.items():
        result = job.result(partial=True)
        job.save(folder / f"job_{name}.json")
        counts = [one.data.counts if one.success else None for one in result.results]
        runs[name] = {"job_id": job.job_id(), "job_ids": job.job_ids, "counts": counts}
    return runs


def run_primitives(provider: OqtopusProvider) -> dict[str, Any]:
    """Jobs of the primitives, by every route."""
    qulacs, chip = provider.get_backend("qulacs"), provider.get_backend("lattice64")
    theta = Parameter("theta")
    ansatz = QuantumCircuit(2)
    ansatz.ry(theta, 0)
    ansatz.cx(0, 1)
    observables = [SparsePauliOp(["ZZ", "XX", "II"], [1.0, 0.5, 0.25]), SparsePauliOp("ZI")]
    pub = ansatz, [[observables[0]], [observables[1]]], [[0.3], [1.2]]
    made: dict[str, Any] = {}
    for route in ("estimation", "sampling"):
        made[f"estimator, {route}"] = OqtopusEstimator(qulacs, route=route).run([pub], precision=0.05)
    made["estimator, mitigated"] = OqtopusEstimator(chip, route="sampling", mitigation="pseudo_inverse").run(
        [isa(ansatz, observables[0], chip)], precision=0.05
    )
    made["sampler"] = OqtopusSampler(qulacs).run(
        [(circuits()[1], None, 30), (ansatz.measure_all(inplace=False), [[0.3], [1.2]], 40)]
    )
    kept = {}
    for name, job in made.items():
        pubs = job.result()
        kept[name] = {
            "job_id": job.job_id(),
            "data": [
                {key: value if isinstance(value, np.ndarray) else value.get_counts() for key, value in pub.data.items()}
                for pub in pubs
            ],
        }
    return kept


def isa(circuit: QuantumCircuit, observable: SparsePauliOp, backend: OqtopusBackend) -> tuple[Any, Any, Any]:
    """A PUB on a chip's own qubits."""
    placed = transpile(circuit, backend, optimization_level=1, seed_transpiler=1)
    return placed, observable.apply_layout(placed.layout), [[0.3]]


def run_sdk(client: OqtopusClient) -> dict[str, Any]:
    """Jobs of every type, by the SDK alone."""
    operator = [OqtopusEstimationOperator(pauli="Z 0 Z 1", coeff=1.5)]
    sampled = client.run_sampling(spec("sampling"))
    estimated = client.run_estimation(
        OqtopusJobSpec.estimation(device_id="qulacs", program=BELL, shots=100, operator=operator)
    )
    sse = client.run_sse(OqtopusJobSpec.sse(device_id="qulacs", program="print('hello')\n", name="sse"))
    return {
        "sampling": [sampled.job_id, dict(sampled.get_counts())],
        "estimation": [estimated.job_id, estimated.exp_value],
        "sse": [sse.job_id, str(sse.status)],
    }


async def write_journal(path: Path) -> list[Any]:
    """A journal with a job in each state, of every type."""
    operator = [OqtopusEstimationOperator(pauli="X 0", coeff=1.0)]
    specs = [
        spec("intended"),
        OqtopusJobSpec.estimation(device_id="qulacs", program=BELL, shots=7, operator=operator, name="uncertain"),
        OqtopusJobSpec.multi_manual(device_id="qulacs", program=[BELL, BELL], shots=9, name="removing"),
        OqtopusJobSpec.sse(device_id="qulacs", program="print('hello')\n", name="submitted"),
        OqtopusJobSpec.sampling(
            device_id="lattice64",
            program=BELL,
            shots=3,
            name="removed",
            transpiler_info={"transpiler_lib": None},
            mitigation_info={"ro_error_mitigation": "pseudo_inverse"},
        ),
    ]
    journal = Journal(path)
    numbers = await journal.intend(specs)
    for number, state in list(zip(numbers, JournalState, strict=True))[1:]:
        await journal.note(number, state, f"job-{number}")
    entries = await journal.entries()
    journal.close()
    return [[entry.number, entry.spec.name, str(entry.state), entry.job_id] for entry in entries]


def write_profiles(path: Path) -> None:
    """Two profiles."""
    OqtopusConfig("https://one.example.org", api_token=TOKEN).save("default", path)
    OqtopusConfig(
        "https://two.example.org",
        api_token="50%;#a",
        proxy="http://proxy.example.org:3128",
        timeout=5.0,
    ).save("two", path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
