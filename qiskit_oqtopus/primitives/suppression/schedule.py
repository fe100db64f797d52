"""Start times of a circuit's gates on an OQTOPUS device: `Schedule`; a quick order of gates: `in_rounds`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from qiskit.circuit import Barrier, CircuitInstruction, Delay, Measure, ParameterExpression, Reset

from oqtopus_client.physics import gateway_times
from qiskit_oqtopus import rounds
from qiskit_oqtopus.definitions import has_conditions
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.plain import plain, with_instructions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target

_GATES = frozenset({"rz", "sx", "x", "cx"})
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}


@dataclass(frozen=True)
class Step:
    """An operation other than a measurement.

    Attributes:
        item: The operation.
        qubits: Indices of its qubits.
        duration: Its duration, in units of the target's `dt`.
        start: Its start, in units of the target's `dt`.
    """

    item: CircuitInstruction
    qubits: tuple[int, ...]
    duration: int
    start: int = 0

    @property
    def end(self) -> int:
        """Its end."""
        return self.start + self.duration

    @property
    def aligns(self) -> bool:
        """Whether no qubit has a gate in progress at its start."""
        return self.kind == rounds.ALIGN

    @property
    def is_delay(self) -> bool:
        """Whether its qubit does nothing."""
        return bool(self.item.name == "delay")

    @property
    def kind(self) -> int:
        """Whether it aligns all qubits, is a gate on one, or takes longer."""
        return rounds.kind_of(self.item.name, len(self.qubits))


@dataclass(frozen=True)
class Schedule:
    """The times at which an OQTOPUS device plays the gates of a circuit.

    The gateway of QPUs plays gates in the order of the program, each as soon as its own qubits are free. But every `rz`
    and every barrier first waits for all qubits, and aligns them. All measurements are at the end.

    Attributes:
        steps: The operations other than measurements, in an order that leads to these times.
        measurements: The measurements.
        end: The time of the measurements, in units of the target's `dt`.
    """

    steps: Sequence[Step]
    measurements: Sequence[CircuitInstruction]
    end: int

    @classmethod
    def of(cls, circuit: QuantumCircuit, target: Target, *, late: bool) -> Self:
        """Return a short schedule of a circuit of native gates.

        The order of gates is that of `in_rounds`, or the same from the start on.

        Args:
            circuit: The circuit, whose angles may depend on parameters.
            target: The device's target.
            late: Whether gates run as late as possible, rather than as soon as possible.

        Raises:
            CircuitError: The circuit has other operations, or the device does not publish their durations.
        """
        steps, measurements = _Reader(circuit, target).read()
        if late:
            timed = _timed(_in_rounds(steps[::-1]))
            end = max((step.end for step in timed), default=0)
            timed = [replace(step, start=end - step.end) for step in reversed(timed)]
        else:
            timed = _timed(_in_rounds(steps))
            end = max((step.end for step in timed), default=0)
        return cls(timed, measurements, end)

    @property
    def alignments(self) -> list[int]:
        """The times at which no gate is in progress, by the schedule's rule; sorted, each once."""
        return sorted({0, self.end, *(step.start for step in self.steps if step.aligns)})


