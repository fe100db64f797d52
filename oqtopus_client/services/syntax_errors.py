"""Errors of the OpenQASM 3 parser and converter in plain words, with the line: `syntax_error`."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_LEXER_LINE = re.compile(r"L(?P<line>\d+):C\d+: (?P<reason>.*)", re.DOTALL)
_CONVERTER_LINE = re.compile(r"\d+,\d+: (?P<reason>.*)", re.DOTALL)
_INVISIBLE = re.compile(r"[^\S ]|[\u200b-\u200f\u2060\ufeff]")

_GATES_ELSEWHERE = {
    "cnot": "cx",
    "cphase": "cp",
    "fredkin": "cswap",
    "i": "id",
    "not": "x",
    "toffoli": "ccx",
    **{name.upper(): name for name in ("x", "y", "z", "h", "s", "t", "p", "sx", "rx", "ry", "rz", "cx", "cz", "swap")},
}
"""Names of gates in other software, and those in `stdgates.inc`."""


def syntax_error(error: Exception) -> tuple[int | None, str]:
    """Return line and reason of an error from the parser or the converter."""
    cause = error.__cause__
    recognized = cause.args[0] if cause is not None and cause.args else None
    token = getattr(recognized, "offendingToken", None)
    if token is not None:
        return _unexpected(recognized, token)
    if lexed := _LEXER_LINE.fullmatch(str(error)):
        return int(lexed["line"]), _plain(lexed["reason"])
    converted = _CONVERTER_LINE.fullmatch(str(error))
    reason = converted["reason"] if converted else str(getattr(error, "message", error)) or type(error).__name__
    if isinstance(error, TypeError) and ("__init__()" in reason or reason.startswith("label expects")):
        reason = "the gate takes a different number of parameters"
    return _line_in(error), _plain(reason.rstrip("."))


def _plain(reason: str) -> str:
    """Return a reason in the terms of OpenQASM, instead of those of the parser and of Qiskit."""
    return next((new(found) for old, new in _PLAIN.items() if (found := re.search(old, reason))), reason)


def _visible(text: str) -> str:
    """Return text with the names of the characters that look like a space, or like nothing."""
    return _INVISIBLE.sub(lambda odd: unicodedata.name(odd[0], repr(odd[0])[1:-1]), text)


def _undefined(found: re.Match[str]) -> str:
    known = _GATES_ELSEWHERE.get(found[1]) or _GATES_ELSEWHERE.get(found[1].lower())
    return found[0] if known is None else f"{found[0]}; did you mean {known!r}?"


def _unexpected(recognized: Any, token: Any) -> tuple[int, str]:
    """Return the line of an unexpected token, and what the parser expected there."""
    parser = recognized.recognizer
    expected = recognized.getExpectedTokens().toString(parser.literalNames, parser.symbolicNames)
    stream = parser.getTokenStream()
    before = next((stream.get(i) for i in range(token.tokenIndex - 1, -1, -1) if stream.get(i).channel == 0), None)
    if expected == "';'" and before is not None and (before.line < token.line or token.type == -1):
        return before.line, "a semicolon is missing at the end of the line"
    if token.type == -1:
        return token.line, "the file ends within a statement"
    if expected.startswith("{") or expected == "<EOF>":
        return token.line, f"unexpected {token.text!r}"
    return token.line, f"expected {expected} before {token.text!r}"


def _line_in(error: Exception) -> int | None:
    """Return the line of the node that the converter was processing."""
    line = None
    step = error.__traceback__
    while step is not None:
        span = getattr(step.tb_frame.f_locals.get("node"), "span", None)
        line = line if span is None else int(span.start_line)
        step = step.tb_next
    return line


_PLAIN: dict[str, Callable[[re.Match[str]], str]] = {
    r"^gate '(.+)' is not defined": _undefined,
    r"^Symbol '(.+)' already inserted": lambda found: (
        f"the name {found[1]!r} is declared above, or that of a gate in stdgates.inc; choose another one"
    ),
    r"^('.+' is already defined)": lambda found: f"{found[1]}; remove this definition, or choose another name",
    r"^Undefined symbol '(.+)'": lambda found: f"{found[1]!r} is not declared",
    r"qubit\((\d+)\)/clbit\(\d+\) arguments does not match the gate expectation \((\d+)\)": lambda found: (
        f"the gate acts on {found[2]} qubits, not on {found[1]}"
    ),
    "^duplicate bit arguments": lambda _: "the gate acts on the same qubit twice",
    "^register size error": lambda _: "the registers have different sizes",
    "^index must be int": lambda _: "servers need a number as the index, not a variable; write each operation out",
    "^non-stdgates imports": lambda _: "servers have no file to include but stdgates.inc",
    "^measurements must save": lambda _: "the outcome must be assigned to a bit, such as c[0] = measure q[0];",
    r"^node of type (\w+) is not supported": lambda found: f"servers do not support this statement ({found[1]})",
    "^integer division or modulo by zero": lambda _: "division by zero",
    "^token recognition error at: (.+)": lambda found: f"unexpected {_visible(found[1])}",
}
"""Functions of the match that return the plain words."""
