"""Mitigation beside qiskit-ibm-runtime's estimator in its local mode and beside mitiq: bias, and the client's CPU time.

Run by hand, in an environment that has them: `python tests/foreign/compare_mitigation.py`. All run their circuits on
the same emulated devices, with as many shots and randomizations. For the times, both estimators run on one backend that
takes bound circuits and returns prepared counts, and the time in it does not count. As qiskit-ibm-runtime's local mode
samples with `OqtopusSampler` here, the same code binds circuits and reads counts for both. A second ratio leaves this
out: all of the sampler for qiskit-ibm-runtime, and only binding, submitting and reading for `OqtopusEstimator`.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import qiskit_ibm_runtime.fake_provider.executor.run_quantum_program as local_mode
from mitiq.zne import execute_with_zne
from mitiq.zne.inference import ExpFactory
from mitiq.zne.scaling import fold_gates_at_random
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ParameterVector
from qiskit.primitives import PrimitiveJob
from qiskit.providers import JobStatus, JobV1
from qiskit.quantum_info import SparsePauliOp
from qiskit.result import Result
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.executor_estimator import Estimator

sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client.emulator import Emulator
from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider, OqtopusSampler
from qiskit_oqtopus.primitives.backend_run import BackendRun
from tests.benchmarks.mitigation import CASES, CHIPS, Case, Row, device, run, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qiskit.providers import BackendV2
    from qiskit.transpiler import Target

NUM_RANDOMIZATIONS = 8
TWIRLING = {"num_randomizations": NUM_RANDOMIZATIONS, "enable_measure": True}

SECONDS: Counter[str] = Counter()
"""The processor time in timed functions, by part."""


def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that adds its processor time to a part's."""

    def run(*args: Any, **options: Any) -> Any:
        start = time.process_time()
        try:
            return function(*args, **options)
        finally:
            SECONDS[part] += time.process_time() - start

    return run


class LocalSampler:
    """The sampler of qiskit-ibm-runtime's local mode, in place of Aer's: `OqtopusSampler`."""

    def __init__(self, backend: BackendV2) -> None:
        self._sampler = OqtopusSampler(backend)

    @classmethod
    def from_backend(cls, backend: BackendV2, **_: Any) -> LocalSampler:
        """Return a sampler on a backend."""
        return cls(backend)

    def run(self, pubs: Iterable[Any]) -> PrimitiveJob:
        """Run PUBs, and return a job that has ended."""
        result = timed("sampler", lambda: self._sampler.run(pubs).result())()
        job = PrimitiveJob(lambda: result)
        job._submit()
        return job


local_mode.AerSamplerV2 = LocalSampler


def ibm_estimator(backend: BackendV2, level: int, shots: int) -> Estimator:
    """Return qiskit-ibm-runtime's estimator at a level."""
    estimator = Estimator(mode=backend)
    estimator.options.resilience_level = level
    estimator.options.default_shots = shots
    estimator.options.twirling.num_randomizations = NUM_RANDOMIZATIONS
    return estimator


def of_ibm(case: Case, backend: BackendV2, level: int, shots: int) -> Row:
    """Run a case with qiskit-ibm-runtime."""
    before = {job.job_id for job in backend.provider.client.iter_jobs(fields="job_id")}
    estimator = ibm_estimator(backend, level, shots)
    data = estimator.run([case.pub(backend)]).result()[0].data
    jobs = backend.provider.client.iter_jobs(fields="job_id,shots")
    shots_of_jobs = [job.shots or 0 for job in jobs if job.job_id not in before]
    return Row(data.evs, data.stds, len(shots_of_jobs), sum(shots_of_jobs))


def of_mitiq(case: Case, backend: BackendV2, shots: int) -> Row:
    """Run a case with mitiq: folding and an exponential, with values without the published readout errors."""
    layout, num_jobs = range(case.circuit.num_qubits), 0
    estimator = OqtopusEstimator(backend, mitigation="pseudo_inverse", route="sampling")

    def value(observable: SparsePauliOp) -> float:
        def executor(circuits: list[QuantumCircuit]) -> list[float]:
            nonlocal num_jobs
            isa = transpile(circuits, backend, initial_layout=layout, optimization_level=0)
            pubs = [(each, observable.apply_layout(each.layout)) for each in isa]
            num_jobs += estimator.plan(pubs, shots=shots).jobs
            return [float(each.data.evs) for each in estimator.run(pubs, shots=shots).result()]

        executor.__annotations__["return"] = list[float]  # from which mitiq knows that it takes many circuits
        factory = ExpFactory([1, 3, 5], asymptote=0.0)
        return float(execute_with_zne(case.circuit, executor, factory=factory, scale_noise=fold_gates_at_random))

    values = []
    for observable in case.observables:
        is_constant = np.array([not label.strip("I") for label in observable.paulis.to_labels()])
        constant = float(observable.coeffs[is_constant].real.sum())
        values.append(constant + value(observable[~is_constant]))
    return Row(np.array(values), np.full(len(values), np.nan), num_jobs, num_jobs * shots)


class Done(JobV1):
    """A job that has ended."""

    def __init__(self, backend: BackendV2, found: Result) -> None:
        super().__init__(backend, "1")
        self._found = found

    def submit(self) -> None:
        """Do nothing."""

    def result(self) -> Result:
        """Return the result."""
        return self._found

    def status(self) -> JobStatus:
        """Return that it has ended."""
        return JobStatus.DONE


