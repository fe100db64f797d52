"""The results of each type of job: operators, programs side by side, mitigation, noise, and width.

The engine's two steps are called by themselves; each statistical bound says how seldom a right emulator misses it.
"""

from __future__ import annotations

import json
import math
import tracemalloc
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qasm3
from qiskit.quantum_info import SparsePauliOp, Statevector
from scipy.stats import chisquare

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.device_files import EmulatedDevice, built_in_devices
from oqtopus_client.emulator.simulation import estimation, sampling, state_vector
from oqtopus_client.emulator.simulation.circuits import parse
from oqtopus_client.emulator.simulation.inputs import JobFailure
from oqtopus_client.emulator.simulation.operations import Part
from oqtopus_client.emulator.simulation.parts import operations_of
from oqtopus_client.emulator.simulation.pipeline import CircuitJob, Prepared, execute, pack_json, prepare, run_prepared
from oqtopus_client.emulator.simulation.transpiling import DEFAULT_TRANSPILER, transpile_for
from tests.support.circuits import BELL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHOTS = 10_000
EXAMPLES = 200
FALSE_ALARM = 1e-7
"""Chance that a right distribution fails its test."""
SIGMAS = 6
"""A right value is further off in two of 10^9 cases."""

DEVICES = built_in_devices()
SIMULATOR, CHIP = DEVICES["qulacs"], DEVICES["lattice64"]
OFF: dict[str, Any] = {"transpiler_lib": None}
PSEUDO_INVERSE = {"ro_error_mitigation": "pseudo_inverse"}
REFUSED = "failed to execute job on device"


def program(gates: str, n_qubits: int = 2, measure: str = "c = measure q;") -> str:
    """Return a program with as many bits as qubits."""
    return f'OPENQASM 3; include "stdgates.inc"; qubit[{n_qubits}] q; bit[{n_qubits}] c; {gates} {measure}'


def layout(*qubits: int) -> dict[str, Any]:
    """Return transpiler settings with an initial layout."""
    return {"transpiler_lib": "qiskit", "transpiler_options": {"initial_layout": qubits, "optimization_level": 0}}


def circuit_job(
    job_type: str,
    programs: Sequence[str],
    *,
    operator: Any = None,
    transpiler: Mapping[str, Any] = DEFAULT_TRANSPILER,
    mitigation: Mapping[str, Any] | None = None,
    device: EmulatedDevice = SIMULATOR,
    shots: int = SHOTS,
) -> CircuitJob:
    """A job's work."""
    content = {"program": list(programs), "operator": operator}
    return CircuitJob(job_type, pack_json("input", content), shots, transpiler, mitigation or {}, device)


def sample(text: str, **arguments: Any) -> dict[str, int]:
    """Return the counts of a program."""
    work = circuit_job("sampling", [text], **arguments)
    result = execute(work, prepare(work)).result
    assert (result["estimation"], result["sampling"]["divided_counts"]) == (None, None)
    return dict(result["sampling"]["counts"])


def estimate(text: str, operator: Any, **arguments: Any) -> tuple[float, float]:
    """Return the expectation value of an operator, and its standard error."""
    work = circuit_job("estimation", [text], operator=operator, **arguments)
    result = execute(work, prepare(work)).result
    assert result["sampling"] is None
    return result["estimation"]["exp_value"], result["estimation"]["stds"]


def combine(programs: Sequence[str], **arguments: Any) -> tuple[Prepared, dict[str, Any]]:
    """Run several programs side by side; return them as prepared, and their result."""
    work = circuit_job("multi_manual", programs, **arguments)
    prepared = prepare(work)
    result = execute(work, prepared).result
    assert result["estimation"] is None
    return prepared, result["sampling"]


def terms(*paulis: tuple[str, float]) -> list[dict[str, Any]]:
    """Return an operator in the form of a job's input."""
    return [{"pauli": pauli, "coeff": coeff} for pauli, coeff in paulis]


