"""Options of `backend.run`, typed and validated: `OqtopusOptions`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from qiskit.providers import Options

from oqtopus_client.checks import sentence, whole_number
from oqtopus_client.display import suggestion
from oqtopus_client.services.job_spec import check_shots
from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.equivalents import RUN_OPTIONS
from qiskit_oqtopus.tags import checked_user_tags, with_user_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLASSIFIED = 2
"""The only supported `meas_level`: counts."""


def _checked_seed(seed: object, info: ValidationInfo) -> int | None:
    return (
        None
        if seed is None
        else whole_number(seed, f"{info.field_name} must be a non-negative integer below 2**63", least=0)
    )


Seed = Annotated[int | None, BeforeValidator(_checked_seed)]


def _checked_parallel(parallel: object) -> bool | int:
    message = "parallel must be True, False or the maximum number of circuits side by side, 1 or more"
    return parallel if isinstance(parallel, bool) else whole_number(parallel, message, least=1)


def _checked_spacing(spacing: object) -> int:
    return whole_number(spacing, "spacing must be the number of qubits between circuits, 0 to 3", least=0, most=3)


def _checked_replicas(replicas: object) -> int | str:
    message = "replicas must be the number of copies of each circuit, 1 or more, or 'max'"
    return "max" if replicas == "max" else whole_number(replicas, message, least=1)


def _checked_tags(tags: object, info: ValidationInfo) -> list[str] | None:
    return None if tags is None else checked_user_tags(tags, str(info.field_name))


Tags = Annotated[list[str] | None, BeforeValidator(_checked_tags)]
Parallel = Annotated[bool | int, BeforeValidator(_checked_parallel)]
Spacing = Annotated[int, BeforeValidator(_checked_spacing)]
MaxError = Annotated[float, Field(gt=0, le=1)]


class StrictOptions(BaseModel):
    """Options that are validated on creation."""

    model_config = ConfigDict(extra="forbid", strict=True)

    _taker: ClassVar[str]
    """The function, class or option that accepts the options, for messages."""
    _section: ClassVar[str] = ""
    """Prefix of the options' names in messages."""
    _refused: ClassVar[Mapping[str, str]] = {}
    """Options of others that do not exist here, and what to use in their place or why."""
    _aliases: ClassVar[Mapping[str, str]] = {}
    """Other names of options."""

    @classmethod
    def renamed(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return options under their own names.

        Raises:
            TypeError: An option is given under two names.
        """
        renamed = {cls._aliases.get(name, name): value for name, value in options.items()}
        if len(renamed) < len(options):
            both = next(f"{alias} or {name}" for alias, name in cls._aliases.items() if {alias, name} <= options.keys())
            raise TypeError(f"{cls._taker} takes either {both}, which are the same option.")
        return renamed

    @classmethod
    def checked(cls, options: Mapping[str, Any]) -> Self:
        """Return validated options from a user's values.

        Raises:
            TypeError: An option is unknown, or a number is not an integer.
            ValueError: A value is not valid.
        """
        options = cls.renamed(options)
        for name in options:
            cls._check_name(name)
        try:
            return cls(**options)
        except ValidationError as error:
            raise ValueError(readable(error, cls._section)) from None

    @field_validator("*", mode="before")
    @classmethod
    def _as_bool(cls, value: Any) -> Any:
        return bool(value) if isinstance(value, np.bool_) else value

    @classmethod
    def _check_name(cls, name: str) -> None:
        if name in cls._refused:
            raise TypeError(f"{cls._taker} has no option {name!r}: {cls._refused[name]}")
        if name not in cls.model_fields:
            raise TypeError(f"{cls._taker} has no option {name!r}. {suggestion(name, cls.model_fields)}")


class OqtopusOptions(StrictOptions):
    """Options of `backend.run`; `backend.options` holds the defaults.

    Attributes:
        shots: Number of shots per circuit, 1 to 10,000,000.
        name: Name of the jobs on the server; by default the circuit's name.
        description: Description of the jobs, at most 700 characters; the server's search covers it.
        memory: Whether results list the shots one by one. OQTOPUS returns counts only, so the order of the shots is
            random. As Qiskit's sampler expects, circuits without measurements are then accepted; their bits are 0.
        transpile: `"auto"` sends circuits of native instructions as they are and has the server transpile all others;
            `"server"` has the server transpile all circuits; `"none"` sends all circuits as they are, and refuses those
            that the device would refuse.
        transpiler_options: Keyword arguments of `qiskit.transpile` for the server's transpiler; a warning says if it
            transpiles none of the circuits.
        mitigation: `"pseudo_inverse"` corrects readout errors on the server. Counts may then sum to less than `shots`;
            `lost_shots` in each of the result's `results` is the difference, and a large one causes a warning. Use it
            with circuits of native instructions: for others, a server may correct the wrong qubits.
        multi_manual: Whether to pack circuits side by side into as few jobs as the device's qubits allow. The server
            transpiles them.
        defer_measurements: Whether to replace mid-circuit measurements by measurements of spare qubits at the end, and
            reset qubits by spare ones; see `qiskit_oqtopus.defer_measurements`.
        job_tags: Words by which `provider.jobs(tags=...)` finds the jobs, also as `tags`; at most 200 characters
            together. They are kept at the end of the description, and cannot be changed later. Commas, square brackets
            and backslashes are not allowed.
        parallel: Whether to run circuits side by side, in as few jobs as possible. A number is the maximum
            number of circuits in a job. Each circuit is placed on the best free qubits by their calibration; one that
            is as wide as the device and transpiled for it stays where it is. `job.placements()` lists the places.
        spacing: Number of qubits between circuits side by side, 0 to 3. With 0, circuits may disturb each other.
            Circuits that stay where they are may be closer to each other.
        max_error: Maximum loss of estimated fidelity of a placed circuit, as a fraction of that at its best place,
            above 0 and up to 1, which sets no limit. With lower values, fewer circuits fit in a job.
        replicas: Number of copies of each circuit side by side, each with all `shots`; their counts are added. `"max"`
            means as many as need no more jobs than the circuits alone. See `job.replica_counts()`.
        seed_simulator: Seed of the random numbers of an emulated device, 0 or more: the same runs then have the same
            counts each time, with one version of the emulator. Each job of a run gets a different seed, derived from
            this one. Real servers store it and ignore it.
        meas_level: Accepted for libraries of Qiskit; only 2, counts, is supported.
        meas_return: Ignored, as it does not apply to counts; accepted for libraries of Qiskit.
        rep_delay: Ignored with a warning, as servers choose the delay between shots; accepted for libraries of Qiskit.
        init_qubits: None or True, as qubits always start in `|0>`; accepted for libraries of Qiskit.
        noise_model: Ignored with a warning, as devices have real noise; accepted for libraries of Qiskit.
    """

    model_config = ConfigDict(frozen=True)
    _taker = "run()"
    _aliases = {"tags": "job_tags"}
    _refused = {name: f"{hint}." for name, hint in RUN_OPTIONS.items()}

    shots: Annotated[int, BeforeValidator(check_shots)] = 1000
    name: str | None = Field(None, max_length=256)
    description: str | None = Field(None, max_length=700)
    memory: bool = False
    transpile: Literal["auto", "server", "none"] = "auto"
    transpiler_options: dict[str, Any] | None = None
    mitigation: Literal["pseudo_inverse"] | None = None
    multi_manual: bool = False
    defer_measurements: bool = False
    job_tags: Tags = None
    parallel: Parallel = False
    spacing: Spacing = 1
    max_error: MaxError | None = 0.1
    replicas: Annotated[int | Literal["max"], BeforeValidator(_checked_replicas)] = 1
    seed_simulator: Seed = None
    meas_level: Any = None
    meas_return: Any = None
    rep_delay: Any = None
    init_qubits: Any = None
    noise_model: Any = None

    @field_validator("transpiler_options")
    @classmethod
    def _is_json(cls, options: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            json.dumps(options)
        except (TypeError, ValueError) as error:
            raise ValueError(f"transpiler_options must be serializable as JSON: {error}.") from None
        return options

    @field_validator("name", "description")
    @classmethod
    def _has_no_nul(cls, value: Any, info: ValidationInfo) -> Any:
        if "\0" in (value or ""):
            raise ValueError(
                f"{info.field_name} must not contain NUL characters, which hide jobs from the server's search, not "
                f"{value!r}."
            )
        return value

    @field_validator("meas_level")
    @classmethod
    def _is_classified(cls, level: Any) -> Any:
        if level is not None and level != _CLASSIFIED:
            raise ValueError(f"meas_level must be 2, as OQTOPUS returns counts only, not {level!r}.")
        return level

    @field_validator("init_qubits")
    @classmethod
    def _is_initialized(cls, value: Any) -> Any:
        if not (value is None or value is True):
            raise ValueError(f"init_qubits must be True, as qubits always start in |0>, not {value!r}.")
        return value

    @field_validator("noise_model")
    @classmethod
    def _is_not_used(cls, model: Any) -> Any:
        if model is not None:
            warn_user("noise_model is ignored, as devices have real noise. Simulate with Aer or on the emulator.")
        return model

    @field_validator("rep_delay")
    @classmethod
    def _is_chosen_by_servers(cls, delay: Any) -> Any:
        if delay is not None:
            warn_user("rep_delay is ignored, as servers choose the delay between shots. Leave it out.")
        return delay

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.transpile == "none" and (self.transpiler_options or self.multi_manual):
            what = "multi_manual needs" if self.multi_manual else "transpiler_options need"
            raise ValueError(f"{what} the server's transpiler, which transpile='none' turns off.")
        if self.multi_manual and self.mitigation:
            raise ValueError(
                "Servers correct the wrong qubits of multi_manual jobs; use either multi_manual or mitigation."
            )
        if self.parallel:
            self._check_parallel()
        return self

    def _check_parallel(self) -> None:
        obstacles = {
            "multi_manual=True": self.multi_manual,
            "transpile='server'": self.transpile == "server",
            "transpiler_options": self.transpiler_options,
        }
        for name, is_given in obstacles.items():
            if is_given:
                raise ValueError(
                    f"{name} cannot be combined with parallel={self.parallel!r}, which places circuits on the device "
                    "before they are sent. Leave one of them out, also in backend.options."
                )

    @property
    def full_description(self) -> str | None:
        """The description followed by the tags."""
        return with_user_tags(self.description, self.job_tags or [])

    def is_transpiled_by_server(self, *, is_isa: bool) -> bool:
        """Return whether the server transpiles a program, which may already consist of native instructions."""
        return self.transpile == "server" or (self.transpile == "auto" and (self.multi_manual or not is_isa))

    def transpiler_info(self, *, is_isa: bool) -> dict[str, Any] | None:
        """Return the server's transpiler settings for a program, which may already consist of native instructions."""
        if not self.is_transpiled_by_server(is_isa=is_isa):
            return {"transpiler_lib": None}
        return self.transpiler_options and {"transpiler_lib": "qiskit", "transpiler_options": self.transpiler_options}


class BackendOptions(Options):
    """The class of `backend.options`: Qiskit's `Options`, with every change validated.

    None resets an option to its initial value, as in Aer.
    """

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        self.update_options(**{name: value})

    def update_options(self, **fields: Any) -> None:
        """Change options, either all of them or none.

        Raises:
            TypeError: An option is unknown, or `shots` or `seed_simulator` is not an integer.
            ValueError: A value is not valid.
        """
        initial = dict(OqtopusOptions())
        fields = OqtopusOptions.renamed(fields)
        values = {name: initial.get(name) if value is None else value for name, value in fields.items()}
        OqtopusOptions.checked({**self, **values})
        super().update_options(**values)

    def update(self, **fields: Any) -> None:
        """Change options; an alias of `update_options`, as in IBM's options."""
        self.update_options(**fields)


def readable(error: ValidationError, section: str = "") -> str:
    """Return the validation errors as sentences, using our own message where there is one.

    Args:
        error: The errors.
        section: Prefix of the options' names.
    """
    return " ".join(
        str(detail["ctx"]["error"])
        if detail["type"] == "value_error"
        else sentence(f"{section}{'.'.join(map(str, detail['loc']))}", detail["msg"], detail["input"])
        for detail in error.errors()
    )
