"""What libraries ask backends for that were written for Qiskit's first kind of them: configuration and properties.

Qiskit 2 has no classes for it any more, so these have the shape that IBM's still have: `mapomatic` and `pytket` read
them, and much that users write. All of it comes from the Target, which says the same to the transpiler.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qiskit.circuit import Gate
from qiskit.exceptions import QiskitError

if TYPE_CHECKING:
    from datetime import datetime

    from qiskit.transpiler import Target

    from oqtopus_client import OqtopusDevice

_UNITS = {"us": 1e6, "ns": 1e9, "": 1.0}
"""How many of a unit one of the Target's is: seconds, or none."""


@dataclass(frozen=True)
class GateConfiguration:
    """A gate that a device has.

    Attributes:
        name: Its name.
        parameters: The names of its parameters.
        coupling_map: The qubits, or pairs, that have it; None where the device does not say.
        qasm_def: Its definition in OpenQASM 2; none is published.
    """

    name: str
    parameters: list[str]
    coupling_map: list[list[int]] | None
    qasm_def: str = ""

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class BackendConfiguration:
    """What a device is, in the words of Qiskit's first backends; write `backend.target` and the like.

    Attributes:
        backend_name: The device.
        backend_version: Empty: devices have no version.
        n_qubits: How many qubits it has; None where that is not known.
        basis_gates: Its gates.
        gates: The same with their places.
        supported_instructions: Gates, measurement and delay.
        coupling_map: Control and target of each `cx`; None where any pair has it.
        simulator: Whether it is a simulator.
        max_shots: The most shots of a job.
        description: What the server says of it.
        dt: The step of its clock in seconds.
        max_experiments: The most circuits of a job: the largest number there is, as there is no limit.
        local: Whether it is in this process; False, as it is behind a server.
        conditional: Whether it has control flow; no device has.
        open_pulse: Whether it takes pulses; no device does.
        memory: Whether results can list the shots one by one.
        multi_meas_enabled: Whether it measures in the middle of a circuit; no device does.
        meas_levels: 2, counts, is what there is.
        timing_constraints: None.
    """

    backend_name: str
    n_qubits: int | None
    basis_gates: list[str]
    gates: list[GateConfiguration]
    supported_instructions: list[str]
    coupling_map: list[list[int]] | None
    simulator: bool
    max_shots: int
    description: str | None = None
    dt: float | None = None
    backend_version: str = ""
    max_experiments: int = sys.maxsize
    local: bool = False
    conditional: bool = False
    open_pulse: bool = False
    memory: bool = True
    multi_meas_enabled: bool = False
    meas_levels: list[int] = field(default_factory=lambda: [2])
    timing_constraints: dict[str, int] = field(default_factory=dict)

    @property
    def num_qubits(self) -> int | None:
        """The same as `n_qubits`."""
        return self.n_qubits

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return dataclasses.asdict(self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and hasattr(self, name)


@dataclass(frozen=True)
class Nduv:
    """A value with its name, date and unit.

    Attributes:
        date: When it was measured, where the device says so.
        name: What it is.
        unit: Its unit; empty for a probability.
        value: Its value.
    """

    date: datetime | None
    name: str
    unit: str
    value: float

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class GateProperties:
    """A gate at a place.

    Attributes:
        qubits: The place.
        gate: The gate.
        parameters: Its `gate_error` and `gate_length`, where they are known.
    """

    qubits: list[int]
    gate: str
    parameters: list[Nduv]

    @property
    def name(self) -> str:
        """The gate and its place."""
        return "_".join([self.gate, *map(str, self.qubits)])

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return {**dataclasses.asdict(self), "name": self.name}


@dataclass(frozen=True)
class BackendProperties:
    """A device's calibration, in the words of Qiskit's first backends; write `backend.target` and the like.

    Methods return seconds and probabilities; `qubits` and `gates` hold microseconds and nanoseconds, as their units
    say. What the device publishes for none of its qubits is not there: methods raise `QiskitError` then.

    Attributes:
        backend_name: The device.
        last_update_date: When it was calibrated, where the server says so.
        qubits: For each qubit `T1`, `T2`, `readout_error`, `readout_length`, `prob_meas1_prep0` and `prob_meas0_prep1`.
        gates: Each gate at each of its places.
        backend_version: Empty: devices have no version.
        general: Nothing.
    """

    backend_name: str
    last_update_date: datetime | None
    qubits: list[list[Nduv]]
    gates: list[GateProperties]
    backend_version: str = ""
    general: list[Nduv] = field(default_factory=list)

    @cached_property
    def _of_qubits(self) -> list[dict[str, tuple[float, datetime | None]]]:
        return [_named(values) for values in self.qubits]

    @cached_property
    def _of_gates(self) -> dict[str, dict[tuple[int, ...], dict[str, tuple[float, datetime | None]]]]:
        found: dict[str, dict[tuple[int, ...], dict[str, tuple[float, datetime | None]]]] = {}
        for gate in self.gates:
            found.setdefault(gate.gate, {})[tuple(gate.qubits)] = _named(gate.parameters)
        return found

    def qubit_property(self, qubit: int, name: str | None = None) -> Any:
        """A property of a qubit and when it was measured, or all of them by their names.

        Raises:
            QiskitError: There is none.
        """
        if not 0 <= qubit < len(self.qubits):
            raise QiskitError(f"{self.backend_name} has no qubit {qubit}; it has 0 to {len(self.qubits) - 1}.")
        return self._found(self._of_qubits[qubit], name, f"qubit {qubit}")

    def gate_property(self, gate: str, qubits: int | Iterable[int] | None = None, name: str | None = None) -> Any:
        """A property of a gate at a place and when it was measured, or all by their names, or those of all places.

        Raises:
            QiskitError: There is none.
        """
        places = self._of_gates.get(gate, {})
        if qubits is None and name is None and places:
            return places
        place = tuple(qubits) if isinstance(qubits, Iterable) else () if qubits is None else (qubits,)
        if place not in places:
            raise QiskitError(f"{self.backend_name} has no gate {gate!r} on the qubits {place}.")
        return self._found(places[place], name, f"{gate!r} on the qubits {place}")

    def _found(self, values: dict[str, tuple[float, datetime | None]], name: str | None, of: str) -> Any:
        if name is None:
            return values
        if name not in values:
            raise QiskitError(f"{self.backend_name} publishes no {name} of {of}.")
        return values[name]

    def gate_error(self, gate: str, qubits: int | Iterable[int]) -> float:
        """One minus the average fidelity of a gate at a place."""
        return float(self.gate_property(gate, qubits, "gate_error")[0])

    def gate_length(self, gate: str, qubits: int | Iterable[int]) -> float:
        """The duration of a gate at a place in seconds."""
        return float(self.gate_property(gate, qubits, "gate_length")[0])

    def t1(self, qubit: int) -> float:
        """A qubit's relaxation time in seconds."""
        return float(self.qubit_property(qubit, "T1")[0])

    def t2(self, qubit: int) -> float:
        """A qubit's dephasing time in seconds."""
        return float(self.qubit_property(qubit, "T2")[0])

    def readout_error(self, qubit: int) -> float:
        """How likely a qubit is misread."""
        return float(self.qubit_property(qubit, "readout_error")[0])

    def readout_length(self, qubit: int) -> float:
        """The duration of a qubit's measurement in seconds."""
        return float(self.qubit_property(qubit, "readout_length")[0])

    def frequency(self, qubit: int) -> float:
        """A qubit's frequency, which no OQTOPUS device publishes: raises `QiskitError`."""
        return float(self.qubit_property(qubit, "frequency")[0])

    def is_qubit_operational(self, qubit: int) -> bool:
        """Whether a qubit works: each that is listed does."""
        self.qubit_property(qubit)
        return True

    def is_gate_operational(self, gate: str, qubits: int | Iterable[int]) -> bool:
        """Whether a gate works at a place: each that is listed does."""
        self.gate_property(gate, qubits)
        return True

    def faulty_qubits(self) -> list[int]:
        """None."""
        return []

    def faulty_gates(self) -> list[GateProperties]:
        """None."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return {**dataclasses.asdict(self), "gates": [gate.to_dict() for gate in self.gates]}


def configuration(device: OqtopusDevice, target: Target, max_shots: int) -> BackendConfiguration:
    """What a device is.

    Args:
        device: The device.
        target: What it has, from `target_from_device`.
        max_shots: The most shots of a job.
    """
    gates = [
        GateConfiguration(gate.name, [str(parameter) for parameter in gate.params], _places(target, gate.name))
        for gate in _gates(target)
    ]
    basis = [gate.name for gate in gates]
    return BackendConfiguration(
        backend_name=device.device_id,
        n_qubits=target.num_qubits,
        basis_gates=basis,
        gates=gates,
        supported_instructions=[*basis, *(name for name in ("measure", "delay") if name in target)],
        coupling_map=None if target.qargs is None else _places(target, "cx") or [],
        simulator=device.device_type == "simulator",
        max_shots=max_shots,
        description=device.description,
        dt=target.dt,
    )


def properties(device: OqtopusDevice, target: Target) -> BackendProperties | None:
    """A device's calibration; None where it publishes none.

    Args:
        device: The device.
        target: Its calibration, from `target_from_device`.
    """
    if target.qubit_properties is None:
        return None

    def known(*values: tuple[str, str, float | None]) -> list[Nduv]:
        return [
            Nduv(device.calibrated_at, name, unit, float(f"{value * _UNITS[unit]:.12g}"))
            for name, unit, value in values
            if value is not None
        ]

    qubits = []
    for i, times in enumerate(target.qubit_properties):
        readout = target["measure"].get((i,))
        qubits.append(
            known(
                ("T1", "us", times.t1),
                ("T2", "us", times.t2),
                ("readout_error", "", readout and readout.error),
                ("prob_meas0_prep1", "", readout and getattr(readout, "prob_meas0_prep1", None)),
                ("prob_meas1_prep0", "", readout and getattr(readout, "prob_meas1_prep0", None)),
                ("readout_length", "ns", readout and readout.duration),
            )
        )
    gates = [
        GateProperties(
            list(place),
            gate.name,
            known(("gate_error", "", of.error), ("gate_length", "ns", of.duration)) if of else [],
        )
        for gate in _gates(target)
        for place, of in target[gate.name].items()
    ]
    return BackendProperties(device.device_id, device.calibrated_at, qubits, gates)


def _named(values: Iterable[Nduv]) -> dict[str, tuple[float, datetime | None]]:
    """Values in seconds or of no unit, and when they were measured, by their names."""
    return {value.name: (value.value / _UNITS[value.unit], value.date) for value in values}


def _gates(target: Target) -> list[Gate]:
    return [operation for operation in target.operations if isinstance(operation, Gate)]


def _places(target: Target, gate: str) -> list[list[int]] | None:
    """Where a gate is; None where the device does not say."""
    if gate not in target or target[gate] is None or None in target[gate]:
        return None
    return [list(place) for place in target[gate]]
