"""Invented chips: superconducting qubits on a square lattice, with the spread of real calibrations."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from random import Random
from typing import Any

from oqtopus_client.emulator.coherent import CoherentErrors
from oqtopus_client.emulator.device_files import EmulatedDevice
from oqtopus_client.physics import relaxation_fidelity

_CALIBRATED_AT = "2026-04-01T00:00:00Z"


def square_lattice(device_id: str, rows: int, columns: int, *, seed: int, coherent: bool = False) -> EmulatedDevice:
    """Return a QPU of `rows * columns` qubits, numbered row by row, each coupled to its neighbours in one direction.

    As for good gates, errors are slightly larger than relaxation alone causes: on average about 0.06 % for one-qubit
    gates and 1.3 % for two-qubit gates. Readout errors are 0.5 to 5 %, mostly larger for a one than for a zero.

    Args:
        device_id: The device's id.
        rows: Number of rows.
        columns: Number of columns.
        seed: Seed of the random numbers; the same seed gives the same device.
        coherent: Whether it has coherent errors, which do not change the calibration; see `coherent_errors`.
    """
    random = Random(seed)  # noqa: S311 - a reproducible spread, not a secret
    places = list(product(range(rows), range(columns)))
    qubits = [_qubit(random, index, row, column) for index, (row, column) in enumerate(places)]
    edges = [
        (row * columns + column, (row + down) * columns + column + right)
        for row, column in places
        for right, down in ((1, 0), (0, 1))
        if row + down < rows and column + right < columns
    ]
    # Neighbours differ in frequency, as the colours of a chessboard; the control is always of the same colour.
    couplings = [
        _coupling(random, qubits, *(edge if sum(places[edge[0]]) % 2 == 0 else reversed(edge))) for edge in edges
    ]
    device = EmulatedDevice.from_device_info(
        {
            "name": device_id,
            "device_id": device_id,
            "qubits": qubits,
            "couplings": couplings,
            "calibrated_at": _CALIBRATED_AT,
        },
        description=f"Emulated lattice of {rows} x {columns} superconducting qubits"
        + (" with coherent errors" if coherent else ""),
    )
    return replace(device, coherent=coherent_errors(device, seed=seed)) if coherent else device


def coherent_errors(device: EmulatedDevice, *, seed: int) -> CoherentErrors:
    """Draw coherent errors of the size that chips of fixed-frequency transmons have.

    - ZZ interactions of 20 to 100 kHz, as without measures to cancel them (Tripathi et al., Phys. Rev. Applied 18,
      024068 (2022); Kandala et al., Phys. Rev. Lett. 127, 130501 (2021)).
    - Detunings with a standard deviation of 3 kHz, as qubits drift and jump by a few kHz between calibrations (Burnett
      et al., npj Quantum Information 5, 54 (2019); Schlör et al., Phys. Rev. Lett. 123, 190502 (2019)).
    - Over-rotations with a standard deviation of 0.5 % for `x` and `sx`, and of 1 % for `cx`, which cause errors of
      some 4e-5 and 5e-5, below what randomized benchmarking would show in the calibration.

    Args:
        device: The device; its calibration determines the qubits and couplings.
        seed: Seed of the random numbers.
    """
    random = Random(seed)  # noqa: S311 - a reproducible spread, not a secret
    qubits = range(device.n_qubits)
    couplings = [(coupling["control"], coupling["target"]) for coupling in device.calibration["couplings"]]
    return CoherentErrors(
        x={qubit: round(random.gauss(0, 0.005), 5) for qubit in qubits},
        sx={qubit: round(random.gauss(0, 0.005), 5) for qubit in qubits},
        cx={pair: round(random.gauss(0, 0.01), 5) for pair in couplings},
        zz_khz={pair: round(random.uniform(20, 100), 1) for pair in couplings},
        detuning_khz={qubit: round(random.gauss(0, 3), 2) for qubit in qubits},
    )


def _qubit(random: Random, index: int, row: int, column: int) -> dict[str, Any]:
    t1 = random.uniform(20, 60)
    t2 = t1 * random.uniform(0.6, 1.6)
    x = 2 * round(random.uniform(12, 16))
    p10, p01 = random.uniform(0.005, 0.03), random.uniform(0.01, 0.05)
    return {
        "id": index,
        "physical_id": index,
        "position": {"x": column, "y": -row},
        "fidelity": round(relaxation_fidelity(x, [(t1, t2)]) - _excess(random, 2e-4), 5),
        "meas_error": {
            "prob_meas1_prep0": round(p10, 4),
            "prob_meas0_prep1": round(p01, 4),
            "readout_assignment_error": round((p10 + p01) / 2 * random.uniform(0.94, 1.06), 4),
        },
        "qubit_lifetime": {"t1": round(t1, 2), "t2": round(t2, 2)},
        "gate_duration": {"rz": 0, "sx": 16, "x": x},
    }


def _coupling(random: Random, qubits: list[dict[str, Any]], control: int, target: int) -> dict[str, Any]:
    duration = 4 * round(random.uniform(50, 75))
    ends = [qubits[index]["qubit_lifetime"] for index in (control, target)]
    lifetimes = [(end["t1"], end["t2"]) for end in ends]
    fidelity = relaxation_fidelity(duration, lifetimes) - _excess(random, 4e-3)
    return {"control": control, "target": target, "fidelity": round(fidelity, 5), "gate_duration": {"rzx90": duration}}


def _excess(random: Random, typical: float) -> float:
    """Draw an error in addition to relaxation: half to double the typical one, usually close to it."""
    return typical * math.exp(random.triangular(-math.log(2), math.log(2)))
