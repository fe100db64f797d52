"""The exact distribution of one circuit in a program of several, calculated from the text of the program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.support.exact import Exact, light_cone, misread, scheduled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from qiskit_oqtopus.header import PartHeader
    from tests.support.corpus import Step

_MEASUREMENT = re.compile(r"c\[(\d+)\] = measure q\[(\d+)\];")
_GATE = re.compile(r"(\w+)(?:[(\[](.*?)([num]?s)?[)\]])? (q\[.*);")
_NANOSECONDS = {"": 1.0, "ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def steps_of(body: str) -> tuple[list[Step], dict[int, int]]:
    """Read a program: its steps in the order of the text, and the qubit measured into each bit."""
    steps: list[Step] = []
    measured: dict[int, int] = {}
    for line in body.splitlines()[4:]:
        if match := _MEASUREMENT.fullmatch(line):
            measured[int(match[1])] = int(match[2])
            continue
        gate = _GATE.fullmatch(line)
        assert gate, line
        value = float(gate[2] or 0) * _NANOSECONDS[gate[3] or ""]
        # Devices round delays up to their clock; a conversion of units must not add a step.
        steps.append((gate[1], tuple(map(int, re.findall(r"\d+", gate[4]))), round(value, 6) if gate[3] else value))
    return steps, measured


def distribution_of(
    part: PartHeader, body: str, calibration: Mapping[str, Any] | None = None, *, idle_noise: bool = True
) -> NDArray[np.float64]:
    """Return the probability of each value of a circuit's classical bits, bit 0 lowest.

    Args:
        part: What the program's header says of the circuit.
        body: The program. With noise of waiting qubits, the times of all gates count; otherwise only the circuit's own.
        calibration: The device's qubits and couplings; None without noise.
        idle_noise: Whether waiting qubits relax.
    """
    steps, measured = steps_of(body)
    qubits = [measured[part.first_bit + bit] for bit in range(len(part.header.clbits))]
    distinct = sorted(set(qubits))
    if calibration is not None:
        steps = scheduled(steps, calibration, idle_noise=idle_noise)
    steps, cone = light_cone(steps, distinct)
    assert cone <= {qubit for qubit in part.qubits if qubit is not None}
    found = Exact(sorted(cone), calibration).run(steps).probabilities(distinct)
    states = np.arange(len(found))
    outcomes = sum((states >> distinct.index(qubit) & 1) << bit for bit, qubit in enumerate(qubits))
    found = np.bincount(outcomes, found, 1 << len(qubits))
    if calibration is not None:
        found = misread(found, qubits, calibration)
    outcomes = np.arange(len(found))
    values = sum((outcomes >> bit & 1) << clbit for bit, clbit in enumerate(part.header.clbits) if clbit >= 0)
    return np.bincount(values, found, 1 << part.header.num_clbits)
