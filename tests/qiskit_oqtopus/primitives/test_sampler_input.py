"""Invalid input to `OqtopusSampler`: messages name the error, the value and the remedy, before any request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_aer import AerSimulator

from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusSampler
from qiskit_oqtopus.primitives.options import SamplerOptions
from tests.support.circuits import flips, keyed

if TYPE_CHECKING:
    from tests.support.recorded_cloud import RecordedCloud

FORM = (
    "A PUB is a circuit, or (circuit, values, shots) with values of shape (..., parameters) or as {parameter: array}."
)
FLIPS = f"{FORM} The parameters of 'flips': flip[0], flip[1]."
FIXED = f"{FORM} The parameters of 'fixed': none."


def fixed() -> QuantumCircuit:
    """Return a circuit without parameters."""
    circuit = keyed(1, 3)
    circuit.name = "fixed"
    return circuit


def with_register(name: str) -> QuantumCircuit:
    """Return a circuit with a register of this name."""
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1, "fine"), ClassicalRegister(2, name))
    circuit.measure(0, 0)
    return circuit


@pytest.mark.parametrize(
    ("pubs", "error", "message"),
    [
        (3, TypeError, f"run() takes a list of PUBs, not 3. {FORM}"),
        ([3], TypeError, f"PUB 0: object of type 'int' has no len(). {FORM}"),
        ([(1, 2)], TypeError, f"PUB 0: 'int' object has no attribute 'parameters'. {FORM}"),
        (["circuit"], ValueError, f"PUB 0: The length of pub must be 1, 2 or 3, but length 7 is given. {FORM}"),
        (fixed(), ValueError, "PUB 0: An invalid Sampler pub-like was given"),
        ([(fixed(), None, 1, 2)], ValueError, "PUB 0: The length of pub must be 1, 2 or 3, but length 4 is given."),
        (
            [fixed(), (fixed(), [1.0])],
            ValueError,
            f"PUB 1: Length of () inconsistent with last dimension of [1.]. {FIXED}",
        ),
        ([flips()], ValueError, "PUB 0: The number of values (0) does not match the number of parameters (2)"),
        ([(flips(), [])], ValueError, "PUB 0: Length of "),
        ([(flips(), [1.0])], ValueError, "PUB 0: Length of "),
        ([(flips(), [1.0] * 3)], ValueError, "PUB 0: Length of "),
        ([(flips(), ["x", 1])], ValueError, f"PUB 0: 'x' is text, not a real number. {FLIPS}"),
        ([(flips(), ["0.5", "1"])], ValueError, f"PUB 0: '0.5' is text, not a real number. {FLIPS}"),
        ([(flips(), [1j, 1])], TypeError, f"PUB 0: 1j is not a real number. {FLIPS}"),
        ([(flips(), np.array([[1, 2], [3, 1j]]))], TypeError, f"PUB 0: 1j is not a real number. {FLIPS}"),
        ([(flips(), {"flip": np.array([1j, 1])})], TypeError, f"PUB 0: 1j is not a real number. {FLIPS}"),
        ([(flips(), {"flip[0]": "1", "flip[1]": 2})], ValueError, f"PUB 0: '1' is text, not a real number. {FLIPS}"),
        ([(flips(), [None, 1])], TypeError, f"PUB 0: None is not a real number. {FLIPS}"),
        (
            [(flips(), {"flip[0]": 1, "other": 2})],
            ValueError,
            "PUB 0 has no values for flip[1], only for flip[0], other.",
        ),
        (
            [fixed(), (flips(), [[[0, 1], [2, np.nan]]])],
            ValueError,
            "PUB 1 has the value nan for 'flip[1]' (binding (0, 1)); parameter values must be finite numbers.",
        ),
        ([(flips(), [np.inf, 0])], ValueError, "PUB 0 has the value inf for 'flip[0]' (binding ())"),
        ([(fixed(), None, 0)], ValueError, f"PUB 0: shots must be a positive integer, not 0. {FIXED}"),
        ([(fixed(), None, -1)], ValueError, "PUB 0: shots must be a positive integer, not -1."),
        ([(fixed(), None, 2.5)], TypeError, "PUB 0: shots must be a positive integer, not 2.5."),
        ([(fixed(), None, True)], TypeError, "PUB 0: shots must be a positive integer, not True."),
    ],
)
def test_pubs(backend: OqtopusBackend, cloud: RecordedCloud, pubs: Any, error: type[Exception], message: str) -> None:
    """Qiskit's errors are extended by the PUB's index, the form of a PUB, and the circuit's parameters."""
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        OqtopusSampler(backend).run(pubs)

    assert cloud.requests == []


@pytest.mark.parametrize(("shots", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("9", TypeError)])
def test_shots(backend: OqtopusBackend, cloud: RecordedCloud, shots: Any, error: type[Exception]) -> None:
    """Invalid shots of a run or an option are refused."""
    message = f"^shots must be a positive integer, not {shots!r}.$"
    with pytest.raises(error, match=message):
        OqtopusSampler(backend).run([fixed()], shots=shots)
    with pytest.raises(error, match=message):
        OqtopusSampler(backend, default_shots=shots)
    if error is ValueError:
        with pytest.raises(ValueError, match="shots must be positive"):
            SamplerPub(fixed(), shots=shots)
    assert cloud.requests == []


