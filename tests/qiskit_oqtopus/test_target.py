"""Calibrations as a Qiskit Target."""

from __future__ import annotations

import copy
import math
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile

from oqtopus_client.emulator.noise import delay_nanoseconds
from qiskit_oqtopus.target import target_from_device
from tests.support.chips import CHIP, NOT_CALIBRATED, QUBIT, WORSE, chip, device, pair
from tests.support.circuits import bell, used_qubits

if TYPE_CHECKING:
    from qiskit.transpiler import Target

    from qiskit_oqtopus import OqtopusBackend

# `reset` is for the transpiler, which would refuse circuits with `initialize` without.
GATES = ["cx", "delay", "measure", "reset", "rz", "sx", "x"]


def test_calibration() -> None:
    """Microseconds and nanoseconds become seconds, fidelities errors; couplings keep their direction."""
    target = target_from_device(device(CHIP))

    assert sorted(target.operation_names) == GATES
    assert (target.num_qubits, target.description, target.dt) == (2, "chip", 2e-9)
    assert target.qubit_properties[0].t1 == pytest.approx(26.46e-6)
    assert target.qubit_properties[0].t2 == pytest.approx(35.9e-6)
    assert target["sx"][0,].duration == pytest.approx(16e-9)
    assert target["x"][0,].duration == pytest.approx(24e-9)
    assert target["x"][0,].error == target["sx"][0,].error == pytest.approx(0.0006)
    assert (target["rz"][1,].duration, target["rz"][1,].error) == (0, 0)  # a change of frame
    assert (target["measure"][0,].duration, target["measure"][0,].error) == (pytest.approx(384e-9), 0.026)
    assert set(target["cx"]) == {(1, 0)}
    assert target["cx"][1, 0].error == pytest.approx(0.018)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda target: pickle.loads(pickle.dumps(target))])  # noqa: S301 - our own
def test_readout_is_asymmetric(copied: Any) -> None:
    """A measurement has both probabilities of misreading, also in copies of the Target."""
    readout = copied(target_from_device(device(CHIP)))["measure"][1,]

    assert (readout.prob_meas1_prep0, readout.prob_meas0_prep1, readout.error) == (0.01, 0.07, 0.041)
    assert readout.duration == pytest.approx(400e-9)


@pytest.mark.parametrize(
    ("published", "error", "p10", "p01"),
    [
        ({"prob_meas1_prep0": 0.02, "prob_meas0_prep1": 0.06}, 0.04, 0.02, 0.06),
        ({"readout_assignment_error": 0.05}, 0.05, 0.05, 0.05),
        ({"readout_assignment_error": 0.05, "prob_meas1_prep0": 0.02}, 0.05, 0.05, 0.05),
        ({"prob_meas0_prep1": 0.06}, 0.06, 0.06, 0.06),
        ({"readout_assignment_error": 7, "prob_meas1_prep0": 0, "prob_meas0_prep1": 1}, 0.5, 0, 1),
    ],
)
def test_partly_published_readout(published: dict[str, float], error: float, p10: float, p01: float) -> None:
    """The error is the mean of both probabilities; without both, they equal the error."""
    readout = target_from_device(chip({"meas_error": published}))["measure"][0,]

    assert (readout.error, readout.prob_meas1_prep0, readout.prob_meas0_prep1) == pytest.approx((error, p10, p01))


@pytest.mark.parametrize(
    ("durations", "nanoseconds"),
    [
        ({"rzx90": 272}, 272 + 16),
        ({"cx": 300}, 300),
        ({"cx": 300, "rzx90": 272}, 300),
        ({"cx": None, "rzx90": 272}, 272 + 16),
    ],
)
def test_duration_of_cx(durations: dict[str, Any], nanoseconds: float) -> None:
    """The duration of a `cx` is the published one, or else derived from `rzx90` and `sx`."""
    couplings = [{"control": 1, "target": 0, "gate_duration": durations}]
    target = target_from_device(device({**CHIP, "couplings": couplings}))

    assert target["cx"][1, 0].duration == pytest.approx(nanoseconds * 1e-9)


