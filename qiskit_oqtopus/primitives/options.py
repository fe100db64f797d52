"""The options of primitives, typed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field

from oqtopus_client.checks import whole_number
from oqtopus_client.rest.models import MAX_SHOTS
from oqtopus_client.services.job_spec import check_shots
from qiskit_oqtopus.options import (  # noqa: TC001 - pydantic reads annotations when it runs
    MaxError,
    Parallel,
    Seed,
    Spacing,
    Tags,
)
from qiskit_oqtopus.primitives.suppression.options import (
    ChangeableOptions,
    DynamicalDecoupling,
    Resilience,
    Twirling,
)
from qiskit_oqtopus.primitives.suppression.steps import Steps, effective


def positive(number: object) -> int:
    """Return a number of shots as an int, if it is positive.

    Raises:
        TypeError: It is not an integer (numpy's integers are).
        ValueError: It is not positive.
    """
    return whole_number(number, "shots must be a positive integer")


_NO_LIMIT = "jobs have no time limit of their users; use job.result(timeout=...), then job.cancel()."


def _level(level: object) -> int:
    return whole_number(level, "resilience_level must be 0, 1 or 2", least=0, most=2)


class Environment(ChangeableOptions):
    """Where scripts for qiskit-ibm-runtime have the tags of jobs.

    Attributes:
        job_tags: Further tags; see `PrimitiveOptions`.
    """

    _taker = "environment"
    _section = "environment."
    _refused: ClassVar[Mapping[str, str]] = {
        "log_level": "use logging.getLogger('qiskit_oqtopus').setLevel(...).",
        "private": "servers keep a job until it is deleted; use provider.client.delete_job(job_id).",
        "image": "servers choose the software that runs jobs.",
        "callback": "use provider.client.as_completed(job.job_ids).",
        "max_execution_time": _NO_LIMIT,
    }

    job_tags: Tags = None


class PrimitiveOptions(ChangeableOptions):
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
        job_tags: Words by which `provider.jobs(tags=...)` finds the jobs; see `OqtopusOptions`. `tags` and
            `environment.job_tags` are other names.
        parallel: Whether programs run side by side on disjoint regions of the device, as few jobs as possible: those of
            all PUBs, bindings, measurements and randomizations with the same number of shots. A number is the
            maximum number of programs side by side. Circuits that are not on the device's qubits yet are placed on the
            best free ones; the results' metadata list the `placements`. Errors of programs of one job may be
            correlated.
        spacing: Number of qubits between circuits that run side by side, 0 to 3.
        max_error: Maximum loss of fidelity of a placed circuit, as a fraction of that at its best place.
        dynamical_decoupling: Pulses on idle qubits; see `DynamicalDecoupling`.
        twirling: Random Paulis around gates and measurements; see `Twirling`.
        environment: Further `job_tags`, where qiskit-ibm-runtime has them.
    """

    _aliases: ClassVar[Mapping[str, str]] = {"tags": "job_tags"}
    _refused: ClassVar[Mapping[str, str]] = {
        "seed_simulator": "use seed.",
        **dict.fromkeys(("backend", "session"), "use mode."),
        "shots": "use run(pubs, shots=...), which takes precedence over the default.",
        "simulator": "use seed; devices have their own noise, and backend.noise_model() simulates it.",
        "execution": "servers choose the delay between shots, qubits start in |0>, and results are bits.",
        "max_execution_time": _NO_LIMIT,
        "experimental": "OQTOPUS has no experimental options.",
        "optimization_level": "use qiskit.transpile(circuit, backend, optimization_level=...) first.",
        "run_options": "use run(pubs, shots=...).",
        **dict.fromkeys(
            ("transpilation", "skip_transpilation"), "circuits of native instructions run as they are; leave it out."
        ),
    }

    max_shots: Annotated[int, BeforeValidator(check_shots)] = MAX_SHOTS
    seed: Seed = None
    transpile: Literal["auto", "server", "none"] | None = None
    transpiler_options: dict[str, Any] | None = None
    mitigation: Literal["pseudo_inverse"] | None = None
    name: str | None = None
    description: str | None = None
    job_tags: Tags = None
    parallel: Parallel | None = None
    spacing: Spacing | None = None
    max_error: MaxError | None = None
    dynamical_decoupling: Annotated[DynamicalDecoupling, BeforeValidator(DynamicalDecoupling.section)] = Field(
        default_factory=DynamicalDecoupling
    )
    twirling: Annotated[Twirling, BeforeValidator(Twirling.section)] = Field(default_factory=Twirling)
    environment: Annotated[Environment, BeforeValidator(Environment.section)] = Field(default_factory=Environment)

    @property
    def tags(self) -> list[str] | None:
        """All tags, from `job_tags` and `environment`; None if `backend.options` has them."""
        given = self.job_tags, self.environment.job_tags
        return None if given == (None, None) else [tag for tags in given for tag in tags or []]

    @property
    def steps(self) -> Steps:
        """The steps that suppress and mitigate errors.

        Raises:
            ValueError: Options contradict each other.
        """
        return effective(0, self.dynamical_decoupling, self.twirling)

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

    def for_device(self) -> dict[str, Any]:
        """Return the options that `OqtopusBackend.submit` takes."""
        names = ("transpile", "transpiler_options", "mitigation", "name", "description")
        # Primitives place circuits themselves.
        others = {"job_tags": self.tags, "seed_simulator": self.seed, "parallel": False, "replicas": 1}
        return {name: getattr(self, name) for name in names} | others

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
        if self.parallel:
            raise ValueError(
                f"parallel={self.parallel!r} needs a device whose qubits are calibrated, and {backend} is not an "
                "OQTOPUS device; leave it out."
            )
        if self.transpile == "server":
            raise ValueError(
                f"transpile='server' needs an OQTOPUS server, which {backend} does not have; use qiskit.transpile()."
            )


class EstimatorOptions(PrimitiveOptions):
    """Options of `OqtopusEstimator`.

    Attributes:
        default_precision: The standard error to aim at, for an observable of norm 1, if neither `run` nor the PUB gives
            one.
        route: `"sampling"`, `"estimation"` or `"auto"`; see `OqtopusEstimator`.
        resilience_level: The errors that are mitigated, at the price of more jobs and shots. 0: none. 1: readout
            errors, measured by two circuits in the same run. 2: those of `cx` gates, too, by twirling of gates and
            measurements and extrapolation to zero noise. The default is 0, where qiskit-ibm-runtime has 1.
        resilience: The mitigation in detail, in place of the level's; see `Resilience`.
    """

    _taker = "OqtopusEstimator"
    _refused: ClassVar[Mapping[str, str]] = {
        **PrimitiveOptions._refused,  # noqa: SLF001 - the parent's
        "seed_estimator": "use seed.",
        "default_shots": "use default_precision, or run(pubs, shots=...).",
    }

    default_precision: float = Field(0.015625, gt=0, allow_inf_nan=False)
    route: Literal["auto", "sampling", "estimation"] = "auto"
    resilience_level: Annotated[int, BeforeValidator(_level)] = 0
    resilience: Annotated[Resilience, BeforeValidator(Resilience.section)] = Field(default_factory=Resilience)

    @property
    def steps(self) -> Steps:
        """The steps that suppress and mitigate errors.

        Raises:
            ValueError: Options contradict each other.
        """
        return effective(self.resilience_level, self.dynamical_decoupling, self.twirling, self.resilience)


class SamplerOptions(PrimitiveOptions):
    """Options of `OqtopusSampler`.

    Attributes:
        default_shots: Number of shots of each circuit if neither `run` nor the PUB gives one.
        defer_measurements: Whether to replace measurements in the middle of a circuit by measurements of spare qubits
            at its end, on OQTOPUS devices; see `qiskit_oqtopus.defer_measurements`.
    """

    _taker = "OqtopusSampler"
    _refused: ClassVar[Mapping[str, str]] = {
        **PrimitiveOptions._refused,  # noqa: SLF001 - the parent's
        **dict.fromkeys(
            ("resilience_level", "resilience"),
            "samplers return outcomes, not values to mitigate; they have dynamical_decoupling and twirling.",
        ),
    }

    default_shots: Annotated[int, BeforeValidator(positive)] = 1024
    defer_measurements: bool | None = None
