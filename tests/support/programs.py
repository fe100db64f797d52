"""Programs of the system that some tests drive: a browser, a proxy, a terminal."""

from __future__ import annotations

import os
import shutil

import pytest


def required(*names: str) -> str:
    """Return the path of the first of these programs that is installed; without one, skip the test.

    With `REQUIRE_PROGRAMS=1`, as in CI, the test fails instead.
    """
    for name in names:
        if path := shutil.which(name):
            return path
    missing = f"this test needs {' or '.join(names)}, which is not installed"
    if os.environ.get("REQUIRE_PROGRAMS"):
        pytest.fail(missing)
    pytest.skip(missing)
