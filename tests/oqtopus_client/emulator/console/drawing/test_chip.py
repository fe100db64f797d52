"""Drawings of chips."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from importlib import resources

import pytest

from oqtopus_client.calibration import Calibration, CouplingCalibration, QubitCalibration
from oqtopus_client.emulator.console.drawing.chip import draw_chip, draw_scale
from oqtopus_client.emulator.console.drawing.quantities import (
    COUPLING_ERROR,
    GATE_ERROR,
    READOUT_ERROR,
    T1,
    UNKNOWN,
    Scale,
)
from oqtopus_client.emulator.device_files import built_in_devices

DEVICES = built_in_devices()
LATTICE = Calibration.of(DEVICES["lattice144"].description["device_info"])
TEXTS = {
    "readout_error": "Readout error",
    "gate_error": "Gate error",
    "t1": "T1",
    "t2": "T2",
    "coupling_error": "Error",
    "coupling_time": "Duration",
    "drawing": "{qubits} qubits and {couplings} couplings by {value}",
    "qubit_tip": "Qubit {qubit}\n{values}",
    "coupling_tip": "{control} to {target}\n{values}",
}


def drawn(calibration: Calibration, quantity: object = READOUT_ERROR) -> ET.Element:
    """Return the drawing as a tree, which also shows that it is well-formed."""
    return ET.fromstring(draw_chip(calibration, quantity, TEXTS))  # noqa: S314 - our own


def centre(group: ET.Element) -> tuple[float, float]:
    """Return the position of a qubit in the drawing."""
    circle = group.find("circle")
    assert circle is not None
    return float(circle.get("cx", "")), float(circle.get("cy", ""))


def groups(drawing: ET.Element, kind: str) -> list[ET.Element]:
    """Return the drawn qubits or couplings."""
    return [group for group in drawing.iter("g") if group.get("class", "").startswith(f"{kind} ")]


def corners(group: ET.Element) -> list[tuple[float, ...]]:
    """Return the corners of an arrow."""
    path = group.find("path")
    assert path is not None
    return [tuple(map(float, pair.split())) for pair in path.get("d", "").strip("MZ").split("L")]


def test_all_qubits_at_their_places() -> None:
    """Qubits have their numbers, are at the published positions with y upwards, and lie within the picture."""
    drawing = drawn(LATTICE)
    qubits = groups(drawing, "qubit")
    places = [centre(group) for group in qubits]
    width, height = float(drawing.get("width", "")), float(drawing.get("height", ""))

    assert [group.findtext("text") for group in qubits] == [str(i) for i in range(144)]
    left, top = places[0]
    for place, qubit in zip(places, LATTICE.qubits, strict=True):
        assert qubit.position is not None
        x, y = qubit.position
        assert place == pytest.approx((left + 48 * x, top - 48 * y))
        assert 15 < place[0] < width - 15
        assert 15 < place[1] < height - 15


def test_arrows_point_from_control_to_target() -> None:
    """The tip of each arrow is next to its target, its other end next to its control, neither on a disc."""
    drawing = drawn(LATTICE)
    places = [centre(group) for group in groups(drawing, "qubit")]

    for group, coupling in zip(groups(drawing, "coupling"), LATTICE.couplings, strict=True):
        points = corners(group)
        tip = complex(*points[3])
        tail = (complex(*points[0]) + complex(*points[-1])) / 2
        assert abs(tip - complex(*places[coupling.target])) == pytest.approx(16.5, abs=0.2)
        assert abs(tail - complex(*places[coupling.control])) == pytest.approx(16.5, abs=0.2)


def test_opposite_arrows_do_not_overlap() -> None:
    """Couplings in both directions are drawn side by side."""
    qubits = (QubitCalibration(position=(0, 0)), QubitCalibration(position=(1, 0)))
    drawing = drawn(Calibration(qubits, (CouplingCalibration(0, 1), CouplingCalibration(1, 0))))
    below, above = (corners(group) for group in groups(drawing, "coupling"))

    assert min(y for _, y in below) > max(y for _, y in above)


def test_uneven_positions_are_not_used() -> None:
    """Two qubits almost at the same position do not make the picture a thousand times as wide."""
    qubits = tuple(QubitCalibration(position=(x, 0)) for x in (0, 0.001, 1, 2))
    drawing = drawn(Calibration(qubits, tuple(CouplingCalibration(i, i + 1) for i in range(3))))

    assert float(drawing.get("width", "")) < 300


def test_tooltips_have_all_values() -> None:
    """A tooltip has the values of the calibration, with units."""
    drawing = drawn(LATTICE)
    qubit, coupling = LATTICE.qubits[7], LATTICE.couplings[3]

    assert groups(drawing, "qubit")[7].findtext("title") == (
        f"Qubit 7\nReadout error: {100 * qubit.readout_error:.2f} %\nGate error: {100 * qubit.gate_error:.3f} %\n"
        f"T1: {qubit.t1_us:.1f} µs\nT2: {qubit.t2_us:.1f} µs"
    )
    # A server makes a cx from an rzx90 and an sx of 16 ns on the target.
    assert groups(drawing, "coupling")[3].findtext("title") == (
        f"{coupling.control} to {coupling.target}\nError: {100 * coupling.gate_error:.2f} %\n"
        f"Duration: {coupling.durations_ns['rzx90'] + 16:.0f} ns"
    )


def test_unknown_values() -> None:
    """A qubit and a coupling without values are drawn as unknown, and a chip of nothing else as well."""
    qubits = (QubitCalibration(), *LATTICE.qubits[1:])
    couplings = (replace(LATTICE.couplings[0], gate_error=None), *LATTICE.couplings[1:])
    drawing = drawn(Calibration(qubits, couplings))

    assert [group.get("class") for group in groups(drawing, "qubit")].count("qubit unknown") == 1
    assert groups(drawing, "coupling")[0].get("class") == "coupling unknown"
    assert f"T1: {UNKNOWN}" in groups(drawing, "qubit")[0].findtext("title", "")
    assert len(set(map(centre, groups(drawing, "qubit")))) == 144
    assert groups(drawn(Calibration((QubitCalibration(),))), "qubit")[0].get("class") == "qubit unknown"


@pytest.mark.parametrize("quantity", [READOUT_ERROR, GATE_ERROR, T1], ids=lambda quantity: quantity.name)
def test_worse_values_have_higher_steps(quantity: object) -> None:
    """Sorted from best to worst, steps never decrease; the best has the first, the worst the last."""
    values = quantity.read(LATTICE)
    steps = [group.get("class", "") for group in groups(drawn(LATTICE, quantity), "qubit")]
    best_first = sorted(range(144), key=lambda i: values[i], reverse=quantity is T1)
    in_order = [steps[i] for i in best_first]

    assert in_order == sorted(in_order)
    assert (in_order[0], in_order[-1]) == ("qubit step-0", "qubit step-5")


def test_scales() -> None:
    """Steps are even, in ratio over a factor of ten; equal values have one step, and no values have no scale."""
    assert Scale.of(READOUT_ERROR, [0.01, 0.07, None]).edges == pytest.approx(
        (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07)
    )
    assert Scale.of(T1, [64.0, 1.0]).edges == pytest.approx((64, 32, 16, 8, 4, 2, 1))
    assert Scale.of(T1, [5.0, 5.0]).step(5.0) == 0
    assert Scale.of(READOUT_ERROR, [0.0, 0.6]).edges == pytest.approx((0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    assert Scale.of(T1, [None]) is None
    scale = Scale.of(COUPLING_ERROR, [0.0, 0.06])
    assert [scale.step(value) for value in (0.0, 0.009, 0.011, 0.059, 0.06)] == [0, 0, 1, 5, 5]
    assert re.findall(r">([^<>]+)</text>", draw_scale(scale, "coupling", "")) == [
        "0.00 %",
        "2.00 %",
        "4.00 %",
        "6.00 %",
    ]


def test_numbers_are_not_rounded_away() -> None:
    """An error far below the others is not shown as zero."""
    assert READOUT_ERROR.show(0.00001234) == "0.0012 %"
    assert READOUT_ERROR.show(0.0) == "0.00 %"
    assert GATE_ERROR.show(None) == UNKNOWN


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours(scheme: int) -> None:
    """Steps change in luminance only one way, so that they differ for everyone, and numbers on them are readable."""
    style = resources.files("oqtopus_client.emulator.console").joinpath("static/chip.css").read_text(encoding="utf-8")
    declared = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]
    colours = {name: luminance(colour) for name, colour in re.findall(r"--([\w-]+): (#\w{6})", declared)}

    for kind in ("qubit", "coupling"):
        steps = [colours[f"{kind}-{step}"] for step in range(6)]
        assert steps == sorted(steps, reverse=scheme == 0)
        ratios = [(max(pair) + 0.05) / (min(pair) + 0.05) for pair in itertools.pairwise(steps)]
        assert min(ratios) > 1.25
    for step in range(6):
        pair = colours[f"qubit-{step}"], colours["on-bad" if step > 2 else "on-good"]
        assert (max(pair) + 0.05) / (min(pair) + 0.05) > 4.5
