"""Criteria that backends must meet, and the reasons why they do not: `Criteria`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

from oqtopus_client.display import moment, printable, suggestion
from qiskit_oqtopus.equivalents import FILTERS

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
    """Criteria that a backend must meet; None accepts any backend.

    Attributes:
        min_num_qubits: Minimum number of qubits.
        simulator: Whether it must be a simulator, or must not.
        operational: Whether it must be available, or must not.
        filters: A function that takes the backend and returns whether to accept it.
    """

    min_num_qubits: int | None = None
    simulator: bool | None = None
    operational: bool | None = None
    filters: BackendFilter | None = None

    @classmethod
    def checked(cls, **given: Any) -> Self:
        """Return the criteria after checking their names and types.

        Raises:
            TypeError: A criterion is unknown, or its value has the wrong type.
        """
        known = [field.name for field in fields(cls)]
        for name, value in given.items():
            if name not in known:
                if name in FILTERS:
                    raise TypeError(f"Unknown filter {name!r}: {FILTERS[name]}.")
                raise TypeError(f"Unknown filter {name!r}. {suggestion(name, known)}")
            kind, word = _KINDS[name]
            is_number = isinstance(value, bool) and kind is Integral
            if value is not None and (is_number or not isinstance(value, kind)):
                raise TypeError(f"{name} must be {word} or None, not {value!r}.")
        return cls(**given)

    def objection(self, backend: OqtopusBackend) -> str | None:
        """Return why a backend does not qualify, such as `"has 16 qubits (min_num_qubits=20)"`; None if it does."""
        device, n_qubits = backend.device, backend.num_qubits
        if self.min_num_qubits is not None and (n_qubits is None or n_qubits < self.min_num_qubits):
            has = "does not publish its number of qubits" if n_qubits is None else f"has {n_qubits} qubits"
            return f"{has} (min_num_qubits={self.min_num_qubits})"
        if self.simulator is not None and self.simulator != (device.device_type == "simulator"):
            return f"is {'not ' if self.simulator else ''}a simulator (simulator={self.simulator})"
        if self.operational is not None and self.operational != (device.status == "available"):
            back = f" until {moment(device.available_at)}" if self.operational and device.available_at else ""
            return f"is {printable(device.status)}{back} (operational={self.operational})"
        if self.filters is not None and not self.filters(backend):
            return "does not pass filters"
        return None
