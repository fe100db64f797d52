"""Qiskit provider for the OQTOPUS quantum cloud."""

import importlib
from typing import TYPE_CHECKING, Any

from oqtopus_client.errors import ProgramError
from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.deferral import defer_measurements
from qiskit_oqtopus.elsewhere import import_hint
from qiskit_oqtopus.errors import CircuitError, OqtopusJobError, OqtopusJobTimeoutError
from qiskit_oqtopus.job import OqtopusJob
from qiskit_oqtopus.parallel.placement import Placement
from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob
from qiskit_oqtopus.provider import OqtopusProvider
from qiskit_oqtopus.session import Batch, Session

if TYPE_CHECKING:
    from oqtopus_client import OqtopusProgramJob, ProgramOptions
    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.primitives.estimator import EstimatorV2, OqtopusEstimator
    from qiskit_oqtopus.primitives.sampler import OqtopusSampler, SamplerV2

__all__ = [
    "Batch",
    "CircuitError",
    "EstimatorV2",
    "OqtopusBackend",
    "OqtopusEstimator",
    "OqtopusJob",
    "OqtopusJobError",
    "OqtopusJobTimeoutError",
    "OqtopusOptions",
    "OqtopusPrimitiveJob",
    "OqtopusProgramJob",
    "OqtopusProvider",
    "OqtopusSampler",
    "Placement",
    "ProgramError",
    "ProgramOptions",
    "SamplerV2",
    "Session",
    "defer_measurements",
]

# These import pydantic, which is slow to load.
_LAZY = {
    "EstimatorV2": "qiskit_oqtopus.primitives.estimator",
    "OqtopusEstimator": "qiskit_oqtopus.primitives.estimator",
    "OqtopusOptions": "qiskit_oqtopus.options",
    "OqtopusProgramJob": "oqtopus_client",
    "OqtopusSampler": "qiskit_oqtopus.primitives.sampler",
    "SamplerV2": "qiskit_oqtopus.primitives.sampler",
    "ProgramOptions": "oqtopus_client",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if hint := import_hint(name):
        # For an AttributeError, `from qiskit_oqtopus import ...` would raise an error without the hint.
        raise ImportError(f"qiskit_oqtopus has no {name!r}; {hint}.")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
