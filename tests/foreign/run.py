"""Test with software from elsewhere: `python -m tests.foreign.run`, which exits with an error if anything fails.

The published client uses this emulator, quri-parts-oqtopus uses this distribution in place of the published client,
programs run in an environment like that of a server's container, libraries for Qiskit use its backends, and other
versions of Qiskit and Python run a smoke set of its tests. `--all` adds the larger sets: all tests for Qiskit with the
oldest version, and of the SDK with each Python. Each part has its own environment in a temporary folder, installed from
the package index. With words, as in `python -m tests.foreign.run pennylane`, only the parts run that have one of them
in their names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent
PACKAGES = "oqtopus_client", "qiskit_oqtopus"

# Fixed, so that CI fails for what has changed here. A new release is a reason to look, and to change the line.
PUBLISHED = "oqtopus-client==1.3.0"
QURI_PARTS = "quri-parts-oqtopus==1.1.5"

# What is installed together, and the scripts that use it; docs/libraries.md says what works. mitiq's own pins would
# hold back the others, and PennyLane's plugin is for an older Qiskit.
LIBRARIES = {
    "algorithms": (
        (
            "qiskit==2.6.2",
            "qiskit-algorithms==0.4.0",
            "qiskit-nature==0.8.0",
            "pyscf==2.14.0",
            "qiskit-optimization==0.7.0",
            "qiskit-machine-learning==0.9.1",
            "qiskit-addon-cutting==0.10.0",
        ),
        (
            "with_qiskit_algorithms.py",
            "with_qiskit_nature.py",
            "with_qiskit_optimization.py",
            "with_qiskit_machine_learning.py",
            "with_qiskit_addon_cutting.py",
        ),
    ),
    "devices": (
        (
            "qiskit==2.6.2",
            "qiskit-experiments==0.14.2",
            "mthree==3.0.0",
            "mapomatic==0.14.0",
            "pytket-qiskit==0.79.0",
            "qiskit-ibm-runtime==0.51.0",
        ),
        (
            "with_qiskit_experiments.py",
            "with_mthree.py",
            "with_mapomatic.py",
            "with_pytket.py",
            "with_qiskit_ibm_runtime.py",
        ),
    ),
    "mitiq": (("qiskit==2.6.2", "mitiq[qiskit]==1.1.0", "mthree==3.0.0"), ("with_mitiq.py",)),
    "pennylane": (("qiskit==2.3.0", "pennylane==0.45.1", "pennylane-qiskit==0.45.0"), ("with_pennylane.py",)),
}

# The tutorials that these scripts run.
TUTORIALS = ("07_mitigation", "08_experiments")

# It replaces a private name of the published client by a recorder, and this client has no such name.
DESELECTED = "tests/quri_parts_oqtopus/backend/test_sampling.py::{}".format(
    "TestOqtopusSamplingBackend::test_submit_job_passes_env_proxy_to_storage"
)

# Other versions of Python than this environment's, and what is tested with each that is installed.
PYTHONS = ("3.12", "3.13", "3.14")
TESTS_OF_PYTHON = (
    "tests/oqtopus_client/services/test_clients.py",
    "tests/oqtopus_client/services/test_exits.py",
    "tests/oqtopus_client/services/test_interrupts.py",
    "tests/oqtopus_client/services/test_journal.py",
    "tests/oqtopus_client/test_config.py",
    "tests/qiskit_oqtopus/test_backend.py",
    "tests/qiskit_oqtopus/test_qasm.py",
    "tests/qiskit_oqtopus/test_journal.py",
    "tests/qiskit_oqtopus/primitives/test_sampler.py",
    "oqtopus_client",
    "qiskit_oqtopus",
)
ALL_OF_PYTHON = ("tests/oqtopus_client/services",)
# Older versions of Qiskit than this environment's, from the oldest on, and what is tested with each.
QISKITS = ("1.4.3", "1.4.6", "2.0.3", "2.2.3", "2.4.2")
TESTS_OF_QISKIT = (
    "tests/qiskit_oqtopus/test_plain.py",
    "tests/qiskit_oqtopus/test_backend.py",
    "tests/qiskit_oqtopus/test_untouched.py",
    "tests/qiskit_oqtopus/primitives/test_sampler.py",
    "tests/qiskit_oqtopus/primitives/test_mitigation.py",
)
# For the oldest version, which differs most: the provider's own tests, and what the documentation runs.
ALL_OF_QISKIT = ("tests/qiskit_oqtopus", "tests/test_documents.py", "tests/test_tutorials.py", "qiskit_oqtopus")
NEEDED_BY_TESTS = ("pytest", "pytest-timeout", "hypothesis", "requests", "requests-mock", "scipy")

# What a wheel holds beside the files of its packages.
METADATA = {"LICENSE", "METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt"}

# Run as they are; the others want the id of a job to be written into them first.
EXAMPLES = ("get_devices.py", "submit_job_*.py")

# Pytest's filters for what Qiskit 1 deprecates and itself uses: when a gate with controls is made, one named delay is
# added to a circuit, a circuit is scheduled, Aer looks for gates to be noisy, a result is unpickled, Qiskit's fake
# backends are imported, or multiplexers and gates with many controls are taken apart.
QISKIT_1_WARNINGS = (
    "ignore:The method ``qiskit.circuit.library.standard_gates.x.MCXGate.get_num_anc:PendingDeprecationWarning",
    "ignore:The property ``qiskit.circuit.instruction.Instruction.duration``:DeprecationWarning",
    "ignore:The property ``qiskit.circuit.instruction.Instruction.condition:DeprecationWarning",
    "ignore:The class ``qiskit.qobj.common.QobjDictField``:DeprecationWarning",
    "ignore:qiskit.providers.models is deprecated:DeprecationWarning",
    "ignore:The class ``qiskit.circuit.library.generalized_gates.diagonal.Diagonal``:PendingDeprecationWarning",
    "ignore:The class ``qiskit.circuit.library.standard_gates.x.MCX:PendingDeprecationWarning",
)

SERVER_OPTIONS = ("--allow-sse",)
TIMEOUT = 900
SCRIPT_TIMEOUT = 300  # of a script for libraries, which takes a tenth of that where nothing else runs


def main(*words: str) -> None:
    """Run the parts that have one of the words in their names, or every part without words, two at a time."""
    everything, words = "--all" in words, tuple(word for word in words if word != "--all")
    parts: dict[str, Callable[[Path, Path], None]] = {
        **({"all-of-oldest-qiskit": oldest_qiskit} if everything else {}),
        "qiskit": other_qiskits,
        "container": beside_the_chip,
        "quri-parts": quri_parts_client,
        **{name: partial(libraries, *pair) for name, pair in LIBRARIES.items()},
        "published-client": published_client,
        **{f"python{version}": partial(other_python, version, everything) for version in PYTHONS},
    }
    chosen = [name for name in parts if not words or any(word in name for word in words)]
    if not chosen:
        sys.exit(f"Nothing here is named like that; there are {', '.join(parts)}.")
    with tempfile.TemporaryDirectory(prefix="foreign-") as folder, ThreadPoolExecutor(2) as pool:
        wheel = build_wheel(Path(folder, "wheel"))
        started = [pool.submit(timed, name, parts[name], Path(folder, name), wheel) for name in chosen]
        try:
            for each in started:
                each.result()
        except subprocess.SubprocessError as error:
            pool.shutdown(cancel_futures=True)
            sys.exit(str(error))  # what it printed has been shown


def timed(name: str, part: Callable[[Path, Path], None], folder: Path, wheel: Path) -> None:
    """Run a part, and say how long it took."""
    start = time.monotonic()
    part(folder, wheel)
    print(f"{time.monotonic() - start:6.1f} s  {name} in all", flush=True)


def published_client(folder: Path, _wheel: Path) -> None:
    """The published client and the emulator of this environment."""
    python = environment(folder, PUBLISHED)
    with server(folder) as variables:
        run(python, "-I", SCRIPTS / "published_client.py", folder=folder, variables=variables)


def beside_the_chip(folder: Path, _wheel: Path) -> None:
    """Programs in an environment like that of a server's container, on the emulator of this environment."""
    folder.mkdir()
    run(sys.executable, "-m", "tests.foreign.beside_the_chip", folder, folder=ROOT)


