"""Python SDK for the OQTOPUS quantum cloud."""

from oqtopus_client import errors, rest
from oqtopus_client.config import OqtopusConfig
from oqtopus_client.errors import OqtopusError, ResponseValidationError, UserApiError
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
from oqtopus_client.services.result_utils import (
    bitstring_dict_to_int_keys,
    bitstring_to_int,
    convert_sampling_counts_to_int_keys,
)

__all__ = [
    "AsyncOqtopusClient",
    "OqtopusClient",
    "OqtopusConfig",
    "OqtopusDevice",
    "OqtopusError",
    "OqtopusEstimationJobResult",
    "OqtopusEstimationOperator",
    "OqtopusJobResult",
    "OqtopusJobSpec",
    "OqtopusMultiManualJobResult",
    "OqtopusSamplingJobResult",
    "OqtopusSseJobResult",
    "ResponseValidationError",
    "UserApiError",
    "bitstring_dict_to_int_keys",
    "bitstring_to_int",
    "convert_sampling_counts_to_int_keys",
    "errors",
    "rest",
]
