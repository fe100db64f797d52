"""How outcomes become the result of a sampler: `SamplerPlan`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, SamplerPubResult

from qiskit_oqtopus.header import SUPPRESSED, as_json
from qiskit_oqtopus.primitives.counts import with_regions
from qiskit_oqtopus.primitives.suppression.record import Suppression
from qiskit_oqtopus.results import lost_shots, warn_of_lost_shots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from qiskit_oqtopus.primitives.counts import Outcomes


class CountedBitArray(BitArray):
    """Qiskit's bit array with the counts from which it was made, so that `get_counts` need not count shots.

    Slices of it, and arrays made from it, are plain `BitArray` objects.

    Args:
        array: The shots, as in `BitArray`.
        num_bits: Number of bits of a shot.
        seen: For each index of the array's shape, its outcomes, packed as in `array`, and how often each was observed.
    """

    def __init__(self, array: npt.NDArray[np.uint8], num_bits: int, seen: npt.NDArray[np.object_]) -> None:
        super().__init__(array, num_bits)
        self._seen = seen

    def get_counts(self, loc: int | tuple[int, ...] | None = None) -> dict[str, int]:
        """Return how often each bitstring was observed, at one index or at all of them."""
        return {f"{value:0{self.num_bits}b}": n for value, n in self.get_int_counts(loc).items()}

    def get_int_counts(self, loc: int | tuple[int, ...] | None = None) -> dict[int, int]:
        """Return how often each bitstring, read as an integer, was observed, at one index or at all of them."""
        seen = self._seen if loc is None else self._seen[loc]
        counts: dict[int, int] = {}
        for packed, numbers in [seen] if isinstance(seen, tuple) else seen.reshape(-1).tolist():
            for value, number in zip(_integers(packed), numbers.tolist(), strict=True):
                counts[value] = counts.get(value, 0) + number
        return counts


def _integers(packed: npt.NDArray[np.uint8]) -> list[int]:
    """Return the integer of each row of big-endian bytes."""
    width = packed.shape[1]
    if width < 8:  # noqa: PLR2004 - bytes that numpy's integers hold
        numbers: list[int] = (packed @ (1 << 8 * np.arange(width, dtype=np.int64)[::-1])).tolist()
        return numbers
    return [int.from_bytes(row.tobytes(), "big") for row in packed]


@dataclass(frozen=True)
class SampledPub:
    """How outcomes become the result of one PUB of a sampler.

    Attributes:
        shape: The shape of its bindings.
        shots: Number of shots of each binding.
        cregs: Name and indices of bits of each classical register.
        measured: Whether it has programs; a circuit that measures nothing needs none, as all its bits are 0.
        metadata: The circuit's metadata.
        suppression: Record of the error suppression; None without it.
    """

    shape: tuple[int, ...]
    shots: int
    cregs: tuple[tuple[str, tuple[int, ...]], ...]
    measured: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)
    suppression: Suppression | None = None

    def to_json(self) -> list[Any]:
        """Return the plan as JSON."""
        suppression = [] if self.suppression is None else [self.suppression.to_json()]
        return [self.shape, self.shots, self.cregs, self.measured, as_json(self.metadata), *suppression]

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> Self:
        """Return the plan that `to_json` wrote."""
        shape, shots, cregs, measured, metadata, *suppressions = fields
        (suppression,) = suppressions or [None]
        return cls(
            tuple(map(int, shape)),
            int(shots),
            tuple((str(name), tuple(map(int, bits))) for name, bits in cregs),
            bool(measured),
            dict(metadata),
            None if suppression is None else Suppression.from_json(suppression),
        )


@dataclass(frozen=True)
class SamplerPlan:
    """How outcomes become the result of a sampler.

    Attributes:
        pubs: The plans of its PUBs, each of which has a program for each binding.
        seed: Seed of the order of shots.
    """

    kind: ClassVar[str] = "sampler"
    needs_layout: ClassVar[bool] = False

    pubs: tuple[SampledPub, ...]
    seed: int

    @property
    def version(self) -> int:
        """The version of the header that holds the plan; see `CircuitHeader`."""
        return 1 if all(pub.suppression is None for pub in self.pubs) else SUPPRESSED

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        return {"pubs": [pub.to_json() for pub in self.pubs], "seed": self.seed}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the plan that `to_json` wrote."""
        return cls(tuple(SampledPub.from_json(pub) for pub in fields["pubs"]), int(fields["seed"]))

    def finish(self, outcomes: Sequence[Outcomes]) -> PrimitiveResult:
        """Return the sampler's result."""
        rng = np.random.default_rng(self.seed)
        results, start = [], 0
        for index, pub in enumerate(self.pubs):
            size = int(np.prod(pub.shape)) if pub.measured else 0
            of_pub = outcomes[start : start + size]
            lost = np.array([lost_shots(pub.shots, int(outcome.numbers.sum())) for outcome in of_pub], int)
            warn_of_lost_shots(f"PUB {index}", pub.shots, max(lost, default=0))
            results.append(with_regions(_result(pub, of_pub, lost, rng), of_pub))
            start += size
        return PrimitiveResult(results, metadata={"version": 2})


