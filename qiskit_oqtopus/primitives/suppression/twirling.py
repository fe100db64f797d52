"""Pauli twirling of a circuit's `cx` gates and measurements: `twirlable`, then `twirl`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import Barrier, CircuitInstruction, Delay, Measure, Reset
from qiskit.circuit.library import RZGate, XGate

from qiskit_oqtopus.definitions import has_conditions
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.plain import plain, with_instructions
from qiskit_oqtopus.primitives.suppression.randomization import complementary_flips

if TYPE_CHECKING:
    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.circuit import Gate, Qubit

OPTIONAL = "oqtopus.twirl"
"""Label of an `x` that `twirlable` inserts, which only some randomizations have."""

_GATES = frozenset({"rz", "sx", "x", "cx"})
_NEUTRAL = Barrier | Delay


@dataclass(frozen=True)
class Twirls:
    """Randomizations of a circuit, equivalent to it once their flips are undone.

    In a randomization, the k-th `rz` of the circuit rotates by `signs * angle + offsets`, and the k-th `x` is there
    only if `present` is true; all other operations stay the same.

    Attributes:
        signs: 1 or -1 for each `rz`, of shape (randomizations, rz).
        offsets: 0 or pi for each `rz`, of shape (randomizations, rz).
        present: Whether each `x` is there, of shape (randomizations, x); true for an `x` that `twirlable` did not
            insert.
        flips: Whether each classical bit is flipped, of shape (randomizations, bits).
    """

    signs: npt.NDArray[np.float64]
    offsets: npt.NDArray[np.float64]
    present: npt.NDArray[np.bool_]
    flips: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.flips)


def twirlable(circuit: QuantumCircuit, *, gates: bool, measure: bool) -> QuantumCircuit:
    """Return a circuit with the same effect that has a place for each Pauli of its twirls.

    A Pauli before a `cx` or a measurement needs no gate where angles of existing `rz` gates can absorb it. Elsewhere,
    this inserts an `rz` of angle 0, which has no error, or an `x` with the label `OPTIONAL`, which about half of the
    randomizations leave out; without these `x`, the circuit equals the original one. Other passes may then insert gates
    and delays, such as those of dynamical decoupling, if they keep the order of gates on each qubit and the labels.

    Args:
        circuit: The circuit, of `rz`, `sx`, `x` and `cx` gates, whose parameters may be unbound.
        gates: Whether the `cx` gates are to be twirled.
        measure: Whether the measurements are to be twirled.

    Raises:
        CircuitError: The circuit has other operations; `qiskit.transpile` replaces other gates.
    """
    if has_conditions(circuit):
        raise CircuitError(f"Circuit {circuit.name!r} has gates with conditions, which cannot be twirled.")
    return _Preparation(plain(circuit), gates=gates, measure=measure).circuit()


def twirl(
    circuit: QuantumCircuit, num_randomizations: int, random: np.random.Generator, *, gates: bool, measure: bool
) -> Twirls:
    """Draw randomizations of a circuit that `twirlable` returned.

    Gate twirling precedes each `cx` by a Pauli drawn uniformly for each randomization, and undoes its effect after the
    `cx`, so that the errors of the `cx`, averaged over many randomizations, become random Paulis. Measurement
    twirling flips measured bits. Without it, nothing has to be undone in the counts.

    Randomizations come in pairs, the second of which has each qubit in the opposite state behind each `cx`, and flips
    the bits that the first does not. The effect of relaxation, which favours one state, and of detuning cancels in the
    mean of each pair, to first order, and so does the asymmetry of readout errors. Otherwise, pairs are independent.

    The Paulis are followed through the circuit as a frame of X and Z for each qubit. Twirling of gates is from Wallman
    and Emerson, Noise tailoring for scalable quantum computation via randomized compiling, Physical Review A 94,
    052325 (2016); of measurements from van den Berg, Minev and Temme, Model-free readout-error mitigation for quantum
    expectation values, Physical Review A 105, 032620 (2022).

    Args:
        circuit: The circuit.
        num_randomizations: Number of randomizations.
        random: Source of the Paulis and flips.
        gates: As passed to `twirlable`.
        measure: As passed to `twirlable`.
    """
    wanted = np.zeros((num_randomizations, circuit.num_clbits), bool)
    if measure:
        wanted = complementary_flips(num_randomizations, circuit.num_clbits, random).astype(bool)
    return _Frames(circuit, wanted, random if gates else None).twirls()


class _Wire:
    """The operations on a qubit since the last `cx` or measurement.

    Attributes:
        is_measured: Whether the last operation was a measurement.
        has_sx: Whether there is an `sx`.
        before: The last `rz` between the last two `sx`, or before the only one.
        tail: The `rz` gates after the last `sx`.
        optional: The `x` to leave out in some randomizations.
        late: The `rz` gates after that `x`, or else after the last `sx`.
    """

    __slots__ = ("before", "has_sx", "is_measured", "late", "optional", "tail")

    def __init__(self) -> None:
        self.clear(is_measured=False)

    def clear(self, *, is_measured: bool) -> None:
        self.is_measured = is_measured
        self.has_sx = False
        self.before = self.optional = -1
        self.tail: list[int] = []
        self.late: list[int] = []

    def add_rz(self, index: int) -> None:
        self.is_measured = False
        self.tail.append(index)
        self.late.append(index)

    def add_sx(self) -> None:
        self.is_measured = False
        self.has_sx = True
        self.before = self.tail[-1] if self.tail else -1
        self.tail, self.late = [], []

    def add_x(self) -> None:
        self.is_measured = False

    def add_optional(self, index: int) -> None:
        self.optional = index
        self.late = []


class _Preparation:
    """A single pass over a circuit that inserts gates where Paulis have no place."""

    def __init__(self, circuit: QuantumCircuit, *, gates: bool, measure: bool) -> None:
        self._circuit = circuit
        self._gates = gates
        self._measure = measure
        self._wires = {qubit: _Wire() for qubit in circuit.qubits}
        self._last_sx: dict[Qubit, int] = {}
        self._used: set[Qubit] = set()
        # Qubits with twirled gates, whose frames have to be undone.
        self._twirled: set[Qubit] = set()
        self._inserted: dict[int, list[CircuitInstruction]] = {}

    def circuit(self) -> QuantumCircuit:
        """Return the circuit with the inserted gates."""
        for i, item in enumerate(self._circuit.data):
            self._add(i, item)
        prepared: list[CircuitInstruction] = []
        for i, item in enumerate(self._circuit.data):
            prepared += self._inserted.get(i, ())
            prepared.append(item)
        return with_instructions(self._circuit, prepared)

    def _add(self, i: int, item: CircuitInstruction) -> None:
        name = self._name(item)
        if not name:
            return
        qubit = item.qubits[0]
        wire = self._wires[qubit]
        self._used.update(item.qubits)
        if name == "rz":
            wire.add_rz(i)
        elif name == "sx":
            wire.add_sx()
            self._last_sx[qubit] = i
        elif name == "x":
            wire.add_x()
        elif name == "measure":
            if not wire.is_measured and (self._measure or qubit in self._twirled):
                self._make_room(i, qubit, with_z=False)
            wire.clear(is_measured=True)
        else:
            if self._gates:
                self._twirled.update(item.qubits)
            for each in item.qubits:
                if self._gates:
                    self._make_room(i, each, with_z=True)
                self._wires[each].clear(is_measured=False)

    def _make_room(self, i: int, qubit: Qubit, *, with_z: bool) -> None:
        """Insert what a Pauli before an operation lacks."""
        wire = self._wires[qubit]
        if with_z and not wire.tail:
            self._insert(i, RZGate(0.0), qubit)
        if not wire.has_sx:
            self._insert(i, XGate(label=OPTIONAL), qubit)
        elif wire.before < 0:
            self._insert(self._last_sx[qubit], RZGate(0.0), qubit)

    def _insert(self, i: int, gate: Gate, qubit: Qubit) -> None:
        self._inserted.setdefault(i, []).append(CircuitInstruction(gate, (qubit,)))

    def _name(self, item: CircuitInstruction) -> str:
        """Return the name of an operation, empty if it does not concern a frame.

        Raises:
            CircuitError: It is not one that a frame can be followed through.
        """
        if item.name in _GATES and item.is_standard_gate():
            return str(item.name)
        operation: Any = item.operation
        if isinstance(operation, Measure):
            return "measure"
        if isinstance(operation, _NEUTRAL) or (isinstance(operation, Reset) and self._used.isdisjoint(item.qubits)):
            return ""
        raise CircuitError(
            f"Circuit {self._circuit.name!r} has the instruction {item.name!r}, but twirling needs circuits of "
            "cx, rz, sx and x gates with measurements. Use qiskit.transpile(circuit, backend) first."
        )


class _Frames:
    """A single pass over a circuit that draws the Paulis and follows them.

    For each qubit, the state of a randomization is X^fx Z^fz times that of the circuit, up to a phase. Integers hold
    a bit for each randomization, so an operation takes as long for 32 of them as for one.
    """

    def __init__(
        self, circuit: QuantumCircuit, wanted: npt.NDArray[np.bool_], random: np.random.Generator | None
    ) -> None:
        self._count = len(wanted)
        self._bytes = -(-self._count // 8)
        self._circuit = circuit
        self._random = random
        index = {qubit: i for i, qubit in enumerate(circuit.qubits)}
        self._qubits = [tuple([index[qubit] for qubit in item.qubits]) for item in circuit.data]
        self._wanted = [int.from_bytes(row.tobytes(), "little") for row in np.packbits(wanted.T, 1, bitorder="little")]
        self._fx = [0] * circuit.num_qubits
        self._fz = [0] * circuit.num_qubits
        self._wires = [_Wire() for _ in circuit.qubits]
        self._signs: list[int] = []
        self._offsets: list[int] = []
        self._present: list[int] = []
        self._flips = [0] * circuit.num_clbits

    def twirls(self) -> Twirls:
        fx, fz, wires = self._fx, self._fz, self._wires
        words = self._words()
        everywhere = (1 << self._count) - 1
        for item, qubits in zip(self._circuit.data, self._qubits, strict=True):
            name, qubit = item.name, qubits[0] if qubits else 0
            if name == "rz":
                wires[qubit].add_rz(len(self._signs))
                self._signs.append(fx[qubit])
                self._offsets.append(0)
            elif name == "sx":
                wires[qubit].add_sx()
                fx[qubit] ^= fz[qubit]
            elif name == "x":
                if item.label == OPTIONAL:
                    wires[qubit].add_optional(len(self._present))
                else:
                    wires[qubit].add_x()
                self._present.append(everywhere)
            elif name == "cx":
                control, target = qubits
                if words is not None:
                    self._turn_into(control, next(words), next(words))
                    self._turn_into(target, next(words), next(words))
                fx[target] ^= fx[control]
                fz[control] ^= fz[target]
                wires[control].clear(is_measured=False)
                wires[target].clear(is_measured=False)
            elif name == "measure":
                clbit = self._circuit.find_bit(item.clbits[0]).index
                if not wires[qubit].is_measured:
                    # A Z before a measurement has no effect.
                    self._turn_into(qubit, self._wanted[clbit], None)
                self._flips[clbit] = fx[qubit]
                wires[qubit].clear(is_measured=True)
        return Twirls(
            np.where(self._bits(self._signs), -1.0, 1.0),
            np.where(self._bits(self._offsets), np.pi, 0.0),
            self._bits(self._present),
            self._bits(self._flips),
        )

    def _words(self) -> Any:
        """Return random bits for each randomization, four times for each `cx`; None if gates are not twirled.

        Behind the `cx`, the frames of a pair have opposite X on both qubits, and the same Z.
        """
        if self._random is None:
            return None
        number = sum(item.name == "cx" for item in self._circuit.data)
        bits = np.repeat(self._random.integers(0, 2, (number, 4, -(-self._count // 2)), np.uint8), 2, axis=2)
        bits[:, 0, 1::2] ^= 1  # X on the control, which the cx copies to the target
        rows = np.packbits(bits[..., : self._count].reshape(4 * number, self._count), 1, bitorder="little")
        return (int.from_bytes(row.tobytes(), "little") for row in rows)

    def _turn_into(self, qubit: int, x: int, z: int | None) -> None:
        """Insert a Pauli before a `cx` or measurement that turns a qubit's frame into X^x Z^z."""
        wire = self._wires[qubit]
        turned = x ^ self._fx[qubit]
        z_turned = self._fz[qubit]
        for index in wire.late if turned else ():
            self._signs[index] ^= turned
        if wire.optional >= 0:
            self._present[wire.optional] = turned
        elif turned:
            # A Z before the last sx is X Z after it.
            self._offsets[wire.before] ^= turned
            z_turned ^= turned
        if z is not None:
            self._offsets[wire.tail[-1]] ^= z ^ z_turned
        self._fx[qubit], self._fz[qubit] = x, z or 0

    def _bits(self, numbers: list[int]) -> npt.NDArray[np.bool_]:
        """Return the bits of integers, of shape (randomizations, integers)."""
        data = b"".join(number.to_bytes(self._bytes, "little") for number in numbers)
        packed = np.frombuffer(data, np.uint8).reshape(len(numbers), self._bytes)
        return np.unpackbits(packed, axis=1, count=self._count, bitorder="little").T.astype(bool)
