"""Checks of programs in files: what no server runs is refused before any request, with line and reason."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client import OqtopusConfig, OqtopusDevice
from oqtopus_client.cli.program import read
from oqtopus_client.cli.session import Session
from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation.inputs import JobFailure
from oqtopus_client.emulator.simulation.pipeline import CircuitJob, execute, pack_json, prepare
from oqtopus_client.emulator.simulation.transpiling import DEFAULT_TRANSPILER
from oqtopus_client.rest.models import DevicesDeviceInfo
from oqtopus_client.services.openqasm import Program
from tests.support.command_line import Typed, answer, complaint
from tests.support.scripted_server import ScriptedServer

HEAD = 'OPENQASM 3;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\n'
FLIP = f"{HEAD}x q[0];\ncx q[0], q[1];\nc = measure q;\n"
DEVICE = {
    "device_id": "qulacs",
    "device_type": "simulator",
    "status": "available",
    "n_pending_jobs": 0,
    "n_qubits": 16,
    "basis_gates": ["x", "sx", "rz", "cx"],
    "supported_instructions": ["measure", "barrier"],
    "description": "",
}


def verdict(text: str, *, transpiled: bool = True, **published: Any) -> str | None:
    """Return why a program is refused for a device; None if it is accepted."""
    program = Program("f.qasm", text)
    try:
        program.check()
        program.check_for(OqtopusDevice(DevicesDeviceInfo(**DEVICE | published)), transpiled=transpiled)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "content",
    [
        FLIP.encode(),
        FLIP.encode("utf-8-sig"),
        FLIP.replace("\n", "\r\n").encode(),
        FLIP.replace("\n", "\r").encode(),
        f"// \u00fc \u91cf\u5b50 \0\n{FLIP}".encode(),
    ],
    ids=["plain", "mark", "windows", "old mac", "comment"],
)
def test_files_of_any_editor(cli: Typed, tmp_path: Path, content: bytes) -> None:
    """Byte order marks, line breaks of any system and any text in comments are accepted."""
    file = tmp_path / "flip.qasm"
    file.write_bytes(content)

    assert answer(cli("run", str(file), "--device", "qulacs", "--json"))["counts"] == {"11": 1000}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", " is empty; it must contain an OpenQASM 3 program."),
        (b"// nothing\n/* at\nall */", " is empty; it must contain an OpenQASM 3 program."),
        (FLIP.encode("utf-16"), ", line 1: OpenQASM 3 programs must be UTF-8 text (it is UTF-16)."),
        (f"{FLIP}// \u00fc".encode("latin-1"), ", line 8: OpenQASM 3 programs must be UTF-8 text"),
        (b"\x7fELF\x02\x01\x01\0\0", "it may be a binary file or UTF-16 text"),
        (FLIP.replace("x q[0];", "x q[0]").encode(), ", line 5: a semicolon is missing at the end of the line: x q[0]"),
        (FLIP.replace("x q[0]", "xx q[0]").encode(), ", line 5: gate 'xx' is not defined: xx q[0];"),
        (
            FLIP.replace("3;", "2.0;").replace("stdgates", "qelib1").encode(),
            ", line 1: this is OpenQASM 2, but servers read OpenQASM 3. Convert it with: python -c ",
        ),
    ],
    ids=["empty", "comments", "utf-16", "latin-1", "binary", "semicolon", "gate", "version"],
)
def test_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, oqtopus: Typed, tmp_path: Path, content: bytes, said: str
) -> None:
    """A file that no server can read causes no request."""
    server = ScriptedServer()
    config = OqtopusConfig("http://emulator.localhost", api_token="token", transport=server)
    monkeypatch.setattr(Session, "config", lambda _: config)
    file = tmp_path / "f.qasm"
    file.write_bytes(content)
    result = oqtopus("run", str(file), "--device", "qulacs")

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in complaint(result)
    assert server.asked == []


def test_no_job_is_registered(monkeypatch: pytest.MonkeyPatch, oqtopus: Typed, tmp_path: Path) -> None:
    """A program too wide for the device causes one request, for the device; --no-check sends it anyway."""
    server = ScriptedServer(**{"GET /devices/qulacs": DEVICE | {"n_qubits": 1}})
    config = OqtopusConfig("http://emulator.localhost", api_token="token", transport=server)
    monkeypatch.setattr(Session, "config", lambda _: config)
    file = tmp_path / "flip.qasm"
    file.write_text(FLIP, encoding="utf-8")
    result = oqtopus("run", str(file), "--device", "qulacs")

    assert result.exit_code == 2
    assert complaint(result).endswith("flip.qasm, line 3: the program has 2 qubits, but qulacs has only 1: qubit[2] q;")
    assert server.asked == ["GET /devices/qulacs"]
    oqtopus("run", str(file), "--device", "qulacs", "--no-check")
    assert server.asked[1:2] == ["POST /jobs"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FLIP[:-2], "line 7: a semicolon is missing at the end of the line: c = measure q"),
        (FLIP.replace("q[0], q", "q[0] q"), "line 6: expected ';' before 'q': cx q[0] q[1];"),
        (f"{HEAD}rx(1 q[0];", "line 5: unexpected 'q': rx(1 q[0];"),
        (f"{HEAD}gate g a {{ x a;", "line 5: the file ends within a statement: gate g a { x a;"),
        (FLIP.replace("x q[0]", "x r[0]"), "line 5: 'r' is not declared: x r[0];"),
        (FLIP.replace("x q[0]", "x q[7]"), "line 5: index out of range: x q[7];"),
        (FLIP.replace("x q[0]", "rx q[0]"), "line 5: the gate takes a different number of parameters: rx q[0];"),
        (FLIP.replace("x q[0]", "rx(1, 2) q[0]"), "line 5: the gate takes a different number of parameters: rx(1, 2)"),
        (FLIP.replace("x q[0]", "x(1) q[0]"), "line 5: the gate takes a different number of parameters: x(1) q[0];"),
        (f"{HEAD}qubit[9999999999] r;", "line 5: a register of 9999999999 bits is larger than any device: qubit"),
        (f"{HEAD}\nbit[9999999999] r;", "line 6: a register of 9999999999 bits is larger than any device: bit"),
        (f"{HEAD}creg r[9999999999];", "line 5: a register of 9999999999 bits is larger than any device: creg"),
        (FLIP.replace("bit[2] c", "bit[3] c"), "line 7: the registers have different sizes: c = measure q;"),
        (
            FLIP.replace('include "stdgates.inc";', ""),
            "line 5: gate 'x' is not defined (add the line include \"stdgates.inc\";): x q[0];",
        ),
        (FLIP.replace("x q[0]", "x \u00a7 q[0]"), "line 5: unexpected '\u00a7': x \u00a7 q[0];"),
        (f"{HEAD}def f(qubit a) {{ x a; }}", "line 5: servers do not support this statement (SubroutineDefinition)"),
        (f"{HEAD}defcal x $0 {{ }}", "line 5: servers do not support this statement (CalibrationDefinition)"),
        (f"{HEAD}x q[0];\nreset q;\nc = measure q;", "line 6: no device executes a reset"),
        (f"{FLIP}if (c[0]) {{ x q[0]; }}", "line 8: no device executes control flow (if_else)"),
        (f"{FLIP}while (c[0]) {{ x q[0]; }}", "line 8: no device executes control flow (while_loop)"),
        (
            f"{HEAD}input float a;\nrz(a) q[0];\nc = measure q;",
            "line 6: the input a has no value; replace it by a number: rz(a) q",
        ),
        (
            f"{HEAD}x q[0];\nrx(-1e400) q[1];\nc = measure q;",
            "line 6: the parameter of rx must be a finite number, not -inf",
        ),
        (f"{HEAD}delay[10dt] q;", "line 5: the server's transpiler does not support delays in dt; give the delay in"),
        (
            f"{HEAD}qubit[9] a;\nqubit[9] b;\nc = measure q;",
            "line 6: the program has 20 qubits, but qulacs has only 16",
        ),
        (
            "OPENQASM 3;\nbit c;\nc = measure $16;",
            "line 3: the program has 17 qubits, but qulacs has only 16: c = measure",
        ),
    ],
)
def test_line_and_reason(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each error is reported with its line and reason, and the parser itself prints nothing."""
    assert (verdict(text) or "").startswith(f"f.qasm, {said}")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        FLIP.replace("3;", "3.1;"),
        FLIP.replace("OPENQASM 3;\n", ""),
        "OPENQASM 2.0;\nqreg q[1];\ncreg c[1];\nU(0, 0, 0) q[0];\nmeasure q -> c;",
        f"{HEAD}gate g(t) a {{ rz(t) a; h a; }}\nctrl @ g(pi) q[0], q[1];\nlet a = q[0:1];\nbit[2] d = measure a;",
        f"{HEAD}input float a;\nc = measure q;",
        f"{HEAD}barrier q;\ndelay[10ns] q[0];\ngphase(pi);\nc = measure q;",
    ],
)
def test_what_servers_run(text: str) -> None:
    """Unusual but valid programs are accepted."""
    assert verdict(text) is None


