"""The scanner finds what it is there to find."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LEAKS = """
import logging
from oqtopus_client import OqtopusConfig, OqtopusError

config = OqtopusConfig("https://api.example.org", "leaking.token")

def test_log():
    logging.getLogger("oqtopus_client").debug("with %s", config.api_token)

def test_output():
    print(config.api_token)

def test_error():
    OqtopusError(f"with {config.api_token}")

def test_signature():
    OqtopusError("https://storage.example.org/a.zip?X-Amz-Signature=0123456789abcdef")

def test_pickle():
    OqtopusError("no").payload = {"token": config.api_token}

def test_file(tmp_path):
    (tmp_path / "job.json").write_text(config.api_token)

def test_nothing():
    OqtopusError("https://storage.example.org/a.zip")
"""

SHOWN = """
from oqtopus_client import OqtopusConfig, OqtopusJobSpec

config = OqtopusConfig("https://api.example.org", "shown.token")

def test_repr():
    global job
    job = OqtopusJobSpec.sampling(device_id="qulacs", program="OPENQASM 3;", shots=1, name=config.api_token)
"""


def test_leaks_are_found(tmp_path: Path) -> None:
    """Whatever way a token goes; and what leaks none passes."""
    root = Path(__file__).parent.parent
    (tmp_path / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    (tmp_path / "test_shown.py").write_text(SHOWN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", tmp_path]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    found = re.findall(r"ERROR at teardown of test_(\w+) _+\nA secret leaked", run.stdout)
    assert found == ["log", "output", "error", "signature", "pickle", "file", "repr"], run.stdout
