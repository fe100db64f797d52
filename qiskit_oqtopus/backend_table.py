"""A list of backends that is displayed as a table: `BackendTable`."""

from __future__ import annotations

from oqtopus_client.display import moment, printable
from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.table import Table

_HEADINGS = ("Name", "Qubits", "Type", "Status", "Pending jobs", "Calibrated at")


class BackendTable(list[OqtopusBackend]):
    """A list of backends, which `print` and notebooks show as a table."""

    def __repr__(self) -> str:
        return self._table().text() if self else "No backends"

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> Table:
        return Table(_HEADINGS, list(map(_cells, self)), {"Qubits", "Pending jobs"})


def _cells(backend: OqtopusBackend) -> tuple[str, ...]:
    device = backend.device
    return (
        printable(device.device_id),
        "" if backend.num_qubits is None else str(backend.num_qubits),
        printable(device.device_type),
        printable(device.status),
        str(device.n_pending_jobs),
        "" if device.calibrated_at is None else moment(device.calibrated_at),
    )