def failure(job_type: str, *programs: str, **arguments: Any) -> str:
    """Return the message of a job that fails."""
    work = circuit_job(job_type, programs, **arguments)
    with pytest.raises(JobFailure) as caught:
        execute(work, prepare(work))
    return str(caught.value)


def p_value(counts: Mapping[str, int], probabilities: Mapping[str, float]) -> float:
    """Pearson's chi-square test, with outcomes that are expected less than 100 times taken together.

    So few are too few for its distribution to hold far out.
    """
    shots = sum(counts.values())
    bins = sorted((probability * shots, counts.get(key, 0)) for key, probability in probabilities.items())
    while len(bins) > 1 and bins[0][0] < 100:
        (expected, observed), (more_expected, more_observed) = bins[:2]
        bins = sorted([(expected + more_expected, observed + more_observed), *bins[2:]])
    expected, observed = zip(*bins, strict=True)
    return 1.0 if len(bins) == 1 else float(chisquare(observed, expected, sum_check=False).pvalue)


# --- Operators

# <X0> = -1 and <Y1> = 1; all other Pauli operators of one qubit are 0.
PRODUCT = program("x q[0]; h q[0]; h q[1]; s q[1];")


@pytest.mark.parametrize("transpiler", [DEFAULT_TRANSPILER, layout(6, 7), layout(7, 6)])
@pytest.mark.parametrize("pauli", ["X 0 Y 1", "X0 Y1", "X0Y1", "X 0Y 1", "Y1X0", " X  0 Y 1 ", "X 00 Y 01"])
def test_spellings_of_a_product(pauli: str, transpiler: Mapping[str, Any]) -> None:
    """All spellings of a product give the same value, on the qubits of the submitted program."""
    assert estimate(PRODUCT, terms((pauli, 0.75)), transpiler=transpiler) == (-0.75, 0.0)


@pytest.mark.parametrize("pauli", ["I", "I 0", "I1", "I 0 I 1", "XX", "XY", "x 0", "x0 y1", "", " ", "I X 0"])
def test_spellings_of_the_identity(pauli: str) -> None:
    """Some texts mean the identity; servers silently take others for it."""
    assert estimate(PRODUCT, terms((pauli, 0.75))) == (0.75, 0.0)


@pytest.mark.parametrize(("pauli", "value"), [("X 0 I 1", -1.0), ("I 0 Y 1", 1.0), ("X 0 Y", -1.0)])
def test_products_with_the_identity(pauli: str, value: float) -> None:
    """A product with the identity, or with a letter without an index, is unchanged."""
    assert estimate(PRODUCT, terms((pauli, 1.0))) == (value, 0.0)


def test_index_of_two_digits() -> None:
    """An index may have two digits."""
    operator = terms(("Z 11", 1.0), ("Z 1", 0.25))

    assert estimate(program("x q[11];", 12), operator) == (-0.75, 0.0)


@pytest.mark.parametrize("pauli", ["X 0 X 0", "X0Y0", "I 0 X 0", "Z 2", "X 0 Y 1 Z 2", "I 2", "A0 X1", "x 0 Y 1"])
@pytest.mark.parametrize("transpiler", [DEFAULT_TRANSPILER, OFF])
def test_operators_that_fail(pauli: str, transpiler: Mapping[str, Any]) -> None:
    """Operators with a repeated qubit, a missing qubit, or an unknown letter with an index fail."""
    message = failure("estimation", program("x q[0];"), operator=terms((pauli, 1.0)), transpiler=transpiler)

    assert message.startswith("Exception calling application: ")


def test_index_out_of_range_of_the_submitted_program() -> None:
    """An index beyond the submitted program fails, whatever the device's layout."""
    message = failure("estimation", PRODUCT, operator=terms(("Z 2", 1.0)), transpiler=layout(6, 7))

    assert "qubit 2" in message


@pytest.mark.parametrize("term", [{"pauli": "X 0"}, {"pauli": "X 0", "coeff": None}, {"pauli": "X 0", "coeff": "one"}])
def test_no_coefficient(term: Any) -> None:
    """A coefficient has no default."""
    assert failure("estimation", PRODUCT, operator=[term]).startswith("Job input validation failed")