def test_gates_of_the_device() -> None:
    """Without the transpiler, only gates that all devices have or that this one publishes are accepted."""
    refused = "f.qasm, line 5: qulacs does not execute h; run without --no-transpile: h q[0];"

    assert verdict(FLIP, transpiled=False) is None
    assert verdict(f"{HEAD}h q[0];", transpiled=False) == refused
    assert verdict(f"{HEAD}h q[0];", transpiled=False, basis_gates=["h"]) is None
    assert verdict(f"{HEAD}delay[10dt] q;", transpiled=False) is None


def test_couplings_and_delays_of_a_chip() -> None:
    """A chip has a cx for each coupling, in its direction, and refuses a delay of 0; simulators accept both."""
    info = json.dumps({"qubits": [{"id": 0}, {"id": 1}], "couplings": [{"control": 0, "target": 1}]})
    chip = {"device_type": "QPU", "device_info": info, "device_id": "chip"}
    back = f"{HEAD}cx q[0], q[1];\ncx q[1], q[0];\nc = measure q;"
    nothing = f"{HEAD}delay[0ns] q[1];\nc = measure q;"

    assert verdict(FLIP, transpiled=False, **chip) is None
    assert (verdict(back, transpiled=False, **chip) or "").startswith("f.qasm, line 6: chip has no cx from qubit 1 to")
    assert (verdict(nothing, **chip) or "").startswith("f.qasm, line 5: chip refuses a delay of 0; remove it")
    assert verdict(back, **chip) is verdict(back, transpiled=False) is verdict(nothing) is None


