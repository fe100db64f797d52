"""The methods of simulation, and the choice among them: `choose`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from oqtopus_client.emulator.simulation import clifford, density_matrix, state_vector, trajectories
from oqtopus_client.emulator.simulation.cost import Cost, available_megabytes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from oqtopus_client.emulator.simulation.operations import Part

_NEGLIGIBLE = 0.02, 5e-5
"""Seconds, and more per operation, that a simulation may take without a look at other methods, which takes as long."""

_PATIENCE = 600.0
"""Seconds that an exact method may take if there is an approximation."""


class TooLargeError(ValueError):
    """No method can simulate a part of a program within the machine's memory."""


class Method(NamedTuple):
    """A way to sample a part of a program.

    Attributes:
        name: Its name.
        estimate: Returns its cost for a part and a number of shots; None if it does not apply.
        sampler: Prepares a part, with a source of random numbers, and returns a function of the number of shots that
            returns new outcomes at each call.
        probabilities: Returns the probabilities of all outcomes, if that is how it draws them.
        approximation: What is not exact about it.
    """

    name: str
    estimate: Callable[[Part, int], Cost | None]
    sampler: Callable[[Part, np.random.Generator], Callable[[int], NDArray[np.bool_]]]
    probabilities: Callable[[Part], NDArray[np.float64]] | None = None
    approximation: str = ""


EXACT = (
    Method("state vector", state_vector.estimate, state_vector.sampler, state_vector.probabilities),
    Method("density matrix", density_matrix.estimate, density_matrix.sampler),
    Method("Clifford", clifford.estimate, clifford.sampler),
    Method("trajectories", trajectories.estimate, trajectories.sampler),
)
"""Methods without approximations, those that are quickly estimated first."""

TWIRLED = Method(
    "twirled Clifford",
    clifford.estimate_twirled,
    clifford.sampler,
    approximation="twirled relaxation into Pauli errors",
)


class Chosen(NamedTuple):
    """The method chosen for a part.

    Attributes:
        method: The method.
        cost: Its estimate.
    """

    method: Method
    cost: Cost


def choose(part: Part, shots: int) -> Chosen:
    """Return the fastest exact method that fits into memory, or an approximation if there is none.

    Raises:
        TooLargeError: No method fits into memory.
    """
    best = None
    for method in EXACT:
        if (chosen := _feasible(method, part, shots)) and (best is None or chosen.cost.seconds < best.cost.seconds):
            best = chosen
            if best.cost.seconds <= _NEGLIGIBLE[0] + _NEGLIGIBLE[1] * len(part.operations):
                return best
    if best is None or best.cost.seconds > _PATIENCE:
        best = _feasible(TWIRLED, part, shots) or best
    if best is None:
        raise TooLargeError(_refusal(part))
    return best


def _feasible(method: Method, part: Part, shots: int) -> Chosen | None:
    cost = method.estimate(part, shots)
    return Chosen(method, cost) if cost is not None and cost.megabytes <= available_megabytes() else None


def _refusal(part: Part) -> str:
    needed, available = _size(16 << part.n_qubits), _size(available_megabytes() << 20)
    return (
        f"the {part.n_qubits} qubits that its gates connect are too many: their state takes {needed} of memory, and a "
        f"simulation may use {available}; they are too entangled for matrix product states, and their gates are not a "
        "Clifford circuit. Connect fewer qubits, or entangle them with fewer gates."
    )


def _size(n_bytes: int) -> str:
    """Return a number of bytes with a binary prefix.

    >>> _size(16 << 30)
    '16 GiB'
    """
    exponent = min(max(n_bytes.bit_length() - 1, 0) // 10, 8)
    prefixes = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
    return f"{n_bytes / 1024**exponent:.3g} {prefixes[exponent]}B"