def _result(
    pub: SampledPub, outcomes: Sequence[Outcomes], lost: npt.NDArray[np.int64], rng: np.random.Generator
) -> SamplerPubResult:
    data = _bit_arrays(pub, outcomes, rng) if outcomes else {name: _zeros(pub, len(bits)) for name, bits in pub.cregs}
    metadata: dict[str, Any] = {"shots": pub.shots, "circuit_metadata": dict(pub.metadata)}
    if pub.suppression is not None:
        metadata |= pub.suppression.metadata(pub.shots)
        metadata["num_circuits"] = len(outcomes) * pub.suppression.num_randomizations
    if lost.any():
        metadata["lost_shots"] = lost.reshape(pub.shape).tolist()
    return SamplerPubResult(DataBin(**data, shape=pub.shape), metadata)


def _bit_arrays(pub: SampledPub, outcomes: Sequence[Outcomes], rng: np.random.Generator) -> dict[str, BitArray]:
    """Return the bits of each register, the same shot at the same index in all of them.

    The server returns counts only, so the order of shots is random: slices of sorted shots would not be samples.
    """
    numbers = [_summing_to(pub.shots, outcome.numbers, rng) for outcome in outcomes]
    starts = np.cumsum([0, *map(len, numbers)])
    bits = np.concatenate([outcome.bits for outcome in outcomes])
    # Reversed little-endian bytes are in Qiskit's format: big-endian, padded on the left.
    packed = {
        name: np.ascontiguousarray(np.packbits(bits[:, list(clbits)], axis=1, bitorder="little")[:, ::-1])
        for name, clbits in pub.cregs
    }
    shots = {name: np.empty((len(outcomes), pub.shots, table.shape[1]), np.uint8) for name, table in packed.items()}
    seen = {name: np.empty(len(outcomes), object) for name in packed}
    for i, number in enumerate(numbers):
        of_binding = slice(starts[i], starts[i + 1])
        rows = np.repeat(np.arange(len(number)), number)
        rng.shuffle(rows)
        for name, table in packed.items():
            np.take(table[of_binding], rows, axis=0, out=shots[name][i])
            seen[name][i] = table[of_binding], number
    return {
        name: CountedBitArray(
            shots[name].reshape(*pub.shape, *shots[name].shape[1:]), len(clbits), seen[name].reshape(pub.shape)
        )
        for name, clbits in pub.cregs
    }


def _summing_to(shots: int, numbers: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the numbers of a histogram, adjusted so that they sum to the shots.

    Readout mitigation rounds them down; lost shots are drawn from the others, as an array holds equally many for each
    binding. The result's metadata have the number of lost shots.
    """
    total = numbers.sum()
    if total == shots:
        return numbers
    if total < shots:
        return numbers + rng.multinomial(shots - total, numbers / total)
    return rng.multivariate_hypergeometric(numbers, shots)


def _zeros(pub: SampledPub, num_bits: int) -> BitArray:
    return BitArray(np.zeros((*pub.shape, pub.shots, -(-num_bits // 8)), np.uint8), num_bits)