@pytest.mark.parametrize("transpiler", [OFF, layout(0)])
def test_one_qubit_alone(transpiler: Mapping[str, Any]) -> None:
    """An estimation on one qubit alone fails, as the estimator's device needs room for a `cx`."""
    text = program("x q[0];", 1)

    assert failure("estimation", text, operator=terms(("Z 0", 1.0)), transpiler=transpiler).startswith("Exception")
    assert estimate(text, terms(("Z 0", 1.0)), transpiler=layout(3)) == (-1.0, 0.0)


@pytest.mark.parametrize(("measured", "fails"), [("c[0] = measure q[0]; c[1] = measure q[1];", True), ("", False)])
def test_the_last_qubit_must_be_in_use(measured: str, fails: bool) -> None:
    """An estimation fails if the last qubit is unused, as the transpiled program does not contain it."""
    text = program("x q[0]; cx q[0], q[1];", 3, measured or "c = measure q;")
    operator = terms(("Z 0", 1.0))

    assert estimate(text, operator, transpiler=OFF, shots=10) == (-1.0, 0.0)
    if fails:
        assert "layout" in failure("estimation", text, operator=operator)
    else:
        assert estimate(text, operator) == (-1.0, 0.0)


# --- Estimation


def test_standard_errors_are_added_up() -> None:
    """Standard errors of terms add up linearly, not in quadrature as independent errors would."""
    operator = terms(("Z 0", 3.0), ("X 1", -4.0), ("I", 5.0), ("X 0", 0.5))
    work = circuit_job("estimation", [PRODUCT], operator=operator)
    prepared = prepare(work)
    value, stds = (execute(work, prepared).result["estimation"][name] for name in ("exp_value", "stds"))
    one = estimate(PRODUCT, terms(("Z 0", 3.0)))
    linear, quadrature = 7 / math.sqrt(SHOTS), 5 / math.sqrt(SHOTS)

    assert len(prepared.groups) == 2
    assert abs(value - 4.5) <= SIGMAS * quadrature
    assert stds == pytest.approx(linear, rel=0.01)
    assert one[1] == pytest.approx(3 * math.sqrt((1 - (one[0] / 3) ** 2) / SHOTS))


@pytest.mark.parametrize("shots", [1, 7, 100])
def test_each_group_has_all_shots(shots: int) -> None:
    """Each of three groups is measured with all shots."""
    work = circuit_job("estimation", [PRODUCT], operator=terms(("Z 0", 1.0), ("X 0", 1.0), ("Y 0", 1.0)), shots=shots)
    prepared = prepare(work)
    counts = [sampling.sample(circuit, SIMULATOR, shots).counts for circuit in prepared.circuits]

    assert [sum(outcomes.values()) for outcomes in counts] == [shots] * 3
    value, _ = estimate(PRODUCT, terms(("Z 0", 1.0)), shots=shots)
    assert (value + 1) / 2 * shots == pytest.approx(round((value + 1) / 2 * shots))


def test_terms_are_grouped_as_qiskit_groups_them() -> None:
    """Terms are grouped as in Qiskit, which determines the standard error."""
    random = np.random.default_rng(1)
    for n_qubits in (1, 2, 3, 5, 8) * 5:
        letters = random.choice(list("IXYZ"), (40, n_qubits), p=[0.4, 0.2, 0.2, 0.2])
        operator = SparsePauliOp(sorted({"".join(row) for row in letters}))
        of_qiskit = [group.paulis.to_labels() for group in operator.group_commuting(qubit_wise=True)]
        groups = [operator.paulis[places].to_labels() for places in estimation._together(operator.paulis)]
        assert list(map(sorted, groups)) == list(map(sorted, of_qiskit))


