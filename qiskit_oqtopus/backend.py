"""An OQTOPUS device as a Qiskit backend: `OqtopusBackend`."""

from __future__ import annotations

import contextlib
import difflib
import secrets
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options

from oqtopus_client import OqtopusError, OqtopusJobSpec
from oqtopus_client.errors import BatchSubmissionError
from qiskit_oqtopus.job import OqtopusJob
from qiskit_oqtopus.programs import CircuitError, Program, to_program
from qiskit_oqtopus.target import target_from_device

if TYPE_CHECKING:
    from qiskit.transpiler import Target

    from oqtopus_client import OqtopusClient, OqtopusDevice
    from qiskit_oqtopus.provider import OqtopusProvider

_SUBMIT_WORKERS = 16


class OqtopusBackend(BackendV2):
    """One device; `OqtopusProvider` makes these.

    Args:
        provider: The provider that found the device.
        device: The device, as it was when the provider asked.
        client: The client that submits jobs.

    Attributes:
        device: The device.
    """

    def __init__(self, provider: OqtopusProvider, device: OqtopusDevice, client: OqtopusClient) -> None:
        super().__init__(provider=provider, name=device.device_id, description=device.description)
        self.device = device
        self._client = client

    @cached_property
    def _target(self) -> Target:
        return target_from_device(self.device)

    @property
    def target(self) -> Target:
        """The device's gates, couplings, errors and times, for the transpiler."""
        return self._target

    @property
    def max_circuits(self) -> None:
        """No limit: each circuit becomes an OQTOPUS job of its own."""
        return

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1000)

    def run(self, run_input: QuantumCircuit | Iterable[QuantumCircuit], **options: Any) -> OqtopusJob:
        """Submit circuits; returns as soon as all are submitted.

        A circuit of the device's own instructions (see `target`) runs as it is; any other is transpiled on the
        server.

        Args:
            run_input: One circuit, or several.
            **options: `shots`, 1 to 10,000,000 for each circuit; `backend.options.shots` (1000) where not given.

        Raises:
            ValueError: There is no circuit, one that the device cannot run as meant (`CircuitError`), or `shots` is
                out of range.
            TypeError: `shots` is no integer, or an option is unknown.
            OqtopusError: A circuit could not be submitted; the others have been asked to cancel.
        """
        self._check_options(options)
        shots = self.options.shots if options.get("shots") is None else options["shots"]
        if isinstance(run_input, str) or not isinstance(run_input, QuantumCircuit | Iterable):
            raise CircuitError(f"Only a QuantumCircuit can be run, or several, not {run_input!r}.")
        circuits = [run_input] if isinstance(run_input, QuantumCircuit) else list(run_input)
        if not circuits:
            raise ValueError("There is no circuit to run.")
        programs = [to_program(circuit, self.target) for circuit in circuits]
        batch = f"batch-{secrets.token_hex(8)}" if len(circuits) > 1 else None
        specs = [
            self._spec(circuit, program, shots, batch) for circuit, program in zip(circuits, programs, strict=True)
        ]
        job_ids = self._submit(specs)
        return OqtopusJob(self, batch or job_ids[0], job_ids, circuits, programs, self._client)

    def _check_options(self, options: dict[str, Any]) -> None:
        for name in options:
            if name not in self.options:
                near = difflib.get_close_matches(name, list(self.options))
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(self.options)}."
                raise TypeError(f"run() has no option {name!r}; {hint}")

    def _spec(self, circuit: QuantumCircuit, program: Program, shots: int, batch: str | None) -> OqtopusJobSpec:
        return OqtopusJobSpec.sampling(
            device_id=self.name,
            program=program.text,
            shots=shots,
            name=circuit.name[:256],
            # Shared by all jobs of a batch, so that the server's search finds them.
            description=batch,
            transpiler_info={"transpiler_lib": None} if program.is_isa else None,
        )

    def _submit(self, specs: list[OqtopusJobSpec]) -> list[str]:
        try:
            return [answer.job_id for answer in self._client.submit_jobs(specs, max_workers=_SUBMIT_WORKERS)]
        except BatchSubmissionError as error:
            # Without a job object nobody would ever look at them.
            for job_id in error.job_ids:
                with contextlib.suppress(OqtopusError):
                    self._client.cancel_job(job_id)
            error.add_note("These jobs have been asked to cancel.")
            raise

    def __repr__(self) -> str:
        return f"<OqtopusBackend {self.name!r}: {self.num_qubits} qubits, {self.device.status}>"

    def __deepcopy__(self, _memo: object) -> Self:
        # Qiskit's libraries copy options that hold backends; connections cannot be copied.
        return self