def test_devices_without_a_published_width() -> None:
    """An unknown width refuses no program."""
    assert verdict(f"{HEAD}qubit[200] wide;\nc = measure q;", n_qubits=None) is None


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (FLIP, None),
        (f"{HEAD}x q[0];", "f.qasm measures nothing, so its counts are meaningless; add a line such as c = measure q;"),
        (
            f"{HEAD}c[0] = measure q[0];\nbarrier q;\nx q[1];\ncx q[1], q[0];\nc[1] = measure q[1];",
            "f.qasm, line 8: cx acts on qubit 0 after its measurement. Devices treat every measurement as final, so "
            "the counts may be wrong: cx q[1], q[0];",
        ),
    ],
    ids=["fine", "unmeasured", "midway"],
)
def test_warnings(cli: Typed, tmp_path: Path, text: str, warning: str | None) -> None:
    """A program that runs, but probably not as intended, causes a warning next to the counts."""
    file = tmp_path / "f.qasm"
    file.write_text(text, encoding="utf-8")
    result = cli("run", str(file), "--device", "qulacs", "--json")

    assert Program("f.qasm", text).warnings() == ([] if warning is None else [warning])
    assert sum(answer(result)["counts"].values()) == 1000
    assert ("Warning: " in result.stderr) is (warning is not None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FLIP, None),
        (FLIP.replace("x q[0];", "x q[0]"), None),
        ("OPENQASM 2.0;\nqreg q[1];\ncreg c[1];\nU(0, 0, 0) q[0];\nmeasure q -> c;", None),
        (FLIP.replace("qubit[2] q", "/* qubit[99] z; */ qubit[2] q").replace("x q", "// qubit[99] z;\nx q"), None),
        (FLIP.replace("qubit[2] q", "qubit[9] p; qreg r[8]; qubit a"), "f.qasm: the program has 18 qubits, but qulacs"),
        (FLIP.replace("3;", "2.0;").replace("stdgates", "qelib1"), "f.qasm, line 2: this is OpenQASM 2, but servers"),
    ],
)
def test_without_the_parser(monkeypatch: pytest.MonkeyPatch, text: str, said: str | None) -> None:
    """Version and registers are still checked; the rest is left to the server."""
    monkeypatch.setitem(sys.modules, "openqasm3", None)

    assert verdict(text) is None if said is None else (verdict(text) or "").startswith(said)
    assert Program("f.qasm", text).warnings() == []