def test_many_terms_take_little_memory() -> None:
    """Many terms take little memory: neither all circuits nor an array of terms by terms by qubits exist at once."""
    random = np.random.default_rng(1)
    gates = QuantumCircuit(60)
    strings = random.choice(list("XYZ"), (700, 60))
    tracemalloc.start()
    try:
        groups = estimation.split(gates, [(dict(enumerate(string)), 1.0) for string in strings], None)
        first = next(Prepared(gates, groups=groups).circuits)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(groups) == 700
    assert isinstance(first, QuantumCircuit)
    assert first.num_clbits == 60
    assert most < 30 << 20


def test_equal_terms_are_added_up_first() -> None:
    """Equal terms are added up first, so terms that cancel have no error."""
    assert estimate(PRODUCT, terms(("Z 0", 2.0), ("Z0", -2.0), ("X 0", 0.5), ("X0", 0.25))) == (-0.75, 0.0)
    assert estimate(PRODUCT, terms(("Z 0", 2.0), ("Z0", -2.0))) == (0.0, 0.0)


def test_estimation_without_the_transpiler() -> None:
    """Estimation without the transpiler accepts the device's own gates only, and measures with these."""
    native = program("x q[0]; rz(pi/2) q[0]; sx q[0]; rz(pi/2) q[0]; cx q[0], q[1];", 2)
    bell = terms(("Z 0 Z 1", 1.0), ("X 0 X 1", 0.5), ("Y 0 Y 1", 0.25))

    assert estimate(native, bell, transpiler=OFF) == (1.0 - 0.5 + 0.25, 0.0)
    assert failure("estimation", BELL, operator=bell, transpiler=OFF) == REFUSED
    assert failure("estimation", "no program", operator=bell, transpiler=OFF).startswith("Exception")
    assert failure("estimation", "no program", operator=bell) == "Expecting value: line 1 column 1 (char 0)"


# --- Several programs

THREE = [
    program("x q[0];", 1),
    program("x q[1]; h q[2];", 3),
    'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[1] a; bit[2] b; h q[0]; cx q[0], q[1]; '
    "a[0] = measure q[0]; b[1] = measure q[1];",
]


@pytest.mark.parametrize("angle", ["1e999", "-1e999", "1e999 - 1e999", "5e-324 + 1e308 * 1e308"])
@pytest.mark.parametrize("gate", ["rz({}) q[0];", "U(0, {}, 0) q[0];", "ctrl @ rx({}) q[0], q[1];", "gphase({});"])
def test_angles_that_are_none(gate: str, angle: str) -> None:
    """Angles that are not finite fail."""
    text = program(gate.format(angle))
    assert failure("sampling", text) == "Expecting value: line 1 column 1 (char 0)"
    assert failure("sampling", text, transpiler=OFF) == REFUSED
    assert failure("multi_manual", text) == "failed to combine programs"


def test_programs_of_different_widths() -> None:
    """Program 0 is rightmost; unmeasured bits are 0 and have their place; each gets its own bits back."""
    prepared, result = combine(THREE)
    counts, divided = result["counts"], result["divided_counts"]

    assert prepared.widths == [1, 3, 3]
    assert list(divided) == ["2", "1", "0"]
    assert p_value(counts, dict.fromkeys(["0000101", "0001101", "1010101", "1011101"], 0.25)) > FALSE_ALARM
    for index, expected in {"0": {"1": 1.0}, "1": {"010": 0.5, "110": 0.5}, "2": {"000": 0.5, "101": 0.5}}.items():
        assert sum(divided[index].values()) == SHOTS
        assert set(divided[index]) == set(expected)
        assert p_value(divided[index], expected) > FALSE_ALARM


def test_too_many_qubits() -> None:
    """Programs fit side by side up to the device's number of qubits."""
    _, result = combine([program("x q[0];", 8)] * 2)

    assert result["divided_counts"] == {"1": {"00000001": SHOTS}, "0": {"00000001": SHOTS}}
    message = failure("multi_manual", program("x q[0];", 8), program("x q[0];", 9))
    assert message == "failed to combine programs: invalid qubit size"