def quri_parts_client(folder: Path, wheel: Path) -> None:
    """quri-parts-oqtopus on this distribution: its own tests, a script, and its examples.

    The emulator is this environment's too, so that programs that run on the server can import quri-parts-oqtopus.
    """
    # The resolver takes the wheel for the client that quri-parts-oqtopus requires, and no other.
    python = environment(folder, ours(wheel, "emulator"), QURI_PARTS, "pytest", "pytest-mock", compiled=True)
    sources = download_sources(python, QURI_PARTS, folder)
    with server(folder, python) as variables, ThreadPoolExecutor() as pool:
        tests = (python, "-m", "pytest", "-q", "tests", "-o", "addopts=", "--deselect", DESELECTED)
        script = (python, "-I", SCRIPTS / "quri_parts_client.py", sources / "examples")
        examples = [(python, "-I", path) for pattern in EXAMPLES for path in (sources / "examples").glob(pattern)]
        # Most of the time they wait.
        runs = [pool.submit(run, *tests, folder=sources, variables={})]
        runs += [pool.submit(run, *command, folder=sources, variables=variables) for command in (script, *examples)]
        for started in runs:
            started.result()


def oldest_qiskit(folder: Path, wheel: Path) -> None:
    """The provider's own tests, and what the documentation runs, with the oldest version of Qiskit."""
    python = environment(folder, ours(wheel, "test"), f"qiskit=={QISKITS[0]}", compiled=True)
    run_pytest(python, "-n", "2", *qiskit_1_filters(), *ALL_OF_QISKIT)