class Prepared(AerSimulator):
    """A backend that returns prepared counts."""

    def run(self, circuits: list[QuantumCircuit], shots: int = 1024, **_: Any) -> Any:
        """Return the counts of circuits, without running any."""
        return timed("backend", self._done)(circuits, shots)

    def _done(self, circuits: list[QuantumCircuit], shots: int) -> Done:
        rng = np.random.default_rng(1)
        data = []
        for circuit in circuits:
            keys, numbers = np.unique(self._outcomes(circuit, shots, rng), return_counts=True)
            data.append({hex(key): number for key, number in zip(keys.tolist(), numbers.tolist(), strict=True)})
        results = [
            {"shots": shots, "success": True, "status": "DONE", "data": {"counts": counts}, "header": {}}
            for counts in data
        ]
        found = {"backend_name": "prepared", "job_id": "1", "success": True, "status": "DONE", "results": results}
        return Done(self, Result.from_dict(found))

    @staticmethod
    def _outcomes(circuit: QuantumCircuit, shots: int, rng: np.random.Generator) -> np.ndarray:
        """Return outcomes: those of a calibration circuit have errors of 3 %, others are random."""
        if circuit.count_ops().get("cx"):
            return rng.integers(0, 1 << circuit.num_clbits, shots)
        flipped = {item.qubits[0] for item in circuit.data if item.name == "x"}
        measured = (item for item in circuit.data if item.name == "measure")
        ones = sum(1 << circuit.find_bit(item.clbits[0]).index for item in measured if item.qubits[0] in flipped)
        return (rng.random((shots, circuit.num_clbits)) < 0.03) @ (1 << np.arange(circuit.num_clbits)) ^ ones


def seconds(submit: Callable[[], Any], part: str) -> tuple[float, float]:
    """Return the processor time of a run outside the backend, and that outside a part; the least of five."""
    found = []
    for _ in range(5):
        SECONDS.clear()
        gc.collect()  # what earlier runs left
        start = time.process_time()
        submit().result()
        total = time.process_time() - start
        found.append((total - SECONDS["backend"], total - SECONDS[part]))
    return min(each for each, _ in found), min(each for _, each in found)


def sweep(num_bindings: int) -> tuple[QuantumCircuit, list[Any], np.ndarray]:
    """Return a circuit of ten qubits with parameters, a chain of Z Z and X, and values."""
    n = 10
    circuit = QuantumCircuit(n)
    for layer in (ParameterVector(f"angle{i}", n) for i in range(3)):
        for qubit, angle in enumerate(layer):
            circuit.sx(qubit)
            circuit.rz(angle, qubit)
            circuit.sx(qubit)
        for qubit in range(n - 1):
            circuit.cx(qubit, qubit + 1)
    terms = [("ZZ", [i, i + 1], 1.0) for i in range(n - 1)] + [("X", [i], 1.0) for i in range(n)]
    values = np.random.default_rng(1).uniform(0, 3, (num_bindings, circuit.num_parameters))
    return circuit, [SparsePauliOp.from_sparse_list(terms, n)], values


def times(target: Target, shots: int) -> None:
    """Print the client's processor time of PUBs at each level."""
    BackendRun.submit = timed("programs", BackendRun.submit)
    BackendRun.outcomes = timed("programs", BackendRun.outcomes)
    backend = Prepared(target=target)
    pubs: dict[str, Any] = {f"({letter})": CASES[letter]().pub(backend) for letter in "abc"}
    circuit, observables, values = sweep(20)
    isa = transpile(circuit, backend, initial_layout=range(10), optimization_level=1)
    pubs["20 bindings"] = (isa, [each.apply_layout(isa.layout) for each in observables], values)
    for level in (1, 2):
        for name, pub in pubs.items():
            ours = OqtopusEstimator(backend, resilience_level=level, twirling=TWIRLING)
            theirs = ibm_estimator(backend, level, shots)
            mine = seconds(partial(ours.run, [pub], shots=shots), "programs")
            other = seconds(partial(theirs.run, [pub]), "sampler")
            ratio, alone = (one / two for one, two in zip(mine, other, strict=True))
            print(
                f"  level {level}, {name:12} {mine[0] * 1e3:6.0f} ms, {ratio:.2f} of qiskit-ibm-runtime's "
                f"{other[0] * 1e3:.0f} ms; {alone:.2f} without binding and reading",
                flush=True,
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each chip and case, and the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=int, default=4096)
    parser.add_argument("--cases", default="ac")
    parser.add_argument("--chips", nargs="*", choices=CHIPS, default=CHIPS)
    options = parser.parse_args(arguments)
    ten = device("lattice64", "lattice64-line")
    cases = {letter: CASES[letter]() for letter in options.cases}
    devices = [
        device(chip, f"{chip}-{letter}", case.circuit.num_qubits)
        for chip in options.chips
        for letter, case in cases.items()
    ]
    with (
        Emulator(":memory:", devices=[ten, *devices], seed=1) as emulator,
        OqtopusProvider(emulator.config) as provider,
    ):
        print(f"Processor time of the client for a PUB, {options.shots} shots, {NUM_RANDOMIZATIONS} randomizations")
        times(provider.get_backend("lattice64-line").target, options.shots)
        for chip in options.chips:
            for letter, case in cases.items():
                backend, exact = provider.get_backend(f"{chip}-{letter}"), case.exact()
                print(f"{chip}: {case.name}")
                for level in (1, 2):
                    ours = {"resilience_level": level, "twirling": TWIRLING}
                    print(text(f"level {level}", run(case, backend, ours, options.shots), exact), flush=True)
                    row = of_ibm(case, backend, level, options.shots)
                    print(text(f"qiskit-ibm-runtime, {level}", row, exact), flush=True)
                decoupled = {**ours, "dynamical_decoupling": {"enable": True, "sequence_type": "XY4"}}
                print(text("level 2, decoupling", run(case, backend, decoupled, options.shots), exact), flush=True)
                print(text("mitiq", of_mitiq(case, backend, options.shots), exact), flush=True)


if __name__ == "__main__":
    main()
