"""Drawings of circuits: the right qubits, with their names, and never too much."""

from __future__ import annotations

import random

import pytest

from oqtopus_client.emulator.console.drawing.circuit import MOST_CHARACTERS, MOST_OPERATIONS, draw_program
from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation.circuits import parse
from oqtopus_client.emulator.simulation.transpiling import transpile_for
from tests.support.circuits import BELL

HEAD = 'OPENQASM 3;\ninclude "stdgates.inc";\n'


def wires(text: str) -> list[str]:
    """The names of the wires."""
    return [line.partition(":")[0].strip() for line in text.split("\n") if ": " in line]


def test_names_are_those_of_the_program() -> None:
    """Idle qubits are left out, also those on which only barriers act."""
    drawn = draw_program(
        f"{HEAD}qubit[3] a; qubit[1] b; gate kick(x) q {{ rz(x) q; }} bit[2] c; h a[2]; kick(0.5) b[0]; "
        "ctrl @ kick(1) a[2], b[0]; barrier a; c[1] = measure a[2];"
    )

    assert wires(drawn.text) == ["a[2]", "b", "c"]
    assert " kick(0.5) " in drawn.text
    assert " kick(1) " in drawn.text
    assert (drawn.n_qubits, drawn.n_idle, drawn.n_operations, drawn.n_drawn) == (4, 2, 5, 5)


def test_physical_qubits_keep_their_numbers() -> None:
    """A transpiled circuit shows where it runs on the chip."""
    calibration = built_in_devices()["lattice64"].calibration
    options = {"initial_layout": [12, 13], "optimization_level": 1}
    transpiled, result = transpile_for(calibration, parse(BELL), options, seed=1)
    drawn = draw_program(result["transpiled_program"])

    used = {transpiled.find_bit(qubit).index for item in transpiled.data for qubit in item.qubits}
    assert wires(drawn.text)[:-1] == [f"${qubit}" for qubit in sorted(used)]
    assert drawn.n_operations == len(transpiled.data)


def test_physical_qubits_do_not_hide_in_comments() -> None:
    """Only the code says what qubits are."""
    assert wires(draw_program(f"{HEAD}// $3\nqubit[2] q; h q;").text) == ["q[0]", "q[1]"]


@pytest.mark.parametrize("qubits", [2, 100])
def test_large_circuits_are_cut(qubits: int) -> None:
    """The beginning is drawn, and the text stays small enough for a page."""
    generator = random.Random(3)
    pairs = (generator.sample(range(qubits), 2) for _ in range(3000))
    program = f"{HEAD}qubit[{qubits}] q;\n" + "".join(f"cx q[{a}], q[{b}];\n" for a, b in pairs)
    drawn = draw_program(program)

    assert drawn.n_operations == 3000
    assert 0 < drawn.n_drawn <= MOST_OPERATIONS
    assert len(drawn.text) <= MOST_CHARACTERS
    assert drawn.text.count("■") == drawn.n_drawn


def test_empty_circuits() -> None:
    """A program without operations has an empty drawing."""
    assert draw_program(f"{HEAD}qubit[2] q;").text == ""