@pytest.mark.parametrize("transpiler", [DEFAULT_TRANSPILER, OFF])
@pytest.mark.parametrize("position", [0, 1])
def test_an_unreadable_program_among_others(position: int, transpiler: Mapping[str, Any]) -> None:
    """An unreadable program fails the whole job."""
    programs = [BELL]
    programs.insert(position, BELL.replace("qubit", "quit"))

    assert failure("multi_manual", *programs, transpiler=transpiler) == "failed to combine programs"


def test_several_programs_without_the_transpiler() -> None:
    """Without the transpiler, only the first program runs, although the combined program exists."""
    prepared, result = combine([program("x q[1];"), program("h q[0];")], transpiler=OFF)

    assert result == {"counts": {"10": SHOTS}, "divided_counts": {}}
    assert "h q[2]" in str(prepared.combined_program)
    assert prepared.transpile_result is None


def test_further_programs_of_a_sampling_job() -> None:
    """Further programs of a sampling job are silently ignored."""
    work = circuit_job("sampling", [program("x q[1];"), "no program"])

    assert execute(work, prepare(work)).result["sampling"]["counts"] == {"10": SHOTS}


# --- Readout mitigation


def chip(**changes: Any) -> EmulatedDevice:
    """Return the noisy device with changes to each qubit."""
    info = json.loads(CHIP.device_info)
    info["qubits"] = [{**qubit, **changes} for qubit in info["qubits"]]
    return CHIP.with_calibration(info)


BAD_READOUT = {"prob_meas1_prep0": 0.1, "prob_meas0_prep1": 0.2, "readout_assignment_error": 0.15}
BLURRED = chip(meas_error=BAD_READOUT, fidelity=1.0, qubit_lifetime={"t1": 1e6, "t2": 1e6})
"""A chip with perfect gates of one qubit whose readout is bad."""


@pytest.mark.parametrize(("info", "corrected"), [({}, False), (PSEUDO_INVERSE, True), ({"a": 1}, False)])
def test_mitigated_sampling(info: Mapping[str, Any], corrected: bool) -> None:
    """|1>|0> is read correctly in 0.8 x 0.9 of the shots; unknown settings are ignored."""
    counts = sample(program("x q[1];"), device=BLURRED, mitigation=info)
    right = counts["10"] / SHOTS

    if corrected:
        assert SHOTS - 4 <= sum(counts.values()) <= SHOTS
        assert right > 0.96
    else:
        assert sum(counts.values()) == SHOTS
        assert abs(right - 0.72) <= SIGMAS * math.sqrt(0.72 * 0.28 / SHOTS)


def test_mitigated_estimation() -> None:
    """The parity comes back; its error is one of what is left of the shots."""
    operator = terms(("Z 0 Z 1", 1.0))
    raw, _ = estimate(program("x q[1];"), operator, device=BLURRED)
    value, stds = estimate(program("x q[1];"), operator, device=BLURRED, mitigation=PSEUDO_INVERSE)

    # <Z> is 0.8 for |0> and -0.6 for |1>.
    assert abs(raw + 0.48) <= SIGMAS * math.sqrt((1 - 0.48**2) / SHOTS)
    assert -1.0 <= value < -0.94
    assert stds == pytest.approx(math.sqrt((1 - value**2) / SHOTS), rel=0.001)


def test_mitigated_several_programs() -> None:
    """Counts of several programs are mitigated before they are divided."""
    programs = [program("x q[0];", 1), program("x q[1];")]
    _, raw = combine(programs, device=BLURRED)
    prepared, result = combine(programs, device=BLURRED, mitigation=PSEUDO_INVERSE)

    assert abs(raw["divided_counts"]["0"]["1"] / SHOTS - 0.8) <= SIGMAS * math.sqrt(0.16 / SHOTS)
    assert prepared.widths == [1, 2]
    assert result["counts"]["101"] > 0.94 * SHOTS
    assert result["divided_counts"]["0"]["1"] > 0.96 * SHOTS
    assert result["divided_counts"]["1"]["10"] > 0.96 * SHOTS
    for counts in result["divided_counts"].values():
        assert sum(counts.values()) == sum(result["counts"].values())


