"""What primitives can be told, typed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError

from oqtopus_client.checks import whole_number
from oqtopus_client.rest.models import MAX_SHOTS
from oqtopus_client.services.job_spec import check_shots
from qiskit_oqtopus.options import StrictOptions, readable


def positive(number: object) -> int:
    """Return shots as an int if they are positive.

    Raises:
        TypeError: They are no integer (numpy's integers are).
        ValueError: They are not positive.
    """
    return whole_number(number, "shots must be a positive integer")


class PrimitiveOptions(StrictOptions):
    """Options that all primitives have; they can be changed at any time, and count from the next `run` on.

    What is None is left to `backend.options`, on OQTOPUS devices.

    Attributes:
        max_shots: The most shots of one job, 1 to 10,000,000; the device's own limit counts where it is lower. More are
            shared out over several jobs, and their counts put together.
        seed: Makes what is random in this process the same each time, and the shots of simulators whose backend takes a
            `seed_simulator`. No OQTOPUS device can be seeded.
        transpile: `"auto"` leaves circuits that are not of the device's own instructions to the server's transpiler;
            `"server"` leaves all to it; `"none"` none, and refuses those that the device would. For OQTOPUS devices;
            others run circuits as they are.
        transpiler_options: Keywords of `qiskit.transpile` for the server's transpiler.
        mitigation: `"pseudo_inverse"` corrects readout errors: for `OqtopusSampler` on the server, which may lose shots
            and favours frequent outcomes; for `OqtopusEstimator` as described there.
        name: Name of the jobs on the server; by default the circuit's.
        description: Description of the jobs, at most 700 characters; the server's search finds it.
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
        """Options as a primitive is given them, checked: these or a mapping of names to values, and more by name.

        Raises:
            TypeError: They are something else, or there is no option of that name.
            ValueError: A value is not possible.
        """
        if not (options is None or isinstance(options, Mapping | PrimitiveOptions)):
            raise TypeError(f"options must be {cls.__name__}(...) or a mapping of names to values, not {options!r}.")
        return cls.checked({**dict(options or {}), **more})

    def update(self, **options: Any) -> None:
        """Change several options, all or none.

        Raises:
            TypeError: There is no option of that name.
            ValueError: A value is not possible.
        """
        checked = self.of(self, **options)
        for name in options:
            setattr(self, name, getattr(checked, name))

    def for_device(self) -> dict[str, Any]:
        """What `OqtopusBackend.submit` takes of them."""
        names = ("transpile", "transpiler_options", "mitigation", "name", "description", "job_tags")
        return {name: getattr(self, name) for name in names}

    def for_other_backend(self, backend: str) -> None:
        """Refuse what only OQTOPUS servers do.

        Raises:
            ValueError: They are asked for it.
        """
        for name in ("mitigation", "transpiler_options"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} is for OQTOPUS servers, and {backend} is no device of theirs; leave it out, or use the "
                    "emulator."
                )
        if self.transpile == "server":
            raise ValueError(f"transpile='server' needs a server, which {backend} has not; use qiskit.transpile().")

    def __setattr__(self, name: str, value: Any) -> None:
        self._check_name(name)
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            raise ValueError(readable(error)) from None


class EstimatorOptions(PrimitiveOptions):
    """Options of `OqtopusEstimator`.

    Attributes:
        default_precision: The standard error to aim at where neither `run` nor a PUB says, for an observable of norm 1.
        route: `"sampling"`, `"estimation"` or `"auto"`; see `OqtopusEstimator`.
    """

    _taker = "OqtopusEstimator"

    default_precision: float = Field(0.015625, gt=0, allow_inf_nan=False)
    route: Literal["auto", "sampling", "estimation"] = "auto"


class SamplerOptions(PrimitiveOptions):
    """Options of `OqtopusSampler`.

    Attributes:
        default_shots: Shots of each circuit where neither `run` nor a PUB says how many.
        defer_measurements: Whether to measure spare qubits at the end for measurements in the middle of a circuit, on
            OQTOPUS devices; see `qiskit_oqtopus.defer_measurements`.
    """

    _taker = "OqtopusSampler"

    default_shots: Annotated[int, BeforeValidator(positive)] = 1024
    defer_measurements: bool | None = None
