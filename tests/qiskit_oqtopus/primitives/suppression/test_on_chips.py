"""What folding, twirling and decoupling do on emulated chips."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit

from oqtopus_client.emulator import EmulatedDevice, Emulator
from oqtopus_client.emulator.coherent import CoherentErrors
from qiskit_oqtopus import OqtopusBackend, OqtopusProvider
from qiskit_oqtopus.primitives.suppression.decoupling import decouple
from qiskit_oqtopus.primitives.suppression.folding import fold
from qiskit_oqtopus.primitives.suppression.schedule import in_rounds
from qiskit_oqtopus.primitives.suppression.twirled import twirled_circuits
from qiskit_oqtopus.primitives.suppression.twirling import twirl, twirlable
from tests.support.lines import line_of
from tests.support.native_circuits import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qiskit.providers import BackendV2

SHOTS = 4000

PERFECT = ((0.0, 0.0),) * 3


@pytest.fixture(scope="module")
def chips() -> Iterator[OqtopusProvider]:
    """Lines of three qubits: with depolarizing cx, with detuned qubits, and with cx that rotate too far."""
    chips = {
        "depolarizing": {"info": line_of(PERFECT, fidelity=0.98)},
        "detuned": {"coherent": CoherentErrors(detuning_khz={0: 20.0})},
        "rotating": {"coherent": CoherentErrors(cx=0.06)},
    }
    devices = [_device(name, **settings) for name, settings in chips.items()]
    with Emulator(":memory:", devices=devices, seed=1) as emulator, OqtopusProvider(emulator.config) as provider:
        yield provider


def _device(name: str, info: dict[str, Any] | None = None, coherent: CoherentErrors | None = None) -> EmulatedDevice:
    info = line_of(PERFECT) if info is None else info
    return replace(EmulatedDevice.from_device_info(info, device_id=name, noisy=True), coherent=coherent)


def _values(backend: BackendV2, circuits: Sequence[QuantumCircuit], flips: Any = None) -> list[float]:
    """Return <Z> of bit 0 for each circuit, once flips are undone."""
    flips = np.zeros((len(circuits), 1), bool) if flips is None else flips
    counts = backend.run(list(circuits), shots=SHOTS).result().get_counts()
    counts = counts if isinstance(counts, list) else [counts]
    return [
        (-1) ** int(row[0]) * sum((-1) ** int(key[-1]) * n for key, n in each.items()) / SHOTS
        for each, row in zip(counts, flips, strict=True)
    ]


def test_folding_amplifies_noise(chips: OqtopusProvider) -> None:
    """The text keeps all cx, and a value decays by the same factor with each further pair."""
    backend: OqtopusBackend = chips.get_backend("depolarizing")
    circuit = QuantumCircuit(2, 1)
    for _ in range(4):
        circuit.cx(0, 1)
        circuit.sx(0)
        circuit.sx(0)
        circuit.x(0)
    circuit.measure(1, 0)
    factors = (1, 2, 3, 5, 7)
    folded = [fold(circuit, factor, np.random.default_rng(1))[0] for factor in factors]
    values = _values(backend, folded)
    decay = -math.log(values[0])

    assert [program.body.count("cx q[") for program in backend.programs(folded)] == [4 * factor for factor in factors]
    for factor, value in zip(factors, values, strict=True):
        # The first value's error, 5 standard errors, counts once for each further factor.
        assert value == pytest.approx(math.exp(-decay * factor), abs=5 * (1 + factor) * _error(value))


def _error(value: float) -> float:
    return math.sqrt((1 - value**2) / SHOTS)


@pytest.mark.parametrize("sequence", ["XX", "XpXm", "XY4"])
@pytest.mark.parametrize("moments", [1, 12, 40])
def test_decoupling_undoes_detuning(chips: OqtopusProvider, sequence: Any, moments: int) -> None:
    """Pulses land where they are planned: the phase of 20 kHz cancels, whatever the gates meanwhile."""
    backend = chips.get_backend("detuned")
    circuit = waiting(moments)
    bare, decoupled = _values(backend, [circuit, decouple(circuit, backend.target, sequence_type=sequence)])
    seconds = moments * backend.target["cx"][1, 2].duration

    assert bare == pytest.approx(math.cos(2 * math.pi * 20e3 * seconds), abs=5 * _error(bare) + 1e-3)
    assert decoupled > 0.998


def test_decoupling_doubles_coherence_on_a_detuned_chip(emulator: Emulator) -> None:
    """On the chip with coherent errors, coherence grows to that on the one without, where it stays the same."""
    values = {}
    with OqtopusProvider(emulator.config) as provider:
        for name in ("lattice64", "lattice64c"):
            backend = provider.get_backend(name)
            circuit = _on_qubits(waiting(80), backend, [20, 18, 10])
            circuits = [circuit, decouple(circuit, backend.target)]
            values[name] = _values(backend, circuits)

    assert values["lattice64c"][1] > 2 * values["lattice64c"][0]
    assert values["lattice64c"][1] == pytest.approx(values["lattice64"][1], abs=0.1)
    assert values["lattice64"][1] == pytest.approx(values["lattice64"][0], abs=0.08)


def _on_qubits(circuit: QuantumCircuit, backend: BackendV2, qubits: Sequence[int]) -> QuantumCircuit:
    placed = QuantumCircuit(backend.num_qubits, 1)
    placed.compose(circuit, qubits, [0], inplace=True)
    return placed


def test_twirling_keeps_errors_of_gates_from_adding_up(chips: OqtopusProvider) -> None:
    """Rotations too far add up coherently over repeated cx; between random Paulis they do so as probabilities."""
    backend = chips.get_backend("rotating")
    pairs, excess = 8, 0.06 * math.pi / 2
    circuit = QuantumCircuit(2, 1)
    for _ in range(2 * pairs):
        circuit.cx(0, 1)
        circuit.barrier(0, 1)
    circuit.measure(1, 0)
    prepared = in_rounds(twirlable(circuit, gates=True, measure=True))
    twirls = twirl(prepared, 64, np.random.default_rng(1), gates=True, measure=True)
    bare, *twirled = _values(
        backend, [circuit, *twirled_circuits(prepared, twirls)], np.vstack([[[False]], twirls.flips])
    )

    assert bare == pytest.approx(math.cos(2 * pairs * excess), abs=5 * _error(bare) + 1e-3)
    assert np.mean(twirled) == pytest.approx(
        math.cos(excess) ** (2 * pairs), abs=5 * float(np.std(twirled)) / math.sqrt(len(twirled))
    )
