"""`OqtopusOptions`: valid options, their effect on requests, and options refused before any request."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit.providers import Options
from qiskit.result.models import MeasLevel, MeasReturnType

from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusOptions
from tests.support.circuits import bell, keyed

if TYPE_CHECKING:
    from oqtopus_client.emulator import Emulator
    from tests.support.recorded_cloud import RecordedCloud


def stored(emulator: Emulator, job_id: str) -> dict[str, Any]:
    """Return a job as stored in the cloud."""
    row = emulator._store.get(job_id)
    assert row is not None
    return {**row, **{name: json.loads(row[name]) for name in ("transpiler_info", "mitigation_info")}}


def test_what_libraries_pass(backend: OqtopusBackend, recwarn: pytest.WarningsRecorder) -> None:
    """Options that Qiskit's libraries pass are accepted without a warning."""
    options = {
        "seed_simulator": 7,
        "meas_level": MeasLevel.CLASSIFIED,
        "meas_return": MeasReturnType.SINGLE,
        "rep_delay": None,
        "job_tags": ["mthree"],
        "init_qubits": True,
        "noise_model": None,
    }
    result = backend.run(keyed(3), shots=5, memory=True, **options).result()

    assert result.get_counts() == {"00011": 5}
    assert len(recwarn) == 0


def test_defaults_and_runs(backend: OqtopusBackend) -> None:
    """An option of the run overrides that of the backend; None does not."""
    backend.set_options(shots=10, memory=True)
    result = backend.run(keyed(3), shots=None).result()

    assert result.get_memory() == ["00011"] * 10
    assert sum(backend.run(keyed(3), shots=np.int64(7)).result().get_counts().values()) == 7
    assert isinstance(backend.options, Options)
    assert backend.options.shots == 10


def test_back_to_the_first_defaults(backend: OqtopusBackend) -> None:
    """None in `set_options` resets an option."""
    backend.set_options(shots=10, transpile="none", mitigation="pseudo_inverse")
    backend.set_options(shots=None, transpile=None, mitigation=None, multi_manual=True)
    options = backend.options

    assert (options.shots, options.transpile, options.mitigation) == (1000, "auto", None)
    assert sum(backend.run(keyed(3)).result().get_counts().values()) == 1000
    with pytest.raises(TypeError, match="Did you mean 'shots'"):
        backend.set_options(shot=None)


def test_every_way_to_set_options(backend: OqtopusBackend) -> None:
    """Each way validates at once and changes nothing on error; an assigned mapping resets all others."""
    backend.options.shots = 5
    backend.options["memory"] = True
    backend.options.update_options(name="set")
    assert (backend.options.shots, backend.options.memory, backend.options.name) == (5, True, "set")
    for use in (
        lambda: setattr(backend.options, "shot", 5),
        lambda: backend.options.__setitem__("shot", 5),
        lambda: backend.options.update_options(memory=False, shot=5),
        lambda: backend.options.update(memory=False, shot=5),
        lambda: setattr(backend, "options", {"shot": 5}),
    ):
        with pytest.raises(TypeError, match=r"run\(\) has no option 'shot'\. Did you mean 'shots'\?"):
            use()
    for use in (lambda: setattr(backend.options, "shots", 0), lambda: setattr(backend, "options", {"shots": 0})):
        with pytest.raises(ValueError, match="not 0"):
            use()
    with pytest.raises(TypeError, match="options must be a mapping of names to values, not 5"):
        backend.options = 5  # type: ignore[assignment]
    assert (backend.options.shots, backend.options.memory) == (5, True)
    backend.options = {"shots": 6}  # type: ignore[assignment]

    assert (backend.options.shots, backend.options.memory) == (6, False)
    assert copy.deepcopy(backend.options) == copy.copy(backend.options) == backend.options


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}),
        ({"transpile": "server"}, {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}),
        (
            {"transpiler_options": {"optimization_level": 3, "seed_transpiler": 5}},
            {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 3, "seed_transpiler": 5}},
        ),
    ],
)
def test_server_side_transpiling(
    backend: OqtopusBackend, emulator: Emulator, options: dict[str, Any], sent: dict[str, Any]
) -> None:
    """The settings of the server's transpiler are sent."""
    job = backend.run(bell(), shots=5, **options)
    job.result()

    assert stored(emulator, job.job_id())["transpiler_info"] == sent


@pytest.mark.parametrize("options", [{"name": "a\0b"}, {"description": "\0"}])
def test_nul_characters(backend: OqtopusBackend, cloud: RecordedCloud, options: dict[str, Any]) -> None:
    """They would hide the batch from the server's search, so they are refused before any request."""
    with pytest.raises(ValueError, match=rf"^{next(iter(options))} must not contain NUL characters, .*\\x00"):
        backend.run([keyed(1), keyed(2)], **options)

    assert cloud.requests == []


def test_nul_in_the_name_of_a_circuit(backend: OqtopusBackend) -> None:
    """The batch is found, and the circuit keeps its name."""
    circuits = [keyed(1), keyed(2)]
    circuits[0].name = "a\0b"
    job = backend.provider.job(backend.run(circuits, shots=5).job_id())

    assert job.result().get_counts("a\0b") == {"00001": 5}
    assert [each.name for each in job.jobs()] == ["a b", "keyed 2"]


