"""Operations on the qubits of an emulated device, as plain values: gates, waits, noise and measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOISE = frozenset({"relax", "depolarize"})


class Operation(NamedTuple):
    """One step of a program.

    Devices execute `x`, `sx`, `rz` and `cx`, and understand `delay` and `barrier`. The other operations describe what
    goes wrong: `rx`, `rzz` and `rzx` are coherent errors, `relax` and `depolarize` are noise. Signs and qubit order are
    Qiskit's; the first qubit of `cx` is the control, that of `rzx` has the Z.

    Attributes:
        name: Its name, as above.
        qubits: The indices of its qubits.
        value: The angle of a rotation in radians; the nanoseconds of `delay` and `relax`; the probability of
            `depolarize` to replace the state of its qubits by the fully mixed one; else 0.
    """

    name: str
    qubits: tuple[int, ...]
    value: float = 0.0


@dataclass(frozen=True, eq=False)
class Part:
    """Qubits that nothing connects with others, and what happens to them; readout errors are not included.

    Two parts are equal only if they are the same object, so that what is known of one can be cached.

    Attributes:
        operations: In order; the qubits' indices are 0 to `len(lifetimes) - 1`. Without `delay` and `barrier`.
        measured: The qubits to measure at the end, in the order of the outcomes' columns.
        lifetimes: T1 and T2 of each qubit, in microseconds; infinite where there is no relaxation.
    """

    operations: Sequence[Operation]
    measured: Sequence[int]
    lifetimes: Sequence[tuple[float, float]]

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return len(self.lifetimes)

    @property
    def is_noisy(self) -> bool:
        """Whether any operation is noise."""
        return any(operation.name in _NOISE for operation in self.operations)