def in_rounds(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit with the same gates on each qubit, in an order that takes a QPU less time.

    As each `rz` aligns all qubits (see `Schedule`), the order of gates on different qubits decides how many run at the
    same time. This chooses it in rounds, from the end on: every `rz` that can be last, then every gate on one qubit,
    again until only `cx` gates are left, then these. Delays last at least as long as written, but qubits wait for
    each other at other times than before; barriers keep gates in place.

    Args:
        circuit: The circuit of native gates, whose parameters may be unbound.

    Raises:
        CircuitError: The circuit has other operations.
    """
    circuit = plain(circuit)
    steps, measurements = _Reader(circuit, None).read()
    ordered = reversed(_in_rounds(steps[::-1]))
    return with_instructions(circuit, [*(step.item for step in ordered), *measurements])


class _Reader:
    """A single pass over a circuit that finds its steps, without durations if there is no target."""

    def __init__(self, circuit: QuantumCircuit, target: Target | None) -> None:
        self._circuit = circuit
        self._target = target
        self._index = {qubit: i for i, qubit in enumerate(circuit.qubits)}
        self._used: set[int] = set()
        self._measured: set[int] = set()
        self._durations: dict[tuple[str, tuple[int, ...]], int] = {}

    def read(self) -> tuple[list[Step], list[CircuitInstruction]]:
        """Return the steps, not yet timed, and the measurements; without delays of qubits that have no gates."""
        if self._target is not None and self._target.dt is None:
            raise CircuitError(f"{_name(self._target)} publishes no clock period, so nothing can be scheduled.")
        if has_conditions(self._circuit):
            raise self._error("gates with conditions")
        steps, measurements = [], []
        for item in self._circuit.data:
            qubits = tuple([self._index[qubit] for qubit in item.qubits])
            operation: Any = item.operation
            if isinstance(operation, Barrier):
                steps.append(Step(item, qubits, 0))
            elif not self._measured.isdisjoint(qubits) and not isinstance(operation, Measure):
                raise self._error(f"the instruction {item.name!r} after a measurement")
            elif isinstance(operation, Measure):
                self._measured.update(qubits)
                measurements.append(item)
            elif not (isinstance(operation, Reset) and self._used.isdisjoint(qubits)):
                steps.append(Step(item, qubits, self._duration(item, operation, qubits)))
                self._used.update(() if isinstance(operation, Delay) else qubits)
        return [step for step in steps if not step.is_delay or step.qubits[0] in self._used], measurements

    def _duration(self, item: CircuitInstruction, operation: Any, qubits: tuple[int, ...]) -> int:
        is_delay = isinstance(operation, Delay)
        if not is_delay and (item.name not in _GATES or not item.is_standard_gate()):
            raise self._error(f"the instruction {item.name!r}")
        if self._target is None:
            return 0
        if is_delay:
            return self._duration_of_delay(operation, self._target.dt)
        key = str(item.name), qubits
        if key not in self._durations:
            self._durations[key] = gate_duration(self._target, *key)
        return self._durations[key]

    def _duration_of_delay(self, delay: Delay, dt: float) -> int:
        """Return a delay's duration; devices round it up to their clock."""
        duration, unit = delay.duration, delay.unit
        if isinstance(duration, ParameterExpression) and duration.parameters:
            raise self._error(f"a delay of the unbound duration {duration}")
        if unit != "dt" and unit not in _SECONDS:
            raise self._error(f"a delay in {unit!r}")
        steps = float(duration) * (1.0 if unit == "dt" else _SECONDS[unit] / dt)
        return math.ceil(round(steps, 6))

    def _error(self, what: str) -> CircuitError:
        return CircuitError(
            f"Circuit {self._circuit.name!r} has {what}, but scheduling needs circuits of cx, rz, sx and x "
            "gates and delays with final measurements. Use qiskit.transpile(circuit, backend) first."
        )


def _name(target: Target) -> str:
    return target.description or "The backend"


def gate_duration(target: Target, name: str, qubits: tuple[int, ...]) -> int:
    """Return the duration of a gate in units of the target's `dt`.

    Raises:
        CircuitError: The device does not publish it, or does not have the gate on these qubits.
    """
    properties = (target.get(name) or {}).get(qubits)
    duration: int | None = None
    if properties is not None and properties.duration is not None:
        duration = round(properties.duration / target.dt)
    if duration is None or (not duration and name != "rz"):
        raise CircuitError(
            f"{_name(target)} publishes no duration of {name!r} on qubits {', '.join(map(str, qubits))}, so "
            "circuits with it cannot be scheduled."
        )
    return duration


def _in_rounds(steps: Sequence[Step]) -> list[Step]:
    """Return the steps in rounds, with the order on each qubit unchanged; see `in_rounds`."""
    batches = rounds.in_rounds([step.kind for step in steps], [step.qubits for step in steps])
    return [steps[i] for batch in batches for i in batch]


def _timed(steps: Iterable[Step]) -> list[Step]:
    """Return the steps with their starts, in the order of the program; see `Schedule`."""
    steps = list(steps)
    starts, _ = gateway_times((step.item.name, step.qubits, step.duration) for step in steps)
    return [replace(step, start=int(start)) for step, start in zip(steps, starts, strict=True)]
