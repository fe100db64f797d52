"""The options with which Python treats warnings of scripts as errors."""

from __future__ import annotations

import qiskit

WARNINGS = ["-W", "error"]
if qiskit.__version__.startswith("1."):
    # It deprecates what itself and Aer use.
    WARNINGS += ["-W", "ignore::DeprecationWarning", "-W", "ignore::PendingDeprecationWarning"]