@pytest.mark.parametrize("job_type", ["sampling", "estimation", "multi_manual"])
def test_mitigation_of_the_chip_as_it_is(job_type: str) -> None:
    """Mitigation requested over the API is echoed, and more than halves the errors."""
    programs = [program("x q[0];"), program("x q[1];")] if job_type == "multi_manual" else program("x q[1];")

    def wrong(info: dict[str, Any]) -> float:
        spec = getattr(OqtopusJobSpec, job_type)(
            device_id="lattice64",
            program=programs,
            shots=SHOTS,
            transpiler_info=layout(0, 1, 8, 9) if job_type == "multi_manual" else layout(0, 1),
            mitigation_info=info,
            operator=terms(("Z 0 Z 1", 1.0)) if job_type == "estimation" else None,
        )
        job = client.run_job(spec, interval=0.02)
        assert job.status == "succeeded"
        assert job.mitigation_info == info
        if job_type == "estimation":
            return 1 + job.exp_value
        counts = job.sampling.counts
        right = counts["1001" if job_type == "multi_manual" else "10"]
        if job_type == "multi_manual":
            assert sum(job.sampling.divided_counts["0"].values()) == sum(counts.values())
        return 1 - right / sum(counts.values())

    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        assert 0 <= wrong(PSEUDO_INVERSE) < wrong({}) / 2


# --- Devices


def test_bits_that_nothing_was_measured_into() -> None:
    """A simulator returns unmeasured bits as 0, a QPU omits them."""
    text = program("x q[3];", 4, "c[1] = measure q[3]; c[3] = measure q[0];")
    counts = sample(text, device=CHIP)

    assert sample(text) == {"0010": SHOTS}
    assert {len(key) for key in counts} == {2}
    assert counts["01"] > 0.8 * SHOTS


def test_direction_of_a_coupling() -> None:
    """The transpiler respects directions; without it, a QPU refuses a missing coupling and a simulator accepts it."""
    pairs = {(c["control"], c["target"]) for c in CHIP.calibration["couplings"]}
    assert (0, 1) in pairs
    assert (1, 0) not in pairs
    backwards = program("x q[1]; cx q[1], q[0];")

    assert failure("sampling", backwards, device=CHIP, transpiler=OFF) == REFUSED
    assert sample(program("x q[0]; cx q[0], q[1];"), device=CHIP, transpiler=OFF)["11"] > 0.8 * SHOTS
    assert sample(backwards, device=CHIP)["11"] > 0.8 * SHOTS
    assert sample(backwards, transpiler=OFF) == {"11": SHOTS}


def test_long_programs_of_other_gates_are_refused_by_a_chip() -> None:
    """The time that such a program would take cannot be estimated, as the gates have no duration."""
    assert failure("sampling", program("rx(1) q; " * 2000, 16), device=CHIP, transpiler=OFF) == REFUSED


def perfect(device: EmulatedDevice) -> EmulatedDevice:
    """Return a device without errors that is simulated as a noisy one."""
    info = json.loads(device.device_info)
    nothing = {"prob_meas1_prep0": 0.0, "prob_meas0_prep1": 0.0, "readout_assignment_error": 0.0}
    for place in info["qubits"]:
        place.update(meas_error=nothing, fidelity=1.0, qubit_lifetime={"t1": 1e9, "t2": 1e9})
    for coupling in info["couplings"]:
        coupling["fidelity"] = 1.0
    return device.with_calibration(info)


GHZ40 = program("h q[0]; " + " ".join(f"cx q[{i}], q[{i + 1}];" for i in range(39)), 40)


@pytest.mark.parametrize("noisy", [True, False])
def test_wide_clifford_circuits(noisy: bool) -> None:
    """Clifford circuits of forty qubits, too many for a state vector, are sampled with and without errors."""
    shots = 1000
    counts = sample(GHZ40, device=CHIP if noisy else perfect(CHIP), shots=shots)

    assert sum(counts.values()) == shots
    assert {len(key) for key in counts} == {40}
    if noisy:
        # Forty couplings of 99% and forty readouts of 97% leave few outcomes whole, but most of each in one piece.
        alike = [sum(a == b for a, b in pairwise(key)) / 39 for key in counts]
        assert np.average(alike, weights=list(counts.values())) > 0.8
        assert len(counts) > 2
    else:
        assert set(counts) == {"0" * 40, "1" * 40}
        assert p_value(counts, {"0" * 40: 0.5, "1" * 40: 0.5}) > FALSE_ALARM


