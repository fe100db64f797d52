"""Programs with a backend, from the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.providers import QiskitBackendNotFoundError
from qiskit.quantum_info import SparsePauliOp

from oqtopus_client import OqtopusJobSpec
from qiskit_oqtopus import OqtopusBackend, OqtopusJob, OqtopusProgramJob, OqtopusProvider, ProgramError, ProgramOptions
from tests.support.circuits import BELL, bell

if TYPE_CHECKING:
    from pathlib import Path


def energies(backend: OqtopusBackend, ansatz: QuantumCircuit, observable: SparsePauliOp, *, angles: Any) -> Any:
    """Return the values of an observable, by both primitives and by counts."""
    import numpy as np  # noqa: PLC0415
    from qiskit import transpile  # noqa: PLC0415

    from qiskit_oqtopus import OqtopusEstimator, OqtopusSampler  # noqa: PLC0415

    isa = transpile(ansatz, backend)
    (estimated,) = OqtopusEstimator(backend).run([(isa, observable.apply_layout(isa.layout), angles)]).result()
    measured = transpile(ansatz.measure_all(inplace=False), backend)
    (sampled,) = OqtopusSampler(backend).run([(measured, angles)], shots=1000).result()
    counts = backend.run(measured.assign_parameters([np.pi]), shots=10).result().get_counts()
    return {
        "name": backend.name,
        "qubits": backend.num_qubits,
        "evs": estimated.data.evs,
        "ones": [sampled.data.meas[i].get_counts().get("1", 0) for i in range(len(angles))],
        "counts": counts,
        "observable": observable,
    }


def fails(backend: OqtopusBackend) -> None:
    """Run a circuit that the backend refuses."""
    from qiskit import QuantumCircuit  # noqa: PLC0415

    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.measure(0, 0)
    backend.run(circuit)


@pytest.mark.parametrize("device", ["qulacs", "lattice64"])
def test_a_function_runs_here_and_there(provider: OqtopusProvider, device: str) -> None:
    """Expectation values and counts agree with the cosine of the angle, there as here; arguments survive the journey.

    With 4096 shots, the standard error is at most 0.016; on the chip, gates and readout add a few percent.
    """
    import numpy as np  # noqa: PLC0415 - as the function does

    ansatz = QuantumCircuit(1)
    ansatz.ry(Parameter("angle"), 0)
    observable = SparsePauliOp(["Z"], [2.0])
    angles = np.array([[0.0], [1.0], [np.pi]])
    backend = provider.get_backend(device)
    job = provider.run_program(energies, ansatz, observable, angles=angles, backend=backend)
    there, here = job.result(120), energies(backend, ansatz, observable, angles=angles)

    tolerance = 0.15 if device == "qulacs" else 0.35
    for found in (here, there):
        assert np.asarray(found["evs"]) == pytest.approx(2 * np.cos(angles[:, 0]), abs=tolerance)
        assert np.array(found["ones"]) / 1000 == pytest.approx(np.sin(angles[:, 0] / 2) ** 2, abs=tolerance)
        assert found["counts"]["1"] >= 8
        assert (found["name"], found["qubits"], found["observable"]) == (device, backend.num_qubits, observable)
    assert len(job.inner_jobs) == 3 + 3 + 1


def settings_of(backend: OqtopusBackend) -> Any:
    """Return the settings of a backend, and the counts that they lead to."""
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    return dict(backend.options), backend.target["measure"][(0,)].duration, backend.run(circuit).result().get_counts()


def test_the_settings_of_the_backend() -> None:
    """The backend there has the options of this one, and its provider's duration of measurements."""
    with OqtopusProvider.emulator(":memory:", measure_duration=3e-6) as provider:
        backend = provider.get_backend("lattice64")
        backend.set_options(shots=77, transpiler_options={"optimization_level": 0}, job_tags=["x"], seed_simulator=5)

        assert provider.run_program(settings_of, backend=backend).result(60) == settings_of(backend)


def test_an_error_of_the_provider(provider: OqtopusProvider) -> None:
    """A circuit that a backend refuses here is refused there, with the same words."""
    with pytest.raises(ProgramError, match="raised CircuitError: Circuit ") as caught:
        provider.run_program(fails, backend="qulacs").result(60)

    assert caught.value.traceback is not None
    assert "backend.run(circuit)" in caught.value.traceback


def test_retrieval(provider: OqtopusProvider, backend: OqtopusBackend) -> None:
    """The provider's job() finds programs and other jobs by their ids."""
    program = provider.run_program(fails, backend=backend, options=ProgramOptions(name="found"))
    single = backend.run(bell(), shots=5)

    found = provider.job(program.job_id)
    assert isinstance(found, OqtopusProgramJob)
    assert found.job_id == provider.program_job(program.job_id).job_id == program.job_id
    assert isinstance(provider.job(single.job_id()), OqtopusJob)
    assert provider.client.get_job(program.job_id).name == "found"


def test_a_script(provider: OqtopusProvider, tmp_path: Path) -> None:
    """It runs as it is, and its words are its command line."""
    file = tmp_path / "script.py"
    spec = f"OqtopusJobSpec.sampling(device_id='', program={BELL!r}, shots=int(sys.argv[1]))"
    file.write_text(
        "'''A script.'''\nfrom __future__ import annotations\nimport sys\n"
        "from oqtopus_client import OqtopusClient, OqtopusJobSpec\n"
        f"with OqtopusClient() as client:\n    print(client.run_sampling({spec}).status, __name__)\n",
        encoding="utf-8",
    )
    job = provider.run_program(file, "5", backend="qulacs")

    assert job.logs(60) == "succeeded __main__\n"
    assert (job.result(), job.is_function, job.inner_jobs) == (None, False, ())
    assert OqtopusJobSpec.sse(device_id="qulacs", program=file.read_text(encoding="utf-8")).name is None


def test_backends_that_do_not_exist(provider: OqtopusProvider) -> None:
    """They are refused before anything is sent."""
    with pytest.raises(QiskitBackendNotFoundError, match="Did you mean 'qulacs'"):
        provider.run_program(fails, backend="qulax")
    with pytest.raises(TypeError, match="backend must be an OqtopusBackend or the name of a device, not 5"):
        provider.run_program(fails, backend=5)  # type: ignore[arg-type]
