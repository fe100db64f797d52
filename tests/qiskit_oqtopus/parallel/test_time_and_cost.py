"""How long a QPU plays merged programs, by the gateway's rule, and what the emulator spends on them."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import n_local

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation.circuits import measurements, parse
from oqtopus_client.emulator.simulation.sampling import parts_of, seconds
from qiskit_oqtopus.parallel.assignment import Request, assign
from qiskit_oqtopus.parallel.chip import Chip, target_of
from qiskit_oqtopus.parallel.load import Load
from qiskit_oqtopus.parallel.merging import Part, merge
from qiskit_oqtopus.qasm import to_program
from qiskit_oqtopus.target import target_from_device
from tests.support.circuits import bell
from tests.support.gateway import played

EMULATED = built_in_devices()["lattice64"]
DEVICE = OqtopusDevice(EMULATED.info(n_pending_jobs=0))
TARGET = target_from_device(DEVICE)
CLOCK_NS = 2


def line(width: int) -> QuantumCircuit:
    """Two layers of entanglement along a line."""
    circuit = n_local(width, ["ry", "rz"], "cx", "linear", reps=2)
    angles = np.random.default_rng(width).uniform(-3, 3, circuit.num_parameters)
    circuit.assign_parameters(angles, inplace=True)
    circuit.measure_all()
    return circuit


CIRCUITS = {
    "15 pairs": [bell()] * 15,
    "6 lines of 6": [line(6)] * 6,
    "7 lines of 2 to 6": [line(width) for width in (6, 6, 6, 5, 4, 3, 2)],
    "2 lines of 16": [line(16)] * 2,
}


@cache
def placed(name: str) -> list[Part]:
    """Place the circuits on the chip, all in one program."""
    native = [transpile(each, basis_gates=["rz", "sx", "x", "cx"], optimization_level=1) for each in CIRCUITS[name]]
    (places,) = assign(Chip.of(DEVICE, TARGET), [Request(Load.of(each), "", i) for i, each in enumerate(native)])
    parts = []
    for i, each in enumerate(native):
        region = target_of(TARGET, places[i].qubits)
        layout = range(region.num_qubits)
        turned = transpile(each, target=region, initial_layout=layout, optimization_level=1, seed_transpiler=1)
        parts.append(Part(to_program(turned, region), places[i].qubits, i))
    return parts


def as_written(part: Part) -> str:
    """Return the gates of a part on the device's qubits, in its own order."""
    gates = [line for line in part.program.body.splitlines(keepends=True) if "(" in line or re.match(r"s?x|cx", line)]
    return re.sub(r"q\[(\d+)\]", lambda match: f"q[{part.qubits[int(match[1])]}]", "".join(gates))


def nanoseconds(body: str) -> int:
    """Return the time until all qubits are read out."""
    return CLOCK_NS * max(played(body, TARGET)[1].values())


def without_alignment(body: str) -> int:
    """Return the time that the gates need if each only waits for those on its own qubits."""
    free: dict[int, int] = {}
    for gate in played(body, TARGET)[0]:
        start = max(free.get(qubit, 0) for qubit in gate.qubits)
        free.update(dict.fromkeys(gate.qubits, start + gate.end - gate.start))
    return CLOCK_NS * max(free.values())


def mean_wait(body: str) -> float:
    """Return how long a qubit does nothing between its first gate and the readout, in nanoseconds."""
    begun: dict[int, int] = {}
    busy: dict[int, int] = {}
    gates, clocks = played(body, TARGET)
    for gate in gates:
        if gate.name != "rz":
            for qubit in gate.qubits:
                begun.setdefault(qubit, gate.start)
                busy[qubit] = busy.get(qubit, 0) + gate.end - gate.start
    return CLOCK_NS * float(np.mean([max(clocks.values()) - begun[qubit] - busy[qubit] for qubit in begun]))


@pytest.mark.parametrize("name", CIRCUITS)
def test_duration(name: str) -> None:
    """A merged program takes little more time than its gates need, and waits much less than parts in sequence."""
    parts = placed(name)
    merged, sequence = merge(parts, 64).body, "".join(map(as_written, parts))
    longest = max(nanoseconds(as_written(part)) for part in parts)

    assert nanoseconds(merged) <= 1.15 * without_alignment(merged)
    assert nanoseconds(merged) <= longest
    assert nanoseconds(sequence) == sum(nanoseconds(as_written(part)) for part in parts)
    assert mean_wait(merged) < mean_wait(sequence) / 4
    # Merging costs a part little: the others share its rounds.
    assert nanoseconds(merged) <= 1.12 * max(nanoseconds(merge([part], 64).body) for part in parts)


def test_duration_of_pairs() -> None:
    """Fifteen pairs take as long as the slowest one."""
    parts = placed("15 pairs")

    assert nanoseconds(merge(parts, 64).body) == max(nanoseconds(as_written(part)) for part in parts)


@pytest.mark.parametrize("nanoseconds_asked", [0, 20, 10_000])
def test_delays_last_as_long_as_written(nanoseconds_asked: int) -> None:
    """An echo on each qubit of the chip: no other part's gates come between a delay and the gate after it."""
    circuit = QuantumCircuit(1, 1)
    circuit.sx(0)
    circuit.delay(nanoseconds_asked, 0, unit="ns")
    circuit.rz(0.3, 0)
    circuit.x(0)
    circuit.delay(nanoseconds_asked, 0, unit="ns")
    circuit.rz(0.3, 0)
    circuit.sx(0)
    circuit.measure(0, 0)
    parts = [Part(to_program(circuit, TARGET), (qubit,), qubit) for qubit in range(64)]
    gates = [gate for gate in played(merge(parts, 64).body, TARGET)[0] if gate.name in {"sx", "x"}]
    longest_x = max(gate.end - gate.start for gate in gates if gate.name == "x")

    assert len(gates) == 3 * 64
    for qubit in range(64):
        first, echo, last = (gate for gate in gates if gate.qubits == (qubit,))
        assert CLOCK_NS * (echo.start - first.end) == nanoseconds_asked
        assert CLOCK_NS * (last.start - echo.start - longest_x) == nanoseconds_asked


@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize("noise", [{"noisy": False}, {"idle_noise": False}, {}], ids=["none", "gates", "all"])
def test_cost_in_the_emulator(name: str, noise: dict[str, bool]) -> None:
    """The emulator simulates a merged program part by part, for what the parts cost alone."""
    parts, device = placed(name), replace(EMULATED, **noise)
    merged, *alone = (parse(merge(each, 64).body) for each in (parts, *([part] for part in parts)))
    measured = {qubit for part in parts for qubit in part.qubits}
    simulated = {tuple(qubits) for _, qubits in parts_of(merged, device, measured)}
    costs = [seconds(each, device, 1000, measurements(each).values()) for each in (merged, *alone)]

    assert simulated == {tuple(sorted(part.qubits)) for part in parts}
    assert 0 < costs[0] <= 1.1 * sum(costs[1:])
