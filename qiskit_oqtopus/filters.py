"""Which backends a user wants, and why the others are not among them: `Criteria`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

from oqtopus_client.display import moment, printable, suggestion

if TYPE_CHECKING:
    from qiskit_oqtopus.backend import OqtopusBackend

    BackendFilter = Callable[[OqtopusBackend], object]

_KINDS: dict[str, tuple[Any, str]] = {
    "min_num_qubits": (Integral, "an integer"),
    "simulator": (bool, "a boolean"),
    "operational": (bool, "a boolean"),
    "filters": (Callable, "a function of a backend"),
}


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What a backend has to be; None asks for nothing.

    Attributes:
        min_num_qubits: How many qubits it has at least.
        simulator: Whether it is a simulator.
        operational: Whether it is available.
        filters: What else must be true of it.
    """

    min_num_qubits: int | None = None
    simulator: bool | None = None
    operational: bool | None = None
    filters: BackendFilter | None = None

    @classmethod
    def checked(cls, **given: Any) -> Self:
        """The criteria, if they can be met.

        Raises:
            TypeError: There is no criterion of a name, or a value is not of its kind.
        """
        known = [field.name for field in fields(cls)]
        for name, value in given.items():
            if name not in known:
                raise TypeError(f"There is no filter {name!r}. {suggestion(name, known)}")
            kind, word = _KINDS[name]
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"{name} must be {word} or None, not {value!r}.")
        return cls(**given)

    def objection(self, backend: OqtopusBackend) -> str | None:
        """What speaks against a backend, such as `"has 16 qubits (min_num_qubits=20)"`; None if nothing does."""
        device, n_qubits = backend.device, backend.num_qubits
        if self.min_num_qubits is not None and (n_qubits is None or n_qubits < self.min_num_qubits):
            has = "does not tell its qubits" if n_qubits is None else f"has {n_qubits} qubits"
            return f"{has} (min_num_qubits={self.min_num_qubits})"
        if self.simulator is not None and self.simulator != (device.device_type == "simulator"):
            return f"is {'no' if self.simulator else 'a'} simulator (simulator={self.simulator})"
        if self.operational is not None and self.operational != (device.status == "available"):
            back = f" until {moment(device.available_at)}" if self.operational and device.available_at else ""
            return f"is {printable(device.status)}{back} (operational={self.operational})"
        if self.filters is not None and not self.filters(backend):
            return "does not pass filters"
        return None
