"""The five server-side programs of OQTOPUS's own scenario tests, and how the job of each must end.

All use quri-parts-oqtopus, run three jobs, and print exceptions instead of raising them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oqtopus_client import OqtopusJobSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client import OqtopusClient, OqtopusSseJobResult

DEFAULT = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
OFF = {"transpiler_lib": None}
MITIGATED = {"ro_error_mitigation": "pseudo_inverse"}

SAMPLE = "OqtopusSamplingBackend().sample(circuit, device_id='', shots=100 + 10 * step, name='inner', {})"
ESTIMATE = "OqtopusEstimationBackend().estimate(circuit, operator=operator, device_id='sse', shots=1000)"
PROGRAM = """
import json, time, traceback
import matplotlib, networkx, numpy, qiskit, qulacs, scipy, yaml
import oqtopus_client
from quri_parts.circuit import QuantumCircuit
from quri_parts.core.operator import Operator, pauli_label
from quri_parts_oqtopus.backend import OqtopusEstimationBackend, OqtopusSamplingBackend

print("client:", oqtopus_client.__file__)
operator = Operator({{pauli_label("X0 X1"): 1, pauli_label("Z0 Z1"): 1}})
for step in range(3):
    time.sleep(0.1)
    print(f"## Start iteration {{step}} ##")
    try:
        circuit = QuantumCircuit(2)
        {gates}
        job = {submission}
        print(job)
        result = job.result()
        print("outcome:", json.dumps({outcome}))
    except Exception:
        traceback.print_exc()
print("## Finish ##")
{end}
"""


@dataclass(frozen=True)
class Scenario:
    """A program, and how its job ends.

    Attributes:
        gates: Statement that adds gates to `circuit`.
        submission: Expression that runs an inner job.
        outcome: Expression for the numbers in its result.
        expected: What the inner jobs' numbers are, where chance does not decide.
        kind: Kind of the job's result.
        message: Message of the failed job; None if the job succeeds.
        transpiler_info: Settings of the last inner job, which the job shows as its own.
        end: The program's last statement.
    """

    gates: str
    submission: str
    outcome: str = "result.counts"
    expected: tuple[Any, ...] = ()
    kind: str = "sampling"
    message: str | None = None
    transpiler_info: Mapping[str, Any] | None = None
    end: str = ""

    def run(self, client: OqtopusClient, preamble: str = "") -> str:
        """Run the program, check what OQTOPUS's own test checks, and return the log.

        Args:
            client: A client of the cloud.
            preamble: Text before the program.
        """
        program = preamble + PROGRAM.format(**vars(self))
        spec = OqtopusJobSpec.sse(device_id="qulacs", program=program, shots=1000, name="scenario")
        job = client.run_sse(spec, interval=0.2, timeout=120)
        assert (job.status, job.message) == ("failed" if self.message else "succeeded", self.message), job
        assert (job.name, job.shots, job.device_id, job.job_type) == ("scenario", 1000, "qulacs", "sse")
        times = job.submitted_at, job.ready_at, job.running_at, job.ended_at
        assert None not in times
        assert list(times) == sorted(times)  # type: ignore[type-var]
        assert (job.execution_time or 0) > 0
        assert job.transpiler_info == (self.transpiler_info or DEFAULT), job.transpiler_info
        assert (job.mitigation_info, job.simulator_info) == ({}, {})
        files = {name for name, value in job.job_info.model_dump().items() if value is not None}
        expected = {"input"} if self.message else {"input", "result", "sse_log"}
        assert files - {"transpile_result", "message"} == expected, files
        if self.message:
            return ""
        assert ("transpile_result" in files) == (self.transpiler_info is None), files
        return self._log(job)

    def _log(self, job: OqtopusSseJobResult) -> str:
        assert (job.sampling is None, job.estimation is None) == (self.kind != "sampling", self.kind != "estimation")
        log = str(job.read_log_text())
        lines = log.splitlines()
        marks = [line for line in lines if line.startswith("##")]
        assert marks == [*(f"## Start iteration {step} ##" for step in range(3)), "## Finish ##"], log
        assert "Traceback" not in log, log
        outcomes = [json.loads(line.removeprefix("outcome: ")) for line in lines if line.startswith("outcome: ")]
        assert outcomes[: len(self.expected)] == list(self.expected), outcomes
        assert len(outcomes) == 3, log
        return log


FLIPPED = "circuit.add_X_gate(0), circuit.add_CNOT_gate(0, 1)"
TURNED = "circuit.add_H_gate(0), circuit.add_X_gate(1), circuit.add_CNOT_gate(0, 1), circuit.add_RY_gate(1, 0.1 * step)"
SCENARIOS = {
    "sampling": Scenario(
        TURNED,
        SAMPLE.format(f"transpiler_info={{}}, mitigation_info={MITIGATED}"),
        # Mitigation may lose a shot or two.
        "result.counts.keys() <= {1, 2} and sum(result.counts.values()) >= 98",
        (True,),
    ),
    "estimation": Scenario(
        "circuit.add_H_gate(0), circuit.add_CNOT_gate(0, 1)",
        ESTIMATE,
        "[round(result.exp_value, 6), round(result.stds, 6)]",
        ([2.0, 0.0],) * 3,
        kind="estimation",
    ),
    "without transpiler": Scenario(
        FLIPPED,
        SAMPLE.format(f"transpiler_info={OFF}"),
        expected=({"3": 100}, {"3": 110}, {"3": 120}),
        transpiler_info=OFF,
    ),
    "without transpiler, failing": Scenario(
        TURNED, SAMPLE.format(f"transpiler_info={OFF}"), message="sse job failed", transpiler_info=OFF
    ),
    "exit code": Scenario(
        TURNED, SAMPLE.format("transpiler_info={}"), message="user program execution error", end="raise SystemExit(1)"
    ),
}
