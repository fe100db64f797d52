"""The User API's JSON as pydantic models, under the names of the published client.

What the server sends is read with tolerance: unknown fields are kept, an unknown job status or type stays the text
it is, a time without offset is UTC. What we send is strict.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from oqtopus_client.rest.enums import JobsJobStatus, JobsJobType

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AnnouncementsGetAnnouncementResponse",
    "AnnouncementsGetAnnouncementsListResponse",
    "ApiTokenApiToken",
    "ApiTokenApiTokenStatus",
    "DevicesDeviceHistoriesResponse",
    "DevicesDeviceHistory",
    "DevicesDeviceInfo",
    "ErrorBadRequest",
    "ErrorForbiddenError",
    "ErrorInternalServerError",
    "ErrorNotFoundError",
    "ErrorUnauthorizedError",
    "JobsGetJobStatusResponse",
    "JobsGetSselogResponse",
    "JobsJob",
    "JobsJobInfo",
    "JobsJobInfoUploadPresignedURL",
    "JobsJobInfoUploadPresignedURLFields",
    "JobsJobStatus",
    "JobsJobType",
    "JobsRegisterJobResponse",
    "JobsRegisteredJob",
    "JobsS3EstimationResult",
    "JobsS3JobResult",
    "JobsS3OperatorItem",
    "JobsS3SamplingResult",
    "JobsS3SubmitJobInfo",
    "JobsS3TranspileResult",
    "JobsSubmitJobRequest",
    "JobsSubmittedJob",
    "Model",
    "SettingsGetSettingsResponse",
    "SuccessSuccessResponse",
    "UsersGetOneUserResponse",
    "UsersLoginEvent",
    "UsersUpdateUserRequest",
]

_logger = logging.getLogger("oqtopus_client")
_reported: set[str] = set()
_MOST_REPORTED = 100
_MOST_PROBLEMS = 10

MAX_SHOTS = 10_000_000
"""Maximum number of shots per job; the API answers 422 to more."""


_Member = TypeVar("_Member", bound=StrEnum)


def _known(enum: type[_Member], value: Any) -> _Member | str:
    """Return a member of `enum`, or the text itself if it is unknown; log each unknown text once."""
    try:
        return enum(value)
    except ValueError:
        text = str(value)
        if text not in _reported and len(_reported) < _MOST_REPORTED:
            _reported.add(text)
            _logger.warning("The server sent %s %r, which this version does not know.", enum.__name__, text)
        return text


def problems(error: ValidationError) -> str:
    """Return the first problems of a response, without quoting the response."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in found[:_MOST_PROBLEMS]]
    return "; ".join(shown) + (f"; and {len(found) - len(shown)} more" if len(found) > len(shown) else "")


def _as_utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _sendable(text: str) -> str:
    """Return text that can be encoded as UTF-8; JSON may contain lone surrogates, which raise a ValueError."""
    text.encode()
    return text


