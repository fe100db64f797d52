"""What SECURITY.md promises of the code as a whole."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source_tree import MODULES, imports, module_name

ROOT = Path(__file__).parent.parent

UNPICKLING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
BY_NAME = {"eval", "exec", "compile", "__import__"}


def libraries(file: Path) -> set[str]:
    """The first parts of the names that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found


RUNS_TEXT = {
    # Source of a function is compiled before it is sent, to compare it; running it there is the purpose.
    "oqtopus_client.shipping.definitions": {"compile", "exec"},
    # A script is compiled for its syntax errors, before it is sent.
    "oqtopus_client.services.program_spec": {"compile"},
}


@pytest.mark.parametrize("file", MODULES, ids=module_name)
def test_nothing_is_unpickled(file: Path) -> None:
    """No module imports what makes objects, and so calls functions, out of bytes; nor is text run."""
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert libraries(file) & UNPICKLING == set()
    assert calls & BY_NAME == RUNS_TEXT.get(module_name(file), set())


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    """Imports count wherever they stand."""
    file = tmp_path / "module.py"
    file.write_text("def f():\n    from pickle import loads\n    import dill.source as d\n")

    assert libraries(file) & UNPICKLING == {"pickle", "dill"}
    assert imports(file) == set()


def test_nothing_logs_urls() -> None:
    """No module has a client of httpx, which logs every URL with its signature."""
    for file in MODULES:
        assert not re.search(r"\bhttpx\.(Async)?Client\(", file.read_text(encoding="utf-8")), file


def test_certificates_are_always_verified() -> None:
    """No module knows how not to, but the one that examines the emulator's certificate in memory."""
    for file in MODULES:
        text = file.read_text(encoding="utf-8")
        if module_name(file) == "oqtopus_client.emulator.tls":
            assert "socket" not in text
            text = text.replace("client.check_hostname = False  # the names are what is read", "")
        assert not any(word in text for word in ("CERT_NONE", "check_hostname", "verify=False", "_create_unverified"))


def test_emulator_listens_on_loopback() -> None:
    """The emulator listens on loopback by default."""
    command = [sys.executable, "-m", "oqtopus_client.emulator", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    assert "address to listen on (default: 127.0.0.1)" in " ".join(shown.split())
