"""Random programs for emulated devices, with what hides their structure: `random_program`.

A program consists of parts that nothing connects, side by side and interleaved, with idle qubits between them. Its
angles are of all sizes, or close to quarter turns; Clifford gates are spelt with angles that cancel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from qiskit import QuantumCircuit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

Step: TypeAlias = tuple[str, tuple[int, ...], float]
"""A gate or a barrier, its qubits, and the angle of an `rz` or the nanoseconds of a `delay`."""

_CLIFFORD_KINDS = ("h", "s", "x", "sx", "cx", "cx", "cx")


@dataclass
class Part:
    """Some qubits of a program and what happens to them.

    Attributes:
        qubits: The program's qubits.
        steps: In order, on the program's qubits.
        clifford: The same for a wide Clifford part as Stim's gates, each with its qubits; None for other parts.
    """

    qubits: tuple[int, ...]
    steps: list[Step]
    clifford: list[tuple[str, tuple[int, ...]]] | None = None


@dataclass
class Program:
    """A program.

    Attributes:
        num_qubits: Number of qubits.
        num_clbits: Number of classical bits; not all of them are measured.
        parts: The parts; no two share a qubit.
        steps: The steps of all parts in the order of the program.
        measured: The qubit measured into each classical bit that is.
        early: How many of the steps precede the measurements.
    """

    num_qubits: int
    num_clbits: int
    parts: list[Part]
    steps: list[Step]
    measured: dict[int, int]
    early: int = field(default=0)

    def circuit(self) -> QuantumCircuit:
        """Return the program as a circuit."""
        circuit = QuantumCircuit(self.num_qubits, self.num_clbits)
        for index, (name, qubits, value) in enumerate([*self.steps, ("end", (), 0.0)]):
            if index == self.early:
                for clbit, qubit in self.measured.items():
                    circuit.measure(qubit, clbit)
            if name == "rz":
                circuit.rz(value, *qubits)
            elif name == "delay":
                circuit.delay(value, *qubits, unit="ns")
            elif name == "barrier":
                circuit.barrier(qubits)
            elif name != "end":
                getattr(circuit, name)(*qubits)
        return circuit

    def text(self) -> str:
        """Return the program as OpenQASM 3."""
        lines = [f'OPENQASM 3; include "stdgates.inc"; qubit[{self.num_qubits}] q; bit[{self.num_clbits}] c;']
        measuring = [f"c[{clbit}] = measure q[{qubit}];" for clbit, qubit in self.measured.items()]
        for index, (name, qubits, value) in enumerate(self.steps):
            lines += measuring if index == self.early else []
            shown = {"rz": f"({value!r})", "delay": f"[{value!r}ns]"}.get(name, "")
            lines.append(f"{name}{shown} {', '.join(f'q[{qubit}]' for qubit in qubits)};")
        return "\n".join(lines + (measuring if self.early == len(self.steps) else []))


def random_program(random: np.random.Generator, kind: str) -> Program:
    """Return a program.

    Args:
        random: The source of random numbers.
        kind: `small` for parts of up to seven qubits; `clifford` for a part of 17 to 36 that is Clifford as a whole;
            `quarters` for one with quarter turns only; `wide` for a part of 8 to 36 in which each outcome depends on a
            few qubits only.
    """
    sizes = {
        "small": lambda: [int(random.integers(1, 8)) for _ in range(random.integers(1, 5))],
        "clifford": lambda: [int(random.integers(17, 37)), int(random.integers(1, 4))],
        "quarters": lambda: [int(random.integers(17, 37))],
        "wide": lambda: [int(random.integers(8, 37))],
    }[kind]()
    used = sum(sizes)
    num_qubits = min(40, max(2, used) + int(random.integers(0, 8)))
    places = random.permutation(num_qubits).tolist()
    parts = []
    for index, size in enumerate(sizes):
        qubits = tuple(places.pop() for _ in range(size))
        if size > 7:
            respelt = kind == "clifford"
            parts.append(
                _wide_part(random, qubits) if kind == "wide" else _clifford_part(random, qubits, respelt=respelt)
            )
        else:
            parts.append(_small_part(random, qubits, gates=int(random.integers(4, 12 * size + 5))))
        assert parts[index].steps
    steps = _interleaved(random, parts)
    measured = [qubit for qubit in range(num_qubits) if random.random() < 0.8] or [0]
    num_clbits = len(measured) + int(random.integers(0, 3))
    clbits = random.permutation(num_clbits).tolist()
    early = int(random.integers(0, len(steps) + 1)) if random.random() < 0.2 else len(steps)
    return Program(num_qubits, num_clbits, parts, steps, dict(zip(clbits, measured, strict=False)), early)


def random_angle(random: np.random.Generator) -> float:
    """Return an angle of any size: moderate, huge, tiny, or close to a quarter turn."""
    turns = int(random.integers(-8, 9))
    sign = float(random.choice([-1.0, 1.0]))
    choices = [
        lambda: float(random.uniform(-2 * math.pi, 2 * math.pi)),
        lambda: sign * 10.0 ** float(random.uniform(0, 300)),
        lambda: turns * math.pi / 2,
        lambda: turns * math.pi / 2 + sign * 1e-9,
        # Far from zero, the float nearest to a quarter turn is visibly none.
        lambda: sign * float(random.integers(10**6, 10**14)) * math.pi / 2,
        lambda: sign * 10.0 ** -float(random.uniform(0, 300)),
    ]
    return choices[int(random.integers(len(choices)))]()


def _small_part(random: np.random.Generator, qubits: Sequence[int], *, gates: int) -> Part:
    steps: list[Step] = []
    for _ in range(gates):
        name = str(random.choice(["rz", "sx", "x", "cx", "delay", "barrier"], p=[0.42, 0.25, 0.04, 0.25, 0.02, 0.02]))
        number = {"cx": 2, "barrier": len(qubits)}.get(name, 1)
        if number <= len(qubits):
            on = tuple(map(int, random.choice(qubits, number, replace=False)))
            value = {"rz": random_angle(random), "delay": float(random.integers(1, 200))}.get(name, 0.0)
            steps.append((name, on, value))
    return Part(tuple(qubits), steps or [("sx", (qubits[0],), 0.0)])


def _wide_part(random: np.random.Generator, qubits: Sequence[int]) -> Part:
    """Return two layers of entangling gates between neighbours on a line, with any rotations before and after them."""
    steps: list[Step] = []
    for layer in range(3):
        for qubit in qubits:
            steps += [("rz", (qubit,), random_angle(random)), ("sx", (qubit,), 0.0)]
        if layer < 2:
            pairs = list(zip(qubits[layer::2], qubits[layer + 1 :: 2], strict=False))
            steps += [("cx", pair if random.random() < 0.5 else pair[::-1], 0.0) for pair in pairs]
    return Part(tuple(qubits), steps)


def _clifford_part(random: np.random.Generator, qubits: Sequence[int], *, respelt: bool) -> Part:
    """Return random Clifford gates on a connected part, respelt with angles that are not quarter turns or not."""
    part = Part(tuple(qubits), [], [])
    assert part.clifford is not None
    joined = list(pairwise(qubits))
    for index in range(4 * len(qubits)):
        kind = "cx" if index < len(joined) else str(random.choice(_CLIFFORD_KINDS))
        if kind == "cx":
            on = joined[index] if index < len(joined) else tuple(map(int, random.choice(qubits, 2, replace=False)))
        else:
            on = (int(random.choice(qubits)),)
        part.clifford.append(({"s": "S", "sx": "SQRT_X"}.get(kind, kind.upper()), on))
        part.steps += _spelt(random, kind, on) if respelt else _plain(kind, on)
    return part


def _plain(kind: str, on: tuple[int, ...]) -> list[Step]:
    quarter: Step = ("rz", on, math.pi / 2)
    return {"h": [quarter, ("sx", on, 0.0), quarter], "s": [quarter]}.get(kind, [(kind, on, 0.0)])


def _spelt(random: np.random.Generator, kind: str, on: tuple[int, ...]) -> list[Step]:
    """Return a Clifford gate in native gates, in one of several spellings."""
    quarter = math.pi / 2
    angle = random_angle(random)
    tiny = float(random.choice([0.0, 0.0, 1e-9, -1e-9]))
    match kind:
        case "h":
            return [("rz", on, quarter + tiny), ("sx", on, 0.0), ("rz", on, quarter)]
        case "s":
            small = math.remainder(angle, 1.0) if abs(angle) > 1 else angle
            return [("rz", on, small), ("rz", on, quarter - small + tiny)]
        case "x":
            return [("rz", on, angle), ("x", on, 0.0), ("rz", on, angle)]
        case "sx":
            return [("sx", on, 0.0)] if random.random() < 0.5 else [("x", on, 0.0), ("sx", on, 0.0), ("x", on, 0.0)]
    control, target = (on[0],), (on[1],)
    if random.random() < 0.5:
        return [("rz", control, angle), ("cx", on, 0.0), ("rz", control, -angle)]
    hadamard: list[Step] = [("rz", target, quarter), ("sx", target, 0.0), ("rz", target, quarter)]
    before, after = ("rz", target, angle), ("rz", target, -angle)
    return [*hadamard, before, *hadamard, ("cx", on, 0.0), *hadamard, after, *hadamard]


def _interleaved(random: np.random.Generator, parts: Sequence[Part]) -> list[Step]:
    """Return the steps of all parts in an order in which those of each part keep theirs."""
    order = random.permutation([index for index, part in enumerate(parts) for _ in part.steps]).tolist()
    rest = [iter(part.steps) for part in parts]
    return [next(rest[index]) for index in order]