def test_impossible_coherence_is_cut() -> None:
    """A t2 above 2 t1, which a fit may produce, is limited to 2 t1."""
    (qubit,) = target_from_device(chip({"qubit_lifetime": {"t1": 10, "t2": 30}})).qubit_properties

    assert (qubit.t1, qubit.t2) == pytest.approx((10e-6, 20e-6))


def without(path: str, entry: dict[str, Any], *values: Any) -> dict[str, Any]:
    """Return the entry with the value at a dotted path removed or replaced."""
    first, _, rest = path.partition(".")
    if rest:
        return {**entry, first: without(rest, entry[first], *values)}
    kept = {key: value for key, value in entry.items() if key != first}
    return {**kept, first: values[0]} if values else kept


OF_QUBIT = {
    "fidelity": lambda target, q: target["x"][q,].error,
    "gate_duration.x": lambda target, q: target["x"][q,].duration,
    "gate_duration.sx": lambda target, q: target["sx"][q,].duration,
    "gate_duration.measure": lambda target, q: target["measure"][q,].duration,
    "meas_error": lambda target, q: target["measure"][q,].error,
    "qubit_lifetime.t1": lambda target, q: target.qubit_properties[q].t1,
    "qubit_lifetime.t2": lambda target, q: target.qubit_properties[q].t2,
}
OF_COUPLING = {
    "fidelity": lambda target, c: target["cx"][c].error,
    "gate_duration.rzx90": lambda target, c: target["cx"][c].duration,
}
NO_NUMBERS = ["0.99", math.nan, math.inf, -0.1, True, None, [], {}, 10**400]
MISSING = [pytest.param((), id="absent")] + [pytest.param((value,), id=str(value)[:8]) for value in NO_NUMBERS]


@pytest.mark.parametrize("values", MISSING)
@pytest.mark.parametrize("path", OF_QUBIT)
def test_missing_values_are_the_worst_of_the_others(path: str, values: tuple[Any, ...]) -> None:
    """Missing and invalid values count as the worst of the chip."""
    qubits = [QUBIT, WORSE, {**without(path, QUBIT, *values), "id": 2}, {"id": 3}]
    target = target_from_device(device({"qubits": qubits}, n_qubits=4))
    value = OF_QUBIT[path]

    assert value(target, 0) != value(target, 1)
    assert value(target, 2) == value(target, 3) == value(target, 1)


@pytest.mark.parametrize("path", ["fidelity", "qubit_lifetime.t1", "qubit_lifetime.t2"])
def test_zeros_of_qubits_that_could_not_be_calibrated(path: str) -> None:
    """A fidelity or lifetime of zero, which gateways write for a missing value, counts as missing."""
    target = target_from_device(chip(QUBIT, WORSE, without(path, QUBIT, 0.0)))

    assert OF_QUBIT[path](target, 2) == OF_QUBIT[path](target, 1)


@pytest.mark.parametrize("values", MISSING)
@pytest.mark.parametrize("path", OF_COUPLING)
def test_missing_values_of_couplings(path: str, values: tuple[Any, ...]) -> None:
    """The same holds for couplings."""
    good, worse = pair(0, 1, 0.99, rzx90=200), pair(0, 2, 0.98, rzx90=300)
    couplings = [good, worse, {**without(path, good, *values), "target": 3}, pair(1, 3)]
    target = target_from_device(chip(*[QUBIT] * 4, couplings=couplings))
    value = OF_COUPLING[path]

    assert value(target, (0, 1)) != value(target, (0, 2))
    assert value(target, (0, 3)) == value(target, (1, 3)) == value(target, (0, 2))


def test_worst_readout_is_one_qubits_own() -> None:
    """A missing error and its probabilities are taken from the same qubit."""
    readout = target_from_device(chip(QUBIT, WORSE, {}))["measure"][2,]

    assert (readout.error, readout.prob_meas1_prep0, readout.prob_meas0_prep1) == (0.041, 0.01, 0.07)


