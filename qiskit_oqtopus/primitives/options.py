"""The options of primitives, typed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError

from oqtopus_client.checks import whole_number
from oqtopus_client.rest.models import MAX_SHOTS
from oqtopus_client.services.job_spec import check_shots
from qiskit_oqtopus.options import StrictOptions, readable


def positive(number: object) -> int:
    """Return a number of shots as an int, if it is positive.

    Raises:
        TypeError: It is not an integer (numpy's integers are).
        ValueError: It is not positive.
    """
    return whole_number(number, "shots must be a positive integer")


class PrimitiveOptions(StrictOptions):
    """Options of all primitives; they can be changed at any time, and changes apply from the next `run` on.

    On OQTOPUS devices, `backend.options` applies where an option is None.

    Attributes:
        max_shots: The most shots of one job, 1 to 10,000,000; the device's own limit applies if it is lower. More shots
            are split across several jobs, and their counts combined.
        seed: Seed of the random numbers drawn in this process, and of emulated devices and simulators whose backend
            takes a `seed_simulator`: each job gets a different seed, derived from this one. Real devices ignore it.
        transpile: For OQTOPUS devices: `"auto"` has the server transpile circuits that are not made of the device's own
            instructions; `"server"` has it transpile all circuits; `"none"` has it transpile none, and refuses those
            that the device would refuse. Other backends run circuits as they are.
        transpiler_options: Keywords of `qiskit.transpile` for the server's transpiler.
        mitigation: `"pseudo_inverse"` corrects readout errors: for `OqtopusSampler` on the server, which may lose shots
            and favours frequent outcomes; for `OqtopusEstimator` as described there.
        name: Name of the jobs on the server; by default the circuit's.
        description: Description of the jobs, at most 700 characters; the server's search covers it.
        job_tags: Words added to the description, at most 200 characters together.
    """

    model_config = ConfigDict(validate_assignment=True)

    max_shots: Annotated[int, BeforeValidator(check_shots)] = MAX_SHOTS
    seed: int | None = Field(None, ge=0)
    transpile: Literal["auto", "server", "none"] | None = None
    transpiler_options: dict[str, Any] | None = None
    mitigation: Literal["pseudo_inverse"] | None = None
    name: str | None = None
    description: str | None = None
    job_tags: list[str] | None = None

    @classmethod
    def of(cls, options: PrimitiveOptions | Mapping[str, Any] | None, **more: Any) -> Self:
        """Return the checked options from options or a mapping of names to values, and more by name.

        Raises:
            TypeError: They have another type, or an option is unknown.
            ValueError: A value is invalid.
        """
        if not (options is None or isinstance(options, Mapping | PrimitiveOptions)):
            raise TypeError(f"options must be {cls.__name__}(...) or a mapping of names to values, not {options!r}.")
        return cls.checked({**dict(options or {}), **more})

    def update(self, **options: Any) -> None:
        """Change several options, or none if one is invalid.

        Raises:
            TypeError: An option is unknown.
            ValueError: A value is invalid.
        """
        checked = self.of(self, **options)
        for name in options:
            setattr(self, name, getattr(checked, name))

    def for_device(self) -> dict[str, Any]:
        """Return the options that `OqtopusBackend.submit` takes."""
        names = ("transpile", "transpiler_options", "mitigation", "name", "description", "job_tags")
        return {name: getattr(self, name) for name in names} | {"seed_simulator": self.seed}

    def for_other_backend(self, backend: str) -> None:
        """Refuse options that only OQTOPUS servers support.

        Raises:
            ValueError: Such an option is set.
        """
        for name in ("mitigation", "transpiler_options"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} is for OQTOPUS devices only, and {backend} is not one; leave it out, or use the emulator."
                )
        if self.transpile == "server":
            raise ValueError(
                f"transpile='server' needs an OQTOPUS server, which {backend} does not have; use qiskit.transpile()."
            )

    def __setattr__(self, name: str, value: Any) -> None:
        self._check_name(name)
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            raise ValueError(readable(error)) from None


class EstimatorOptions(PrimitiveOptions):
    """Options of `OqtopusEstimator`.

    Attributes:
        default_precision: The standard error to aim at, for an observable of norm 1, if neither `run` nor the PUB gives
            one.
        route: `"sampling"`, `"estimation"` or `"auto"`; see `OqtopusEstimator`.
    """

    _taker = "OqtopusEstimator"

    default_precision: float = Field(0.015625, gt=0, allow_inf_nan=False)
    route: Literal["auto", "sampling", "estimation"] = "auto"


class SamplerOptions(PrimitiveOptions):
    """Options of `OqtopusSampler`.

    Attributes:
        default_shots: Number of shots of each circuit if neither `run` nor the PUB gives one.
        defer_measurements: Whether to replace measurements in the middle of a circuit by measurements of spare qubits
            at its end, on OQTOPUS devices; see `qiskit_oqtopus.defer_measurements`.
    """

    _taker = "OqtopusSampler"

    default_shots: Annotated[int, BeforeValidator(positive)] = 1024
    defer_measurements: bool | None = None
