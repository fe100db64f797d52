"""The equivalents that errors name for other providers' names: each is tried as it is written."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest
from qiskit import transpile

import qiskit_oqtopus
from oqtopus_client import OqtopusConfig
from oqtopus_client.errors import UserApiError
from qiskit_oqtopus import EstimatorV2, OqtopusBackend, OqtopusProvider, SamplerV2, Session, equivalents
from qiskit_oqtopus.filters import Criteria
from qiskit_oqtopus.options import OqtopusOptions
from tests.support.circuits import bell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HINTS = [
    (table, name, hint)
    for table, hints in vars(equivalents).items()
    if table.isupper() and isinstance(hints, dict)
    for name, hint in hints.items()
]
ROOTS = (
    r"\b(?:provider|backend|job|session|sampler|estimator|circuit|importlib|qiskit\w*|oqtopus_client|Oqtopus\w+|\w+V2)"
)
REST = r"(?:\.[A-Za-z_]\w*|\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\])+"
WHOLE = re.compile(rf"\[\w[^\]]* for [^\]]+\]|list\([^()]+\(\)\)|{ROOTS}{REST}|(?<=filters=)lambda [^:]+: .+")
"""Expressions in the text of a hint."""

TAKERS: dict[str, tuple[Any, ...]] = {
    "NEW_PROVIDER": (OqtopusProvider,),
    "FILTERS": (Criteria, OqtopusProvider.backend),
    "JOBS": (OqtopusProvider.jobs,),
    "RUN": (SamplerV2.run,),
    "RUN_OPTIONS": (OqtopusOptions, OqtopusBackend.run),
}
"""The functions whose arguments the hints of a table name."""

EXPLAINED = re.compile(
    r"leave it out|OQTOPUS has no|servers (choose|keep|do not|publish)|a run takes any|certificates are always|"
    r"results are|the profile named|native gates are|run the PUBs|an emulator's jobs|it is an argument of|set OQTOPUS_|"
    r"it is the first|give |import it from|in the environment|the classes of|use the option|polls by itself|"
    r"results come together|profiles are"
)
"""Hints that explain instead."""


FILLED = {
    "NAME": "meas",
    "run(..., ": "run(circuit, ",
    "== ...": "== 2",
    "url=...": "url=url",
    "token=...": "token='t'",
    "path=...": "path=profiles",
    "proxy=...": "proxy=None",
    "timeout=...": "timeout=10",
    "emulator()": "emulator(':memory:').close()",
}
"""Values for the gaps in hints."""


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Return what hints call by name, after a run of circuits."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    profiles = OqtopusConfig("https://api.example", api_token="t").save("qulacs")
    monkeypatch.setenv("OQTOPUS_URL", "https://api.example")
    monkeypatch.setenv("OQTOPUS_API_TOKEN", "t")
    with OqtopusProvider.emulator(":memory:") as provider:
        backend = provider.backend("qulacs")
        circuit = transpile(bell(), backend)
        job = backend.run(circuit, shots=10, memory=True)
        job.result()
        yield {
            "provider": provider,
            "backend": backend,
            "job": job,
            "circuit": circuit,
            "circuits": [circuit],
            "pubs": [circuit],
            "sampler": SamplerV2(backend),
            "estimator": EstimatorV2(backend),
            "session": Session(backend),
            "name": "qulacs",
            "url": "https://api.example",
            "path": tmp_path / "job",
            "profiles": profiles,
            **{each: importlib.import_module(each) for each in ("importlib", "oqtopus_client", "qiskit", "qiskit_aer")},
            **{each: getattr(qiskit_oqtopus, each) for each in qiskit_oqtopus.__all__},
            "qiskit_oqtopus": qiskit_oqtopus,
        }


def test_names_written_in_full() -> None:
    """The expressions of hints are found, with their arguments."""
    assert WHOLE.findall("use [b.name for b in provider.backends()]") == ["[b.name for b in provider.backends()]"]
    assert WHOLE.findall("use job.result()[0].data.evs, or run backend.run(circuit, memory=f(1))") == [
        "job.result()[0].data.evs",
        "backend.run(circuit, memory=f(1))",
    ]


@pytest.mark.filterwarnings("ignore:OQTOPUS has no")
def test_each_equivalent(names: dict[str, Any]) -> None:
    """Each expression in a hint has a value, each argument or option exists, and other hints explain."""
    backend, circuit = names["backend"], names["circuit"]
    sampled = SamplerV2(backend).run([circuit], shots=10)
    estimated = EstimatorV2(backend).run([(bell(), "ZZ")], shots=10)
    lattice = names["provider"].backend("lattice64")
    placed = SamplerV2(lattice, parallel=True).run([circuit], shots=10)
    tried: set[tuple[str, str]] = set()
    faults = []
    for table, name, hint in HINTS:
        is_primitive = table == "PRIMITIVE_JOB"
        job = (
            (estimated if "evs" in hint else placed if "placements" in hint else sampled)
            if is_primitive
            else names["job"]
        )
        for expression in set(WHOLE.findall(hint)):
            if (expression, type(job).__name__) not in tried:
                tried.add((expression, type(job).__name__))
                try:
                    _try(expression, names | {"job": job})
                except Exception as error:  # noqa: BLE001 - listed below
                    faults.append(f"{table} {name}: {expression}: {error!r:.200}")
        takers = TAKERS.get(table, ())
        known = {each for taker in takers for each in inspect.signature(taker).parameters} | {*qiskit_oqtopus.__all__}
        if not (WHOLE.search(hint) or EXPLAINED.search(hint) or known & {*re.findall(r"\w+", hint)}):
            faults.append(f"{table} {name}: {hint!r} names nothing that exists")
    assert len(tried) > 70
    assert not faults, "\n".join(faults)


def _try(expression: str, names: dict[str, Any]) -> None:
    """Evaluate the expression of a hint, with values for its gaps."""
    code = re.sub(r", \.\.\.(?=[,)])", "", expression)
    for gap, filled in FILLED.items():
        code = code.replace(gap, filled)
    provider, backend = names["provider"], names["backend"]
    if "load_job" in code:
        names["job"].save(names["path"])
    if "close()" in code:
        names["provider"] = OqtopusProvider(provider.client.config)
    if "job_id)" in code:
        names["job_id"] = backend.run(names["circuit"], shots=1).job_id()
        if "cancel_job" not in code:
            provider.job(names["job_id"]).result()
    try:
        eval(code, names)  # noqa: S307 - the hints of this project
    except UserApiError as error:
        if "cancel_job" not in code or "not in valid status for cancellation" not in str(error):  # it ended before
            raise


@pytest.mark.parametrize(
    ("name", "equivalent"),
    [
        ("AzureQuantumProvider", "OqtopusProvider"),
        ("FakeManilaV2", "OqtopusProvider.emulator()"),
        ("AerSimulator", "OqtopusProvider.emulator()"),
        ("BraketLocalBackend", "OqtopusProvider.emulator()"),
        ("IonQBackend", "OqtopusBackend"),
        ("AQTSampler", "SamplerV2"),
        ("BraketEstimator", "EstimatorV2"),
        ("SamplerV1", "SamplerV2"),
        ("RuntimeOptions", "pass options"),
        ("RuntimeJobFailureError", "oqtopus_client.errors"),
        ("least_busy", "provider.least_busy()"),
    ],
)
def test_imports_by_kind(name: str, equivalent: str) -> None:
    """An import that other packages have names the equivalent, also of a class that is not listed."""
    with pytest.raises(ImportError, match=re.escape(equivalent)):
        exec(f"from qiskit_oqtopus import {name}")  # noqa: S102 - the names above