def test_what_nobody_publishes_is_unknown() -> None:
    """A value that no qubit publishes is None."""
    target = target_from_device(chip({}, {}, couplings=[pair(0, 1)]))

    for properties in (target["x"][0,], target["sx"][1,], target["cx"][0, 1]):
        assert (properties.error, properties.duration) == (None, None)
    assert target["measure"][0,] is None
    assert [(qubit.t1, qubit.t2) for qubit in target.qubit_properties] == [(None, None)] * 2


@pytest.mark.parametrize("level", [2, 3])
def test_layout_shuns_what_is_not_calibrated(level: int) -> None:
    """The transpiler avoids uncalibrated qubits and couplings, with any seed."""
    ring = [pair(i, (i + 1) % 6, 0.98) for i in range(5)] + [pair(5, 0, 0.97)]
    ring[3] = pair(3, 4)
    qubits = [{}, *({**QUBIT, "fidelity": 0.999 - i * 1e-4} for i in range(5))]
    target = target_from_device(chip(*qubits, couplings=ring))
    for seed in range(10):
        isa = transpile(bell(), target=target, optimization_level=level, seed_transpiler=seed)

        assert used_qubits(isa) == {1, 2}


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_no_qubit_is_left_out(level: int) -> None:
    """Low optimization levels can use the first qubits even if they are uncalibrated."""
    line = [pair(i, i + 1, 0.98) for i in range(3)]
    target = target_from_device(chip({}, QUBIT, {"fidelity": 0.1}, {}, couplings=line))
    isa = transpile(bell(), target=target, optimization_level=level, seed_transpiler=1)

    assert all(set(target[gate]) == {(0,), (1,), (2,), (3,)} for gate in GATES if gate != "cx")
    assert target["x"][2,].error == 0.9
    assert set(isa.count_ops()) <= {*GATES, "barrier"}


@pytest.mark.parametrize("n_qubits", [2, None])
@pytest.mark.parametrize("info", NOT_CALIBRATED)
def test_without_calibration(info: object, n_qubits: int | None) -> None:
    """An unknown or unreadable format results in a Target of the usual gates on any qubits."""
    target = target_from_device(device(info, n_qubits=n_qubits))

    assert (target.num_qubits, target.qargs, target.dt) == (n_qubits, None, 2e-9)
    for level in range(4):
        isa = transpile(bell(), target=target, optimization_level=level)
        assert set(isa.count_ops()) <= {*GATES, "barrier"}


def test_numbers_as_text() -> None:
    """Qubit ids may be text or floats."""
    qubits = [{**QUBIT, "id": "0"}, {**WORSE, "id": 1.0}]
    target = target_from_device(device({"qubits": qubits, "couplings": [pair("1", "0", 0.97)]}))

    assert [target["x"][q,].error for q in range(2)] == pytest.approx([0.0006, 0.0014])
    assert target["cx"][1, 0].error == pytest.approx(0.03)


def test_lists_of_qubits() -> None:
    """Qubits may be in any order, the later of two entries counts, and unlisted ones exist."""
    qubits = [WORSE, {"id": 0, "fidelity": 0.5}, QUBIT, "qubit", None, {"name": "of no number"}]
    target = target_from_device(device({"qubits": qubits}, n_qubits=3))

    assert target.num_qubits == 3
    assert [target["x"][q,].error for q in range(3)] == pytest.approx([0.0006, 0.0014, 0.0014])


def test_more_qubits_listed_than_said() -> None:
    """The list of qubits takes precedence over their published number."""
    assert target_from_device(device(CHIP, n_qubits=1)).num_qubits == 2
    assert target_from_device(device(CHIP, n_qubits=None)).num_qubits == 2


UNUSABLE = [
    {"control": 0},
    {"control": 0, "target": 2},
    {"control": -1, "target": 0},
    {"control": 1, "target": 1},
    {"control": "zero", "target": "one"},
    {"control": True, "target": False},
    {"control": [0], "target": {}},
    {"control": math.nan, "target": 1},
    "0-1",
    None,
]


@pytest.mark.parametrize("coupling", UNUSABLE)
def test_unusable_couplings(coupling: object) -> None:
    """An invalid entry does not affect the others."""
    target = target_from_device(device({**CHIP, "couplings": [coupling, pair(0, 1, 0.97), coupling]}))

    assert set(target["cx"]) == {(0, 1)}
    assert target["cx"][0, 1].error == pytest.approx(0.03)


