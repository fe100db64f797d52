"""The bias that error suppression and mitigation leave, and what they cost.

Run by hand: `python tests/benchmarks/mitigation.py`. Values of three circuits are compared with exact ones, on ten
qubits of the emulator's chips: lattice64, with its calibrated errors, and lattice64c, with coherent ones in addition. A
row has the root mean square, over a circuit's observables, of the differences from the exact values and of the standard
errors, and the jobs and shots that it takes. The first is of a chip without readout errors, and without mitigation.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp, Statevector

sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client.emulator import EmulatedDevice, Emulator
from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.providers import BackendV2

LINE = (15, 14, 13, 21, 29, 37, 36, 44, 45, 46)
"""The line of ten neighbours with the least errors, on both chips."""

WAYS: dict[str, dict[str, Any]] = {
    "raw": {},
    "decoupling": {"dynamical_decoupling": {"enable": True, "sequence_type": "XY4"}},
    "gate twirling": {"twirling": {"enable_gates": True}},
    "level 1": {"resilience_level": 1},
    "level 1, twirled": {"resilience_level": 1, "twirling": {"enable_measure": True}},
    "level 2": {"resilience_level": 2},
    "level 2, decoupling": {"resilience_level": 2, "dynamical_decoupling": {"enable": True, "sequence_type": "XY4"}},
}
"""Options of each row."""


def device(chip: str, name: str, num_qubits: int = len(LINE), *, reads_right: bool = False) -> EmulatedDevice:
    """Return a line of a chip's qubits as a device.

    Args:
        chip: Name of the built-in device.
        name: Name of the new device.
        num_qubits: Number of qubits.
        reads_right: Whether to leave out the chip's readout errors.
    """
    text = resources.files("oqtopus_client.emulator").joinpath(f"devices/{chip}.json").read_text("utf-8")
    description = json.loads(text)
    info, places = description["device_info"], {qubit: place for place, qubit in enumerate(LINE[:num_qubits])}
    qubits = {qubit["id"]: qubit for qubit in info["qubits"]}
    info |= {
        "name": name,
        "device_id": name,
        "qubits": [qubits[qubit] | {"id": place} for qubit, place in places.items()],
        "couplings": [
            each | {"control": places[each["control"]], "target": places[each["target"]]}
            for each in info["couplings"]
            if places.keys() >= {each["control"], each["target"]}
        ],
    }
    if reads_right:
        for qubit in info["qubits"]:
            qubit["meas_error"] = {"prob_meas1_prep0": 0.0, "prob_meas0_prep1": 0.0, "readout_assignment_error": 0.0}
    if "coherent" in description:
        description["coherent"] = {
            kind: {
                ",".join(str(places[int(qubit)]) for qubit in key.split(",")): value
                for key, value in values.items()
                if places.keys() >= {int(qubit) for qubit in key.split(",")}
            }
            for kind, values in description["coherent"].items()
        }
    return EmulatedDevice.from_description(description | {"device_id": name, "n_qubits": num_qubits})


class Case(NamedTuple):
    """A circuit, observables, and their exact values."""

    name: str
    circuit: QuantumCircuit
    observables: list[SparsePauliOp]

    def exact(self) -> np.ndarray:
        """Return the values without noise."""
        state = Statevector(self.circuit)
        return np.array([state.expectation_value(each).real for each in self.observables])

    def pub(self, backend: BackendV2) -> tuple[QuantumCircuit, list[SparsePauliOp]]:
        """Return circuit and observables on the device's first qubits."""
        layout = range(self.circuit.num_qubits)
        isa = transpile(self.circuit, backend, initial_layout=layout, optimization_level=3, seed_transpiler=1)
        return isa, [each.apply_layout(isa.layout) for each in self.observables]


def ghz(qubits: int = 6) -> Case:
    """Return a GHZ state and the generators of its stabilizers."""
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    pairs = [("ZZ", [i, i + 1], 1.0) for i in range(qubits - 1)]
    stabilizers = [("X" * qubits, [*range(qubits)], 1.0), *pairs]
    return Case(
        "(a) stabilizers of a 6-qubit GHZ state",
        circuit,
        [SparsePauliOp.from_sparse_list([each], qubits) for each in stabilizers],
    )