@pytest.mark.parametrize("transpile", ["auto", "server", "none"])
def test_native_circuits(backend: OqtopusBackend, emulator: Emulator, transpile: str) -> None:
    """Native circuits are not transpiled, unless `transpile="server"`."""
    job = backend.run(keyed(9), shots=5, transpile=transpile)

    assert job.result().get_counts() == {"01001": 5}
    assert (stored(emulator, job.job_id())["transpiler_info"]["transpiler_lib"] is None) is (transpile != "server")


def test_transpiling_nowhere(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """With `transpile="none"`, circuits that the device would refuse are refused before any request."""
    with pytest.raises(
        CircuitError, match="'bell' has instructions that are not native to qulacs, and transpile='none' forbids"
    ):
        backend.run([keyed(1), bell()], transpile="none")

    assert cloud.requests == []


def test_mitigation(backend: OqtopusBackend, emulator: Emulator) -> None:
    """Readout mitigation is requested in the server's format."""
    job = backend.run(keyed(5), shots=100, mitigation="pseudo_inverse")

    assert job.result().get_counts() == {"00101": 100}
    assert stored(emulator, job.job_id())["mitigation_info"] == {"ro_error_mitigation": "pseudo_inverse"}


def test_mitigation_by_the_wrong_qubits(backend: OqtopusBackend) -> None:
    """Mitigation of circuits that the server transpiles causes a warning."""
    with pytest.warns(UserWarning, match="may correct readout errors of the wrong qubits"):
        backend.run(bell(), shots=5, mitigation="pseudo_inverse")


def test_names_and_descriptions(backend: OqtopusBackend) -> None:
    """Name, description and tags are sent, and the server's search finds them."""
    plain = backend.run(bell(), shots=1)
    named = backend.run(
        [bell(), bell()], shots=1, name="night", description="calibration of", job_tags=["Tuesday", "lab 3"]
    )
    found = [(job.name, job.description) for job in named.jobs()]

    assert [(job.name, job.description) for job in plain.jobs()] == [("bell", "")]
    assert found == [("night", f"calibration of [tags: Tuesday, lab 3] [{named.job_id()} {i}/2]") for i in (1, 2)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("seed", "run() has no option 'seed': use seed_simulator."),
        ("resilience_level", "has no option 'resilience_level': it is an option of qiskit_oqtopus.OqtopusEstimator"),
        ("twirling", "has no option 'twirling': it is an option of qiskit_oqtopus.OqtopusEstimator or OqtopusSampler."),
    ],
)
def test_options_of_primitives(backend: OqtopusBackend, cloud: RecordedCloud, name: str, message: str) -> None:
    """An option that only primitives have is refused with the name of what has it."""
    with pytest.raises(TypeError, match=re.escape(message)):
        backend.run(bell(), **{name: 1})

    assert cloud.requests == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": 1}, "memory must be a valid boolean, not 1."),
        ({"transpile": "client"}, "transpile must be 'auto', 'server' or 'none', not 'client'."),
        ({"mitigation": "zne"}, "mitigation must be 'pseudo_inverse', not 'zne'."),
        ({"meas_level": 1}, "meas_level must be 2, as OQTOPUS returns counts only, not 1."),
        ({"name": "n" * 257}, "name must have at most 256 characters, not 'nnn"),
        (
            {"job_tags": ["t" * 201]},
            "job_tags must have at most 200 characters together, with two between them, not 201.",
        ),
        ({"tags": ["a", "b\0"]}, "job_tags must be words without commas, square brackets, backslashes and unprintable"),
        (
            {"transpiler_options": {"coupling_map": object}},
            "transpiler_options must be serializable as JSON: Object of type type is not JSON serializable.",
        ),
        (
            {"transpile": "none", "transpiler_options": {"seed_transpiler": 1}},
            "transpiler_options need the server's transpiler, which transpile='none' turns off.",
        ),
        (
            {"transpile": "none", "multi_manual": True},
            "multi_manual needs the server's transpiler, which transpile='none' turns off.",
        ),
        (
            {"mitigation": "pseudo_inverse", "multi_manual": True},
            "Servers correct the wrong qubits of multi_manual jobs; use either multi_manual or mitigation.",
        ),
    ],
)
def test_bad_values(backend: OqtopusBackend, cloud: RecordedCloud, options: dict[str, Any], message: str) -> None:
    """The message contains the value and the valid ones."""
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        backend.run(bell(), **options)

    assert cloud.requests == []


def test_noise_model(backend: OqtopusBackend) -> None:
    """A noise model is ignored with a warning."""
    with pytest.warns(UserWarning, match="noise_model is ignored, as devices have real noise"):
        backend.run(keyed(1), shots=1, noise_model=object())


def test_every_option_is_documented() -> None:
    """By its name."""
    assert OqtopusOptions.__doc__ is not None
    assert all(f"        {name}: " in OqtopusOptions.__doc__ for name in OqtopusOptions.model_fields)
