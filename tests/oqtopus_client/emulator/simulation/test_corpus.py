"""Random programs on emulated devices, against distributions that are calculated without the emulator's own code.

Each p-value below `ALARM` fails a test, and a program has at most `_TESTS` of them: a correct emulator fails any of the
500 programs with a probability below 1e-3. Seeds are fixed, so a failure stays.
"""

from __future__ import annotations

import decimal
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import stim
from scipy.stats import fisher_exact

from oqtopus_client.emulator.device_files import EmulatedDevice
from oqtopus_client.emulator.simulation.pipeline import CircuitJob, execute, pack_json, prepare
from oqtopus_client.emulator.simulation.sampling import sample
from oqtopus_client.physics import relaxation_fidelity
from tests.support.corpus import Part, Program, random_angle, random_program
from tests.support.exact import Exact, light_cone, misread, scheduled, stim_circuit
from tests.support.statistics import g_test, two_sided

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_PROGRAMS, _QUICK, _TESTS = 500, 24, 40
ALARM = 1e-3 / _PROGRAMS / _TESTS

_QUBITS = 40
_CONE = 8
"""The most qubits of a program whose density matrix is calculated."""


def chip(*, pauli: bool) -> EmulatedDevice:
    """Return a chip of 40 qubits, each coupled to all others, with strong noise.

    Args:
        pauli: Whether qubits only lose phase; otherwise they relax, some of them faster than they lose phase.
    """
    random = np.random.default_rng(40 + pauli)
    lifetimes = []
    for _ in range(_QUBITS):
        t1 = float(random.uniform(8, 40))
        lifetimes.append({"t1": None if pauli else t1, "t2": t1 * float(random.uniform(0.3, 2.2))})
    pairs = [(math.inf if each["t1"] is None else each["t1"], each["t2"]) for each in lifetimes]
    pairs = [(t1, min(t2, 2 * t1)) for t1, t2 in pairs]
    qubits, couplings = [], []
    for index, lifetime in enumerate(lifetimes):
        ceiling = relaxation_fidelity(30, [pairs[index]])
        readout = random.uniform(0.0, 0.08, 2).tolist()
        qubits.append(
            {
                "id": index,
                "fidelity": min(1.0, ceiling - float(random.uniform(-0.001, 0.02))),
                "qubit_lifetime": lifetime,
                "gate_duration": {"sx": 2 * int(random.integers(8, 20)), "x": 2 * int(random.integers(8, 30))},
                "meas_error": {"prob_meas1_prep0": readout[0], "prob_meas0_prep1": readout[1]},
            }
        )
        for other in range(_QUBITS):
            if other != index:
                duration = 2 * int(random.integers(60, 200))
                fidelity = relaxation_fidelity(duration, [pairs[index], pairs[other]]) - float(random.uniform(0, 0.03))
                gate = {"fidelity": fidelity, "gate_duration": {"rzx90": duration}}
                couplings.append({"control": index, "target": other, **gate})
    return EmulatedDevice.from_device_info({"name": "corpus", "qubits": qubits, "couplings": couplings})


NOISY, PAULI = chip(pauli=False), chip(pauli=True)
NOISELESS = EmulatedDevice.from_device_info(NOISY.description["device_info"], noisy=False)


class Case(NamedTuple):
    """A kind of programs, and where they run."""

    kind: str
    device: EmulatedDevice
    shots: int


CASES = [
    Case("small", NOISELESS, 20_000),
    Case("small", NOISY, 4_000),
    Case("clifford", NOISELESS, 4_000),
    Case("wide", NOISELESS, 4_000),
    Case("small", NOISY, 4_000),
    Case("quarters", PAULI, 4_000),
    Case("small", NOISELESS, 20_000),
    Case("wide", NOISY, 1_000),
]