def ising(qubits: int = 10, steps: int = 6, *, excited: bool = False) -> Case:
    """Return the dynamics of an Ising chain in a transverse field, and its magnetization.

    Relaxation favours the chain of all qubits in |0>, and works against that of excited ones.
    """
    circuit = QuantumCircuit(qubits)
    if excited:
        circuit.x(range(qubits))
    for _ in range(steps):
        for first in (0, 1):
            for qubit in range(first, qubits - 1, 2):
                circuit.rzz(-0.3, qubit, qubit + 1)
        circuit.rx(0.25, range(qubits))
    magnetization = [("Z", [i], 1 / qubits) for i in range(qubits)]
    return Case(
        f"(b) magnetization of an Ising chain of 10 {'excited ' * excited}qubits after 6 Trotter steps",
        circuit,
        [SparsePauliOp.from_sparse_list(magnetization, qubits)],
    )


def hydrogen() -> Case:
    """Return the ground state of H2 at 0.735 Å in the STO-3G basis, and its energy; see `tutorials/05_vqe.py`."""
    z = [("IIIZ", 0.17218393), ("IIZI", -0.22575349), ("IZII", 0.17218393), ("ZIII", -0.22575349)]
    zz = [("IIZZ", 0.12091263), ("IZIZ", 0.16892754), ("ZIIZ", 0.16614543), ("IZZI", 0.16614543)]
    zz += [("ZIZI", 0.17464343), ("ZZII", 0.12091263)]
    exchange = [(label, 0.0452328) for label in ("XXXX", "YYYY", "XXYY", "YYXX")]
    hamiltonian = SparsePauliOp.from_list([("IIII", -0.81054798), *z, *zz, *exchange])
    circuit = QuantumCircuit(4)
    circuit.x([0, 2])
    circuit.h([1, 2, 3])
    circuit.sx(0)
    for qubit in range(3):
        circuit.cx(qubit, qubit + 1)
    circuit.rz(0.2235370012, 3)
    for qubit in reversed(range(3)):
        circuit.cx(qubit, qubit + 1)
    circuit.sxdg(0)
    circuit.h([1, 2, 3])
    return Case("(c) energy of H2 at its optimum", circuit, [hamiltonian])


def waiting(cx: int = 60) -> Case:
    """Return a qubit in a superposition that waits while its neighbours have gates, and its coherence."""
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.barrier()
    for _ in range(cx):
        circuit.cx(1, 2)
        circuit.barrier(1, 2)
    circuit.barrier()
    return Case("(d) coherence of a waiting qubit", circuit, [SparsePauliOp("IIX")])


CASES = {"a": ghz, "b": ising, "B": partial(ising, excited=True), "c": hydrogen, "d": waiting}
CHIPS = "lattice64", "lattice64c"


class Row(NamedTuple):
    """What a way makes of a case: values, their standard errors, and the numbers of jobs and shots."""

    values: np.ndarray
    errors: np.ndarray
    jobs: int
    shots: int


def run(case: Case, backend: BackendV2, options: dict[str, Any], shots: int) -> Row:
    """Run a case."""
    estimator = OqtopusEstimator(backend, route="sampling", seed=1, **options)
    pubs = [case.pub(backend)]
    planned = estimator.plan(pubs, shots=shots)
    data = estimator.run(pubs, shots=shots).result()[0].data
    return Row(data.evs, data.stds, planned.jobs, planned.shots)


def root_mean_square(values: np.ndarray) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def text(name: str, row: Row, exact: np.ndarray) -> str:
    """Return a row as text."""
    return (
        f"  {name:24} off by {root_mean_square(row.values - exact):.4f}, standard error "
        f"{root_mean_square(row.errors):.4f}, {row.jobs:4} jobs of {row.shots:8} shots"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each chip and case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=int, default=16_384)
    parser.add_argument("--cases", default="".join(CASES))
    parser.add_argument("--chips", nargs="*", choices=CHIPS, default=CHIPS)
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=[*WAYS])
    options = parser.parse_args(arguments)
    chips = {name: device(name, f"{name}-line") for name in options.chips}
    rights = {name: device(name, f"{name}-right", reads_right=True) for name in options.chips}
    devices = [*chips.values(), *rights.values()]
    with Emulator(":memory:", devices=devices, seed=1) as emulator, OqtopusProvider(emulator.config) as provider:
        for chip in options.chips:
            for case in (CASES[letter]() for letter in options.cases):
                exact = case.exact()
                print(f"{chip}: {case.name}")
                read = run(case, provider.get_backend(f"{chip}-right"), {}, options.shots)
                print(text("without readout errors", read, exact))
                for way in options.ways:
                    row = run(case, provider.get_backend(f"{chip}-line"), WAYS[way], options.shots)
                    print(text(way, row, exact), flush=True)


if __name__ == "__main__":
    main()
