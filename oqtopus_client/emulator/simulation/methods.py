"""The methods of simulation, and the choice among them: `choose`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from oqtopus_client.emulator.simulation import (
    clifford,
    density_matrix,
    matrix_product_states,
    state_vector,
    trajectories,
)
from oqtopus_client.emulator.simulation.cost import Cost, available_megabytes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from oqtopus_client.emulator.simulation.operations import Part

_LOOK = 0.02
"""Seconds that a method may take without a look at the others."""

_BYTES, _NOISY_BYTES = 16, 96
"""Memory of a state vector, and of trajectories, for each amplitude."""

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
        effort: Seconds per operation to estimate its cost, which must be less than what another method takes.
        probabilities: Returns the probabilities of all outcomes, if that is how it draws them.
        approximation: The approximation that it makes; empty if it is exact.
    """

    name: str
    estimate: Callable[[Part, int], Cost | None]
    sampler: Callable[[Part, np.random.Generator], Callable[[int], NDArray[np.bool_]]]
    effort: float = 0.0
    probabilities: Callable[[Part], NDArray[np.float64]] | None = None
    approximation: str = ""


EXACT = (
    Method("state vector", state_vector.estimate, state_vector.sampler, probabilities=state_vector.probabilities),
    Method("density matrix", density_matrix.estimate, density_matrix.sampler),
    Method("Clifford", clifford.estimate, clifford.sampler, effort=5e-5),
    Method("trajectories", trajectories.estimate, trajectories.sampler, effort=5e-5),
    Method("matrix product states", matrix_product_states.estimate, matrix_product_states.sampler, effort=1e-3),
)
"""Methods without approximations, in the order of the effort to estimate their costs."""

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
    best, available = None, available_megabytes()
    needed = (_NOISY_BYTES if part.is_noisy else _BYTES) * 2.0 ** min(part.n_qubits, 1000) / (1 << 20)
    for method in EXACT:
        if best is not None and best.cost.seconds <= _LOOK + method.effort * len(part.operations):
            break
        cost = method.estimate(part, shots)
        if cost is None:
            continue
        needed = min(needed, cost.megabytes)
        if cost.megabytes <= available and (best is None or cost.seconds < best.cost.seconds):
            best = Chosen(method, cost)
    if best is None or best.cost.seconds > _PATIENCE:
        cost = TWIRLED.estimate(part, shots)
        best = Chosen(TWIRLED, cost) if cost is not None else best
    if best is None:
        raise TooLargeError(
            f"the {part.n_qubits} qubits that its gates connect are too many: to simulate them takes {_size(needed)} "
            f"of memory, and a simulation may use {_size(available)}; they are too entangled for matrix product "
            "states, and their gates are not a Clifford circuit. Connect fewer qubits, or entangle them with fewer "
            "gates."
        )
    return best


def _size(megabytes: float) -> str:
    """Return an amount of memory with its unit.

    >>> _size(16 << 10)
    '16 GiB'
    """
    units = ("MiB", "GiB", "TiB", "PiB", "EiB")
    exponent = max(0, int(math.log2(max(megabytes, 1)) / 10))
    return f"{megabytes / 1024**exponent:.3g} {units[exponent]}" if exponent < len(units) else "over 1000 EiB"
