"""Clifford circuits of any width, sampled with Stim.

Stim tracks Pauli errors through a circuit in milliseconds, even where a state vector does not fit into memory. Other
noise must be converted to Pauli errors: `twirled` relaxation excites a qubit as often as it decays. Twirling does not
change the average fidelity of a gate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import stim

from oqtopus_client.emulator.simulation.cost import Cost
from oqtopus_client.emulator.simulation.simplification import clifford_form

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from oqtopus_client.emulator.simulation.operations import Operation, Part
    from oqtopus_client.emulator.simulation.pauli_strings import Turn

# Stim loads NumPy's functions with the first sample; two threads that do so at the same time block each other.
stim.Circuit("M 0").compile_sampler().sample(1)

_TURNS = {"rz": ("I", "S", "Z", "S_DAG"), "ry": ("I", "SQRT_Y", "Y", "SQRT_Y_DAG")}


def estimate(part: Part, shots: int) -> Cost | None:
    """Estimate the cost of a Clifford circuit whose noise consists of Pauli errors; None for others."""
    decays = any(name == "relax" and math.isfinite(part.lifetimes[on[0]][0]) for name, on, _ in part.operations)
    return None if decays else estimate_twirled(part, shots)


def estimate_twirled(part: Part, shots: int) -> Cost | None:
    """Estimate the cost of a Clifford circuit whose relaxation may be twirled; None for others."""
    form = clifford_form(part)
    if form is None:
        return None
    size = len(form.operations) + len(form.turns) * part.n_qubits
    return Cost(1e-3 + 2.5e-5 * size + 3e-10 * shots * size + 2e-8 * shots * len(part.measured), 1)


def sampler(part: Part, random: np.random.Generator) -> Callable[[int], NDArray[np.bool_]]:
    """Return a function that samples a Clifford circuit; relaxation is twirled.

    Args:
        part: The circuit, which has a `clifford_form`.
        random: The source of the simulator's seed.
    """
    form = clifford_form(part)
    if form is None:
        raise ValueError("the circuit is not a Clifford circuit")
    program = stim.Circuit()
    for turn in form.turns:
        _add_turn(program, turn)
    for operation in form.operations:
        _add(program, operation, part)
    program.append("M", part.measured)
    sample: Callable[[int], NDArray[np.bool_]] = program.compile_sampler(seed=int(random.integers(1 << 63))).sample
    return sample


def _add_turn(program: stim.Circuit, turn: Turn) -> None:
    """Add a rotation about a positive Pauli string."""
    x, z, _ = turn.pauli
    targets = []
    for qubit in range((x | z).bit_length()):
        if letter := "_XZY"[(x >> qubit & 1) + 2 * (z >> qubit & 1)].strip("_"):
            targets += [stim.target_pauli(qubit, letter), stim.target_combiner()]
    for _ in range(turn.quarters):
        program.append("SPP", targets[:-1])


def _add(program: stim.Circuit, operation: Operation, part: Part) -> None:
    name, qubits, value = operation
    if name == "cx":
        program.append("CX", qubits)
    elif name == "depolarize":
        # Stim's probability excludes the identity, which is one term of full depolarization.
        program.append(f"DEPOLARIZE{len(qubits)}", qubits, value * (1 - 1 / 4 ** len(qubits)))
    elif name == "relax":
        # X and Y have (1 - exp(-t/t1))/4 each, and Z what lets phases shrink by exp(-t/t2).
        t1, t2 = part.lifetimes[qubits[0]]
        flip = -math.expm1(-value * 1e-3 / t1) / 4
        phase = max(0.0, -math.expm1(-value * 1e-3 / t2) / 2 - flip)
        program.append("PAULI_CHANNEL_1", qubits, [flip, flip, phase])
    else:
        program.append(_TURNS[name][round(value / (math.pi / 2)) % 4], qubits)