def test_what_is_too_deep_for_this_computer_is_sent() -> None:
    """Programs nested too deep for this computer are sent, as servers may have a larger stack."""
    assert verdict(f"{HEAD}rz({'(' * 500}1{')' * 500}) q[0];\nc = measure q;") is None


def test_standard_input(cli: Typed) -> None:
    """Messages name standard input, and a byte order mark is accepted."""
    flip = cli("run", "-", "--device", "qulacs", "--json", text=f"\ufeff{FLIP}")

    assert answer(flip)["counts"] == {"11": 1000}
    assert "Standard input, line 5: gate 'xx' is not" in complaint(
        cli("run", "-", "--device", "qulacs", text=FLIP.replace("x q[0]", "xx q[0]"))
    )


def test_standard_input_of_an_old_version(cli: Typed) -> None:
    """The suggested conversion command reads a file, as it cannot read standard input."""
    text = complaint(cli("run", "-", "--device", "qulacs", text='OPENQASM 2.0; include "qelib1.inc"; qreg q[1];'))
    assert text.startswith("oqtopus-client: Standard input, line 1: this is OpenQASM 2")
    assert "from_qasm_file('FILE')" in text


def test_folders(tmp_path: Path) -> None:
    """A folder is refused as unreadable."""
    with pytest.raises(ValueError, match=r"cannot be read: Is a directory\."):
        read(str(tmp_path))


def runs(text: str, *, transpiled: bool) -> bool:
    """Return whether the emulated device executes a program."""
    archive = pack_json("input", {"program": [text]})
    info = DEFAULT_TRANSPILER if transpiled else {"transpiler_lib": None}
    task = CircuitJob("sampling", archive, 1, info, {}, built_in_devices()["qulacs"])
    try:
        execute(task, prepare(task))
    except JobFailure:
        return False
    return True


@pytest.mark.parametrize("seed", range(25))
def test_as_the_server(seed: int) -> None:
    """A randomly mutated program is refused if and only if it fails on the server."""
    drawn = random.Random(seed)
    text = list(FLIP)
    for _ in range(drawn.randint(1, 2)):
        place, other = drawn.randrange(len(text)), drawn.randrange(len(text))
        match drawn.randrange(3):
            case 0:
                del text[place]
            case 1:
                text.insert(place, text[other])
            case 2:
                text[place], text[other] = text[other], text[place]
    mutant = "".join(text)

    assert [verdict(mutant, transpiled=on) is None for on in (True, False)] == [
        runs(mutant, transpiled=on) for on in (True, False)
    ]
