"""What `backend.run` can be told, typed and checked: `OqtopusOptions`."""

from __future__ import annotations

import difflib
import json
import operator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from qiskit.providers import Options

from oqtopus_client.services.job_spec import check_shots
from qiskit_oqtopus.user_warnings import warn_user

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLASSIFIED = 2
"""The only `meas_level` there is: counts."""


class StrictOptions(BaseModel):
    """Options that are checked when they are given."""

    model_config = ConfigDict(extra="forbid", strict=True)

    _taker: ClassVar[str]
    """What takes the options, for messages."""

    @classmethod
    def checked(cls, options: Mapping[str, Any]) -> Self:
        """Options from what a user gave.

        Raises:
            TypeError: There is no option of that name, or a number is no integer.
            ValueError: A value is not possible.
        """
        for name in options:
            cls._check_name(name)
        try:
            return cls(**options)
        except ValidationError as error:
            raise ValueError(readable(error)) from None

    @classmethod
    def _check_name(cls, name: str) -> None:
        if name not in cls.model_fields:
            near = difflib.get_close_matches(str(name), cls.model_fields)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(cls.model_fields)}."
            raise TypeError(f"{cls._taker} has no option {name!r}; {hint}")


class OqtopusOptions(StrictOptions):
    """Options of `backend.run`; `backend.options` holds each one's default.

    Attributes:
        shots: How often to run each circuit, 1 to 10,000,000.
        name: Name of the jobs on the server; by default the circuit's.
        description: Description of the jobs, at most 700 characters; the server's search finds it.
        memory: Whether results list the shots one by one. OQTOPUS tells counts only, so their order is invented. As
            Qiskit's sampler expects, a circuit that measures nothing then runs as well, and its bits are 0.
        transpile: `"auto"` sends circuits of the device's own instructions as they are, and leaves others to the
            server's transpiler; `"server"` leaves all to it; `"none"` sends all as they are, and refuses those that
            the device would.
        transpiler_options: Keywords of `qiskit.transpile` for the server's transpiler.
        mitigation: `"pseudo_inverse"` corrects readout errors on the server. Counts may then sum to less than `shots`;
            `lost_shots` in each of the result's `results` says by how many, and a warning where they are many.
            For circuits of the device's own instructions; of others, a server may mistake the qubits.
        multi_manual: Whether to pack circuits side by side into as few jobs as the device's qubits allow. They are
            transpiled on the server.
        defer_measurements: Whether to measure spare qubits at the end for measurements in the middle of a circuit, and
            to use spare qubits in place of reset ones; see `qiskit_oqtopus.defer_measurements`.
        job_tags: Words added to the description, at most 200 characters together.
        seed_simulator: For Qiskit's libraries, which pass it always; no server can be seeded.
        meas_level: For Qiskit's libraries; 2, counts, is what there is.
        meas_return: For Qiskit's libraries; of no meaning for counts.
        rep_delay: For Qiskit's libraries; servers choose the pause between shots.
        init_qubits: For Qiskit's libraries; qubits always start in `|0>`.
        noise_model: For Qiskit's libraries; a device has its own noise, so a warning says that it is not used.
    """

    model_config = ConfigDict(frozen=True)
    _taker = "run()"

    shots: Annotated[int, BeforeValidator(check_shots)] = 1000
    name: str | None = Field(None, max_length=256)
    description: str | None = Field(None, max_length=700)
    memory: bool = False
    transpile: Literal["auto", "server", "none"] = "auto"
    transpiler_options: dict[str, Any] | None = None
    mitigation: Literal["pseudo_inverse"] | None = None
    multi_manual: bool = False
    defer_measurements: bool = False
    job_tags: list[str] | None = None
    seed_simulator: Any = None
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
            raise ValueError(f"transpiler_options must be what JSON can hold: {error}.") from None
        return options

    @field_validator("job_tags")
    @classmethod
    def _is_short(cls, tags: list[str] | None) -> list[str] | None:
        if len(" ".join(tags or [])) > 200:  # noqa: PLR2004 - as documented
            raise ValueError("job_tags must have at most 200 characters together.")
        return tags

    @field_validator("meas_level")
    @classmethod
    def _is_classified(cls, level: Any) -> Any:
        if level is not None and operator.index(level) != _CLASSIFIED:
            raise ValueError(f"meas_level must be 2, as OQTOPUS returns counts only, not {level!r}.")
        return level

    @field_validator("noise_model")
    @classmethod
    def _is_not_used(cls, model: Any) -> Any:
        if model is not None:
            warn_user("noise_model is not used: a device has its own noise. Simulate with Aer, or on the emulator.")
        return model

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.transpile == "none" and (self.transpiler_options or self.multi_manual):
            what = "multi_manual needs" if self.multi_manual else "transpiler_options need"
            raise ValueError(f"{what} the server's transpiler, which transpile='none' turns off.")
        if self.multi_manual and self.mitigation:
            raise ValueError("Servers mistake the qubits when they mitigate multi_manual jobs; use one of them.")
        return self

    @property
    def full_description(self) -> str | None:
        """The description and the tags."""
        return " ".join([*([self.description] if self.description else []), *(self.job_tags or [])]) or None

    def is_transpiled_by_server(self, *, is_isa: bool) -> bool:
        """Whether a program, which may be of the device's own instructions, is for the server to transpile."""
        return self.transpile == "server" or (self.transpile == "auto" and (self.multi_manual or not is_isa))

    def transpiler_info(self, *, is_isa: bool) -> dict[str, Any] | None:
        """The server's transpiler settings for a program, which may be of the device's own instructions."""
        if not self.is_transpiled_by_server(is_isa=is_isa):
            return {"transpiler_lib": None}
        return self.transpiler_options and {"transpiler_lib": "qiskit", "transpiler_options": self.transpiler_options}


class BackendOptions(Options):
    """`backend.options`: Qiskit's container, which checks whatever way an option is changed.

    None stands for what counted at first, as in Aer.
    """

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        self.update_options(**{name: value})

    def update_options(self, **fields: Any) -> None:
        """Change options, all or none.

        Raises:
            TypeError: There is no option of that name, or `shots` is no integer.
            ValueError: A value is not possible.
        """
        first = dict(OqtopusOptions())
        values = {name: first.get(name) if value is None else value for name, value in fields.items()}
        OqtopusOptions.checked({**self, **values})
        super().update_options(**values)

    def update(self, **fields: Any) -> None:
        """The same, as IBM's options have it."""
        self.update_options(**fields)


def readable(error: ValidationError) -> str:
    """What is wrong with each option, without pydantic's own words where ours say it."""
    return " ".join(
        str(detail["ctx"]["error"])
        if detail["type"] == "value_error"
        else f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}, not {detail['input']!r}."
        for detail in error.errors()
    )
