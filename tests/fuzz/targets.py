"""What a server sends, read as the SDK reads it: a target takes bytes, and raises nothing but what is documented."""

from __future__ import annotations

import contextlib
import inspect
import json
from typing import TYPE_CHECKING, Any

import httpx

from oqtopus_client import (
    OqtopusConfig,
    OqtopusDevice,
    OqtopusError,
    OqtopusEstimationJobResult,
    OqtopusMultiManualJobResult,
    OqtopusSamplingJobResult,
    OqtopusSseJobResult,
)
from oqtopus_client.errors import OqtopusStorageError, ResponseValidationError
from oqtopus_client.rest import models, storage, user_api
from oqtopus_client.rest.http.errors import api_error
from oqtopus_client.services.job_results import typed_result
from oqtopus_client.services.sse_log import log_text
from qiskit_oqtopus.errors import LaterReleaseError
from qiskit_oqtopus.header import CircuitHeader
from qiskit_oqtopus.parallel.splitting import split
from qiskit_oqtopus.results import anonymous_header, to_experiment

if TYPE_CHECKING:
    from collections.abc import Callable

    from oqtopus_client import OqtopusJobResult

MODELS = [
    model
    for model in vars(models).values()
    if isinstance(model, type) and issubclass(model, models.Model) and model is not models.Model
]
FILES = [models.JobsS3JobResult, models.JobsS3SubmitJobInfo, models.JobsS3TranspileResult]

_CONFIG = OqtopusConfig("https://api.example", "id.secret")
_LIMIT = 1 << 20


def read_zip(data: bytes) -> None:
    """A job's file, or a log."""
    with contextlib.suppress(OqtopusStorageError):
        content = storage.unpack(data, limit=_LIMIT)
        assert len(content) <= _LIMIT
        storage.read_text(content)
    with contextlib.suppress(ValueError):
        assert isinstance(log_text(data, encoding="utf-8", errors="replace"), str)


def read_json(data: bytes) -> None:
    """A file's content, an answer, a refusal and the comment at a program's head."""
    for kind in FILES:
        with contextlib.suppress(OqtopusStorageError):
            use(storage.read_model(kind, data))
    refusal = httpx.Response(400, content=data, request=httpx.Request("GET", "https://api.example"))
    assert len(str(api_error(refusal, _CONFIG))) < 3000
    with contextlib.suppress(ValueError, RecursionError):  # as `HttpClient.call` has them
        answer = json.loads(data)
        for model in MODELS:
            with contextlib.suppress(ResponseValidationError):
                use(user_api._read(model, answer))
    use_header(data.decode(errors="replace"))


TARGETS: dict[str, Callable[[bytes], None]] = {"zip": read_zip, "json": read_json}


def use_header(comment: str, counts: dict[str, Any] | None = None) -> None:
    """Read a program's header, and lay out a result by it; a header of a later release is refused."""
    try:
        header = CircuitHeader.from_program(f"// qiskit_oqtopus {comment}\n")
    except LaterReleaseError:
        return
    if header:
        described = [header, *(part.header for part in header.parts)]
        read_again = CircuitHeader.from_program(header.to_comment())
        assert read_again == header or any(each.metadata or each.extra for each in described)
        with contextlib.suppress(ValueError):
            split(counts or {"0": 1, "1": 2}, [len(each.clbits) for each in described[1:]])
        with contextlib.suppress(ValueError):
            to_experiment(header, counts or {"0": 1, "1": 2}, shots=10, job_id="1")


def use(value: models.Model) -> None:
    """Do with a model whatever the services do; an error is the SDK's own, or a `ValueError`."""
    with contextlib.suppress(OqtopusError, ValueError):
        value.to_dict()
        value.to_json()
    assert isinstance(repr(value), str)
    if isinstance(value, models.DevicesDeviceInfo):
        look_at(OqtopusDevice(value))
    elif isinstance(value, models.JobsJob):
        with contextlib.suppress(ValueError):
            use_job(typed_result(value))
    elif isinstance(value, models.JobsS3JobResult):
        for job_type in ("sampling", "estimation", "multi_manual", "sse", "annealing"):
            fields = {"job_id": "1", "name": "", "job_type": job_type, "status": "succeeded", "device_id": "a"}
            use_job(typed_result(models.JobsJob.from_dict({**fields, "shots": 10, "job_info": {"result": value}})))


def use_job(job: OqtopusJobResult) -> None:
    """Ask a job for all that it has."""
    look_at(job)
    if isinstance(job, OqtopusSseJobResult):
        look_at(job.get_job_result())
    with contextlib.suppress(OqtopusError):
        job.raise_for_status()
    if isinstance(job, OqtopusEstimationJobResult):
        assert isinstance(job.get_exp_value(), float | None)
        assert isinstance(job.get_stds(), float | None)
    if isinstance(job, OqtopusMultiManualJobResult):
        with contextlib.suppress(OqtopusError, ValueError):
            job.get_divided_counts()
    if isinstance(job, OqtopusSamplingJobResult):
        counts = {}
        with contextlib.suppress(OqtopusError):
            counts = job.get_counts()
        with contextlib.suppress(OqtopusError, ValueError):
            job.counts_with_integer_keys()
        with contextlib.suppress(ValueError):
            to_experiment(anonymous_header("a", counts), counts, shots=10, job_id="1")


def look_at(value: object) -> None:
    """Read every property."""
    for name, _ in inspect.getmembers(type(value), lambda member: isinstance(member, property)):
        getattr(value, name)
    assert isinstance(repr(value), str)
