"""Calls that users of other providers write: each works, or its error names the equivalent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.providers import JobStatus

from oqtopus_client import OqtopusConfig
from oqtopus_client.errors import OqtopusConfigError
from qiskit_oqtopus import Batch, EstimatorV2, OqtopusProvider, SamplerV2, Session
from qiskit_oqtopus.equivalents import BACKEND, JOB, PROVIDER
from tests.support.circuits import bell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from qiskit_oqtopus import OqtopusBackend


@pytest.fixture(scope="module")
def service() -> Iterator[OqtopusProvider]:
    """Return a provider, under the name that it has in such scripts."""
    with OqtopusProvider.emulator(":memory:") as provider:
        yield provider


@pytest.fixture(scope="module")
def backend(service: OqtopusProvider) -> OqtopusBackend:
    """Return a device."""
    return service.backend("lattice64")


CALLS: dict[str, Callable[[OqtopusProvider, Any], Any]] = {
    "service.backend(name)": lambda service, backend: service.backend(backend.name).name == "lattice64",
    "service.backends()": lambda service, _: len(service.backends()) == 4,
    "service.backends(simulator=False)": lambda service, _: len(service.backends(simulator=False)) == 3,
    "service.least_busy()": lambda service, _: service.least_busy().name,
    "service.least_busy(min_num_qubits=)": lambda service, _: service.least_busy(min_num_qubits=100).num_qubits == 144,
    "service.jobs(limit=)": lambda service, _: len(list(service.jobs(limit=0))) == 0,
    "service.jobs(pending=)": lambda service, _: list(service.jobs(pending=True)) == [],
    "service.jobs(backend_name=)": lambda service, _: list(service.jobs(backend_name="lattice144")) == [],
    "backend.name": lambda _, backend: backend.name == "lattice64",
    "backend.num_qubits": lambda _, backend: backend.num_qubits == 64,
    "backend.status()": lambda _, backend: backend.status().operational,
    "backend.status().pending_jobs": lambda _, backend: backend.status().pending_jobs == 0,
    "backend.status().status_msg": lambda _, backend: backend.status().status_msg == "active",
    "backend.status": lambda _, backend: backend.status == "available",
    "backend.properties()": lambda _, backend: backend.properties().t1(0) > 0,
    "backend.properties().readout_error": lambda _, backend: backend.properties().readout_error(0) > 0,
    "backend.configuration()": lambda _, backend: backend.configuration().n_qubits == 64,
    "backend.configuration().basis_gates": lambda _, backend: "cx" in backend.configuration().basis_gates,
    "backend.coupling_map": lambda _, backend: backend.coupling_map.size() == 64,
    "backend.operation_names": lambda _, backend: "cx" in backend.operation_names,
    "backend.target": lambda _, backend: backend.target.num_qubits == 64,
    "backend.instruction_durations": lambda _, backend: backend.instruction_durations.get("sx", 0, "s") > 0,
    "backend.dt": lambda _, backend: backend.dt > 0,
    "backend.max_shots": lambda _, backend: backend.max_shots == 10_000_000,
    "backend.options": lambda _, backend: backend.options.shots == 1000,
    "backend.refresh()": lambda _, backend: backend.refresh() is False,
    "transpile(circuit, backend)": lambda _, backend: transpile(bell(), backend).num_qubits == 64,
}


@pytest.mark.parametrize("call", CALLS)
def test_same_call(service: OqtopusProvider, backend: OqtopusBackend, call: str) -> None:
    """The call does here what it does elsewhere."""
    assert CALLS[call](service, backend)


@pytest.mark.filterwarnings("ignore:OQTOPUS has no")
@pytest.mark.parametrize("around", [Session, Batch])
def test_jobs_in_a_session(backend: OqtopusBackend, around: type[Session]) -> None:
    """Primitives run within a session or batch, and their jobs answer as in other providers."""
    isa = transpile(bell(), backend)
    with around(backend=backend) as session:
        job = SamplerV2(mode=session).run([isa], shots=100)
        values = EstimatorV2(mode=session, options={"default_precision": 0.1})
        assert job.result()[0].data.meas.num_shots == 100
    assert values.backend is backend
    assert (job.done(), job.in_final_state(), job.running(), job.cancelled()) == (True, True, False, False)
    assert job.status() is JobStatus.DONE
    assert session.session_id is None


def test_session_says_what_it_is(backend: OqtopusBackend) -> None:
    """A session gives no precedence, and says so; anything but a backend is refused."""
    with pytest.warns(UserWarning, match="OQTOPUS has no sessions: jobs wait in the queue like all others"):
        Session(backend)
    with pytest.raises(TypeError, match="backend must be a backend"):
        Session("lattice64")  # type: ignore[arg-type]


def test_earlier_jobs(service: OqtopusProvider, backend: OqtopusBackend) -> None:
    """Jobs are selected by device and end, and the first of them can be skipped."""
    job_ids = []
    for _ in range(2):
        circuit = QuantumCircuit(1)
        circuit.measure_all()
        job = backend.run(circuit, shots=1)
        job.result()
        job_ids.insert(0, job.job_id())

    assert [job.job_id() for job in service.jobs(backend_name="lattice64", pending=False, limit=2)] == job_ids
    assert [job.job_id() for job in service.jobs(backend_name="lattice64", limit=1, skip=1)] == job_ids[1:]
    with pytest.raises(ValueError, match="Use either status or pending"):
        service.jobs(status="DONE", pending=True)
    with pytest.raises(ValueError, match="skip must be at least 0, not -1"):
        service.jobs(skip=-1)


@pytest.mark.parametrize("name", PROVIDER)
def test_names_of_other_services(service: OqtopusProvider, name: str) -> None:
    """An attribute that only other services have is missing, and the error names the equivalent."""
    assert not hasattr(service, name)
    with pytest.raises(AttributeError, match=rf"'OqtopusProvider' object has no attribute '{name}'; .+\."):
        getattr(service, name)


@pytest.mark.parametrize("name", BACKEND)
def test_names_of_other_backends(backend: OqtopusBackend, name: str) -> None:
    """The same for backends."""
    with pytest.raises(AttributeError, match=rf"'OqtopusBackend' object has no attribute '{name}'; .+\."):
        getattr(backend, name)


def test_names_of_other_jobs(backend: OqtopusBackend) -> None:
    """The same for jobs."""
    for job in backend.run(bell(), shots=1), SamplerV2(backend).run([bell()], shots=1):
        for name in JOB:
            with pytest.raises(AttributeError, match=rf"object has no attribute '{name}'; .+\."):
                getattr(job, name)


def test_unknown_name(service: OqtopusProvider) -> None:
    """Without an equivalent, the error is the usual one."""
    with pytest.raises(AttributeError, match=r"^'OqtopusProvider' object has no attribute 'nothing'$"):
        service.nothing  # type: ignore[attr-defined]  # noqa: B018 - raises


def test_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved account is the default profile; a URL and a token can be given without one."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("OQTOPUS_URL", "OQTOPUS_BASE_URL", "OQTOPUS_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    file = OqtopusProvider.save_account("https://api.example", "saved")

    assert OqtopusProvider().client.config.api_token == OqtopusConfig.from_file(path=file).api_token == "saved"
    assert OqtopusProvider(url="https://api.example", token="given").client.config.api_token == "given"
    with pytest.raises(OqtopusConfigError, match="overwrite=True"):
        OqtopusProvider.save_account("https://api.example", "other")
    with pytest.raises(OqtopusConfigError, match="unencrypted"):
        OqtopusProvider.save_account("http://api.example", "token", overwrite=True)
    with pytest.raises(TypeError, match="Pass url and token, or a config"):
        OqtopusProvider(token="alone")
