"""The tutorials run from top to bottom without a warning, and their results are physically correct."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.foreign.run import TUTORIALS as FOREIGN
from tests.support.statistics import is_bell
from tests.support.strict_python import WARNINGS

TUTORIALS = Path(__file__).parent.parent / "tutorials"


def run_tutorial(name: str, folder: Path, *, pictures: tuple[str, ...] = ()) -> str:
    """Run a tutorial in a folder, and return its output.

    Each figure is saved to a file; a blank one would be smaller than 10 kB.
    """
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    command = [sys.executable, *WARNINGS, TUTORIALS / f"{name}.py"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)

    assert (run.returncode, run.stderr) == (0, "")
    assert {path.name for path in folder.glob("*.png")} == set(pictures)
    assert all((folder / picture).stat().st_size > 10_000 for picture in pictures)
    return run.stdout


def numbers(pattern: str, text: str) -> list[tuple[float, ...]]:
    """Return the groups of each match of a pattern as numbers."""
    found = [tuple(map(float, match.groups())) for match in re.finditer(pattern, text)]
    assert found, f"{pattern} is not in\n{text}"
    return found


def test_every_tutorial_is_tested() -> None:
    """Each tutorial has a test here or in `tests.foreign`, and the table of contents is in order."""
    here = set(re.findall(r'run_tutorial\("(\w+)"', Path(__file__).read_text(encoding="utf-8")))
    names = sorted(path.stem for path in TUTORIALS.glob("*.py"))

    assert sorted(here | set(FOREIGN)) == names
    assert re.findall(r"\((\w+)\.py\)", (TUTORIALS / "README.md").read_text(encoding="utf-8")) == names


def test_quickstart(tmp_path: Path) -> None:
    """The quickstart prints Bell counts twice, with Qiskit and with the SDK."""
    printed = re.findall(r"Counts \{'(\d+)': (\d+), '(\d+)': (\d+)\}", run_tutorial("01_quickstart", tmp_path))

    assert len(printed) == 2
    assert all(is_bell({a: int(n), b: int(m)}) for a, n, b, m in printed)


def test_devices(tmp_path: Path) -> None:
    """Better qubits make a better state, and Aer agrees with the device.

    Standard errors are 0.003; the difference that the qubits make is 0.022.
    """
    printed = run_tutorial("02_devices", tmp_path, pictures=("chip.png", "devices.png"))
    states = numbers(r"device (\d\.\d+) ± (\d\.\d+), Aer (\d\.\d+) ± (\d\.\d+)", printed)
    estimated = [value for (value,) in numbers(r"estimated success probability (\d\.\d+)", printed)]

    assert "QPUs: ['lattice64', 'lattice64c', 'lattice144']\nShortest queue: lattice144" in printed
    assert "lattice64, calibrated 2026-04-01: 64 qubits, 112 couplings" in printed
    for (device, device_error, aer, aer_error), product in zip(states, estimated, strict=True):
        assert abs(device - aer) < 6 * (device_error**2 + aer_error**2) ** 0.5
        assert product - 0.06 < device < product + 0.01
    assert len(estimated) == 3
    assert estimated[2] > max(estimated) - 0.005
    assert states[2][0] > states[0][0]


def test_transpiling(tmp_path: Path) -> None:
    """Fewer gates give a larger echo, both with local and with server-side transpilation.

    Standard errors are 0.005. The echo is 0.65 at level 0, and 0.71 to 0.78 at the others, depending on Qiskit.
    """
    printed = run_tutorial("03_transpiling", tmp_path, pictures=("transpiling.png",))
    levels = numbers(r"Level \d: (\d+) cx, depth +(\d+), .* echo (\d\.\d+) ±", printed)
    ((by_server,),) = numbers(r"On the server: .* echo (\d\.\d+)\n", printed)
    (least, _, first), *_, (most, _, last) = levels

    assert least > most
    assert last > first + 0.03
    assert by_server > first + 0.03
    assert "Refused: Circuit 'echo' has instructions that are not native to lattice64" in printed
    assert re.findall(r"own gates: (\w+)", printed) == ["False", "True"]


def test_sweeps(tmp_path: Path) -> None:
    """The fits agree with the calibration within six standard errors and the printed digits."""
    printed = run_tutorial("04_sweeps", tmp_path, pictures=("sweeps.png", "timeline.png"))
    fits = numbers(r"(\d+\.\d+) ± (\d+\.\d+).*, (?:a full turn|calibrated|set to) (\d+\.\d+)", printed)

    assert len(fits) == 5
    for fitted, error, expected in fits:
        assert abs(fitted - expected) < 6 * error + 0.001
    assert "1 of 41 circuits ended without a result" in printed
    assert "Points measured: 40 of 41" in printed
    assert "The same counts: True\nFound by name: True 41 runs, ERROR" in printed
    ((ones,),) = numbers(r"From the file, .*'1': (\d+)", printed)
    assert ones > 1900


def test_vqe(tmp_path: Path) -> None:
    """The energy of the molecule is correct within 5 millihartree, and the correlation within 0.01."""
    printed = run_tutorial("05_vqe", tmp_path, pictures=("vqe.png",))
    ((off, _),) = numbers(r"Off by (\d+\.\d) ± (\d+\.\d) millihartree", printed)
    ((share, error, exact),) = numbers(r"antibonding: (0\.\d+) ± (0\.\d+), exact (0\.\d+)", printed)

    assert "exact -1.1373" in printed
    assert off < 5
    assert abs(share - exact) < 0.01 + 6 * error
    assert "One of them: 0.0000" in printed


def test_qaoa(tmp_path: Path) -> None:
    """The best cut is found, and the average cut grows."""
    printed = run_tutorial("06_qaoa", tmp_path, pictures=("qaoa.png",))
    ((first, last, chance),) = numbers(r"(\d+\.\d+) at first, (\d+\.\d+) after \d+ steps; (\d+)", printed)

    assert "Best cut found: 10 of 12 edges" in printed
    assert "the maximum is 10" in printed
    assert last > max(first, chance + 2)


def test_server_side(tmp_path: Path) -> None:
    """Here and beside the chip, the energy is correct within 5 millihartree; beside the chip it takes less time."""
    printed = run_tutorial("09b_server_side", tmp_path, pictures=("beside.png",))
    found = numbers(r"(?:Here|Beside the chip): (-\d\.\d+) ± (\d\.\d+) hartree in (\d+\.\d) s", printed)

    assert "Exact: -1.8573. The program ran 17 jobs and waited once." in printed
    assert all(abs(energy + 1.8573) < 0.005 + 4 * error < 0.02 for energy, error, _ in found)
    (_, _, here), (_, _, beside) = found
    assert beside < here
    assert "Its log: 16 steps, the last at the angles [" in printed
    assert "Phase 0.640625 turns, exact 0.640625" in printed
    assert [bit for _, bit in numbers(r"2\^(\d): .*, bit (\d)\n", printed)] == [1, 0, 0, 1, 0, 1]
    assert "TypeError: 'str' object cannot be interpreted as an integer" in printed


def test_whole_chip(tmp_path: Path) -> None:
    """All pairs violate Bell's inequality at once, and the maps agree with the calibration.

    The statistical errors of an amplitude, which readout keeps below 1, and of a lifetime are about 0.01 and 1.5 %.
    """
    pictures = ("pairs.png", "chsh_map.png", "rabi_map.png", "t1_map.png")
    printed = run_tutorial("09_whole_chip", tmp_path, pictures=pictures)
    ((s, low, high, error),) = numbers(r"S = (\d\.\d+) on average, (\d\.\d+) to (\d\.\d+), each ± (\d\.\d+)", printed)
    ((least, most, amplitude_error),) = numbers(r"Amplitudes (\d\.\d+) to (\d\.\d+), off by (\d\.\d+)", printed)
    ((ratio, spread),) = numbers(r"calibrated: (\d\.\d+) on average, with a spread of (\d\.\d+)", printed)

    assert "16 pairs in 1 program" in printed
    assert "64 circuits in 4 jobs" in printed
    assert 2 + 5 * error < low < s < high < 2.828
    assert "five standard errors: 16\n" in printed
    assert "16000 shots in 1 job" in printed
    assert "Rabi: 64 qubits, 9 angles, 18 jobs instead of 576" in printed
    assert 0.9 < least < most < 1.03
    assert amplitude_error < 0.015
    assert "T1: 64 qubits, 6 delays, 12 jobs instead of 384" in printed
    assert abs(ratio - 1) < 0.01
    assert spread < 0.03


def test_sdk(tmp_path: Path) -> None:
    """The minimum energy is that of the ground state, within four times the reported error."""
    printed = run_tutorial("10_sdk", tmp_path, pictures=("ising.png",))
    ((energy, error, exact),) = numbers(r"Least energy (-\d\.\d+) ± (\d\.\d+) at .* exact (-\d\.\d+)", printed)

    assert exact == -1.414
    assert abs(energy - exact) < 4 * error < 0.2
    assert "Refused: pauli must be letters" in printed
    assert re.search(r"Counts on a noisy chip: \{.*'11': \d+", printed)
    assert re.search(r"Failed: Job \S+ .*failed", printed)
    assert "25 jobs on the server" in printed


def test_crashes(tmp_path: Path) -> None:
    """A killed campaign is finished with each job once, and no fault loses or repeats a job."""
    printed = run_tutorial("11_crashes", tmp_path, pictures=("crashes.png",))
    ((known,),) = numbers(r"Of 40 jobs: \{'submitted': (\d+), 'intended': \d+\}", printed)
    ((deviation,),) = numbers(r"Largest deviation from sin²: (\d+\.\d) errors", printed)

    assert f"Killed, exit code -{signal.SIGKILL}" in printed
    assert 15 <= known < 40
    assert "On the server: 40 jobs, 40 of them distinct" in printed
    assert deviation < 6
    assert printed.count("1000 shots in ['00', '11'], 1 job\n") == 5
    assert "Status: failed - message: the refrigerator is warm" in printed


def test_migration(tmp_path: Path) -> None:
    """All ways give the same parity within six standard errors."""
    printed = run_tutorial("12_migration", tmp_path)
    found = numbers(r" (\d\.\d+) ± (\d\.\d+)\n", printed)

    assert len(found) == 7
    assert all(abs(value - 0.5) < 6 * error < 0.06 for value, error in found)
    assert "ended: True  done: True  failed: False  cancelled: False\nThe status is DONE: True\n" in printed
    assert "6 jobs on the server, 1 of them estimation" in printed
    assert numbers(r"read as a Qiskit job: (\d\.\d+)", printed) == numbers(r"SDK, sampling +(\d\.\d+) ", printed)
