"""The outcomes of a program as arrays: `Outcomes`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from qiskit.primitives import PubResult


class Region(NamedTuple):
    """The place of a program that ran side by side with others.

    Attributes:
        qubits: The device's qubit of each of the program's.
        fidelity: The estimated fidelity; None if it is unknown.
        program: Index of the merged program among those of the run.
    """

    qubits: tuple[int, ...]
    fidelity: float | None
    program: int


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The outcomes of one program.

    An outcome that several jobs observed is listed several times.

    Attributes:
        bits: 0 or 1, of shape (outcomes, clbits): a column for each classical bit of the circuit, in its order. Bits
            that were not measured are 0.
        numbers: Number of observations of each outcome. With readout mitigation they may sum to less than the shots.
        qubits: For each outcome, the device's qubit of each of the circuit's: shape (outcomes, qubits). None where the
            circuit's qubits are the device's, or where it does not matter.
        randomizations: The outcomes of each randomization of the program; empty if it is not randomized.
        regions: The places of the program, if it ran side by side with others; empty if it ran alone.
    """

    bits: npt.NDArray[np.uint8]
    numbers: npt.NDArray[np.int64]
    qubits: npt.NDArray[np.int64] | None = None
    randomizations: tuple[Self, ...] = ()
    regions: tuple[Region, ...] = ()

    @classmethod
    def from_bitstrings(cls, counts: Mapping[str, float], clbits: Sequence[int], num_clbits: int) -> Self:
        """Return the outcomes in a histogram.

        Args:
            counts: The histogram, with bit 0 rightmost in its keys; bits that a short key lacks are 0.
            clbits: For each bit of the keys, bit 0 first, the index of the circuit's classical bit.
            num_clbits: Number of classical bits of the circuit.

        Raises:
            ValueError: A key is not a bitstring, or has more bits than `clbits`.

        >>> Outcomes.from_bitstrings({"01": 3, "10": 4}, clbits=[0, 2], num_clbits=3).bits
        array([[1, 0, 0],
               [0, 0, 1]], dtype=uint8)
        """
        width = len(clbits)
        seen = counts if all(counts.values()) else {key: number for key, number in counts.items() if number}
        lengths = set(map(len, seen))
        if not lengths <= set(range(1, width + 1)):
            key = next(key for key in seen if not 0 < len(key) <= width)
            raise ValueError(f"The outcome {key!r} was counted where {width} bits were measured.")
        digits = "".join(seen if lengths == {width} else [key.zfill(width) for key in seen]).encode()
        if digits.translate(None, b"01"):
            raise ValueError(f"Some outcomes are not bitstrings: {list(seen)[:3]}.")
        table = np.frombuffer(digits, np.uint8).reshape(len(seen), width)[:, ::-1] & 1
        bits = np.zeros((len(seen), num_clbits), np.uint8)
        bits[:, list(clbits)] = table
        return cls(bits, np.fromiter(seen.values(), np.int64, len(seen)))

    @classmethod
    def concatenated(cls, parts: Sequence[Self]) -> Self:
        """Return the outcomes of several jobs of the same program together."""
        if len(parts) == 1:
            return parts[0]
        qubits = [part.qubits for part in parts if part.qubits is not None]
        return cls(
            np.concatenate([part.bits for part in parts]),
            np.concatenate([part.numbers for part in parts]),
            np.concatenate(qubits) if qubits else None,
            regions=tuple(region for part in parts for region in part.regions),
        )

    @classmethod
    def randomized(cls, randomizations: Sequence[Self]) -> Self:
        """Return the outcomes of a program's randomizations together."""
        return replace(cls.concatenated(randomizations), randomizations=tuple(randomizations))

    def flipped(self, flips: npt.NDArray[np.bool_]) -> Self:
        """Return the outcomes with some classical bits flipped.

        Args:
            flips: Whether to flip each bit: shape (clbits,).
        """
        return replace(self, bits=self.bits ^ flips.astype(np.uint8))

    def measured_on(self, qubits: Sequence[int]) -> Self:
        """Return the outcomes of a circuit whose qubits were those of the device."""
        return replace(self, qubits=np.broadcast_to(np.array(qubits), (len(self.bits), len(qubits))))

    def in_region(self, region: Region) -> Self:
        """Return the outcomes of a program that ran at this place."""
        return replace(self, regions=(region,))


def with_regions(result: PubResult, outcomes: Sequence[object]) -> PubResult:
    """Return a PUB's result with metadata on where its programs ran beside others; unchanged if they ran alone.

    Args:
        result: The result.
        outcomes: The outcomes of each of the PUB's programs, or the server's estimates.
    """
    programs: dict[tuple[tuple[int, ...], float | None], list[int]] = {}
    for each in outcomes:
        for region in each.regions if isinstance(each, Outcomes) else ():
            programs.setdefault((region.qubits, region.fidelity), []).append(region.program)
    if programs:
        result.metadata["placements"] = [
            {"qubits": qubits, "fidelity": fidelity, "programs": sorted(set(found))}
            for (qubits, fidelity), found in programs.items()
        ]
    return result