def other_qiskits(folder: Path, wheel: Path) -> None:
    """The provider and its primitives with other versions of Qiskit, one after the other in the same environment."""
    requirements = (ours(wheel, "emulator,visualization"), *NEEDED_BY_TESTS)
    python = environment(folder, *requirements, f"qiskit=={QISKITS[0]}", compiled=True)
    for version in QISKITS:
        install(python, f"qiskit=={version}", compiled=True)
        run_pytest(python, *(qiskit_1_filters() if version.startswith("1.") else ()), *TESTS_OF_QISKIT)


def other_python(version: str, everything: bool, folder: Path, wheel: Path) -> None:
    """SDK, provider and primitives with another version of Python, if this machine has it."""
    python = interpreter(version)
    if python is None:
        print(f"Python {version} is not installed here, and so not tested.", flush=True)
        return
    requirements = (ours(wheel, "emulator,visualization"), *NEEDED_BY_TESTS)
    python = environment(folder, *requirements, python=python, compiled=True)
    run_pytest(python, *TESTS_OF_PYTHON, *(ALL_OF_PYTHON if everything else ()))


def run_pytest(python: Path, *arguments: str) -> None:
    """Run tests without a cache: with it, this environment's own next run would begin with what failed here."""
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, folder=ROOT)


def qiskit_1_filters() -> list[str]:
    """Return the options that have pytest ignore Qiskit 1's own warnings."""
    return [option for each in QISKIT_1_WARNINGS for option in ("-W", each)]


