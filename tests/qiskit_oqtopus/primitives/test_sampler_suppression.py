"""Error suppression in a sampler: twirled circuits, whose flips are undone in the bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit_aer import AerSimulator

from oqtopus_client import OqtopusConfig
from oqtopus_client.emulator import EmulatedDevice, Emulator
from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusProvider, OqtopusSampler
from tests.support.lines import line_of
from tests.support.native_circuits import native
from tests.support.server_process import last_words
from tests.support.statistics import FALSE_ALARM, SHOTS, exact_distribution, joint_counts, only_outcomes, p_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit.providers import BackendV2

TWIRLS: dict[str, dict[str, Any]] = {
    "gates": {"enable_gates": True},
    "measurements": {"enable_measure": True},
    "both": {"enable_gates": True, "enable_measure": True, "num_randomizations": 5},
}


@pytest.fixture(scope="module", params=["oqtopus", "aer"])
def anywhere(request: pytest.FixtureRequest) -> Iterator[BackendV2]:
    """A line of perfect qubits, or a simulator of another kind."""
    if request.param == "aer":
        yield AerSimulator()
        return
    device = EmulatedDevice.from_device_info(line_of([(0.0, 0.0)] * 6), device_id="perfect")
    with Emulator(":memory:", devices=[device]) as emulator, OqtopusProvider(emulator.config) as provider:
        yield provider.get_backend("perfect")


def scattered(bits: int) -> QuantumCircuit:
    """A native circuit of two registers that share bits and of a loose bit, whose only outcome is the number `bits`."""
    first = ClassicalRegister(3, "first")
    circuit = QuantumCircuit(
        QuantumRegister(5, "q"), first, ClassicalRegister(name="second", bits=[first[2], first[0]])
    )
    circuit.add_register(ClassicalRegister(3, "third"))
    angle = Parameter("angle")
    for qubit in range(5):
        circuit.rz(angle, qubit)
        if bits >> qubit & 1:
            circuit.x(qubit)
    circuit.cx(0, 1)
    circuit.cx(0, 1)
    circuit.measure(range(5), [2, 0, 1, 5, 3])
    return circuit


@pytest.mark.parametrize("twirling", TWIRLS.values(), ids=TWIRLS)
def test_bits(anywhere: BackendV2, twirling: dict[str, Any]) -> None:
    """Flips are undone in registers that share bits, at any place; bits that are not measured stay 0."""
    sampler = OqtopusSampler(anywhere, twirling=twirling, seed=5)
    job = sampler.run([(scattered(0b01101), [[0.3], [-2.0]], 100)])
    (result,) = job.result()

    assert only_outcomes(result, "first") == ["110", "110"]
    assert only_outcomes(result, "second") == ["01", "01"]
    assert only_outcomes(result, "third") == ["100", "100"]
    assert result.metadata["shots"] == 100


def test_one_shot_a_job(anywhere: BackendV2) -> None:
    """Jobs of a single shot are as many as the shots, also where randomizations have different numbers of them."""
    twirling = {"enable_measure": True, "num_randomizations": 2}
    sampler = OqtopusSampler(anywhere, twirling=twirling, max_shots=1)
    pub = scattered(0b01101), [0.3], 11

    assert sampler.plan([pub]).jobs == 11
    assert only_outcomes(sampler.run([pub]).result()[0], "first") == "110"


@pytest.mark.filterwarnings(r"ignore:The circuit of PUB \d+ measures nothing:UserWarning")
def test_metadata(anywhere: BackendV2) -> None:
    """They say what was done and in how many circuits; shots that options give take the place of the PUB's."""
    twirling = {"enable_measure": True, "num_randomizations": 3, "shots_per_randomization": 7}
    sampler = OqtopusSampler(anywhere, twirling=twirling)
    silent = QuantumCircuit(1, 1)
    plan = sampler.plan([(scattered(1), [[0], [1]], 100), silent])
    first, second = sampler.run([(scattered(1), [[0], [1]], 100), silent]).result()

    assert (plan.jobs, plan.shots, plan.added_jobs, len(plan.circuits)) == (6, 42, 4, 3)
    assert first.metadata == {
        "shots": 21,
        "circuit_metadata": {},
        "num_randomizations": 3,
        "shots_per_randomization": 7,
        "twirling": {"enable_gates": False, "enable_measure": True},
        "num_circuits": 6,
    }
    assert first.data.first.num_shots == 21
    assert second.metadata == {"shots": 1024, "circuit_metadata": {}}


@pytest.mark.parametrize("seed", range(6))
def test_random_circuits(seed: int) -> None:
    """Twirled circuits have the distribution of the original ones, across all registers."""
    rng = np.random.default_rng(seed)
    circuit = native(seed, qubits=4)
    values = dict.fromkeys(circuit.parameters, rng.uniform(-3, 3))
    twirling = list(TWIRLS.values())[seed % 3] | {"num_randomizations": "auto"}
    sampler = OqtopusSampler(AerSimulator(), twirling=twirling, seed=seed)
    job = sampler.run([(circuit, [values[parameter] for parameter in circuit.parameters], SHOTS)])
    bound = circuit.assign_parameters(values)
    measured = {
        bound.find_bit(item.clbits[0]).index: bound.find_bit(item.qubits[0]).index
        for item in bound.data
        if item.name == "measure"
    }

    assert p_value(joint_counts(job.result()[0].data), exact_distribution(bound, measured)) > FALSE_ALARM


def test_gates_that_cannot_be_twirled() -> None:
    """Circuits of other gates are refused, with what to do."""
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    with pytest.raises(CircuitError, match="has the instruction 'h', but twirling needs circuits of"):
        OqtopusSampler(AerSimulator(), twirling={"enable_gates": True}).run([circuit])


def test_mitigation_on_the_server(backend: OqtopusBackend) -> None:
    """The server's mitigation of flipped bits would be that of other outcomes, so it is refused."""
    sampler = OqtopusSampler(backend, mitigation="pseudo_inverse", twirling={"enable_measure": True})
    with pytest.raises(ValueError, match="mitigation='pseudo_inverse' cannot be combined with twirled measurements"):
        sampler.run([QuantumCircuit(1, 1)])


SUBMIT_AND_DIE = """
import os, signal
from qiskit import QuantumCircuit
from qiskit_oqtopus import OqtopusProvider, OqtopusSampler

circuit = QuantumCircuit(3)
circuit.x(0)
circuit.measure_all()
twirling = {"enable_measure": True, "num_randomizations": 4}
job = OqtopusSampler(OqtopusProvider().get_backend("qulacs"), transpile="none", twirling=twirling).run([circuit])
print(job.job_id(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_in_another_process(server: dict[str, str]) -> None:
    """The flips of a killed process are undone in another process."""
    job_id = last_words(SUBMIT_AND_DIE, server)
    with OqtopusProvider(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as provider:
        job = provider.job(job_id)
        assert len(job.job_ids) == 4  # type: ignore[union-attr]
        assert job.result(timeout=60)[0].data.meas.get_counts() == {"001": 1024}  # type: ignore[index]
