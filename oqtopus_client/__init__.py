"""Python SDK for the OQTOPUS quantum cloud.

Names are imported on first access, so a program that only reads results loads neither asyncio nor submission code.
"""

import importlib
import logging
from typing import TYPE_CHECKING, Any

from oqtopus_client import errors, rest
from oqtopus_client.display import keep_to_one_line

if TYPE_CHECKING:
    from oqtopus_client.calibration import Calibration, CouplingCalibration, QubitCalibration
    from oqtopus_client.config import OqtopusConfig
    from oqtopus_client.errors import OqtopusError, ProgramError, ResponseValidationError, UserApiError
    from oqtopus_client.services.async_client import AsyncOqtopusClient
    from oqtopus_client.services.client import OqtopusClient
    from oqtopus_client.services.device import OqtopusDevice
    from oqtopus_client.services.estimation_operator import OqtopusEstimationOperator
    from oqtopus_client.services.job_results import (
        OqtopusEstimationJobResult,
        OqtopusJobResult,
        OqtopusMultiManualJobResult,
        OqtopusSamplingJobResult,
        OqtopusSseJobResult,
    )
    from oqtopus_client.services.job_spec import OqtopusJobSpec
    from oqtopus_client.services.program_job import OqtopusProgramJob
    from oqtopus_client.services.program_options import ProgramOptions
    from oqtopus_client.services.result_utils import (
        bitstring_dict_to_int_keys,
        bitstring_to_int,
        convert_sampling_counts_to_int_keys,
    )
else:  # With a `__getattr__`, type checkers would accept any name.
    _HOMES = {
        "calibration": ["Calibration", "CouplingCalibration", "QubitCalibration"],
        "config": ["OqtopusConfig"],
        "errors": ["OqtopusError", "ProgramError", "ResponseValidationError", "UserApiError"],
        "services.async_client": ["AsyncOqtopusClient"],
        "services.client": ["OqtopusClient"],
        "services.device": ["OqtopusDevice"],
        "services.estimation_operator": ["OqtopusEstimationOperator"],
        "services.job_results": [
            "OqtopusEstimationJobResult",
            "OqtopusJobResult",
            "OqtopusMultiManualJobResult",
            "OqtopusSamplingJobResult",
            "OqtopusSseJobResult",
        ],
        "services.job_spec": ["OqtopusJobSpec"],
        "services.program_job": ["OqtopusProgramJob"],
        "services.program_options": ["ProgramOptions"],
        "services.result_utils": [
            "bitstring_dict_to_int_keys",
            "bitstring_to_int",
            "convert_sampling_counts_to_int_keys",
        ],
    }
    _HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

    def __getattr__(name: str) -> Any:
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value


# Log messages go to the program's own handlers, if it has any.
logging.getLogger(__name__).addHandler(logging.NullHandler())
# A filter applies to its own logger only, not to child loggers.
for _name in (__name__, f"{__name__}.emulator", "qiskit_oqtopus", "httpx"):
    logging.getLogger(_name).addFilter(keep_to_one_line)

__all__ = [
    "AsyncOqtopusClient",
    "Calibration",
    "CouplingCalibration",
    "OqtopusClient",
    "OqtopusConfig",
    "OqtopusDevice",
    "OqtopusError",
    "OqtopusEstimationJobResult",
    "OqtopusEstimationOperator",
    "OqtopusJobResult",
    "OqtopusJobSpec",
    "OqtopusMultiManualJobResult",
    "OqtopusProgramJob",
    "OqtopusSamplingJobResult",
    "OqtopusSseJobResult",
    "ProgramError",
    "ProgramOptions",
    "QubitCalibration",
    "ResponseValidationError",
    "UserApiError",
    "bitstring_dict_to_int_keys",
    "bitstring_to_int",
    "convert_sampling_counts_to_int_keys",
    "errors",
    "rest",
]


def __dir__() -> list[str]:
    return __all__
