"""The times at which the gateway of QPUs plays a program, by its rule."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import NamedTuple

from qiskit.transpiler import Target

_OPERAND = re.compile(r"q\[(\d+)\]")


class Played(NamedTuple):
    """A line of a program, with its time in units of the device's clock, and the waits before it."""

    line: str
    name: str
    qubits: tuple[int, ...]
    start: int
    end: int
    waits: tuple[int, ...]


def played(body: str, target: Target) -> tuple[list[Played], dict[int, int]]:
    """Play a program as the gateway does; return its operations and the time at which each qubit is done.

    Operations are played in the order of the text, as soon as their own qubits are free. An rz or a barrier first waits
    for all qubits, and aligns them.
    """
    assert target.dt is not None
    lines = [line for line in body.splitlines() if "measure" not in line and _OPERAND.search(line)]
    clocks = dict.fromkeys(sorted({int(qubit) for line in lines for qubit in _OPERAND.findall(line)}), 0)
    begun, found = defaultdict(bool), []
    for line in lines:
        qubits = tuple(int(qubit) for qubit in _OPERAND.findall(line))
        name = line[: re.match(r"\w+", line).end()]  # type: ignore[union-attr]
        everyone = name in {"rz", "barrier"}
        start = max(clocks[qubit] for qubit in (clocks if everyone else qubits))
        waits = {qubit: start - clocks[qubit] for qubit in (clocks if everyone else qubits)}
        clocks.update(dict.fromkeys(waits, start))
        if name == "delay":
            duration = round(float(line[line.index("[") + 1 : line.index("ns]")]) * 1e-9 / target.dt)
        else:
            duration = 0 if everyone else round(target[name][qubits].duration / target.dt)
        clocks.update(dict.fromkeys(qubits, start + duration))
        # A qubit may start late: before its first operation, it is in |0>.
        waited = tuple(wait for qubit, wait in waits.items() if begun[qubit])
        found.append(Played(line, name, qubits, start, start + duration, waited))
        begun.update(dict.fromkeys(qubits if name != "barrier" else (), True))
    return found, clocks
