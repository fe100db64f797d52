"""The specification of a job, validated on construction: `OqtopusJobSpec`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from oqtopus_client import rest
from oqtopus_client.checks import shown, whole_number
from oqtopus_client.config import in_sse_container
from oqtopus_client.rest.enums import JobsJobType
from oqtopus_client.services.estimation_operator import OqtopusEstimationOperator
from oqtopus_client.services.job_doubts import measures_nothing, misspellings
from oqtopus_client.user_warnings import warn_user

if TYPE_CHECKING:
    from oqtopus_client.rest.models import JobsS3OperatorItem, JobsS3SubmitJobInfo, JobsSubmitJobRequest

Operator: TypeAlias = "OqtopusEstimationOperator | JobsS3OperatorItem | Mapping[str, Any]"
"""Accepted forms of a term of an observable."""

_MAX_LENGTH = {"device_id": 64, "name": 256, "description": 1024}
"""Maximum lengths in the server's database; servers answer longer texts with an internal error."""


@dataclass(frozen=True)
class OqtopusJobSpec:
    """A job to submit; use `dataclasses.replace` for variants.

    Attributes:
        device_id: The device to run on. May be empty in a server-side program, whose jobs run on its own device.
        job_type: Type of the job, such as `sampling` for counts.
        program: OpenQASM 3 text; several for `multi_manual`; Python source for `sse`.
        shots: Number of shots, 1 to 10,000,000.
        name: Name of the job, at most 256 characters.
        description: Description of the job, at most 1024 characters.
        transpiler_info: Server-side transpilation. Empty: Qiskit, level 1. `{"transpiler_lib": None}`: none.
        simulator_info: Stored and returned by real servers, but not used. On the emulator, a non-negative integer
            `seed_simulation` is the seed of the job's random numbers: the same job then has the same counts each time.
        mitigation_info: `{"ro_error_mitigation": "pseudo_inverse"}` mitigates readout errors.
        operator: Terms of the observable, for `estimation` only.

    Raises:
        TypeError: A value has the wrong type.
        ValueError: A value is out of range or empty.
    """

    device_id: str
    job_type: JobsJobType | str
    program: str | Sequence[str]
    shots: int = 1000
    name: str | None = None
    description: str | None = None
    transpiler_info: Mapping[str, Any] = field(default_factory=dict)
    simulator_info: Mapping[str, Any] = field(default_factory=dict)
    mitigation_info: Mapping[str, Any] = field(default_factory=dict)
    operator: Sequence[Operator] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "job_type", _job_type(self.job_type))
        object.__setattr__(self, "shots", check_shots(self.shots))
        content = self.to_s3_submit_job_info()
        if self.device_id is None or (
            isinstance(self.device_id, str) and not self.device_id and not in_sse_container()
        ):
            raise ValueError("device_id is empty; name a device, such as 'qulacs'.")
        for name, limit in _MAX_LENGTH.items():
            _check_text(name, getattr(self, name), limit)
        settings = {name: getattr(self, name) for name in ("transpiler_info", "simulator_info", "mitigation_info")}
        for name, value in settings.items():
            _check_json(name, value)
        if warning := measures_nothing(self.job_type, content.program or ()):
            warn_user(warning)
        for warning in misspellings(settings):
            warn_user(warning)

    @classmethod
    def sampling(
        cls,
        *,
        device_id: str,
        program: str | Sequence[str],
        shots: int = 1000,
        name: str | None = None,
        description: str | None = None,
        transpiler_info: Mapping[str, Any] | None = None,
        simulator_info: Mapping[str, Any] | None = None,
        mitigation_info: Mapping[str, Any] | None = None,
        operator: Sequence[Operator] | None = None,
    ) -> OqtopusJobSpec:
        """Create a job that counts measurement outcomes; see the class for the parameters."""
        return cls(
            device_id,
            JobsJobType.SAMPLING,
            program,
            shots,
            name,
            description,
            _or_empty(transpiler_info),
            _or_empty(simulator_info),
            _or_empty(mitigation_info),
            operator=operator,
        )

    @classmethod
    def estimation(
        cls,
        *,
        device_id: str,
        program: str | Sequence[str],
        shots: int = 1000,
        name: str | None = None,
        description: str | None = None,
        transpiler_info: Mapping[str, Any] | None = None,
        simulator_info: Mapping[str, Any] | None = None,
        mitigation_info: Mapping[str, Any] | None = None,
        operator: Sequence[Operator] | None = None,
    ) -> OqtopusJobSpec:
        """Create a job that estimates the expectation value of `operator`; see the class for the parameters."""
        return cls(
            device_id,
            JobsJobType.ESTIMATION,
            program,
            shots,
            name,
            description,
            _or_empty(transpiler_info),
            _or_empty(simulator_info),
            _or_empty(mitigation_info),
            operator=operator,
        )

    @classmethod
    def multi_manual(
        cls,
        *,
        device_id: str,
        program: str | Sequence[str],
        shots: int = 1000,
        name: str | None = None,
        description: str | None = None,
        transpiler_info: Mapping[str, Any] | None = None,
        simulator_info: Mapping[str, Any] | None = None,
        mitigation_info: Mapping[str, Any] | None = None,
        operator: Sequence[Operator] | None = None,
    ) -> OqtopusJobSpec:
        """Create a job that runs several programs side by side on one device; see the class for the parameters."""
        return cls(
            device_id,
            JobsJobType.MULTI_MANUAL,
            program,
            shots,
            name,
            description,
            _or_empty(transpiler_info),
            _or_empty(simulator_info),
            _or_empty(mitigation_info),
            operator=operator,
        )

    @classmethod
    def sse(
        cls,
        *,
        device_id: str,
        program: str | Sequence[str],
        shots: int = 1000,
        name: str | None = None,
        description: str | None = None,
        transpiler_info: Mapping[str, Any] | None = None,
        simulator_info: Mapping[str, Any] | None = None,
        mitigation_info: Mapping[str, Any] | None = None,
    ) -> OqtopusJobSpec:
        """Create a job that runs a Python program on the server; see the class for the parameters."""
        return cls(
            device_id,
            JobsJobType.SSE,
            program,
            shots,
            name,
            description,
            _or_empty(transpiler_info),
            _or_empty(simulator_info),
            _or_empty(mitigation_info),
        )

    def to_model(self) -> JobsSubmitJobRequest:
        """Return the body of the submit request."""
        return rest.JobsSubmitJobRequest(
            device_id=self.device_id,
            job_type=JobsJobType(self.job_type),
            shots=self.shots,
            name=self.name,
            description=self.description,
            transpiler_info=dict(self.transpiler_info),
            simulator_info=dict(self.simulator_info),
            mitigation_info=dict(self.mitigation_info),
        )

    def to_s3_submit_job_info(self) -> JobsS3SubmitJobInfo:
        """Return the content of the job's input file."""
        job_type = JobsJobType(self.job_type)
        programs, terms = _programs(self.program, job_type), _terms(self.operator, job_type)
        if job_type is JobsJobType.SSE:
            return rest.JobsS3SubmitJobInfo(sse_program=programs[0])
        return rest.JobsS3SubmitJobInfo(program=programs, operator=terms)


