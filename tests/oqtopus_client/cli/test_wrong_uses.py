"""Wrong uses at the shell: each message says what was wrong, with the value, where it came from, and what to do."""

from __future__ import annotations

import json
import os
import re
import shlex
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
import trustme

from tests.support.circuits import BELL
from tests.support.command_line import Typed
from tests.support.servers import raw_server, reply

HEAD = 'OPENQASM 3;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\n'
END = "c = measure q;\n"
UNKNOWN = "01900000-0000-7000-8000-000000000000"
TOKEN = "idpart.secretpart"
PASSWORD = "hidden-password"

FILES: dict[str, str | bytes] = {
    "bell.qasm": BELL,
    "empty.qasm": "",
    "latin.qasm": f"{HEAD}{END}// caf\u00e9\n".encode("latin-1"),
    "utf16.qasm": f"{HEAD}{END}".encode("utf-16"),
    "image.qasm": bytes(range(256)),
    "two.qasm": 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\n',
    "semicolon.qasm": f"{HEAD}x q[0]\n{END}",
    "gate.qasm": f"{HEAD}cnot q[0], q[1];\n{END}",
    "capital.qasm": f"{HEAD}H q[0];\n{END}",
    "include.qasm": f"OPENQASM 3;\nqubit[2] q;\nbit[2] c;\nh q[0];\n{END}",
    "wide.qasm": f"{HEAD.replace('[2]', '[99]')}x q[0];\n{END}",
    "index.qasm": f"{HEAD}x q[5];\n{END}",
    "twice.qasm": f"{HEAD}qubit q;\n{END}",
    "input.qasm": f"{HEAD}input float theta;\nrx(theta) q[0];\n{END}",
    "taken.qasm": f"{HEAD}input float t;\n{END}",
    "reset.qasm": f"{HEAD}reset q[0];\nx q[0];\n{END}",
    "branch.qasm": f"{HEAD}{END}if (c[0]) {{ x q[1]; }}\n",
    "loop.qasm": f"{HEAD}for int i in [0:1] {{ x q[i]; }}\n{END}",
    "sizes.qasm": f"{HEAD}bit d;\nd = measure q;\n",
    "arguments.qasm": f"{HEAD}cx q[0];\n{END}",
    "parameters.qasm": f"{HEAD}rx q[0];\n{END}",
    "division.qasm": f"{HEAD}rx(1/0) q[0];\n{END}",
    "space.qasm": f"{HEAD}x\u00a0q[0];\n{END}",
    "nothing.qasm": f"{HEAD}x \u200bq[0];\n{END}",
    "script.py": "print('hello')\n",
    "data.json": '{"counts": {}}\n',
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, which has the files."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def grade(text: str, *said: str) -> None:
    """Check a message: everything it must say, in one line, with nothing raw and nothing secret."""
    lines = [line for line in text.splitlines() if not line.startswith(("Warning: ", "Waiting for job "))]
    assert len(lines) == 1, text
    assert lines[0].startswith("oqtopus-client: ")
    for each in said:
        assert each in lines[0], lines[0]
    # Neither a traceback, nor a class, an address or a list of Python's, nor a validator's text.
    assert not re.search(
        r"Traceback|Error\(|Errno|<[A-Z]\w+|\.py:|_ssl\.c|Input should|\[\"|\['|NoneType|\(GET http.*\)$|Scope\.", text
    ), text
    assert not any(secret in text for secret in (TOKEN, PASSWORD, os.environ.get("OQTOPUS_API_TOKEN", TOKEN))), text
    # It ends with what to do, or with the line at fault.
    assert not re.search(r"[a-z]$", lines[0]) or "oqtopus-client" in lines[0].split(": ", 1)[1] or ", line " in text


class Use(NamedTuple):
    """A wrong use of the command.

    Attributes:
        line: The command line, without the command's name.
        code: The exit code.
        said: What the message must say.
        text: Standard input.
    """

    line: str
    code: int
    said: tuple[str, ...]
    text: str | None = None


def use(line: str, code: int, *said: str, text: str | None = None) -> Use:
    """Return a wrong use."""
    return Use(line, code, said, text)


RUN = "--device qulacs"
PROGRAMS = [
    use(f"run nowhere.qasm {RUN}", 2, "nowhere.qasm cannot be read: No such file or directory."),
    use(f"run folder {RUN}", 2, "folder cannot be read: Is a directory."),
    use(f"run '' {RUN}", 2, "The name of the file is empty; is a shell variable unset?"),
    use(f"run empty.qasm {RUN}", 2, "empty.qasm is empty; it must contain an OpenQASM 3 program."),
    use(f"run - {RUN}", 2, "Standard input is empty", text=""),
    use(f"run latin.qasm {RUN}", 2, "latin.qasm, line 6", "must be UTF-8 text", "Save the file as UTF-8."),
    use(f"run utf16.qasm {RUN}", 2, "it is UTF-16", "Save the file as UTF-8."),
    use(f"run image.qasm {RUN}", 2, "it is a binary file", "Choose another file."),
    use(f"run two.qasm {RUN}", 2, "line 1: this is OpenQASM 2", "Convert it with: python -c", "two.qasm"),
    use(f"run semicolon.qasm {RUN}", 2, "line 5: a semicolon is missing at the end of the line: x q[0]"),
    use(f"run gate.qasm {RUN}", 2, "line 5: gate 'cnot' is not defined; did you mean 'cx'?: cnot q[0], q[1];"),
    use(f"run capital.qasm {RUN}", 2, "line 5: gate 'H' is not defined; did you mean 'h'?: H q[0];"),
    use(f"run include.qasm {RUN}", 2, "line 4: gate 'h' is not defined", 'add the line include "stdgates.inc";'),
    use(f"run wide.qasm {RUN}", 2, "line 3: the program has 99 qubits, but qulacs has only 16: qubit[99] q;"),
    use(f"run index.qasm {RUN}", 2, "line 5: index out of range: x q[5];"),
    use(f"run twice.qasm {RUN}", 2, "line 5: the name 'q' is declared above", "choose another one: qubit q;"),
    use(f"run taken.qasm {RUN}", 2, "line 5: the name 't'", "that of a gate in stdgates.inc", "input float t;"),
    use(f"run input.qasm {RUN}", 2, "line 6: the input theta has no value; replace it by a number: rx(theta) q[0];"),
    use(f"run reset.qasm {RUN}", 2, "line 5: no device executes a reset", "remove it at the beginning: reset q[0];"),
    use(f"run branch.qasm {RUN}", 2, "line 6: no device executes control flow (if_else): if (c[0])"),
    use(f"run loop.qasm {RUN}", 2, "line 5: servers need a number as the index", "write each operation out: for int"),
    use(f"run sizes.qasm {RUN}", 2, "line 6: the registers have different sizes: d = measure q;"),
    use(f"run arguments.qasm {RUN}", 2, "line 5: the gate acts on 2 qubits, not on 1: cx q[0];"),
    use(f"run parameters.qasm {RUN}", 2, "line 5: the gate takes a different number of parameters: rx q[0];"),
    use(f"run division.qasm {RUN}", 2, "line 5: division by zero: rx(1/0) q[0];"),
    use(f"run space.qasm {RUN}", 2, "line 5: unexpected 'NO-BREAK SPACE': x"),
    use(f"run nothing.qasm {RUN}", 2, "line 5: unexpected 'ZERO WIDTH SPACE': x"),
    use(f"run script.py {RUN}", 2, "script.py, line 1", "this is probably not an OpenQASM 3 program"),
    use(f"run data.json {RUN}", 2, "data.json, line 1", "this is probably not an OpenQASM 3 program"),
    use(f"run bell.qasm {RUN} --no-transpile", 2, "qulacs does not execute h; run without --no-transpile"),
    use(f"program nowhere.py {RUN}", 2, "nowhere.py does not exist."),
    use(f"program bell.qasm {RUN}", 2, "bell.qasm is not a Python file; its name must end in .py."),
    use(f"program script.py {RUN}", 5, "this emulator does not run sse programs; start it with --allow-sse"),
]
DEVICES = [
    use("run bell.qasm --device qulax", 4, "Unknown device 'qulax'. Did you mean 'qulacs'?"),
    use("run bell.qasm --device nowhere", 4, "Unknown device 'nowhere'. Known: 'qulacs', 'lattice64'"),
    use("run bell.qasm --device QULACS", 4, "Unknown device 'QULACS'. Known: 'qulacs'"),
    use("run bell.qasm --device ''", 2, "--device is empty; is a shell variable unset?"),
    use("device nowhere", 4, "Unknown device 'nowhere'. Known: 'qulacs'"),
    use("device ''", 2, "The name of the device is empty; is a shell variable unset?"),
    use("device lattice64 --png nowhere/chip.png", 2, "nowhere/chip.png: No such file or directory."),
    use("device lattice64 --png chip", 2, "--png: the name 'chip' has no ending; name the file chip.png"),
    use("device lattice64 --png folder", 2, "--png: the name 'folder' has no ending; name the file chip.png"),
    use("device lattice64 --png ''", 2, "--png is empty; is a shell variable unset?"),
    use("device lattice64 --png chip.xyz", 2, "chip.xyz: Format 'xyz' is not supported", "name the file chip.png"),
]
OPTIONS = [
    use("run bell.qasm", 2, "--device is missing. Device to run on, as listed by `devices`", "run --help"),
    use("run --device qulacs", 2, "FILE is missing. OpenQASM 3 file, or - for standard input", "run --help"),
    use(f"run bell.qasm {RUN} --shots 0", 2, "--shots must be at least 1, not 0", "run --help"),
    use(f"run bell.qasm {RUN} --shots -5", 2, "--shots must be at least 1, not -5", "run --help"),
    use(f"run bell.qasm {RUN} --shots 1e3", 2, "--shots must be an integer, not '1e3'", "run --help"),
    use(f"run bell.qasm {RUN} --shots many", 2, "--shots must be an integer, not 'many'", "run --help"),
    use(
        f"run bell.qasm {RUN} --shots 99999999999", 2, "shots must be an integer from 1 to 10,000,000, not 99999999999."
    ),
    use(f"run bell.qasm {RUN} --timeout -1", 2, "--timeout must be at least 0, not -1", "run --help"),
    use(f"run bell.qasm {RUN} --timeout soon", 2, "--timeout must be a number, not 'soon'", "run --help"),
    use(f"run bell.qasm {RUN} --optimization-level 7", 2, "--optimization-level must be at most 3, not 7"),
    use(f"run bell.qasm {RUN} --no-transpile --optimization-level 2", 2, "which --no-transpile turns off"),
    use(f"run bell.qasm {RUN} --name {'x' * 300}", 2, "name has 300 characters; the server keeps at most 256."),
    use(
        f"run my bell.qasm {RUN}", 2, "unexpected extra argument", "(bell.qasm)", "An argument with spaces needs quotes"
    ),
    use("run bell.qasm --devices qulacs", 2, "No such option: --devices. Did you mean --device?", "run --help"),
    use(f"run bell.qasm {RUN} --shot 5", 2, "No such option: --shot. Did you mean --shots", "run --help"),
    use("jobs --status sucess", 2, "--status: 'sucess' is not a status of OQTOPUS. Known: 'registered', 'submitted'"),
    use("jobs --status done", 2, "--status: 'done' is not a status of OQTOPUS. Did you mean 'succeeded'?"),
    use("jobs --since yesterday", 2, "--since takes 30m, 2h, 3d, 1w, or a time such as", "not 'yesterday'."),
    use("jobs --text '' --ids", 2, "--text is empty; is a shell variable unset?"),
    use("jobs --device= --ids", 2, "--device is empty; is a shell variable unset?"),
    use("login --profile '' --token-stdin", 2, "--profile is empty; is a shell variable unset?"),
    use("jobs --since 0001-01-01T00:00:00+14:00", 2, "--since takes 30m, 2h, 3d, 1w, or a time such as"),
    use("jobs --watch --interval inf", 2, "--interval must be at most 86400, not inf", "jobs --help"),
    use("jobs --limit 0", 2, "--limit must be at least 1, not 0", "jobs --help"),
    use("jobs --interval 0", 2, "--interval must be at least 0.5, not 0", "jobs --help"),
    use("jobs --watch --json", 2, "--watch, --json and --ids exclude each other; use only one of them."),
    use("jobs 20", 2, "unexpected extra argument", "(20)", "jobs --help"),
    use("jobs --since", 2, "'--since' requires an argument"),
    use("devices --json=yes", 2, "'--json' does not take a value"),
    use("doctor --with-jobs", 2, "--with-jobs needs --compare.", "doctor --help"),
    use("cancel", 2, "ID... is missing. Job ids, as listed by `jobs`", "cancel --help"),
    use("login --token-stdin", 2, "--token-stdin needs --url."),
    use("devices --emulator", 2, "--emulator goes before the command: oqtopus-client --emulator ... devices"),
    use("jobs --profile lab", 2, "--profile goes before the command: oqtopus-client --profile ... jobs"),
    use("--device qulacs run bell.qasm", 2, "--device goes after the command, as in: oqtopus-client run --device"),
    use("--profile", 2, "'--profile' requires an argument"),
    use("--profile '' devices", 2, "--profile is empty; is a shell variable unset?"),
    use("--profile lab --emulator devices", 2, "--profile and --emulator select different servers; use only one"),
    use("--nowhere", 2, "No such option: --nowhere", "oqtopus-client --help"),
]
COMMANDS = [
    use("devcies", 2, "No such command 'devcies'. Did you mean 'devices' or 'device'?", "oqtopus-client --help"),
    use("Jobs", 2, "No such command 'Jobs'. Did you mean 'jobs'?"),
    use("status", 2, "No such command 'status'. Did you mean 'job'?"),
    use("ps", 2, "No such command 'ps'. Did you mean 'jobs'?"),
    use("logout", 2, "No such command 'logout'. `doctor` shows the file of your profile; remove the profile there."),
    use("submit bell.qasm", 2, "No such command 'submit'. Did you mean 'run'?"),
    use("help", 2, "No such command 'help'. Did you mean '--help'?"),
    use("version", 2, "No such command 'version'. Did you mean '--version'?"),
    use("frobnicate", 2, "No such command 'frobnicate'.", "oqtopus-client --help"),
    use("emulator strat", 2, "No such command 'strat'. Did you mean 'start' or 'status'?", "emulator --help"),
    use(
        "emulator start --prot 3", 2, "No such option: --prot. Did you mean --port or --host?", "emulator start --help"
    ),
    use("emulator start --nowhere=3", 2, "No such option: --nowhere. See: ", "emulator start --help"),
    use("emulator start 8080", 2, "unexpected extra argument '8080'.", "emulator start --help"),
    use("emulator start --port", 2, "--port: expected one argument.", "emulator start --help"),
    use("emulator start --port x", 2, "--port must be an integer of at least 0, not 'x'.", "emulator start --help"),
    use("emulator start --workers 0", 2, "--workers must be an integer of at least 1, not '0'."),
    use("emulator start --schedule soon", 2, "--schedule: invalid choice: 'soon' (choose from", "gateway"),
    use("emulator start --tls-cert a.pem", 2, "--tls-cert and --tls-key are used together.", "emulator start --help"),
    use("emulator faults inject", 2, "KIND is missing. The kind of fault, as listed by `kinds`"),
    use("emulator faults inject fail-job", 2, "Unknown kind 'fail-job'. Did you mean 'fail_job'"),
    use("emulator faults inject delay --times -1", 2, "--times must be at least 0, not -1"),
    use("emulator faults inject delay --method FETCH", 2, "--method must be GET, POST, PATCH, DELETE, not 'FETCH'."),
    use("emulator faults inject delay --seconds -1", 2, "--seconds must be at least 0, not -1"),
    use("emulator users add", 2, "NAME is missing. The new user's name", "emulator users add --help"),
    use("emulator users add ''", 2, "The user's name is empty; is a shell variable unset?"),
    use("emulator users add zoe --devices ,", 2, "--devices is empty; is a shell variable unset?", "use suspend."),
    use("emulator users add zoe --devices ''", 2, "--devices is empty; is a shell variable unset?"),
    use("emulator users remove zoe --url ''", 2, "--url is empty; is a shell variable unset?"),
    use("emulator faults inject nowhere", 2, "Unknown kind 'nowhere'. Known: 'delay', 'too_many_requests', "),
    use("emulator announce News --start soon", 2, "--start must be a time such as 2026-08-20T09:00, not 'soon'"),
    use("emulator announce News --start 0001-01-01", 2, "--start is too early or too late."),
    use("emulator stop", 2, "No such command 'stop'. Press Ctrl-C where it runs.", "emulator --help"),
    use("emulator users rm zoe", 2, "No such command 'rm'. Did you mean 'remove'?", "emulator users --help"),
    use("emulator device qulacs", 2, "--on or --off is missing. Accept jobs for the device", "emulator device --help"),
    use("emulator announce ' '", 2, "The title is empty; is a shell variable unset?"),
    use("emulator announce News --days 0", 2, "--days must be more than 0."),
    use("emulator status --data folder", 2, "--data: folder is not the data folder of an emulator; `emulator start`"),
    use("emulator users renew-token nowhere", 4, "nowhere"),
    use("emulator status --url nowhere", 2, "base_url must be an http or https URL", "not 'nowhere' (from --url)."),
    use("emulator status --url http://127.0.0.1:9", 5, "refused: nothing listens there", "The URL is from --url"),
    use("--emulator emulator status", 2, "These commands control a served emulator; omit --emulator."),
]
JOBS = [
    *(
        use(f"{command} {UNKNOWN}", 4, f"Job {UNKNOWN} does not exist on this server, was deleted, or belongs to", hint)
        for command in ("result", "job", "log", "cancel", "delete --yes", "result --no-wait")
        for hint in ["List yours with: oqtopus-client jobs"]
    ),
    *(
        use(f"{command} ''", 2, "The job id is empty; is a shell variable unset?", "oqtopus-client jobs")
        for command in ("result", "job", "log", "cancel", "delete --yes")
    ),
    use("result ../devices", 4, "Job ../devices does not exist on this server"),
    use("result http://127.0.0.1/jobs/1", 4, "does not exist on this server"),
    use("result ..", 2, "'..' is not a valid id."),
    use(f"result {'x' * 100_000}", 2, "is not a valid id."),
    use("job %00", 4, "Job %00 does not exist on this server"),
]


@pytest.mark.parametrize("wrong", [*PROGRAMS, *DEVICES, *OPTIONS, *COMMANDS, *JOBS], ids=lambda wrong: wrong.line[:60])
@pytest.mark.usefixtures("folder")
def test_wrong_use(cli: Typed, wrong: Use) -> None:
    """The message is graded, and nothing else is printed."""
    result = cli(*shlex.split(wrong.line), text=wrong.text)

    assert (result.exit_code, result.stdout) == (wrong.code, ""), result.output
    grade(result.stderr, *wrong.said)


BASE = "[default]\nbase_url = https://api.example.org\napi_token = idpart.secretpart\n"
NO_ENVIRONMENT = {"OQTOPUS_URL": "", "OQTOPUS_API_TOKEN": ""}
SETTINGS: list[tuple[str | bytes | None, dict[str, str], str, int, tuple[str, ...]]] = [
    (None, {}, "devices", 2, ("No OQTOPUS server is configured. Set OQTOPUS_URL", "`oqtopus-client login`")),
    (None, {}, "--profile lab devices", 2, ("config.ini does not exist; `oqtopus-client login` writes it.",)),
    (BASE, {}, "--profile lab devices", 2, ("config.ini has no profile [lab]. Known: 'default'.",)),
    (BASE, {}, "--profile defualt devices", 2, ("has no profile [defualt]. Did you mean 'default'?",)),
    ("[default]\n", {}, "devices", 2, ("Profile [default] of", "config.ini must define base_url.")),
    ("api_token = idpart.secretpart\n", {}, "devices", 2, ("config.ini is not an INI file (line 1); correct it",)),
    (b"\xff\xfe\0", {}, "devices", 2, ("config.ini is not an INI file; correct it, or remove it",)),
    (f"{BASE}timeout = soon\n", {}, "devices", 2, ("timeout must be a number of seconds, not 'soon'.", "[default]")),
    (f"{BASE}allow_http = maybe\n", {}, "devices", 2, ("allow_http must be true or false, not 'maybe'.",)),
    (BASE.replace("idpart.", "id part."), {}, "devices", 2, ("The API token from profile [default] of", "a space")),
    (BASE.replace("https://", ""), {}, "jobs", 2, ("not 'api.example.org' (from profile [default] of",)),
    (BASE.replace("https", "http"), {}, "jobs", 2, ("http://api.example.org would send the API token unencrypted.",)),
    (BASE, {"OQTOPUS_URL": "api.example.org"}, "jobs", 2, ("(from environment variable OQTOPUS_URL).",)),
    (None, {"OQTOPUS_BASE_URL": "ftp://a.example"}, "jobs", 2, ("not 'ftp://a.example'", "variable OQTOPUS_BASE_URL")),
    (
        None,
        {"OQTOPUS_URL": "https://a b.example"},
        "jobs",
        2,
        ("must be an http or https URL", "'https://a b.example'"),
    ),
    (None, {"OQTOPUS_URL": f"https://me:{PASSWORD}@a.example"}, "jobs", 2, ("must not contain a user name or a",)),
    (None, {"OQTOPUS_URL": "https://a.example:99999"}, "jobs", 2, ("not 'https://a.example:99999'",)),
    (
        None,
        {"OQTOPUS_URL": "http://127.0.0.1:9"},
        "jobs",
        5,
        ("refused: nothing listens there", "OQTOPUS_URL", "doctor"),
    ),
    (BASE.replace("https://api.example.org", "http://127.0.0.1:9"), {}, "jobs", 5, ("--profile default doctor",)),
    (None, {"OQTOPUS_URL": "https://nowhere.invalid"}, "jobs", 5, ("GET https://nowhere.invalid: ", "OQTOPUS_URL")),
    (BASE, {"OQTOPUS_TIMEOUT": "soon"}, "jobs", 2, ("OQTOPUS_TIMEOUT must be a positive number of seconds", "'soon'")),
    (BASE, {"OQTOPUS_ALLOW_HTTP": "maybe"}, "jobs", 2, ("OQTOPUS_ALLOW_HTTP must be 1, true,", "not 'maybe'.")),
    (BASE, {"OQTOPUS_API_TOKEN": "a\nb"}, "jobs", 2, ("The API token from environment variable OQTOPUS_API_TOKEN",)),
    (
        BASE,
        {"OQTOPUS_PROXY": f"me:{PASSWORD}@proxy"},
        "jobs",
        2,
        ("proxy must be an http or https URL", "OQTOPUS_PROXY"),
    ),
    (BASE, {"OQTOPUS_PROXY": "socks5://proxy"}, "jobs", 2, ("SOCKS is not supported", "OQTOPUS_PROXY")),
    (
        BASE,
        {"OQTOPUS_PROXY": f"http://me:{PASSWORD}@127.0.0.1:9"},
        "jobs",
        5,
        ("through the proxy http://127.0.0.1:9",),
    ),
    (None, {}, "login --url api.example.org --token-stdin", 2, ("not 'api.example.org' (from --url).",)),
    (None, {}, "login --url http://a.example --token-stdin", 2, ("would send the API token", "login --allow-http")),
    (
        None,
        {},
        "login --url http://127.0.0.1:9 --token-stdin",
        5,
        ("OQTOPUS_URL=http://127.0.0.1:9 oqtopus-client doctor",),
    ),
    (None, {}, "login --url https://a.example --profile DEFAULT --no-verify --token-stdin", 2, ("'DEFAULT' is not a",)),
    (
        None,
        {},
        "login --url https://a.example --profile ' ' --no-verify --token-stdin",
        2,
        ("' ' is not a valid name",),
    ),
    (b"\0", {}, "login --url https://a.example --no-verify --token-stdin", 2, ("is not an INI file",)),
]


def saved(content: str | bytes | None) -> None:
    """Write the profile file."""
    if content is not None:
        file = Path(os.environ["XDG_CONFIG_HOME"], "oqtopus", "config.ini")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize(
    ("profiles", "environment", "line", "code", "said"),
    SETTINGS,
    ids=[f"{number}-{case[2][:30]}" for number, case in enumerate(SETTINGS)],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # aiohttp deprecates what httpx-aiohttp uses for proxies
def test_wrong_settings(
    oqtopus: Typed,
    monkeypatch: pytest.MonkeyPatch,
    profiles: str | bytes | None,
    environment: dict[str, str],
    line: str,
    code: int,
    said: tuple[str, ...],
) -> None:
    """A setting that cannot be used is named, with the file or variable that it is from."""
    saved(profiles)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = oqtopus(*shlex.split(line), text=f"{TOKEN}\n")

    assert (result.exit_code, result.stdout) == (code, ""), result.output
    grade(result.stderr.removeprefix("API token: \n"), *said)


def test_unreadable_profile_file(oqtopus: Typed) -> None:
    """A folder in place of the file is reported with its path."""
    Path(os.environ["XDG_CONFIG_HOME"], "oqtopus", "config.ini").mkdir(parents=True)
    result = oqtopus("devices")

    assert result.exit_code == 2
    grade(result.stderr, "config.ini cannot be read: Is a directory; correct it, or remove it")


HTML = reply(b"<html>hello</html>", "Content-Type: text/html")
MISSING = reply(b"<html>no</html>", "Content-Type: text/html", status="404 Not Found")
JSON = "Content-Type: application/json"
SERVERS: list[tuple[str, bytes, str, int, tuple[str, ...]]] = [
    ("a web page", HTML, "devices", 5, ("expected JSON, got text/html (HTTP 200)", "may not be that of an OQTOPUS")),
    ("no such path", MISSING, "devices", 4, ("HTTP 404: Not Found", "/devices", "doctor` shows where it is from.")),
    ("no such path", MISSING, f"result {UNKNOWN}", 4, ("HTTP 404: Not Found", "doctor` shows where it is from.")),
    ("other JSON", reply(b'{"a": 1}', JSON), "devices", 5, ("Expected a list from the server", "may not be that")),
    (
        "forbidden",
        reply(b'{"detail": "Forbidden"}', JSON, status="403 Forbidden"),
        "jobs",
        3,
        ("ask the server's operator",),
    ),
    ("wrong token", reply(b"{}", JSON, status="401 No"), "jobs", 3, ("did not accept the API token from environment",)),
    ("failure", reply(b"", status="500 Oops"), "jobs", 5, ("HTTP 500: Oops", "fault of the server: try again later")),
    ("limit", reply(b"", status="429 Slow"), "jobs", 5, ("HTTP 429: Slow", "limits how often", "try again later")),
    ("not HTTP", b"HTTP/1.1 204 No\r\n\r\nbody", "jobs", 5, ("the response is not valid HTTP", "doctor` checks")),
    ("busy", reply(b"", status="503 Busy"), "jobs", 5, ("HTTP 503: Busy", "fault of the server: try again later")),
    (
        "redirect",
        reply(b"", "Location: https://a.example/x?key=secret", status="302 Found"),
        "jobs",
        5,
        ("check base_url",),
    ),
    ("nonsense", b"hello\r\n\r\n", "jobs", 5, ("OQTOPUS_URL", "doctor` checks the connection.")),
    ("nothing", b"", "jobs", 5, ("OQTOPUS_URL", "doctor` checks the connection.")),
]


@pytest.mark.parametrize(
    ("answer", "line", "code", "said"), [case[1:] for case in SERVERS], ids=[c[0] for c in SERVERS]
)
def test_wrong_server(
    oqtopus: Typed, monkeypatch: pytest.MonkeyPatch, answer: bytes, line: str, code: int, said: tuple[str, ...]
) -> None:
    """A server that answers as no User API does is recognized."""
    with raw_server(lambda _path: answer) as server:
        monkeypatch.setenv("OQTOPUS_URL", server.url)
        monkeypatch.setenv("OQTOPUS_API_TOKEN", TOKEN)
        result = oqtopus(*shlex.split(line))

    assert (result.exit_code, result.stdout) == (code, ""), result.output
    grade(result.stderr, *said)


def test_tls_where_there_is_none(cli: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """An https URL of a server without TLS is recognized."""
    monkeypatch.setenv("OQTOPUS_URL", os.environ["OQTOPUS_URL"].replace("http", "https"))
    result = cli("devices")

    assert result.exit_code == 5
    grade(result.stderr, "does not use TLS on this port; its URL may begin with http://", "OQTOPUS_URL")


def test_tls_that_the_url_lacks(oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """An http URL of a server with TLS is recognized."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with raw_server(lambda _path: b"") as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        monkeypatch.setenv("OQTOPUS_URL", server.url)
        monkeypatch.setenv("OQTOPUS_API_TOKEN", TOKEN)
        result = oqtopus("devices")

    assert result.exit_code == 5
    grade(result.stderr, "If it uses TLS on this port, its URL begins with https://", "OQTOPUS_URL", "doctor")


def test_untrusted_certificate(oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate of an unknown authority is reported with the variable to set."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with raw_server(lambda _path: b"") as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        monkeypatch.setenv("OQTOPUS_URL", server.url.replace("http://127.0.0.1", "https://localhost"))
        result = oqtopus("devices")

    assert result.exit_code == 5
    grade(result.stderr, "CERTIFICATE_VERIFY_FAILED", "set SSL_CERT_FILE to its file", "OQTOPUS_URL", "doctor")


@pytest.fixture
def held(cli: Typed) -> Iterator[None]:
    """Hold every job until the test ends."""
    cli("emulator", "faults", "inject", "hold_job", "--status", "ready", "--seconds", "3600", "--times", "0")
    yield
    cli("emulator", "faults", "clear")


@pytest.mark.parametrize("command", ["result", "result --no-wait", "job", "log"])
@pytest.mark.usefixtures("cli")
def test_job_that_was_never_submitted(cli: Typed, command: str) -> None:
    """The message says so, and how to remove the id; `delete` says so, too."""
    token = {"q-api-token": os.environ["OQTOPUS_API_TOKEN"]}
    job_id = requests.post(f"{os.environ['OQTOPUS_URL']}/jobs", headers=token, json={}, timeout=30).json()["job_id"]
    result, deleted = cli(*command.split(), job_id), cli("delete", "--yes", job_id)

    assert (result.exit_code, deleted.exit_code) == (4, 5)
    grade(result.stderr, "was not submitted, so it has no result; submit it again.", f"oqtopus-client cancel {job_id}")
    grade(deleted.stderr, "was never submitted, so it cannot be deleted", f"oqtopus-client cancel {job_id}")


@pytest.mark.usefixtures("held", "folder")
def test_job_that_has_not_ended(cli: Typed) -> None:
    """It has neither a result nor a log, and cannot be deleted."""
    job_id = cli("run", "bell.qasm", "--device", "qulacs", "--no-wait").stdout.strip()
    results = {
        line: cli(*line.split(), job_id) for line in ("result --no-wait", "log", "delete --yes", "result --timeout 0")
    }

    assert [result.exit_code for result in results.values()] == [1, 4, 5, 6]
    grade(results["delete --yes"].stderr, "so it cannot be deleted; cancel it first", f"oqtopus-client cancel {job_id}")
    grade(
        results["log"].stderr, f"Job {job_id} (sampling, ", "has no log; servers keep logs of succeeded sse jobs only."
    )
    grade(results["result --timeout 0"].stderr, "did not finish within 0 s.", f"oqtopus-client result {job_id}")
    grade(results["result --no-wait"].stderr, f"Job {job_id} is ", "so it has no result yet; omit --no-wait.")


@pytest.mark.usefixtures("folder")
def test_job_that_has_ended(cli: Typed) -> None:
    """It cannot be cancelled; once it is deleted, it does not exist."""
    job_id = cli("run", "bell.qasm", "--device", "qulacs", "--no-wait").stdout.strip()
    cli("result", job_id)
    cancelled, cut = cli("cancel", job_id), cli("result", job_id[:-1])
    cli("delete", "--yes", job_id)
    gone = cli("result", job_id)

    assert (cancelled.exit_code, cut.exit_code, gone.exit_code) == (5, 4, 4)
    grade(cancelled.stderr, "has already succeeded, so it cannot be cancelled", f"oqtopus-client delete {job_id}")
    grade(cut.stderr, f"Job {job_id[:-1]} does not exist", f"Did you mean {job_id} (bell.qasm)?")
    grade(gone.stderr, f"Job {job_id} does not exist on this server, was deleted, or")


@pytest.mark.usefixtures("held", "folder")
def test_cancelled_job(cli: Typed) -> None:
    """Its result is the fact that it was cancelled."""
    job_id = cli("run", "bell.qasm", "--device", "qulacs", "--no-wait").stdout.strip()
    cli("cancel", job_id)
    result = cli("result", job_id)

    assert (result.exit_code, result.stdout) == (1, "")
    grade(result.stderr, f"Job {job_id} has the status 'cancelled': ")
    assert "no reason" not in result.stderr


@pytest.mark.usefixtures("folder")
def test_failed_jobs(cli: Typed) -> None:
    """The server's message is followed by a remedy; with --json, the message is in the output as well."""
    broken = cli("run", "semicolon.qasm", "--no-check", "--device", "qulacs")
    machine = cli("run", "bell.qasm", "--no-check", "--no-transpile", "--device", "qulacs", "--json")

    assert broken.exit_code == machine.exit_code == 1
    grade(broken.stderr, "has the status 'failed'", "check its OpenQASM 3 syntax, its gates")
    grade(machine.stderr, "failed to execute job on device", "transpile the program for it first")
    assert json.loads(machine.stdout)["message"] == "failed to execute job on device"


def control(method: str, path: str, body: dict[str, object]) -> requests.Response:
    """Call the emulator's control interface."""
    token = {"q-api-token": os.environ["OQTOPUS_API_TOKEN"]}
    url = f"{os.environ['OQTOPUS_URL']}/emulator/{path}"
    answer = requests.request(method, url, headers=token, json=body, timeout=30)
    answer.raise_for_status()
    return answer


@pytest.mark.usefixtures("folder")
def test_device_that_is_off(cli: Typed) -> None:
    """A job for a device that is out of service is refused with its name."""
    control("PATCH", "devices/lattice64c", {"status": "unavailable"})
    result = cli("run", "bell.qasm", "--device", "lattice64c")
    control("PATCH", "devices/lattice64c", {"status": "available"})

    assert (result.exit_code, result.stdout) == (5, "")
    grade(result.stderr, "device lattice64c is not available", "It has been removed.")


@pytest.mark.usefixtures("folder")
def test_jobs_and_devices_of_others(cli: Typed, oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of another user does not exist; a device for others is unknown; an account must be approved."""
    job_id = cli("run", "bell.qasm", "--device", "qulacs", "--no-wait").stdout.strip()
    other = control("POST", "users", {"name": "wrong-uses", "devices": ["qulacs"]}).json()["api_token"]
    waiting = control("POST", "users", {"name": "wrong-uses-2", "status": "unapproved"}).json()["api_token"]
    monkeypatch.setenv("OQTOPUS_API_TOKEN", other)
    job, device = oqtopus("result", job_id, secrets=(other,)), oqtopus("device", "lattice64", secrets=(other,))
    faults = oqtopus("emulator", "faults", "list", secrets=(other,))
    monkeypatch.setenv("OQTOPUS_API_TOKEN", waiting)
    account = oqtopus("devices", secrets=(waiting,))

    assert [result.exit_code for result in (job, device, faults, account)] == [4, 4, 4, 3]
    grade(job.stderr, f"Job {job_id} does not exist on this server, was deleted, or belongs to another user.")
    grade(device.stderr, "Unknown device 'lattice64'. Known: 'qulacs'")
    grade(faults.stderr, "is not an emulator, or the token is not its operator's. Choose one with --url.")
    grade(account.stderr, "HTTP 403: Forbidden", "Your account may not be approved", "ask the server's operator")
