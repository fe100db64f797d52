"""Circuits to tasks' circuits with twirling and decoupling: `CircuitSuppression`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.parallel.chip import target_of
from qiskit_oqtopus.primitives.suppression.decoupling import decouple
from qiskit_oqtopus.primitives.suppression.randomization import shots_of_randomizations
from qiskit_oqtopus.primitives.suppression.schedule import in_rounds
from qiskit_oqtopus.primitives.suppression.twirling import twirl, twirlable
from qiskit_oqtopus.primitives.task import TaskCircuit
from qiskit_oqtopus.primitives.twirled_circuit import TwirledCircuit

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.primitives.options import PrimitiveOptions
    from qiskit_oqtopus.primitives.suppression.steps import Steps


class CircuitSuppression:
    """The changes of one run's circuits that suppress errors.

    Args:
        backend: The backend to run on.
        options: The primitive's options.
        steps: The steps that suppress and mitigate errors.

    Attributes:
        random: Source of random Paulis.
        mitigation: The readout mitigation that the options or the backend's ask for, if any.

    Raises:
        ValueError: Options contradict each other.
    """

    def __init__(self, backend: BackendV2, options: PrimitiveOptions, steps: Steps) -> None:
        self._backend = backend
        self._steps = steps
        self.random = np.random.default_rng(options.seed)
        self.mitigation: str | None = None
        self._settings: OqtopusOptions | None = None
        if isinstance(backend, OqtopusBackend):
            self._settings = backend.settings(**options.for_device(), multi_manual=False)
            self.mitigation = self._settings.mitigation
            self._check(self._settings)

    def _check(self, settings: OqtopusOptions) -> None:
        if settings.mitigation and self._steps.twirl_measure:
            raise ValueError(
                f"mitigation={settings.mitigation!r} cannot be combined with twirled measurements, as it would undo "
                "the readout errors of other outcomes. Leave it out, also in backend.options."
            )
        if settings.transpile == "server":
            raise ValueError(
                "transpile='server' cannot be combined with error suppression or mitigation, as the server would "
                "change the circuits. Use qiskit.transpile(circuit, backend) and transpile='auto'."
            )

    def shares(self, shots: int) -> list[int]:
        """Return the shots of each randomization of a circuit with so many shots."""
        if not self._steps.twirls:
            return [shots]
        steps = self._steps
        return shots_of_randomizations(
            shots, steps.num_randomizations, steps.shots_per_randomization, gates=steps.twirl_gates
        )

    def applied(self, measured: TaskCircuit, num_randomizations: int, index: int) -> TaskCircuit:
        """Return the circuit to run in place of a measured circuit.

        Args:
            measured: The circuit.
            num_randomizations: Number of its randomizations.
            index: Index of its PUB, for messages.

        Raises:
            CircuitError: It is not made of the device's own instructions.
        """
        circuit, home = measured.circuit, measured.home
        self._check_names(circuit, index)
        steps, target = self._steps, self._backend.target
        if home is not None:
            target = target_of(target, home)
        if steps.twirls:
            circuit = twirlable(circuit, gates=steps.twirl_gates, measure=steps.twirl_measure)
        if steps.decoupling is not None:
            circuit = decouple(circuit, target, **steps.decoupling.model_dump(exclude={"enable"}))
        elif self._settings is not None and (steps.twirl_gates or steps.extrapolation is not None):
            circuit = in_rounds(circuit)
        applied = TaskCircuit(circuit, home)
        if steps.twirls:
            twirls = twirl(
                circuit, num_randomizations, self.random, gates=steps.twirl_gates, measure=steps.twirl_measure
            )
            applied = TwirledCircuit(circuit, twirls, None if steps.decoupling is None else target, home)
        if self._settings is not None and self._settings.is_transpiled_by_server(
            is_isa=applied.template(self._backend.target).is_isa
        ):
            raise self._foreign(circuit, index)
        return applied

    def _check_names(self, circuit: QuantumCircuit, index: int) -> None:
        """Refuse a circuit with gates that no OQTOPUS device has, if the server would transpile it.

        Raises:
            CircuitError: It would.
        """
        if self._settings is None or self._settings.transpile == "none":
            return
        if not {item.name for item in circuit.data} <= {"barrier", *self._backend.operation_names}:
            raise self._foreign(circuit, index)

    def _foreign(self, circuit: QuantumCircuit, index: int) -> CircuitError:
        return CircuitError(
            f"PUB {index}: error suppression and mitigation need circuits of the device's own instructions, as the "
            f"server would change others, such as {circuit.name!r}. Use qiskit.transpile(circuit, backend)"
            + ("." if self._backend.target.qargs else ", and transpile='none', as the device lists no couplings.")
        )