def test_couplings_listed_twice() -> None:
    """The later of two entries counts; the reverse direction is another coupling."""
    couplings = [pair(0, 1, 0.9), pair(1, 0, 0.8), pair(0, 1, 0.95)]
    target = target_from_device(device({**CHIP, "couplings": couplings}))

    assert {edge: properties.error for edge, properties in target["cx"].items()} == pytest.approx(
        {(0, 1): 0.05, (1, 0): 0.2}
    )


@pytest.mark.parametrize("couplings", [[], None, "all", [None]])
def test_without_couplings(couplings: object) -> None:
    """A device without couplings has no `cx`."""
    target = target_from_device(device({"qubits": CHIP["qubits"], "couplings": couplings}))

    assert sorted(target.operation_names) == [gate for gate in GATES if gate != "cx"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw valid values, or anything else."""
    return usual | usual | usual | anything


def entries(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw objects with some of these fields."""
    return mostly(st.fixed_dictionaries({}, optional={name: mostly(values) for name, values in fields.items()}))


number = st.floats(allow_nan=True) | st.floats(0, 1) | st.integers(0, 400)
infos = entries(
    qubits=st.lists(
        entries(
            id=st.integers(0, 3),
            fidelity=number,
            meas_error=entries(prob_meas1_prep0=number, prob_meas0_prep1=number, readout_assignment_error=number),
            qubit_lifetime=entries(t1=number, t2=number),
            gate_duration=entries(sx=number, x=number, measure=number),
        ),
        max_size=5,
    ),
    couplings=st.lists(
        entries(
            control=st.integers(0, 3),
            target=st.integers(0, 3),
            fidelity=number,
            gate_duration=entries(rzx90=number, cx=number),
        ),
        max_size=5,
    ),
)


def check_sound(target: Target) -> None:
    """Check that errors are probabilities, times are not negative, and values are complete."""
    for name in target.operation_names:
        properties = [each for each in target[name].values() if each is not None]
        for field, highest in (("error", 1), ("duration", math.inf)):
            values = [getattr(each, field) for each in properties]
            assert all(value is None for value in values) or all(0 <= value <= highest for value in values)
    for qubit in target.qubit_properties or ():
        assert qubit.t1 is None or 0 < qubit.t1 < math.inf
        assert qubit.t2 is None or 0 < qubit.t2 < math.inf
        assert None in (qubit.t1, qubit.t2) or qubit.t2 <= 2 * qubit.t1


@settings(max_examples=300)
@given(infos, st.none() | st.integers(-1, 6))
def test_any_calibration(info: object, n_qubits: int | None) -> None:
    """No calibration raises an error or results in an invalid Target."""
    target = target_from_device(device(info, n_qubits=n_qubits))
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()

    check_sound(target)
    if target.num_qubits is None or target.num_qubits > 0:
        for level in (0, 2):
            assert transpile(circuit, target=target, optimization_level=level).count_ops()["measure"] == 1


@pytest.mark.parametrize(("duration", "unit"), [(100, "ns"), (0.1, "us"), (50, "dt")])
def test_dt_is_the_devices(duration: float, unit: str) -> None:
    """`dt` is the devices' clock period, 2 ns."""
    circuit = QuantumCircuit(1)
    circuit.delay(duration, 0, unit=unit)
    (item,) = transpile(circuit, target=target_from_device(device(CHIP)), optimization_level=0).data

    assert (item.operation.duration, item.operation.unit) == (50, "dt")
    assert delay_nanoseconds(item.operation) == 100


def test_emulated_device(backend: OqtopusBackend) -> None:
    """The Target of an emulated device has the gates, errors and durations that it publishes."""
    target = backend.target

    assert sorted(target.operation_names) == GATES
    assert len(target["cx"]) == 22
    assert target["cx"][0, 2].error == pytest.approx(0.01)
    assert target["cx"][0, 2].duration == pytest.approx(40e-9)
    assert backend.target is target