def _terms(operator: Sequence[Operator] | None, job_type: JobsJobType) -> list[JobsS3OperatorItem] | None:
    if job_type is not JobsJobType.ESTIMATION:
        if operator is not None:
            raise ValueError(f"operator is for estimation jobs only, not for type {job_type.value!r}.")
        return None
    if isinstance(operator, str) or not isinstance(operator, Sequence) or not operator:
        raise ValueError(
            "An estimation job needs operator, a list of terms such as OqtopusEstimationOperator('Z 0 Z 1', 0.5), not "
            f"{shown(operator)}."
        )
    return [_term(term).to_model() for term in operator]


def _term(term: Operator) -> OqtopusEstimationOperator:
    if isinstance(term, OqtopusEstimationOperator):
        return term
    if isinstance(term, Mapping):
        for name in term:
            if name not in ("pauli", "coeff"):
                raise TypeError(f"A term of operator has the fields 'pauli' and 'coeff', not {shown(name)}.")
        return OqtopusEstimationOperator(term.get("pauli"), term.get("coeff"))  # type: ignore[arg-type]  # checked there
    if isinstance(term, rest.JobsS3OperatorItem):
        return OqtopusEstimationOperator.from_model(term)
    raise TypeError(
        "A term of operator must be an OqtopusEstimationOperator, such as OqtopusEstimationOperator('Z 0 Z 1', 0.5), "
        f"or a mapping of its fields, not {term!r}."
    )


def check_shots(shots: object) -> int:
    """Return `shots` as an int if it is a valid number of shots.

    Raises:
        TypeError: It is not an integer; numpy integers are accepted.
        ValueError: It is out of range.
    """
    most = rest.models.MAX_SHOTS
    return whole_number(shots, f"shots must be an integer from 1 to {most:,}", most=most)


def _job_type(job_type: JobsJobType | str) -> JobsJobType:
    try:
        return JobsJobType(job_type)
    except ValueError:
        known = ", ".join(repr(kind.value) for kind in JobsJobType)
        raise ValueError(f"job_type must be one of {known}, not {shown(job_type)}.") from None


def _programs(program: str | Sequence[str], job_type: JobsJobType) -> list[str]:
    programs = [program] if isinstance(program, str | bytes) or not isinstance(program, Sequence) else list(program)
    for text in programs:
        if not isinstance(text, str):
            raise TypeError(f"program must be {_text_of(job_type)}, not {type(text).__name__}.")
        if not text.strip():
            raise ValueError("program is empty.")
        _check_encodable("program", text)
    if job_type is JobsJobType.MULTI_MANUAL:
        if not programs:
            raise ValueError("A multi_manual job takes one program or more, not 0.")
        return programs
    if len(programs) != 1:
        # A server would run the first and silently drop the rest.
        raise ValueError(f"A {job_type} job takes exactly one program, not {len(programs)}; submit one job for each.")
    return programs


def _text_of(job_type: JobsJobType) -> str:
    if job_type is JobsJobType.SSE:
        return "the text of a Python program; run_program() takes a function"
    return "OpenQASM 3 text, such as qiskit.qasm3.dumps(circuit) returns"


def _or_empty(settings: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return {} if settings is None else settings


def _check_json(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping of names to values, not {shown(value)}.")
    try:
        json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} must be JSON-serialisable: {error}.") from None


def _check_encodable(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} cannot be sent as UTF-8: {error.reason} at position {error.start}.") from None


def _check_text(name: str, text: object, limit: int) -> None:
    if text is None:
        return
    if not isinstance(text, str):
        raise TypeError(f"{name} must be text, not {shown(text)}.")
    _check_encodable(name, text)
    if len(text) > limit:
        raise ValueError(f"{name} has {len(text)} characters; the server keeps at most {limit}.")
