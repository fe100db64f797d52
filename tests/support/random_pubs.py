"""Random PUBs of an estimator, with random options that suppress and mitigate errors."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Operator, Statevector

WIDTH = 5


def random_pub(rng: np.random.Generator) -> tuple[QuantumCircuit, list[dict[str, float]], np.ndarray]:
    """Return a native circuit of neighbours on the line, observables with projectors, and bindings."""
    n = int(rng.integers(1, WIDTH + 1))
    circuit = QuantumCircuit(n)
    parameters = [Parameter("first"), Parameter("second")]
    for _ in range(int(rng.integers(3, 25))):
        qubit = int(rng.integers(n))
        kind = rng.choice(["rz", "bound", "sx", "sx", "x", "cx", "cx", "barrier", "delay"])
        if kind == "rz":
            circuit.rz(parameters[int(rng.integers(2))] * rng.choice([1, -0.5]), qubit)
        elif kind == "bound":
            circuit.rz(rng.uniform(-4, 4), qubit)
        elif kind == "cx" and n > 1:
            circuit.cx(*rng.permutation([qubit, qubit + 1 if qubit + 1 < n else qubit - 1]).tolist())
        elif kind == "delay":
            circuit.delay(int(rng.integers(1, 400)), qubit, unit="dt")
        elif kind == "barrier":
            circuit.barrier()
        elif kind != "cx":
            getattr(circuit, str(kind))(qubit)
    letters = np.array(list("IIXXYYZZZ01+-rl"))
    observables = [
        {"".join(rng.choice(letters, n)): float(rng.normal()) for _ in range(rng.integers(1, 5))} for _ in range(2)
    ]
    return circuit, observables, rng.uniform(-3, 3, (int(rng.integers(1, 3)), circuit.num_parameters))


def random_options(rng: np.random.Generator) -> dict[str, Any]:
    """Return options of which some suppress or mitigate errors, in any combination that is allowed."""
    gates, measure = ([True, False, None][int(i)] for i in rng.integers(3, size=2))
    level = int(rng.integers(3))
    twirling: dict[str, Any] = {"enable_gates": gates, "enable_measure": measure}
    if gates or measure or (level == 2 and None in {gates, measure}):
        twirling["num_randomizations"] = 2 * int(rng.integers(1, 4))
    extrapolators = ["linear", "exponential", "polynomial_degree_1", "fallback"]
    factors = [[1, 3], [1, 1.7, 2.5], [1, 2, 3, 4]][int(rng.integers(3))]
    resilience: dict[str, Any] = {
        "measure_mitigation": [True, False, None][int(rng.integers(3))],
        "zne_mitigation": [True, False, None][int(rng.integers(3))],
        "zne": {
            "noise_factors": factors,
            "extrapolator": rng.permutation(extrapolators)[: int(rng.integers(1, 4))].tolist(),
        },
    }
    decoupling = {
        "enable": bool(rng.integers(2)),
        "sequence_type": str(rng.choice(["XX", "XpXm", "XY4"])),
        "scheduling_method": str(rng.choice(["alap", "asap"])),
        "extra_slack_distribution": str(rng.choice(["middle", "edges"])),
        "skip_reset_qubits": bool(rng.integers(2)),
    }
    return {
        "resilience_level": level,
        "twirling": twirling,
        "resilience": resilience,
        "dynamical_decoupling": decoupling,
        "seed": int(rng.integers(1 << 30)),
        "max_shots": int(rng.choice([150, 10_000])),
    }


def exact(circuit: QuantumCircuit, observable: dict[str, float]) -> float:
    """Return the expectation value of an observable."""
    state = Statevector(circuit)
    total = 0.0
    for label, coefficient in observable.items():
        factors = (Operator.from_label(letter).data for letter in label)
        total += coefficient * state.expectation_value(Operator(reduce(np.kron, factors))).real
    return total
