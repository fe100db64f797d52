"""Random sets of circuits side by side: each has the distribution that it has to have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from scipy.stats import binom

from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.device_files import built_in_devices
from qiskit_oqtopus import OqtopusProvider
from tests.support.merged import distribution_of
from tests.support.native_circuits import bits_distribution, native

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qiskit_oqtopus import OqtopusBackend, OqtopusJob

SHOTS = 4000

FALSE_ALARM = 1e-9
"""Bound of the probability that a right circuit fails: at most 1e-5 for 200 sets of 12 circuits, on three devices."""

LATTICE = built_in_devices()["lattice64"]
NOISE = {"twin": {"noisy": False}, "gates": {"idle_noise": False}, "all": {}}

SETS = 8

seeds = pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(1, 25))])


@pytest.fixture(scope="module")
def backends() -> Iterator[dict[str, OqtopusBackend]]:
    """The same chip without noise, with that of gates and readout, and with that of waiting qubits, too."""
    devices = [
        replace(LATTICE, description={**LATTICE.description, "device_id": name}, **noise)
        for name, noise in NOISE.items()
    ]
    with Emulator(":memory:", devices=devices, quirks=True) as emulator, OqtopusProvider(emulator.config) as provider:
        yield {name: provider.get_backend(name) for name in NOISE}


def region(rng: np.random.Generator, size: int, pairs: list[tuple[int, int]]) -> list[int]:
    """Draw connected qubits of the chip."""
    found = [int(rng.integers(64))]
    while len(found) < size:
        near = [b if a in found else a for a, b in pairs if (a in found) != (b in found)]
        found.append(int(rng.choice(near)))
    return found


def random_circuit(rng: np.random.Generator) -> QuantumCircuit:
    """Draw a circuit of 1 to 6 qubits: native or not, any pairs of qubits and any registers, with barriers."""
    circuit = native(int(rng.integers(1 << 30)), steps=int(rng.choice([8, 30])), delays=rng.random() < 0.1)
    circuit.assign_parameters(rng.uniform(-3, 3, circuit.num_parameters), inplace=True)
    if rng.random() < 0.5:
        front = circuit.copy_empty_like()
        for _ in range(6):
            first, *others = (int(qubit) for qubit in rng.permutation(circuit.num_qubits))
            kind = str(rng.choice(["h", "rx", "cswap", "cp", "rzz"]))
            if kind == "rx" or (kind in {"cp", "rzz"} and others):
                getattr(front, kind)(rng.uniform(-3, 3), *[first, *others][: 1 if kind == "rx" else 2])
            elif kind == "h" or len(others) > 1:
                getattr(front, kind)(*[first, *others][: 1 if kind == "h" else 3])
        circuit.compose(front, front=True, inplace=True, copy=False)
    return circuit


def random_set(rng: np.random.Generator, backend: OqtopusBackend) -> tuple[list[QuantumCircuit], list[QuantumCircuit]]:
    """Draw circuits, some of them on qubits of the chip; also return them as they were drawn."""
    pairs = [tuple(pair) for pair in backend.coupling_map]
    drawn, given = [], []
    for _ in range(int(rng.integers(2, 13))):
        circuit = random_circuit(rng)
        drawn.append(circuit)
        if rng.random() < 0.3:
            layout = region(rng, circuit.num_qubits, pairs)
            seed = int(rng.integers(1 << 30))
            circuit = transpile(circuit, backend, initial_layout=layout, optimization_level=0, seed_transpiler=seed)
        given.append(circuit)
    return drawn, given


def random_options(rng: np.random.Generator) -> dict[str, Any]:
    """Draw options: mostly any number of circuits side by side, not too close to each other."""
    most = [True, True, True, 3][int(rng.integers(4))]
    return {"parallel": most, "spacing": int(rng.choice([0, 1, 1, 2])), "seed_simulator": int(rng.integers(1 << 30))}


def p_value(counts: dict[str, int], distribution: NDArray[np.float64]) -> float:
    """The smallest p-value of the binomial tests of all outcomes, times their number."""
    observed = np.zeros(len(distribution), int)
    for key, number in counts.items():
        observed[int(key, 16)] = number
    assert observed.sum() == SHOTS
    possible = np.flatnonzero(distribution > 1e-12)
    assert observed[possible].sum() == SHOTS
    chances = np.clip(distribution[possible], 0, 1)
    tails = np.minimum(binom.cdf(observed[possible], SHOTS, chances), binom.sf(observed[possible] - 1, SHOTS, chances))
    return float(min(1.0, 2 * len(tails) * tails.min()))


def results(job: OqtopusJob) -> list[tuple[dict[str, int], Any, str]]:
    """Return counts, part of the header, and the program of each circuit."""
    result = job.result()
    found: list[Any] = [None] * len(result.results)
    for (program,) in job.programs_by_job():
        for part in program.header.parts:
            found[part.index] = (result.data(part.index)["counts"], part, program.body)
    return found


@seeds
def test_without_noise(backends: dict[str, OqtopusBackend], seed: int) -> None:
    """Each circuit has its own distribution, calculated from the circuit that was drawn."""
    rng = np.random.default_rng(seed)
    for _ in range(SETS):
        drawn, given = random_set(rng, backends["twin"])
        job = backends["twin"].run(given, shots=SHOTS, **random_options(rng))
        for circuit, (counts, part, _) in zip(drawn, results(job), strict=True):
            assert p_value(counts, bits_distribution(circuit)) > FALSE_ALARM, (circuit.name, part)


@seeds
@pytest.mark.parametrize("noise", ["gates", "all"])
def test_with_noise(backends: dict[str, OqtopusBackend], seed: int, noise: str) -> None:
    """Each circuit has the distribution of its gates on its qubits, with its waits in the program where they count."""
    rng = np.random.default_rng([seed, 1])
    for _ in range(SETS):
        drawn, given = random_set(rng, backends[noise])
        job = backends[noise].run(given, shots=SHOTS, **random_options(rng))
        for circuit, (counts, part, body) in zip(drawn, results(job), strict=True):
            np.testing.assert_allclose(distribution_of(part, body), bits_distribution(circuit), atol=1e-9)
            expected = distribution_of(part, body, LATTICE.calibration, idle_noise=noise == "all")
            assert p_value(counts, expected) > FALSE_ALARM, part
