"""Configuration and properties of backends in the format of `BackendV1`, for libraries that still read them.

Qiskit 2 removed its classes for them, so these follow the classes of IBM's provider; `mapomatic`, `pytket` and many
users' programs read them. All data comes from the Target, the transpiler's description of the device.
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

from oqtopus_client.checks import qubit_index, shown

if TYPE_CHECKING:
    from datetime import datetime

    from qiskit.transpiler import Target

    from oqtopus_client import OqtopusDevice

    Values = dict[str, tuple[float, datetime | None]]

_UNITS = {"us": 1e6, "ns": 1e9, "": 1.0}
"""For each unit, the factor by which a value of the Target, in seconds or without unit, is multiplied."""


@dataclass(frozen=True)
class _Record:
    def to_dict(self) -> dict[str, Any]:
        """Return all attributes by name."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class GateConfiguration(_Record):
    """A gate of a device.

    Attributes:
        name: The gate's name.
        parameters: The names of its parameters.
        coupling_map: The qubits or pairs that it is available on; None if the device does not publish them.
        qasm_def: Empty, as no definition in OpenQASM 2 is published.
    """

    name: str
    parameters: list[str]
    coupling_map: list[list[int]] | None
    qasm_def: str = ""


@dataclass(frozen=True)
class BackendConfiguration(_Record):
    """A device's properties other than its calibration, as in `BackendV1`; new programs should use `backend.target`.

    Attributes:
        backend_name: The device's name.
        n_qubits: Number of qubits; None if unknown.
        basis_gates: Names of the native gates.
        gates: The native gates with the qubits that they are available on.
        supported_instructions: Gates, measurement and delay.
        coupling_map: Control and target of each `cx`; None if all pairs are coupled.
        simulator: Whether the device is a simulator.
        max_shots: Maximum number of shots per job.
        description: The server's description of the device.
        dt: The device's clock period in seconds.
        backend_version: Empty, as devices have no version.
        max_experiments: Maximum number of circuits per job: `sys.maxsize`, as it is unlimited.
        local: False, as devices are accessed through a server.
        conditional: False, as no device executes control flow.
        open_pulse: False, as no device executes pulses.
        memory: Whether results can list the shots one by one.
        multi_meas_enabled: False, as no device measures mid-circuit.
        meas_levels: Only 2, counts.
        timing_constraints: Empty.
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
        """An alias of `n_qubits`."""
        return self.n_qubits

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and hasattr(self, name)


@dataclass(frozen=True)
class Nduv(_Record):
    """A measured value with its name, date and unit.

    Attributes:
        date: Time of the measurement; None if the device does not publish it.
        name: The name of the quantity.
        unit: The unit; empty for a probability.
        value: The value.
    """

    date: datetime | None
    name: str
    unit: str
    value: float


@dataclass(frozen=True)
class GateProperties(_Record):
    """The calibration of a gate on specific qubits.

    Attributes:
        qubits: The qubits.
        gate: The gate's name.
        parameters: Its `gate_error` and `gate_length`, if known.
    """

    qubits: list[int]
    gate: str
    parameters: list[Nduv]

    @property
    def name(self) -> str:
        """The gate's name followed by its qubits."""
        return "_".join([self.gate, *map(str, self.qubits)])

    def to_dict(self) -> dict[str, Any]:
        """Return all attributes by name."""
        return {**super().to_dict(), "name": self.name}


