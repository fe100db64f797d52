"""The modules that a server-side program takes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oqtopus_client.shipping.archive import stripped
from oqtopus_client.shipping.modules import OPTIONAL, UNUSABLE, sources
from tests.support import chips
from tests.support.source_tree import NAMES
from tests.support.sse_programs import run_bare, simulate

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from tests.support.sse_programs import Ran

BOTH = ("oqtopus_client", "qiskit_oqtopus")

# Libraries that the container lacks are absent, and the modules in the folder come before the installed ones.
PRELUDE = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"aiohttp", "httpx", "platformdirs", "qiskit_aer", "rich", "typer"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
sys.path.insert(0, FOLDER)
import oqtopus_client
assert oqtopus_client.__file__.startswith(FOLDER)
"""

CLIENT = """
from oqtopus_client import OqtopusClient, OqtopusJobSpec
bell = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
sampling = OqtopusJobSpec.sampling(device_id="", program=bell, shots=100)
estimation = OqtopusJobSpec.estimation(device_id="", program=bell, operator=[{"pauli": "Z 0 Z 1", "coeff": 2.0}])
with OqtopusClient() as client:
    jobs = client.run_jobs_batch([sampling, estimation])
    print(sum(jobs[0].get_counts().values()), jobs[1].exp_value, client.run_sampling(sampling).input.program == [bell])
"""

PROVIDER = """
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider, OqtopusSampler
circuit = QuantumCircuit(2)
circuit.rx(Parameter("a"), 0)
circuit.cx(0, 1)
measured = circuit.copy()
measured.measure_all()
backend = OqtopusProvider().get_backend()
"""

RUNS = """
print(backend.run(measured, parameter_values=[[0.0], [3.141592653589793]], shots=50).result().get_counts())
print(OqtopusSampler(backend).run([(measured, [3.141592653589793], 40)]).result()[0].data.meas.get_counts())
for route in ("sampling", "estimation"):
    estimator = OqtopusEstimator(backend, route=route)
    print(estimator.run([(circuit, ["ZZ", "IZ"], [3.141592653589793])], precision=0.1).result()[0].data.evs.round(3))
"""

SUPPRESSED = """
from qiskit import transpile
isa = transpile(circuit, backend, seed_transpiler=1)
options = {"dynamical_decoupling": {"enable": True}, "resilience_level": 2, "seed": 1}
result = OqtopusEstimator(backend, options).run([(isa, "ZZ", [0.0])], precision=0.2).result()
print(abs(result[0].data.evs - 1) < 5 * result[0].data.stds, result[0].data.evs_noise_factors.shape)
"""

PARALLEL = """
flip = QuantumCircuit(1)
flip.x(0)
flip.measure_all()
print(sorted(place.qubits for place in backend.placements([flip, flip], spacing=0)))
job = backend.run([flip, flip], parallel=True, spacing=0, shots=50)
print(len(job.job_ids), job.result().get_counts())
sampled = OqtopusSampler(backend, parallel=True).run([flip, flip], shots=50).result()
print([each.data.meas.get_counts() for each in sampled])
"""

HIDDEN = """
try:
    print(getattr(backend, "proper" + "ties")())
except ImportError as error:
    print(error)
"""


def run_shipped(program: str, folder: Path, packages: Collection[str], wanted: Collection[str] = ()) -> Ran:
    """Run a program with no more of this distribution's modules than it takes with it."""
    for path, source in sources(program, packages, wanted).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(stripped(source), "utf-8")
    return run_bare(PRELUDE.replace("FOLDER", repr(str(folder))) + program, simulate)


def test_client_needs_no_provider(tmp_path: Path) -> None:
    """The SDK's modules are enough for its client."""
    ran = run_shipped(CLIENT, tmp_path, ["oqtopus_client"])

    assert ran.failure is None, ran.output
    assert ran.output == "100 2.0 True\n"


def test_provider_and_primitives(tmp_path: Path) -> None:
    """Backend, sampler and estimator run without the optional modules."""
    ran = run_shipped(PROVIDER + RUNS, tmp_path, BOTH)

    assert ran.failure is None, ran.output
    assert ran.output.splitlines() == ["[{'00': 50}, {'11': 50}]", "{'11': 40}", "[ 1. -1.]", "[ 1. -1.]"]


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        (SUPPRESSED, "True (3,)\n"),
        (PARALLEL, "[(0,), (1,)]\n1 [{'1': 50}, {'1': 50}]\n[{'1': 50}, {'1': 50}]\n"),
    ],
)
def test_features_are_sent_if_mentioned(tmp_path: Path, program: str, printed: str) -> None:
    """A program takes the modules of the options that it mentions with it."""
    (tmp_path / "chip.json").write_text(chips.device(chips.CHIP).raw.to_json())
    device = f"import os\nos.environ['OQTOPUS_SSE_DEVICE'] = {str(tmp_path / 'chip.json')!r}\n"

    ran = run_shipped(device + PROVIDER + program, tmp_path, BOTH)

    assert ran.failure is None, ran.output
    assert ran.output == printed


@pytest.mark.parametrize(
    ("wanted", "printed"),
    [
        ((), "This program was sent without qiskit_oqtopus.backend_v1: name it in ProgramOptions(modules=...)."),
        (("qiskit_oqtopus.backend_v1",), "None"),
    ],
)
def test_a_missing_module_is_named(tmp_path: Path, wanted: Collection[str], printed: str) -> None:
    """A feature that the program does not mention raises an error, unless its module was asked for."""
    ran = run_shipped(PROVIDER + HIDDEN + RUNS, tmp_path, BOTH, wanted)

    assert ran.failure is None, ran.output
    assert ran.output.splitlines()[0] == printed


def test_modules_left_out_exist() -> None:
    """Each name is that of a module: one that was renamed would be sent along."""
    assert {*UNUSABLE, *OPTIONAL} <= NAMES
