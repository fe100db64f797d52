"""The modules of this distribution that a server-side program takes with it: `sources`.

Servers limit a program to about 125 kB, and all modules together are larger, even compressed. Those that cannot work in
the container are left out, as are those of features that the program does not mention.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

UNUSABLE = (
    "oqtopus_client.cli",
    "oqtopus_client.emulator",
    "oqtopus_client.pytest_plugin",
    "oqtopus_client.rest.blocked_hosts",
    "oqtopus_client.rest.http",
    "oqtopus_client.rest.proxies",
)
"""Modules, and packages with all their modules, that need the network or libraries which the container lacks."""

_PARALLEL = ("parallel", "placements", "replicas")
_SUPPRESSION = ("dynamical_decoupling", "resilience", "twirling")

OPTIONAL: dict[str, tuple[str, ...]] = {
    "oqtopus_client.chip_layout": ("plot", "draw"),
    "oqtopus_client.services.ended_program": (),
    "oqtopus_client.services.journal": ("journal",),
    "oqtopus_client.services.openqasm": (),
    "oqtopus_client.services.program_archive": (),
    "oqtopus_client.services.program_failures": (),
    "oqtopus_client.services.program_job": (),
    "oqtopus_client.services.program_options": (),
    "oqtopus_client.services.program_spec": (),
    "oqtopus_client.services.queue_position": ("queue", "progress"),
    "oqtopus_client.services.saved_jobs": ("save(", "load("),
    "oqtopus_client.services.scripts": (),
    "oqtopus_client.services.syntax_errors": (),
    "oqtopus_client.shipping.archive": (),
    "oqtopus_client.shipping.captures": (),
    "oqtopus_client.shipping.function_source": (),
    "oqtopus_client.shipping.local_names": (),
    "oqtopus_client.shipping.local_modules": (),
    "oqtopus_client.shipping.modules": (),
    "oqtopus_client.shipping.program": (),
    "oqtopus_client.shipping.reading": (),
    "qiskit_oqtopus.archive": ("save(", "load("),
    "qiskit_oqtopus.backend_v1": ("configuration", "properties"),
    "qiskit_oqtopus.deferral": ("defer",),
    "qiskit_oqtopus.equivalents": (),
    "qiskit_oqtopus.job_criteria": (".jobs(",),
    "qiskit_oqtopus.job_list": (".jobs(",),
    "qiskit_oqtopus.noise": ("noise_model", "noisy"),
    "qiskit_oqtopus.resubmission": ("resubmit",),
    "qiskit_oqtopus.rounds": (*_PARALLEL, *_SUPPRESSION),
    "qiskit_oqtopus.session": ("Session", "Batch"),
    "qiskit_oqtopus.visualization": ("plot", "draw"),
    "qiskit_oqtopus.parallel.arrangement": _PARALLEL,
    "qiskit_oqtopus.parallel.assignment": _PARALLEL,
    "qiskit_oqtopus.parallel.chip": _PARALLEL,
    "qiskit_oqtopus.parallel.embedding": _PARALLEL,
    "qiskit_oqtopus.parallel.load": _PARALLEL,
    "qiskit_oqtopus.parallel.merging": _PARALLEL,
    "qiskit_oqtopus.parallel.native": _PARALLEL,
    "qiskit_oqtopus.parallel.places": _PARALLEL,
    "qiskit_oqtopus.parallel.splitting": _PARALLEL,
    "qiskit_oqtopus.primitives.backend_run": ("Aer", "Backend", "Basic", "Fake", "Simulator"),
    "qiskit_oqtopus.primitives.calibration": _SUPPRESSION,
    "qiskit_oqtopus.primitives.calibration_tasks": _SUPPRESSION,
    "qiskit_oqtopus.primitives.circuit_suppression": _SUPPRESSION,
    "qiskit_oqtopus.primitives.mitigator": ("mitigation", "pseudo_inverse"),
    "qiskit_oqtopus.primitives.part_outcomes": _PARALLEL,
    "qiskit_oqtopus.primitives.placer": _PARALLEL,
    "qiskit_oqtopus.primitives.run": (),
    "qiskit_oqtopus.primitives.readout": ("mitigation", "pseudo_inverse"),
    "qiskit_oqtopus.primitives.suppressed_planner": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppressed_pub": _SUPPRESSION,
    "qiskit_oqtopus.primitives.twirled_circuit": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.decoupling": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.extrapolation": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.folding": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.mitigated": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.placed_readout": (*_PARALLEL, *_SUPPRESSION),
    "qiskit_oqtopus.primitives.suppression.randomization": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.readout_mitigation": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.record": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.schedule": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.terms": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.twirled": _SUPPRESSION,
    "qiskit_oqtopus.primitives.suppression.twirling": _SUPPRESSION,
}
"""Modules and packages that a program takes with it only if it mentions one of the words.

The modules that ship a program, or check the text of one for people, are not needed in one.
"""

PLACEHOLDER = """\
def __getattr__(name, module=__name__):
    def own(cls, name):
        if name[:2] == "__":
            raise AttributeError(name)
        return cls
    def refuse(*_, **__):
        raise ModuleNotFoundError(f"This program was sent without {module}: name it in ProgramOptions(modules=...).")
    return own(type("", (type,), {"__getattr__": own, "__call__": refuse})(name, (), {}), name)
"""
"""The source of an optional module that is left out. Other modules can import its names, and attributes of
these; calling one raises an error."""

TABLES = {"qiskit_oqtopus.equivalents"}
"""The optional modules that consist of tables, which are empty where the module is left out."""

EMPTY_TABLES = """\
def __getattr__(name):
    if name[:2] == "__":
        raise AttributeError(name)
    return {}
"""


def sources(text: str, packages: Collection[str], wanted: Collection[str] = ()) -> dict[str, str]:
    """Return the files that a program needs, by their paths below the folder of the packages.

    Args:
        text: The program, with all its arguments.
        packages: Names of the packages that it uses.
        wanted: Optional modules that it needs in any case.
    """
    found = {}
    for package in packages:
        for name, path, file in _files(package):
            if not _is_within(name, UNUSABLE):
                optional = next((each for each in OPTIONAL if _is_within(name, [each])), None)
                used = optional is None or _is_within(name, wanted) or any(word in text for word in OPTIONAL[optional])
                left_out = EMPTY_TABLES if name in TABLES else PLACEHOLDER
                found[path] = file.read_text("utf-8") if used else left_out
    return found


def features_in(text: str) -> list[str]:
    """Return the words in a program for which it takes optional modules with it."""
    return sorted({word for words in OPTIONAL.values() for word in words if word in text})


def _files(package: str) -> Iterator[tuple[str, str, Path]]:
    """Yield the name of each module of a package, its path below the folder of the package, and its file."""
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for file in sorted(Path(folder).rglob("*.py")):
            path = file.relative_to(Path(folder).parent)
            yield ".".join(path.with_suffix("").parts).removesuffix(".__init__"), path.as_posix(), file


def _is_within(name: str, packages: Collection[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
