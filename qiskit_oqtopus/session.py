"""Sessions and batches, as other providers have them: `Session`, `Batch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from qiskit.providers import BackendV2

from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.elsewhere import Hinting, refuse_others, refuse_positional
from qiskit_oqtopus.equivalents import NEW_SESSION, SESSION

if TYPE_CHECKING:
    from types import TracebackType
    from typing import ClassVar, Never


class Session(Hinting):
    """A backend in a `with` statement, for scripts that were written for other providers.

    OQTOPUS has no sessions: jobs that are submitted within one wait in the queue like all others, and a warning says
    so. `provider.run_program` runs a function next to the device, where its jobs do not wait, and many circuits of one
    `run` are submitted together.

    Args:
        backend: The backend; `OqtopusSampler(mode=session)` and `OqtopusEstimator(mode=session)` run on it.
        *others: Not accepted.
        **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

    Raises:
        TypeError: `backend` is not a backend, or an argument is unknown.
    """

    _elsewhere = SESSION
    _plural: ClassVar[str] = "sessions"

    def __init__(self, backend: BackendV2, *others: Never, **unknown: Never) -> None:
        refuse_positional(others, f"{type(self).__name__}() takes a backend, which knows its provider")
        refuse_others(f"{type(self).__name__}()", unknown, NEW_SESSION)
        if not isinstance(backend, BackendV2):
            raise TypeError(f"backend must be a backend, as provider.get_backend() returns, not {backend!r}.")
        self._backend = backend
        warn_user(
            f"OQTOPUS has no {self._plural}: jobs wait in the queue like all others. Use "
            "provider.run_program for functions whose jobs depend on each other, and one run for many circuits."
        )

    def backend(self) -> BackendV2:
        """Return the backend."""
        return self._backend

    @property
    def session_id(self) -> None:
        """None, as there is no session."""
        return

    def close(self) -> None:
        """Do nothing: submitted jobs run to their end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Batch(Session):
    """The same as `Session`, under the name for independent jobs."""

    _plural = "batches"
