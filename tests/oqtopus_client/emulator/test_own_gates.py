"""Programs with their own gate definitions, also under names of Qiskit's gates."""

from __future__ import annotations

import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec

START = "OPENQASM 3; gate x a { U(0, 0, 0) a; } gate rz(t) a { U(pi, 0, pi) a; } qubit[2] q; bit[2] c; "
END = "c[0] = measure q[0]; c[1] = measure q[1];"


@pytest.mark.parametrize(
    ("program", "counts"),
    [
        (f"{START} x q[0]; rz(0.3) q[1]; {END}", {"10": 10}),
        (START.replace("qubit", "gate twice a { x a; rz(1) a; } qubit") + f"twice q[0]; {END}", {"01": 10}),
        (f"{START} rz(0) q[0]; ctrl @ x q[0], q[1]; {END}", {"01": 10}),
        (f"{START} rz(0) q[0]; negctrl @ rz(0) q[1], q[0]; inv @ x q[1]; {END}", {"00": 10}),
        (
            'OPENQASM 3; include "stdgates.inc"; gate unitary a { x a; } gate ecr a, b { x b; } qubit[2] q; bit[2] c; '
            f"unitary q[0]; ecr q[0], q[1]; {END}",
            {"11": 10},
        ),
        (
            "OPENQASM 3; gate mcx a { U(0, 0, 0) a; } gate twice a, b { inv @ ctrl @ mcx a, b; } "
            f"gate x a {{ U(pi, 0, pi) a; }} qubit[2] q; bit[2] c; x q[0]; twice q[0], q[1]; {END}",
            {"01": 10},
        ),
        (
            "OPENQASM 3; gate flip(theta, lam) a { U(theta, 0, lam) a; } gate both(b, a) x, y { flip(a, b) x; } "
            f"qubit[2] q; bit[2] c; flip(pi, 0) q[0]; both(0, pi) q[1], q[0]; {END}",
            {"11": 10},
        ),
        (
            "OPENQASM 3; gate none(a, b) x { } gate unused(b, a) x { none(2 * a, b) x; pow(2) @ U(a, 0, 0) x; } "
            f"qubit[2] q; bit[2] c; unused(0.3, pi / 2) q[1]; {END}",
            {"10": 10},
        ),
        (
            "OPENQASM 3; gate turn(a) x { gphase(a); U(2 * a, -a, a) x; } gate on(a) x, y { ctrl @ turn(a / 2) x, y; } "
            f"gate x a {{ U(pi, 0, pi) a; }} qubit[2] q; bit[2] c; x q[0]; on(pi) q[0], q[1]; {END}",
            {"11": 10},
        ),
    ],
)
def test_own_gates(client: OqtopusClient, program: str, counts: dict[str, int]) -> None:
    """Own gates follow their definition, also inside other gates, controlled, inverted, and with arguments."""
    job = client.submit_job(OqtopusJobSpec.sampling(device_id="qulacs", program=program, shots=10))
    sampling = client.wait_for_job(job.job_id).sampling

    assert sampling is not None
    assert sampling.counts == counts


@pytest.mark.parametrize("gate", ["x q[0];", "rz(0.3) q[0];"])
def test_devices_do_not_have_them(client: OqtopusClient, gate: str) -> None:
    """Without the transpiler, own gates are refused like any other gate that the device lacks."""
    spec = OqtopusJobSpec.sampling(
        device_id="qulacs", program=f"{START} {gate} {END}", shots=10, transpiler_info={"transpiler_lib": None}
    )
    job = client.wait_for_job(client.submit_job(spec).job_id)

    assert (job.status, job.job_info.message) == ("failed", "failed to execute job on device")


@pytest.mark.parametrize(
    "wrong",
    [
        "gate wrong a { missing a; }",
        "gate wrong(t) a { U(t, 0, u) a; }",
        "gate wrong a { } gate wrong b { }",
        'include "stdgates.inc"; gate x a { }',
        "gate fine(t) a { } fine q[0];",
        "gate fine a { } fine(1) q[0];",
    ],
)
def test_wrong_definitions(client: OqtopusClient, wrong: str) -> None:
    """Invalid definitions fail as on servers, whether called or not."""
    program = f"OPENQASM 3; qubit[2] q; bit[2] c; {wrong} {END}"
    job = client.wait_for_job(client.submit_job(OqtopusJobSpec.sampling(device_id="qulacs", program=program)).job_id)

    assert (job.status, job.job_info.message) == ("failed", "Expecting value: line 1 column 1 (char 0)")
