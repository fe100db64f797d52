"""The SDK's public interface against its reference, name by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKER = Path(__file__).parent.parent.parent / "shared" / "spec" / "check_sdk_api.py"


@pytest.mark.skipif(not CHECKER.exists(), reason="the reference lies beside the project, where it is developed")
def test_every_name_kind_and_default() -> None:
    """Classes, methods, parameters and properties are all there."""
    run = subprocess.run([sys.executable, CHECKER], capture_output=True, text=True, check=False)

    assert run.stdout.strip().endswith("checked, 0 differ")