def test_wide_clifford_circuit_without_noise() -> None:
    """Wide Clifford circuits also run on a noiseless simulator."""
    counts = sample(GHZ40, device=replace(CHIP, noisy=False), shots=1000)

    assert set(counts) == {"0" * 40, "1" * 40}


@pytest.mark.parametrize("device", [CHIP, replace(CHIP, noisy=False)])
def test_too_wide_for_the_memory(device: EmulatedDevice) -> None:
    """A wide circuit that is not Clifford fails its job only."""
    layer = "sx q; rz(0.3) q; " + " ".join(f"cx q[{i}], q[{i + 1}];" for i in (*range(0, 39, 2), *range(1, 39, 2)))
    message = failure("sampling", program(layer * 20, 40), device=device, shots=10)

    assert message.startswith(f"{REFUSED}: the 40 qubits that its gates connect are too many: to simulate them takes ")


def test_approximations_are_named() -> None:
    """The message of a job that could only be simulated approximately says what was changed."""
    layer = "sx q; " + " ".join(f"cx q[{i}], q[{i + 1}];" for i in (*range(0, 39, 2), *range(1, 39, 2)))
    work = circuit_job("sampling", [program(layer * 20, 40)], device=CHIP, shots=10)

    assert run_prepared(work, prepare(work)).message == (
        "job is succeeded; the emulator twirled relaxation into Pauli errors"
    )


# --- Any circuit

angles = st.floats(-7, 7).map(lambda angle: round(angle, 6))
NATIVE_GATES = ("x", "sx", "rz", "cx")
GENERAL_GATES = ("h", "s", "t", "sx", "rx", "ry", "rz", "p", "u", "cx", "cy", "cz", "ch", "cp", "crx", "swap", "ccx")
N_ANGLES = {"rx": 1, "ry": 1, "rz": 1, "p": 1, "u": 3, "cp": 1, "crx": 1}
N_QUBITS = {"cx": 2, "cy": 2, "cz": 2, "ch": 2, "cp": 2, "crx": 2, "swap": 2, "ccx": 3}


@st.composite
def unitaries(draw: st.DrawFn, gates: Sequence[str]) -> QuantumCircuit:
    """Generate circuits of 2-4 qubits, without measurements."""
    n = draw(st.integers(2, 4))
    circuit = QuantumCircuit(n)
    usable = [gate for gate in gates if N_QUBITS.get(gate, 1) <= n]
    for name in draw(st.lists(st.sampled_from(usable), max_size=15)):
        qubits = draw(st.permutations(range(n)))[: N_QUBITS.get(name, 1)]
        getattr(circuit, name)(*(draw(angles) for _ in range(N_ANGLES.get(name, 0))), *qubits)
    return circuit


@st.composite
def jobs(draw: st.DrawFn) -> tuple[QuantumCircuit, dict[str, Any]]:
    """Generate circuits with transpiler settings, or none."""
    if draw(st.booleans()):
        return draw(unitaries(NATIVE_GATES)), OFF
    options = {"optimization_level": draw(st.integers(0, 3)), "seed_transpiler": draw(st.integers(0, 99))}
    return draw(unitaries(GENERAL_GATES)), {"transpiler_lib": "qiskit", "transpiler_options": options}


any_number = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])