class Outcomes:
    """The measured bits of a program's shots.

    Args:
        program: The program.
        counts: Its counts.
        noisy: Whether the counts are those of a QPU, which returns measured bits only.
    """

    def __init__(self, program: Program, counts: dict[str, int], *, noisy: bool) -> None:
        keys = np.frombuffer("".join(counts).encode(), np.uint8).reshape(len(counts), -1)[:, ::-1] - ord("0")
        clbits = sorted(program.measured) if noisy else range(program.num_clbits)
        assert keys.shape[1] == len(clbits)
        self.shots = sum(counts.values())
        self._weights = np.fromiter(counts.values(), np.int64)
        self._bits = {program.measured.get(clbit, ~clbit): keys[:, i] for i, clbit in enumerate(clbits)}
        assert not any(bits.any() for qubit, bits in self._bits.items() if qubit < 0)

    def of(self, qubits: Sequence[int]) -> NDArray[np.int64]:
        """Return how often each outcome of some qubits was observed, the first one the lowest bit of the index."""
        index = sum((self._bits[qubit].astype(np.int64) << i for i, qubit in enumerate(qubits)), np.int64(0))
        index = np.broadcast_to(index, self._weights.shape)
        return np.bincount(index, self._weights, minlength=1 << len(qubits)).astype(np.int64)

    def odd(self, qubits: Sequence[int]) -> int:
        """Return how often an odd number of some qubits was 1."""
        parity = np.bitwise_xor.reduce([self._bits[qubit] for qubit in qubits])
        return int(self._weights[parity == 1].sum())

    def rows(self, qubits: Sequence[int], number: int) -> list[list[bool]]:
        """Return some of the outcomes of some qubits."""
        return np.array([self._bits[qubit][:number] for qubit in qubits]).T.astype(bool).tolist()


def run(program: Program, case: Case, number: int) -> Outcomes:
    """Run a program on the case's device, every third one as a text that the emulator reads."""
    if number % 3:
        counts = sample(program.circuit(), case.device, case.shots, np.random.default_rng(number)).counts
    else:
        archive = pack_json("input", {"program": [program.text()]})
        off = {"transpiler_lib": None}
        job = CircuitJob("sampling", archive, case.shots, off, {}, case.device, seed=number)
        counts = execute(job, prepare(job)).result["sampling"]["counts"]
    assert sum(counts.values()) == case.shots
    return Outcomes(program, counts, noisy=case.device.noisy)


def steps_of(program: Program, part: Part, device: EmulatedDevice) -> list[Any]:
    """Return the steps of one part of a program, with the noise of a noisy device."""
    if not device.noisy:
        return part.steps
    steps = scheduled(program.steps, device.calibration, schedule=device.schedule, idle_noise=device.idle_noise)
    return [step for step in steps if not set(part.qubits).isdisjoint(step[1])]


def distribution(steps: Sequence[Any], qubits: Sequence[int], device: EmulatedDevice) -> NDArray[np.float64]:
    """Return the probability of each outcome of some qubits after all steps."""
    cone_steps, cone = light_cone(steps, qubits)
    calibration = device.calibration if device.noisy else None
    exact = Exact(sorted(cone), calibration).run(cone_steps).probabilities(qubits)
    return exact if calibration is None else misread(exact, qubits, calibration)


def odd_probability(probabilities: NDArray[np.float64]) -> float:
    """Return the probability of an odd number of ones."""
    ones = np.array([index.bit_count() for index in range(len(probabilities))])
    return float(probabilities[ones % 2 == 1].sum())


def of_whole_part(
    program: Program, part: Part, measured: list[int], outcomes: Outcomes, device: EmulatedDevice
) -> list[float]:
    """Compare all outcomes of a small part."""
    return [g_test(outcomes.of(measured), distribution(steps_of(program, part, device), measured, device))]


def of_windows(
    program: Program, part: Part, measured: list[int], outcomes: Outcomes, device: EmulatedDevice
) -> list[float]:
    """Compare outcomes of neighbours in a wide part, as far as they depend on few qubits, and those of two groups."""
    steps = steps_of(program, part, device)
    windows = [measured[start : start + 3] for start in range(0, len(measured), 3)][:8]
    found, parities = [], []
    for window in windows:
        cone = light_cone(steps, window)[1]
        if len(cone) <= _CONE:
            probabilities = distribution(steps, window, device)
            found.append(g_test(outcomes.of(window), probabilities))
            parities.append((window, cone, odd_probability(probabilities)))
    assert len(found) >= len(windows) // 2
    (first, cone, odd), (last, others, other) = parities[0], parities[-1]
    if cone.isdisjoint(others):
        found.append(two_sided(outcomes.odd(first + last), outcomes.shots, odd + other - 2 * odd * other))
    return found


