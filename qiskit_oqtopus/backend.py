"""An OQTOPUS device as a Qiskit backend: `OqtopusBackend`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit

from oqtopus_client.checks import shown
from qiskit_oqtopus import specs
from qiskit_oqtopus.batch import JobBatch
from qiskit_oqtopus.deferral import deferred_on
from qiskit_oqtopus.described_backend import DescribedBackend
from qiskit_oqtopus.elsewhere import NOT_GIVEN, refuse_positional
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.job import OqtopusJob
from qiskit_oqtopus.parallel.packing import placements
from qiskit_oqtopus.plain import copied

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Never

    import numpy.typing as npt
    from qiskit.providers import Options

    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.parallel.placement import Placement
    from qiskit_oqtopus.programs import Program


class OqtopusBackend(DescribedBackend):
    """One device, as returned by `OqtopusProvider`; see `DescribedBackend` for its arguments and attributes."""

    @property
    def max_circuits(self) -> None:
        """None, meaning no limit: a run of many circuits becomes several OQTOPUS jobs."""
        return

    @classmethod
    def _default_options(cls) -> Options:
        from qiskit_oqtopus.options import BackendOptions, OqtopusOptions  # noqa: PLC0415 - pydantic is slow to load

        return BackendOptions(**dict(OqtopusOptions()))

    @property
    def options(self) -> Options:
        """Defaults for `run`; see `OqtopusOptions`. Assigning a mapping sets its options and resets all others.

        Raises:
            TypeError: The value is not a mapping, an option is unknown, or `shots` or `seed_simulator` is not an
                integer.
            ValueError: A value is not valid.
        """
        return self._options

    @options.setter
    def options(self, options: Mapping[str, Any]) -> None:
        if not isinstance(options, Mapping):
            raise TypeError(f"options must be a mapping of names to values, not {options!r}.")
        fresh = self._default_options()
        fresh.update_options(**options)
        self._options = fresh

    def set_options(self, **fields: Any) -> None:
        """Change defaults for `run`; see `OqtopusOptions`. None resets an option to its initial value, as in Aer.

        Raises:
            TypeError: An option is unknown, or `shots` or `seed_simulator` is not an integer.
            ValueError: A value is not valid.
        """
        self._options.update_options(**fields)

    def run(
        self,
        run_input: QuantumCircuit | Iterable[QuantumCircuit] = NOT_GIVEN,
        *others: Never,
        parameter_values: npt.ArrayLike | None = None,
        **options: Any,
    ) -> OqtopusJob:
        """Submit circuits and return without waiting for their results.

        A circuit of native instructions (see `target`) runs as it is; the server transpiles any other. With `parallel`,
        circuits share jobs: each runs on its own qubits, chosen by the device's calibration, and has its own counts.

        Args:
            run_input: One circuit, or several.
            *others: Not accepted; an error says how to pass options.
            parameter_values: Values of one circuit's parameters in the order of `circuit.parameters`, of shape
                (bindings, parameters): one run per row. The circuit is processed once, which is much faster than
                binding each row when there are many.
            **options: See `OqtopusOptions`; `backend.options` applies to those that are None or not given.

        Raises:
            ValueError: `run_input` is empty, the device cannot run a circuit as intended (`CircuitError`), or an option
                has an invalid value.
            TypeError: An option is unknown, or `shots` or `seed_simulator` is not an integer.
            OqtopusError: A circuit could not be submitted; cancellation of the others has been requested.
        """
        refuse_positional(others, "run() takes circuits, and options by name: backend.run(circuits, shots=1000)")
        settings = self.settings(**options)
        circuits = _circuits(run_input)
        programs = self._encode(circuits, parameter_values, settings)
        jobs = specs.to_jobs(programs, self.target, settings)
        batch = self._submit(jobs, settings)
        # Copies, as users may change their circuits before they read or save those of the job.
        kept = [copied(circuit) for circuit in circuits]
        return OqtopusJob(batch, [job.programs for job in jobs], circuits=kept, backend=self)

    def submit(self, jobs: Sequence[specs.Job], *, kind: str, **options: Any) -> JobBatch:
        """Submit jobs of one program each as a batch; primitives use this instead of `run`.

        Args:
            jobs: The jobs.
            kind: The primitive.
            **options: See `OqtopusOptions`.

        Raises:
            ValueError: The device would refuse a program (`CircuitError`), or the value of an option is not valid.
            TypeError: An option is unknown.
            OqtopusError: A program could not be submitted; cancellation of the others has been requested.
        """
        settings = self.settings(**{**options, "multi_manual": False})
        specs.refuse_foreign((job.programs[0] for job in jobs), self.target, settings)
        counted = [job.programs[0] for job in jobs if job.operator is None and job.mitigated]
        specs.warn_of_mitigation(counted, settings)
        return self._submit(specs.with_tags(jobs, kind, settings), settings)

    def _submit(self, jobs: Sequence[specs.Job], settings: OqtopusOptions) -> JobBatch:
        specs.warn_of_transpiler_options((job.programs[0] for job in jobs), settings)
        seeds = specs.seeds(settings.seed_simulator, len(jobs))
        batch = [job.to_spec(self.name, settings, seed) for job, seed in zip(jobs, seeds, strict=True)]
        return JobBatch.submit(self._client, batch, jobs[0].tag, [job.programs for job in jobs])

    def programs(
        self,
        run_input: QuantumCircuit | Iterable[QuantumCircuit],
        *,
        parameter_values: npt.ArrayLike | None = None,
        **options: Any,
    ) -> list[Program]:
        """Return the programs that `run` would send for the circuits, without sending them.

        Args and exceptions are those of `run`.
        """
        settings = self.settings(**options)
        return self._encode(_circuits(run_input), parameter_values, settings)

    def _encode(
        self, circuits: Sequence[QuantumCircuit], values: npt.ArrayLike | None, settings: OqtopusOptions
    ) -> list[Program]:
        return specs.encode(circuits, values, self.chip if settings.parallel else None, self.target, settings)

    def placements(
        self,
        run_input: QuantumCircuit | Iterable[QuantumCircuit],
        *,
        parameter_values: npt.ArrayLike | None = None,
        **options: Any,
    ) -> list[Placement]:
        """Return the placements that `run` would choose for circuits side by side, without running them.

        Args and exceptions are those of `run`, with `parallel=True` by default.
        """
        options = {"parallel": self.options.parallel or True, **options}
        return placements(self.programs(run_input, parameter_values=parameter_values, **options))

    def settings(self, **options: Any) -> OqtopusOptions:
        """Return the settings of a run with these options; `backend.options` applies to those None or not given.

        Raises:
            TypeError: An option is unknown, or `shots` or `seed_simulator` is not an integer.
            ValueError: A value is not valid.
        """
        from qiskit_oqtopus.options import OqtopusOptions  # noqa: PLC0415 - pydantic is slow to load

        renamed = OqtopusOptions.renamed(options)
        given = {name: value for name, value in renamed.items() if value is not None or name not in self.options}
        return OqtopusOptions.checked({**self.options, **given})

    def deferred(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return the circuit with its measurements deferred; see `defer_measurements`.

        Raises:
            TypeError: `circuit` is not a `QuantumCircuit`.
            CircuitError: An operation depends on a measurement outcome, or the device has too few qubits.
        """
        return deferred_on(circuit, self.target)


def _circuits(run_input: QuantumCircuit | Iterable[QuantumCircuit]) -> list[QuantumCircuit]:
    if isinstance(run_input, str) or not isinstance(run_input, QuantumCircuit | Iterable):
        raise CircuitError(f"run_input must be a QuantumCircuit or several, not {run_input!r}.")
    circuits = [run_input] if isinstance(run_input, QuantumCircuit) else list(run_input)
    if not circuits:
        raise ValueError("run_input is empty; pass at least one circuit.")
    for circuit in circuits:
        if not isinstance(circuit, QuantumCircuit):
            what = "a list" if isinstance(circuit, list | tuple) else shown(circuit)
            raise CircuitError(f"run_input must contain QuantumCircuits only, not {what}.")
    return circuits