@any_number
@given(jobs(), st.data())
def test_counts_of_any_circuit(job: tuple[QuantumCircuit, dict[str, Any]], data: st.DataObject) -> None:
    """Counts follow the exact probabilities, whichever bit each qubit is measured into."""
    unitary, transpiler = job
    clbits = data.draw(st.permutations(range(unitary.num_qubits)))
    measured = unitary.copy()
    measured.add_bits(QuantumCircuit(0, unitary.num_qubits).clbits)
    measured.measure(range(unitary.num_qubits), clbits)
    state = Statevector(unitary)
    exact: dict[str, float] = {}
    for outcome, probability in enumerate(state.probabilities()):
        bits = sum((outcome >> qubit & 1) << clbit for qubit, clbit in enumerate(clbits))
        exact[format(bits, f"0{unitary.num_qubits}b")] = float(probability)
    counts = sample(qasm3.dumps(measured), transpiler=transpiler)

    assert sum(counts.values()) == SHOTS
    assert all(exact[key] > 1e-12 for key in counts)
    assert p_value(counts, exact) > FALSE_ALARM


def last_qubit_is_measured(text: str, transpiler: Mapping[str, Any]) -> bool:
    """Return whether routing used no qubit after the last measured one, with which servers fail."""
    if transpiler is OFF:
        return True
    circuit, content = transpile_for(SIMULATOR.calibration, parse(text), transpiler["transpiler_options"])
    used = [circuit.find_bit(qubit).index for item in circuit.data for qubit in item.qubits]
    return max(used) == max(content["virtual_physical_mapping"]["qubit_mapping"].values())


@any_number
@given(jobs(), st.data())
def test_expectation_values_of_any_circuit(job: tuple[QuantumCircuit, dict[str, Any]], data: st.DataObject) -> None:
    """Expectation values agree with the exact ones within their exact standard errors."""
    unitary, transpiler = job
    n = unitary.num_qubits
    labels = st.text("IXYZ", min_size=n, max_size=n)
    coefficients = st.floats(-2, 2).map(lambda coeff: round(coeff, 3))
    operator = data.draw(st.dictionaries(labels, coefficients, min_size=1, max_size=4))
    measured = unitary.copy()
    measured.measure_all()
    spelled = [
        {"pauli": " ".join(f"{letter} {n - 1 - i}" for i, letter in enumerate(label) if letter != "I") or "I"}
        | {"coeff": coeff}
        for label, coeff in operator.items()
    ]
    text = qasm3.dumps(measured)
    if not last_qubit_is_measured(text, transpiler):
        assert "layout" in failure("estimation", text, operator=spelled, transpiler=transpiler)
        return
    value, stds = estimate(text, spelled, transpiler=transpiler)
    state = Statevector(unitary)
    means = {label: state.expectation_value(SparsePauliOp(label)).real for label in operator}
    exact = sum(coeff * means[label] for label, coeff in operator.items())
    # Linear sums bound the error of terms that were measured together, however they go together.
    errors = {label: abs(coeff) * math.sqrt(max(0.0, 1 - means[label] ** 2)) for label, coeff in operator.items()}
    error = sum(errors.values()) / math.sqrt(SHOTS)
    # Of outcomes that are rarer than that, there may be some.
    tiny = 20 / SHOTS * sum(map(abs, operator.values())) + 1e-9

    assert abs(value - exact) <= SIGMAS * error + tiny
    assert stds == pytest.approx(error, rel=0, abs=tiny)


@settings(max_examples=50)
@given(unitaries(NATIVE_GATES))
def test_probabilities_without_qulacs(circuit: QuantumCircuit) -> None:
    """Probabilities are the same with qulacs, without it, and from the exact state."""
    n = circuit.num_qubits
    part = Part(operations_of(circuit, timed=False), range(n), [(math.inf, math.inf)] * n)
    assert state_vector.qulacs is not None
    fast = state_vector.probabilities(part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_vector, "qulacs", None)
        slow = state_vector.probabilities(part)

    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-9)
    np.testing.assert_allclose(fast, Statevector(circuit).probabilities(), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("observed", "alarm"), [(5000, False), (5300, True)])
def test_the_test_notices(observed: int, alarm: bool) -> None:
    """The bound accepts a fair coin, and rejects one that is off by three in fifty."""
    counts = {"0": observed, "1": SHOTS - observed}

    assert (p_value(counts, {"0": 0.5, "1": 0.5}) < FALSE_ALARM) is alarm
