"""Errors and neighbours of chips, and the parts of their targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qiskit_oqtopus import CircuitError
from qiskit_oqtopus.parallel.chip import Chip, target_of
from qiskit_oqtopus.parallel.load import Load
from qiskit_oqtopus.target import target_from_device
from tests.support.chips import QUBIT, chip, device, pair
from tests.support.placement import LATTICES, calibration, chip_of, fidelity
from tests.support.placement import chip as named

LINE = [pair(0, 1, 0.99), pair(2, 1, 0.98)]


def qubit(fidelity: float | None = 0.999, readout: float | None = 0.02, **fields: Any) -> dict[str, Any]:
    """A qubit with these published values."""
    known: dict[str, Any] = {} if fidelity is None else {"fidelity": fidelity}
    return known | ({} if readout is None else {"meas_error": {"readout_assignment_error": readout}}) | fields


@pytest.mark.parametrize("name", LATTICES)
def test_estimated_fidelity(name: str) -> None:
    """It is the product of one minus the published errors; a `cx` against its coupling costs four more `sx`."""
    published, random = calibration(name), np.random.default_rng(0)
    for coupling in published.couplings:
        counts = random.integers(0, 9, 4).tolist()
        load = Load(2, tuple(counts[:2]), (1, 1), ((0, 1, counts[2]), (1, 0, counts[3])))
        for qubits in ((coupling.control, coupling.target), (coupling.target, coupling.control)):
            expected = pytest.approx(fidelity(published, load, qubits), rel=1e-12)
            assert named(name).fidelity(load, qubits) == expected


@pytest.mark.parametrize(
    ("middle", "couplings", "usable", "joined"),
    [
        (qubit(), LINE, {0, 1, 2}, {(0, 1), (1, 2)}),
        (qubit(fidelity=None), LINE, {0, 2}, set()),
        (qubit(readout=None), LINE, {0, 2}, set()),
        (qubit(fidelity=0.5), LINE, {0, 2}, set()),
        (qubit(fidelity=0.501), LINE, {0, 1, 2}, {(0, 1), (1, 2)}),
        (qubit(readout=0.5), LINE, {0, 2}, set()),
        (qubit(), [pair(0, 1, 0.99), pair(2, 1)], {0, 1, 2}, {(0, 1)}),
        (qubit(), [pair(0, 1, 0.99), pair(2, 1, 0.5)], {0, 1, 2}, {(0, 1)}),
        (qubit(), [*LINE, pair(1, 2, 0.3)], {0, 1, 2}, {(0, 1)}),
        (qubit(), [pair(0, 1), pair(2, 1)], {0, 1, 2}, {(0, 1), (1, 2)}),
    ],
)
def test_broken_qubits_and_couplings(
    middle: dict[str, Any], couplings: list[Any], usable: set[int], joined: set[tuple[int, int]]
) -> None:
    """Errors that are missing beside known ones, or of 50 % and more, take a qubit or coupling out of use."""
    found = chip_of(chip(qubit(), middle, qubit(), couplings=couplings))

    assert set(np.flatnonzero(found.usable).tolist()) == usable
    assert {(a, b) for a, b in np.argwhere(found.joined).tolist() if a < b} == joined
    assert np.array_equal(found.joined, found.joined.T)
    unusable = {(i,) for i in range(3)} - {(i,) for i in usable}
    unjoined = {(0, 1), (2, 1)} - joined - {pair[::-1] for pair in joined}
    load = Load(3, (1, 1, 1), (1, 1, 1), ((0, 1, 1), (2, 1, 1)))
    assert {tuple(sorted(each)) for each in found.broken(load, (0, 1, 2))} == unusable | {
        tuple(sorted(each)) for each in unjoined
    }


def test_missing_errors_of_fixed_circuits_are_the_worst() -> None:
    """What lacks an error is not perfect, for those who insist on using it."""
    found = chip_of(chip(qubit(), qubit(fidelity=None, readout=None), qubit(0.99, 0.1), couplings=LINE))

    assert found.fidelity(Load(1, (1,), (1,), ()), (1,)) == pytest.approx(0.99 * 0.9)


def test_neighbours() -> None:
    """These are the coupled ones, even if broken, and those as close as the closest."""
    positions = [{"x": x, "y": y} for x, y in ((0, 0), (1, 0), (1, 1), (0, 1), (3, 0))]
    described = chip(*(qubit(position=position) for position in positions), couplings=[pair(0, 1), pair(1, 4, 0.99)])
    found = chip_of(described)

    near = {(a, b) for a, b in np.argwhere(found.near).tolist() if a < b}
    assert near == {(0, 1), (1, 2), (2, 3), (0, 3), (1, 4)}
    assert np.array_equal(found.within(0), np.eye(5, dtype=bool))
    assert found.within(2)[0].tolist() == [True, True, True, True, True]
    assert found.within(2)[3].tolist() == [True, True, True, True, False]


def test_simulator_without_calibration() -> None:
    """All qubits are the same, free of errors, and coupled; none is another's neighbour."""
    found = chip_of(device(None, n_qubits=5))

    assert found.is_complete
    assert found.joined.sum() == 20
    assert not found.near.any()
    assert found.fidelity(Load(2, (3, 1), (1, 1), ((0, 1, 5), (1, 0, 1))), (4, 2)) == 1


def test_number_of_qubits_must_be_known() -> None:
    """Without it, it is unknown how many circuits fit."""
    described = device(None, n_qubits=None)

    with pytest.raises(CircuitError, match="does not publish its number of qubits"):
        Chip.of(described, target_from_device(described))


def test_target_of_some_qubits() -> None:
    """It has their gates and errors, renumbered in the given order."""
    described = chip(qubit(), qubit(0.9, qubit_lifetime={"t1": 9, "t2": 8}), QUBIT, couplings=LINE)
    whole = target_from_device(described)
    part = target_of(whole, (2, 1))

    assert part.num_qubits == 2
    assert set(part.operation_names) == set(whole.operation_names)
    assert set(part["cx"]) == {(0, 1)}
    assert part["cx"][0, 1] == whole["cx"][2, 1]
    assert part["sx"][1,].error == pytest.approx(0.1)
    assert part["measure"][0,] is whole["measure"][2,]
    assert part.qubit_properties[0].t1 == whole.qubit_properties[2].t1 == pytest.approx(26.46e-6)
    assert part.qubit_properties[1].t2 == whole.qubit_properties[1].t2
    assert "cx" not in target_of(whole, (0, 2)).operation_names


def test_target_of_a_simulator() -> None:
    """Gates of all qubits stay those of all qubits."""
    part = target_of(target_from_device(device(None, n_qubits=5)), (3, 1))

    assert part.num_qubits == 2
    assert part.instruction_supported("cx", (1, 0))