def interpreter(version: str) -> Path | None:
    """A version of Python, wherever `PATH` or pyenv has it."""
    command = [f"python{version}", "-c", "import sys; print(sys.executable)"]
    try:
        found = subprocess.run(
            command, env={**os.environ, "PYENV_VERSION": version}, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return Path(found.stdout.strip())


def libraries(requirements: Sequence[str], scripts: Sequence[str], folder: Path, wheel: Path) -> None:
    """Libraries for Qiskit, on backends of the emulator of this environment."""
    python = environment(folder, ours(wheel, "visualization"), *requirements)
    with server(folder) as variables:
        for script in scripts:
            run(python, "-I", SCRIPTS / script, folder=folder, variables=variables, timeout=SCRIPT_TIMEOUT)


def environment(folder: Path, *requirements: str, python: str | Path = sys.executable, compiled: bool = False) -> Path:
    """Make a virtual environment with no more than the requirements; returns its Python.

    Most of what is installed is never imported, and to compile it takes longer than all else. Pytest wants it compiled:
    there, what the compiler warns of would be an error.
    """
    folder.mkdir(exist_ok=True)
    run(python, "-m", "venv", folder / "venv", folder=folder.parent)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install(python, *requirements, compiled=compiled)
    return python


def install(python: Path, *requirements: str, compiled: bool) -> None:
    """Install requirements in an environment, and check that all there fit together."""
    options = ("--quiet", "--disable-pip-version-check", *(() if compiled else ("--no-compile",)))
    run(python, "-m", "pip", "install", *options, *requirements, folder=python.parent)
    run(python, "-m", "pip", "check", folder=python.parent)


def ours(wheel: Path, extra: str = "") -> str:
    """This distribution as a requirement."""
    return f"oqtopus-client[{extra}] @ {wheel.as_uri()}"


def build_wheel(folder: Path) -> Path:
    """Build this distribution, from a copy: building leaves files in the sources."""
    copy, wheels = folder / "copy", folder / "wheels"
    copy.mkdir(parents=True)
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, copy, folder=folder)
    (wheel,) = wheels.glob("*.whl")
    check_contents(wheel)
    return wheel


def check_contents(wheel: Path) -> None:
    """Check that a wheel has every file of the packages, and nothing else but metadata."""
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {str(file.relative_to(ROOT)) for package in PACKAGES for file in (ROOT / package).rglob("*.*")}
    files = {name for name in files if "__pycache__" not in name and (ROOT / name).is_file()}
    assert names >= files, files - names
    assert {Path(name).name for name in names - files} == METADATA, names - files


def download_sources(python: Path, requirement: str, folder: Path) -> Path:
    """Download and unpack a source distribution; returns its folder."""
    target = folder / "sources"
    options = ("--quiet", "--no-deps", "--no-binary", ":all:", "--dest", target)
    run(python, "-m", "pip", "download", *options, requirement, folder=folder)
    (archive,) = target.glob("*.tar.gz")
    shutil.unpack_archive(archive, target, filter="data")
    return target / archive.name.removesuffix(".tar.gz")


@contextmanager
def server(folder: Path, python: str | Path = sys.executable) -> Iterator[dict[str, str]]:
    """Serve an emulator; yields the variables that point a client there, of which HOME has a profile too."""
    home = folder / "home"
    home.mkdir()
    # The emulator of this environment is the one of the checkout.
    start = ROOT if python == sys.executable else home
    with running_server(folder / "data", *SERVER_OPTIONS, python=python, folder=start) as variables:
        url, token = variables["OQTOPUS_URL"], variables["OQTOPUS_API_TOKEN"]
        (home / ".oqtopus").write_text(f"[oqtopus-dev]\nurl={url}\napi_token={token}\n", "utf-8")
        yield {**variables, "HOME": str(home), "USERPROFILE": str(home)}


def run(*command: str | Path, folder: Path, variables: dict[str, str] | None = None, timeout: float = TIMEOUT) -> None:
    """Run a command to its end; what it printed is shown if it fails."""
    start = time.monotonic()
    process = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**os.environ, **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    shown = " ".join(Path(part).name if Path(part).is_absolute() else part for part in map(str, command))
    outcome = f"exit code {process.returncode}\n{process.stdout}" if process.returncode else "ok"
    print(f"{time.monotonic() - start:6.1f} s  {shown}: {outcome}", flush=True)
    process.check_returncode()


if __name__ == "__main__":
    main(*sys.argv[1:])
