"""Qiskit provider for the OQTOPUS quantum cloud."""

from typing import TYPE_CHECKING, Any

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.errors import CircuitError, OqtopusJobError, OqtopusJobTimeoutError
from qiskit_oqtopus.job import OqtopusJob
from qiskit_oqtopus.provider import OqtopusProvider

if TYPE_CHECKING:
    from qiskit_oqtopus.options import OqtopusOptions

__all__ = [
    "CircuitError",
    "OqtopusBackend",
    "OqtopusJob",
    "OqtopusJobError",
    "OqtopusJobTimeoutError",
    "OqtopusOptions",
    "OqtopusProvider",
]


def __getattr__(name: str) -> Any:
    if name == "OqtopusOptions":  # loads pydantic, which takes its time
        from qiskit_oqtopus.options import OqtopusOptions  # noqa: PLC0415

        return OqtopusOptions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
