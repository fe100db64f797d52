"""Backends with a quirk."""

from __future__ import annotations

from typing import Any

from oqtopus_client import OqtopusDevice
from qiskit_oqtopus import OqtopusBackend


def as_backend(described: OqtopusDevice) -> OqtopusBackend:
    """A backend that is never run."""
    return OqtopusBackend(None, described, None)  # type: ignore[arg-type]


def one_at_a_time(backend: OqtopusBackend) -> tuple[OqtopusBackend, list[int]]:
    """The device as a backend that says it takes one circuit at a time, and how many each call gave it."""

    class OneAtATime(OqtopusBackend):
        max_circuits = 1

        def run(self, run_input: Any, **options: Any) -> Any:
            runs.append(len(run_input))
            return super().run(run_input, **options)

    runs: list[int] = []
    return OneAtATime(backend.provider, backend.device, backend.provider.client), runs