def of_clifford(
    _program: Program, part: Part, measured: list[int], outcomes: Outcomes, _device: EmulatedDevice
) -> list[float]:
    """Compare parities with those of the part's Clifford gates, and check that each outcome is possible."""
    circuit = stim.Circuit()
    for name, on in part.clifford or ():
        circuit.append(name, on)
    simulator = stim.TableauSimulator()
    simulator.set_num_qubits(_QUBITS)
    simulator.do(circuit)
    for row in outcomes.rows(measured, 100):
        selected = simulator.copy()
        for value in (False, True):
            # Refuses outcomes that are impossible.
            selected.postselect_z(
                [q for q, bit in zip(measured, row, strict=True) if bit is value], desired_value=value
            )
    random, most = np.random.default_rng(len(measured)), len(measured)
    groups = [random.choice(measured, min(size, most), replace=False).tolist() for size in [1, 2, 3, 8] * 4]
    found = []
    for group in groups:
        string = stim.PauliString(_QUBITS)
        for qubit in group:
            string[qubit] = "Z"
        expected = simulator.peek_observable_expectation(string)
        found.append(two_sided(outcomes.odd(group), outcomes.shots, (1 - expected) / 2))
    return found


def of_stim(
    program: Program, part: Part, measured: list[int], outcomes: Outcomes, device: EmulatedDevice
) -> list[float]:
    """Compare parities with those of Stim's shots of the noisy part: the parities that noise leaves most of."""
    circuit = stim_circuit(steps_of(program, part, device), device.calibration)
    circuit.append("M", measured)
    random = np.random.default_rng(7)
    bits = circuit.compile_sampler(seed=7).sample(100_000)
    errors = [device.calibration["qubits"][qubit]["meas_error"] for qubit in measured]
    p10, p01 = (np.array([e[name] for e in errors]) for name in ("prob_meas1_prep0", "prob_meas0_prep1"))
    bits ^= random.random(bits.shape) < np.where(bits, p01, p10)
    width = len(measured)
    groups = [random.choice(width, min(int(size), width), replace=False) for size in random.integers(1, 5, 300)]
    means = [abs(1 - 2 * np.bitwise_xor.reduce(bits[:2_000, group], axis=1).mean()) for group in groups]
    found = []
    for chosen in np.argsort(means)[-15:]:
        group = groups[chosen]
        wanted = int(np.bitwise_xor.reduce(bits[2_000:, group], axis=1).sum())
        observed = outcomes.odd([measured[i] for i in group])
        table = [[observed, outcomes.shots - observed], [wanted, len(bits) - 2_000 - wanted]]
        found.append(float(fisher_exact(table).pvalue))
    return found


COMPARE: dict[str, Callable[..., list[float]]] = {"wide": of_windows, "clifford": of_clifford, "quarters": of_stim}


def p_values(program: Program, case: Case, outcomes: Outcomes) -> list[float]:
    """Return the p-values of a program's outcomes: of each part, of idle qubits, and of independence of the parts."""
    device, found = case.device, []
    measured = set(program.measured.values())
    odd, parity = 0.0, []
    for part in program.parts:
        of_part = [qubit for qubit in part.qubits if qubit in measured]
        wide = len(part.qubits) > 7
        if of_part and wide:
            found += COMPARE[case.kind](program, part, of_part, outcomes, device)
        elif of_part:
            found += of_whole_part(program, part, of_part, outcomes, device)
        if of_part and not wide:
            probability = odd_probability(distribution(steps_of(program, part, device), of_part, device))
            odd += probability - 2 * odd * probability
            parity += of_part
    if parity:
        found.append(two_sided(outcomes.odd(parity), outcomes.shots, odd))
    idle = sorted(measured.difference(*(part.qubits for part in program.parts)))
    for qubit in idle:
        errors = device.calibration["qubits"][qubit]["meas_error"]
        probability = errors["prob_meas1_prep0"] if device.noisy else 0.0
        found.append(two_sided(outcomes.odd([qubit]), outcomes.shots, probability))
    return found


