"""Qiskit provider for the OQTOPUS quantum cloud."""

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.job import OqtopusJob, OqtopusJobError, OqtopusJobTimeoutError
from qiskit_oqtopus.programs import CircuitError
from qiskit_oqtopus.provider import OqtopusProvider

__all__ = [
    "CircuitError",
    "OqtopusBackend",
    "OqtopusJob",
    "OqtopusJobError",
    "OqtopusJobTimeoutError",
    "OqtopusProvider",
]