@dataclass(frozen=True)
class BackendProperties(_Record):
    """A device's calibration, as in `BackendV1`; new programs should use `backend.target`.

    Methods return seconds and probabilities; `qubits` and `gates` contain microseconds and nanoseconds, as given by
    their units. Methods raise `QiskitError` for values that the device does not publish.

    Attributes:
        backend_name: The device's name.
        last_update_date: Time of the calibration; None if the server does not publish it.
        qubits: For each qubit `T1`, `T2`, `readout_error`, `readout_length`, `prob_meas1_prep0` and `prob_meas0_prep1`.
        gates: Each gate on each of its qubits or pairs.
        backend_version: Empty, as devices have no version.
        general: Empty.
    """

    backend_name: str
    last_update_date: datetime | None
    qubits: list[list[Nduv]]
    gates: list[GateProperties]
    backend_version: str = ""
    general: list[Nduv] = field(default_factory=list)

    @cached_property
    def _of_qubits(self) -> list[Values]:
        return [_named(values) for values in self.qubits]

    @cached_property
    def _of_gates(self) -> dict[str, dict[tuple[int, ...], Values]]:
        found: dict[str, dict[tuple[int, ...], Values]] = {}
        for gate in self.gates:
            found.setdefault(gate.gate, {})[tuple(gate.qubits)] = _named(gate.parameters)
        return found

    def qubit_property(self, qubit: int, name: str | None = None) -> Any:
        """Return a property of a qubit and the time of its measurement, or all properties by name.

        Raises:
            QiskitError: The device has no such qubit, or does not publish the property.
        """
        if not 0 <= qubit_index(qubit) < len(self.qubits):
            raise QiskitError(f"{self.backend_name} has no qubit {qubit}; it has 0 to {len(self.qubits) - 1}.")
        return self._found(self._of_qubits[qubit], name, f"qubit {qubit}")

    def gate_property(self, gate: str, qubits: int | Iterable[int] | None = None, name: str | None = None) -> Any:
        """Return a property of a gate and the time of its measurement, all by name, or those on all qubits.

        Raises:
            QiskitError: The device has no such gate on the qubits, or does not publish the property.
        """
        if not isinstance(gate, str):
            raise TypeError(f"gate must be the name of a gate, such as 'cx', not {shown(gate)}.")
        by_qargs = self._of_gates.get(gate, {})
        if qubits is None and name is None and by_qargs:
            return by_qargs
        listed = [] if qubits is None else qubits if isinstance(qubits, Iterable) else [qubits]
        qargs = tuple(map(qubit_index, listed))
        if qargs not in by_qargs:
            raise QiskitError(f"{self.backend_name} has no gate {gate!r} on the qubits {qargs}.")
        return self._found(by_qargs[qargs], name, f"{gate!r} on the qubits {qargs}")

    def _found(self, values: Values, name: str | None, of: str) -> Any:
        if name is None:
            return values
        if name not in values:
            raise QiskitError(f"{self.backend_name} publishes no {name} of {of}.")
        return values[name]

    def gate_error(self, gate: str, qubits: int | Iterable[int]) -> float:
        """Return one minus the average fidelity of a gate."""
        return float(self.gate_property(gate, qubits, "gate_error")[0])

    def gate_length(self, gate: str, qubits: int | Iterable[int]) -> float:
        """Return the duration of a gate in seconds."""
        return float(self.gate_property(gate, qubits, "gate_length")[0])

    def t1(self, qubit: int) -> float:
        """Return a qubit's relaxation time in seconds."""
        return float(self.qubit_property(qubit, "T1")[0])

    def t2(self, qubit: int) -> float:
        """Return a qubit's dephasing time in seconds."""
        return float(self.qubit_property(qubit, "T2")[0])

    def readout_error(self, qubit: int) -> float:
        """Return the probability of misreading a qubit."""
        return float(self.qubit_property(qubit, "readout_error")[0])

    def readout_length(self, qubit: int) -> float:
        """Return the duration of a qubit's measurement in seconds."""
        return float(self.qubit_property(qubit, "readout_length")[0])

    def frequency(self, qubit: int) -> float:
        """Raise `QiskitError`, as OQTOPUS devices do not publish frequencies."""
        return float(self.qubit_property(qubit, "frequency")[0])

    def is_qubit_operational(self, qubit: int) -> bool:
        """Return True for every qubit of the device."""
        self.qubit_property(qubit)
        return True

    def is_gate_operational(self, gate: str, qubits: int | Iterable[int]) -> bool:
        """Return True for every gate that the device has on the qubits."""
        self.gate_property(gate, qubits)
        return True

    def faulty_qubits(self) -> list[int]:
        """Return an empty list: every published qubit is operational."""
        return []

    def faulty_gates(self) -> list[GateProperties]:
        """Return an empty list: every published gate is operational."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """Return all attributes by name."""
        return {**super().to_dict(), "gates": [gate.to_dict() for gate in self.gates]}


def configuration(device: OqtopusDevice, target: Target, max_shots: int) -> BackendConfiguration:
    """Return a device's configuration.

    Args:
        device: The device.
        target: The device's target, from `target_from_device`.
        max_shots: Maximum number of shots per job.
    """
    gates = [
        GateConfiguration(gate.name, [str(parameter) for parameter in gate.params], _coupling_map(target, gate.name))
        for gate in _gates(target)
    ]
    basis = [gate.name for gate in gates]
    return BackendConfiguration(
        backend_name=device.device_id,
        n_qubits=target.num_qubits,
        basis_gates=basis,
        gates=gates,
        supported_instructions=[*basis, *(name for name in ("measure", "delay") if name in target)],
        coupling_map=None if target.qargs is None else _coupling_map(target, "cx") or [],
        simulator=device.device_type == "simulator",
        max_shots=max_shots,
        description=device.description,
        dt=target.dt,
    )


def properties(device: OqtopusDevice, target: Target) -> BackendProperties | None:
    """Return a device's calibration; None if it publishes none.

    Args:
        device: The device.
        target: The device's target, from `target_from_device`.
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
            list(qargs),
            gate.name,
            known(("gate_error", "", found.error), ("gate_length", "ns", found.duration)) if found else [],
        )
        for gate in _gates(target)
        for qargs, found in target[gate.name].items()
    ]
    return BackendProperties(device.device_id, device.calibrated_at, qubits, gates)


def _named(values: Iterable[Nduv]) -> Values:
    """Return values, in seconds or without unit, and the times of their measurement, by name."""
    return {value.name: (value.value / _UNITS[value.unit], value.date) for value in values}


def _gates(target: Target) -> list[Gate]:
    return [operation for operation in target.operations if isinstance(operation, Gate)]


def _coupling_map(target: Target, gate: str) -> list[list[int]] | None:
    """Return the qubits or pairs that a gate is available on; None if the device does not publish them."""
    if gate not in target or target[gate] is None or None in target[gate]:
        return None
    return [list(qargs) for qargs in target[gate]]