@pytest.mark.parametrize(
    "number", [*range(_QUICK), *(pytest.param(i, marks=pytest.mark.campaign) for i in range(_QUICK, _PROGRAMS))]
)
def test_random_programs(number: int) -> None:
    """The outcomes of a random program have the distribution that they should have."""
    case = CASES[number % len(CASES)]
    program = random_program(np.random.default_rng([1, number]), case.kind)
    found = p_values(program, case, run(program, case, number))

    assert len(found) <= _TESTS
    assert min(found, default=1.0) >= ALARM, found


def test_sines_of_huge_angles() -> None:
    """The references rest on the mathematical library, which reduces angles of any size exactly."""
    decimal.getcontext().prec = 700
    pi = _decimal_pi()
    random = np.random.default_rng(5)
    angles = [random_angle(random) for _ in range(200)]
    for angle in [*angles, 1e17, 1e300, -1e300]:
        turns = decimal.Decimal(angle) % (2 * pi)
        small = float(turns if turns < pi else turns - 2 * pi)
        assert math.sin(angle) == pytest.approx(math.sin(small), abs=1e-13)
        assert math.cos(angle) == pytest.approx(math.cos(small), abs=1e-13)


def _decimal_pi() -> decimal.Decimal:
    """Return pi by Machin's formula."""

    def arctan_of_inverse(x: int) -> decimal.Decimal:
        power = total = decimal.Decimal(1) / x
        n = 1
        while abs(power) > decimal.Decimal(10) ** -705:
            power /= -x * x
            n += 2
            total += power / n
        return total

    return 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)


def test_false_alarms() -> None:
    """Correct outcomes have p-values below a bound at most as often as it says, with few shots and many cells, too."""
    random = np.random.default_rng(3)
    found = []
    for _ in range(8_000):
        probabilities = random.dirichlet(np.full(random.integers(2, 64), random.uniform(0.05, 2)))
        shots = int(random.choice([300, 4_000, 20_000]))
        found.append(g_test(random.multinomial(shots, probabilities), probabilities))

    assert [np.mean(np.array(found) < bound) for bound in (0.3, 0.1, 0.01)] == pytest.approx([0.3, 0.1, 0.01], rel=0.3)
    assert min(found) > 1e-5


@pytest.mark.parametrize(
    ("change", "noisy"),
    [("angle", False), ("angle", True), ("T1", True), ("wait", True), ("readout", True), ("depolarization", True)],
)
def test_wrong_distributions_are_noticed(change: str, noisy: bool) -> None:
    """Errors that an emulator could make fail the comparison of a program whose outcomes they change."""
    quarter = math.pi / 2
    echo = [("sx", (0,), 0.0), ("rz", (0,), 1e17), ("sx", (0,), 0.0), ("cx", (0, 1), 0.0)]
    steps = [*echo, ("delay", (1,), 1_000.0), ("rz", (1,), quarter), ("x", (2,), 0.0), *[("x", (3,), 0.0)] * 20]
    qubits = [0, 1, 2, 3]
    calibration = NOISY.calibration
    noise = scheduled(steps, calibration) if noisy else steps
    wrong = list(noise)
    if change == "angle":
        wrong = [(name, on, math.remainder(value, 2 * math.pi)) for name, on, value in noise]
    elif change == "T1":
        wrong = [(name, on, value * 1.4 if name == "relax" else value) for name, on, value in noise]
    elif change == "wait":
        wrong = scheduled(steps, calibration, idle_noise=False)
    elif change == "depolarization":
        wrong = [(name, on, value * 1.3 if name == "depolarize" else value) for name, on, value in noise]
    right, other = (Exact(qubits, calibration).run(each).probabilities(qubits) for each in (noise, wrong))
    if noisy:
        right = misread(right, qubits, calibration)
        other = misread(other, [3, 0, 1, 2] if change == "readout" else qubits, calibration)
    observed = np.random.default_rng(4).multinomial(20_000, other / other.sum())

    assert g_test(observed, right) < ALARM
    assert g_test(observed, other) > ALARM