def _object_as_it_is(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {type(value).__name__}")  # noqa: TRY004 - as pydantic wants it
    return value


def _objects_as_they_are(value: Any) -> dict[str, Any]:
    return {key: _object_as_it_is(inner) for key, inner in _object_as_it_is(value).items()}


_Status = Annotated[JobsJobStatus | str, BeforeValidator(lambda value: _known(JobsJobStatus, value))]
_Type = Annotated[JobsJobType | str, BeforeValidator(lambda value: _known(JobsJobType, value))]
_Time = Annotated[datetime, AfterValidator(_as_utc)]
_Sendable = Annotated[str, AfterValidator(_sendable)]
_Object = dict[str, Any]
# Entries are not validated: there may be very many, and JSON keys are already text.
_Histogram = Annotated[dict[str, Any], PlainValidator(_object_as_it_is)]


class Model(BaseModel):
    """Base of the User API's models; unknown fields are kept."""

    # Validators are built when a model is first used, which most programs never do for most models.
    model_config = ConfigDict(extra="allow", populate_by_name=True, protected_namespaces=(), defer_build=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the model with the API's field names, without absent values."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def to_json(self) -> str:
        """The same as JSON text."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Self:
        """Read the API's object."""
        return cls.model_validate(value)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the API's JSON text."""
        return cls.from_dict(json.loads(text))


# --- devices


class DevicesDeviceInfo(Model):
    """One device. `device_info` is JSON text, the URL of such text (perhaps zipped), or absent."""

    device_id: str
    device_type: str
    status: str
    available_at: _Time | None = None
    n_pending_jobs: int = 0
    n_qubits: int | None = None
    basis_gates: list[str] = []
    supported_instructions: list[str] = []
    device_info: str | None = None
    calibrated_at: _Time | None = None
    description: str = ""


class DevicesDeviceHistory(Model):
    """One past calibration of a device; asked for by itself, it has the URL of its `device_info`."""

    history_uid: str
    device_id: str
    calibrated_at: _Time | None = None
    n_qubits: int | None = None
    n_couplings: int | None = None
    device_info: str | None = Field(default=None, repr=False)


class DevicesDeviceHistoriesResponse(Model):
    """Past calibrations, newest first."""

    items: list[DevicesDeviceHistory] = []
    total: int = 0
    limit: int = 100
    offset: int = 0


# --- jobs


class JobsJobInfo(Model):
    """A job's files, as presigned URLs on the wire; `message` is plain text.

    A field holds the file's content instead once it has been fetched.
    """

    # A presigned URL is a credential, so `repr` shows none.
    input: Any = Field(default=None, repr=False)
    combined_program: Any = Field(default=None, repr=False)
    result: Any = Field(default=None, repr=False)
    transpile_result: Any = Field(default=None, repr=False)
    sse_log: Any = Field(default=None, repr=False)
    message: str | None = None

    _read: Callable[[Any], None] | None = PrivateAttr(None)

    def to_dict(self) -> dict[str, Any]:
        """Return the model with the API's field names, without absent values.

        For a job result, files are read now if a client is available, and `program` and `operator` of the input are
        added at the top level.
        """
        if self._read is None:
            return super().to_dict()
        for name in ("input", "combined_program", "transpile_result"):
            self._read(name)
        content = {"message": None, **super().to_dict()}
        submitted = content.get("input")
        parts = submitted if isinstance(submitted, dict) else {}
        return {**{name: parts[name] for name in ("program", "operator") if name in parts}, **content}

    def __getstate__(self) -> dict[Any, Any]:
        # A client cannot be pickled.
        return {**super().__getstate__(), "__pydantic_private__": {"_read": None}}


class JobsJob(Model):
    """A job as listed by `GET /jobs`; every field may be absent."""

    job_id: str | None = None
    name: str | None = None
    description: str | None = None
    job_type: _Type | None = None
    status: _Status | None = None
    device_id: str | None = None
    shots: int | None = None
    job_info: JobsJobInfo | None = None
    transpiler_info: _Object | None = None
    simulator_info: _Object | None = None
    mitigation_info: _Object | None = None
    execution_time: float | None = None
    submitted_at: _Time | None = None
    ready_at: _Time | None = None
    running_at: _Time | None = None
    ended_at: _Time | None = None


class JobsSubmittedJob(JobsJob):
    """A job that has been submitted."""

    job_id: str
    name: str
    job_type: _Type
    status: _Status
    device_id: str
    shots: int
    job_info: JobsJobInfo
    submitted_at: _Time


class JobsRegisteredJob(JobsJob):
    """A registered job, which only has an id."""

    job_id: str
    status: _Status


class JobsJobInfoUploadPresignedURLFields(Model):
    """Form fields of a presigned upload; all of them, known or not, are posted to the storage verbatim."""

    key: _Sendable | None = None
    aws_access_key_id: _Sendable | None = Field(default=None, alias="AWSAccessKeyId")
    x_amz_security_token: _Sendable | None = Field(default=None, alias="x-amz-security-token", repr=False)
    policy: _Sendable | None = Field(default=None, repr=False)
    signature: _Sendable | None = Field(default=None, repr=False)
    __pydantic_extra__: dict[str, _Sendable | None]

    # Whatever else there is, too, is text: a form holds nothing else.
    model_config = ConfigDict(coerce_numbers_to_str=True)

    def __repr_args__(self) -> list[tuple[_Sendable | None, Any]]:
        return [("key", self.key)]


class JobsJobInfoUploadPresignedURL(Model):
    """Where and how to upload a job's input. It is a credential: `repr` does not show it."""

    url: _Sendable = Field(repr=False)
    fields: JobsJobInfoUploadPresignedURLFields = Field(default_factory=JobsJobInfoUploadPresignedURLFields, repr=False)


class JobsRegisterJobResponse(Model):
    """The new job's id and the upload URL of its input."""

    job_id: _Sendable
    presigned_url: JobsJobInfoUploadPresignedURL = Field(repr=False)


class JobsSubmitJobRequest(Model):
    """Body of `POST /jobs/{job_id}/submit`."""

    # Every client uses it, and the emulator's framework needs it whole.
    model_config = ConfigDict(defer_build=False)

    device_id: str
    job_type: JobsJobType
    shots: int = Field(ge=1, le=MAX_SHOTS)
    name: str | None = None
    description: str | None = None
    transpiler_info: _Object | None = None
    simulator_info: _Object | None = None
    mitigation_info: _Object | None = None


class JobsGetJobStatusResponse(Model):
    """A job's status."""

    job_id: str
    status: _Status


class JobsS3OperatorItem(Model):
    """One term of an observable: `{"pauli": "X 0 Y 1", "coeff": 1.5}`."""

    pauli: str
    coeff: float | None = None


class JobsS3SubmitJobInfo(Model):
    """Content of `input.zip`."""

    program: list[str] | None = None
    operator: list[JobsS3OperatorItem] | None = None
    sse_program: str | None = None


def _with_nulls(model: Model, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
    """Serialise fields that the server sent as null, which programs read."""
    nulls = {name: None for name in sorted(model.model_fields_set) if getattr(model, name) is None}
    return {**nulls, **serialise(model)}


class JobsS3SamplingResult(Model):
    """Counts by bitstring, classical bit 0 rightmost, without spaces."""

    counts: _Histogram | None = None
    divided_counts: Annotated[dict[str, Any], PlainValidator(_objects_as_they_are)] | None = None

    @model_serializer(mode="wrap")
    def _serialise(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _with_nulls(self, serialise)


class JobsS3EstimationResult(Model):
    """An expectation value and its standard error."""

    exp_value: float | None = None
    stds: float | None = None


class JobsS3JobResult(Model):
    """Content of `result.zip`."""

    sampling: JobsS3SamplingResult | None = None
    estimation: JobsS3EstimationResult | None = None


class JobsS3TranspileResult(Model):
    """Content of `transpile_result.zip`."""

    transpiled_program: str | None = None
    stats: _Object | None = None
    virtual_physical_mapping: _Object | None = None

    @model_serializer(mode="wrap")
    def _serialise(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _with_nulls(self, serialise)


class JobsGetSselogResponse(Model):
    """Log of a server-side program: a zip archive as base64 text."""

    file: str | None = None
    file_name: str | None = None


# --- tokens, announcements, users, settings


class ApiTokenApiToken(Model):
    """A new API token."""

    api_token_id: str | None = None
    api_token_secret: str | None = Field(default=None, repr=False)
    api_token_expiration: _Time | None = None


class ApiTokenApiTokenStatus(Model):
    """Expiry of the API token."""

    api_token_expiration: _Time | None = None


class AnnouncementsGetAnnouncementResponse(Model):
    """One announcement."""

    id: int
    title: str
    content: str
    start_time: _Time
    end_time: _Time
    publishable: bool


class AnnouncementsGetAnnouncementsListResponse(Model):
    """Several announcements."""

    announcements: list[AnnouncementsGetAnnouncementResponse] = []


class UsersLoginEvent(Model):
    """One login of the user."""

    event_date: _Time | None = None
    user_agent: str | None = None
    ip: str | None = None


class UsersGetOneUserResponse(Model):
    """The user the token belongs to."""

    id: str | None = None
    email: str | None = None
    name: str | None = None
    organization: str | None = None
    created_at: _Time | None = None
    login_events: list[UsersLoginEvent] | None = None


class UsersUpdateUserRequest(Model):
    """Body of `PATCH /users/me`."""

    # The emulator's framework needs it whole.
    model_config = ConfigDict(defer_build=False)

    name: str | None = None
    organization: str | None = None


class SettingsGetSettingsResponse(Model):
    """Settings of the server that concern users."""

    editable_fields: list[str] = []
    allow_deletion: bool = False
    visible_fields: list[str] = []
    login_history_enabled: bool = False


# --- plain answers


class SuccessSuccessResponse(Model):
    """A successful operation."""

    message: str


class ErrorBadRequest(Model):
    """Body of a 400."""

    message: str


class ErrorUnauthorizedError(ErrorBadRequest):
    """Body of a 401."""


class ErrorForbiddenError(ErrorBadRequest):
    """Body of a 403."""


class ErrorNotFoundError(ErrorBadRequest):
    """Body of a 404."""


class ErrorInternalServerError(ErrorBadRequest):
    """Body of a 500."""