@pytest.mark.parametrize("name", ["size", "ndim", "keys", "values", "items", "shape"])
def test_register_names(backend: OqtopusBackend, cloud: RecordedCloud, name: str) -> None:
    """Register names that Qiskit's container cannot hold are refused."""
    message = (
        f"PUB 1 has a classical register named {name!r}, a name that Qiskit's results reserve; rename it, as in "
        "ClassicalRegister(2, 'outcome')."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        OqtopusSampler(backend).run([fixed(), with_register(name)])

    assert cloud.requests == []


@pytest.mark.parametrize("name", ["for", "a b", "é", "T", "index", "data"])
def test_odd_register_names(backend: OqtopusBackend, name: str) -> None:
    """All other register names work, however odd."""
    (pub,) = OqtopusSampler(backend).run([with_register(name)], shots=3).result()

    assert pub.data[name].get_counts() == {"00": 3}


def test_circuits_that_devices_get_wrong(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Circuits are refused as by `backend.run`, in any PUB."""
    midway = fixed()
    midway.x(0)
    with pytest.raises(CircuitError, match="after measuring it"):
        OqtopusSampler(backend).run([fixed(), midway])
    with pytest.raises(CircuitError, match="has 17 qubits, but qulacs has only 16"):
        OqtopusSampler(backend).run([keyed(1, 17)])
    not_finite, angle = QuantumCircuit(1, 1), Parameter("angle")
    not_finite.rx(1 / angle, 0)
    not_finite.measure(0, 0)
    with pytest.raises(CircuitError, match="angles must be finite numbers"):
        OqtopusSampler(backend).run([(not_finite, [0.0])])

    assert cloud.requests == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"default_shot": 5}, TypeError, "OqtopusSampler has no option 'default_shot'. Did you mean 'default_shots'?"),
        ({"zzz": 5}, TypeError, "OqtopusSampler has no option 'zzz'. Known: 'max_shots', 'seed', "),
        ({"mitigation": "zne"}, ValueError, "mitigation must be 'pseudo_inverse', not 'zne'."),
        ({"seed": -1}, ValueError, "seed must be a non-negative integer below 2**63, not -1."),
        ({"seed": "x"}, TypeError, "seed must be a non-negative integer below 2**63, not 'x'."),
        ({"max_shots": 0}, ValueError, "shots must be an integer from 1 to 10,000,000, not 0."),
        ({"max_shots": 10_000_001}, ValueError, "shots must be an integer from 1 to 10,000,000, not 10000001."),
        ({"transpile": True}, ValueError, "transpile must be 'auto', 'server' or 'none', not True."),
    ],
)
def test_options(
    backend: OqtopusBackend, cloud: RecordedCloud, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Invalid options raise the same errors in a dict, by name and when set later, and change nothing."""
    sampler = OqtopusSampler(backend)
    for use in (
        lambda: OqtopusSampler(backend, options),
        lambda: OqtopusSampler(backend, **options),
        lambda: setattr(sampler, "options", options),
        lambda: sampler.options.update(name="kept as it was", **options),
    ):
        with pytest.raises(error, match=f"^{re.escape(message)}"):
            use()
    for name, value in options.items():
        with pytest.raises(error, match=f"^{re.escape(message)}"):
            setattr(sampler.options, name, value)

    assert sampler.options == SamplerOptions()
    assert cloud.requests == []


def test_options_of_every_form(backend: OqtopusBackend) -> None:
    """Options may be a dict, a model, names, or a combination, in which names take precedence."""
    assert OqtopusSampler(backend, {"default_shots": np.int32(5)}).options.default_shots == 5
    sampler = OqtopusSampler(backend, SamplerOptions(default_shots=6, seed=3), seed=4)
    assert (sampler.options.default_shots, sampler.options.seed) == (6, 4)


def test_assigned_options(backend: OqtopusBackend) -> None:
    """Assigning a mapping or model replaces all options; the default shots are where libraries look for them."""
    sampler = OqtopusSampler(backend, default_shots=5, seed=3)
    sampler.options = {"default_shots": 7}  # type: ignore[assignment]
    assert (sampler.options, sampler.default_shots) == (SamplerOptions(default_shots=7), 7)
    sampler.options.update(default_shots=8, seed=1)
    assert sampler.run([fixed()]).result()[0].metadata["shots"] == 8
    sampler.options = SamplerOptions()

    assert sampler.options == SamplerOptions()


@pytest.mark.parametrize("options", [5, "default_shots", [("default_shots", 5)], {1: 2}])
def test_what_are_no_options(backend: OqtopusBackend, options: Any) -> None:
    """Objects that are not options are refused at construction."""
    sampler = OqtopusSampler(backend)
    for use in (lambda: OqtopusSampler(backend, options), lambda: setattr(sampler, "options", options)):
        with pytest.raises(
            TypeError, match=r"^(options must be SamplerOptions\(...\) or a mapping|.*has no option 1\.)"
        ):
            use()


def test_options_that_do_not_fit_together(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Combinations of options that `backend.run` refuses are refused."""
    sampler = OqtopusSampler(backend, transpile="none", transpiler_options={"optimization_level": 1})
    with pytest.raises(ValueError, match="transpiler_options need the server's transpiler"):
        sampler.run([fixed()])

    assert cloud.requests == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"mitigation": "pseudo_inverse"},
            "mitigation is for OQTOPUS devices only, and aer_simulator is not one",
        ),
        ({"transpiler_options": {}}, "transpiler_options is for OQTOPUS devices"),
        ({"transpile": "server"}, "transpile='server' needs an OQTOPUS server, which aer_simulator does not have"),
    ],
)
def test_what_other_backends_cannot_do(options: dict[str, Any], message: str) -> None:
    """Options that other backends do not support are refused, not ignored."""
    with pytest.raises(ValueError, match=re.escape(message)):
        OqtopusSampler(AerSimulator(), **options).run([fixed()])


def test_no_backend() -> None:
    """A backend's name is not accepted as a backend."""
    with pytest.raises(
        TypeError, match=re.escape("mode must be a backend, as provider.get_backend() returns, not 'q'.")
    ):
        OqtopusSampler("q")
