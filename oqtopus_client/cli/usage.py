"""Messages about command lines that cannot be parsed: one line each, with the value and the next step."""

from __future__ import annotations

import re
from typing import Any

import typer

from oqtopus_client.display import suggestion

UsageError: type[Any] = typer.BadParameter.__mro__[1]
"""Base class of these errors; typer exports only the subclass."""

_ELSEWHERE = {
    "backends": "devices",
    "config": "login",
    "execute": "run",
    "help": "--help",
    "kill": "cancel",
    "list": "jobs",
    "logs": "log",
    "ls": "jobs",
    "queue": "jobs",
    "remove": "delete",
    "results": "result",
    "rm": "delete",
    "show": "job",
    "status": "job",
    "stop": "cancel",
    "submit": "run",
    "version": "--version",
    "wait": "result",
}
"""Names of commands in other software, and ours."""

_LIMITS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
_NUMBERS = {"int_parsing": "an integer", "int_from_float": "an integer", "float_parsing": "a number"}


def explain(error: Any) -> str:
    """Return what is wrong with a command line, and what to do.

    Args:
        error: The `UsageError`.
    """
    reason = _reason(error).rstrip(". ")
    help_page = f" See: {error.ctx.command_path} --help" if error.ctx else ""
    return f"{reason}{'' if reason.endswith('?') else '.'}{help_page}"


def _reason(error: Any) -> str:
    name, message = type(error).__name__, str(error.message)
    parameter = getattr(error, "param", None)
    if name == "NoSuchOption":
        return _unknown_option(error)
    if name == "MissingParameter" and parameter is not None:
        return f"{_named(parameter)} is missing. {parameter.help or ''}"
    if isinstance(error, typer.BadParameter) and parameter is not None:
        reason = _wrong_value(error)
        return f"{_named(parameter)}{' ' if reason.startswith('must') else ': '}{reason}"
    if "unexpected extra argument" in message:
        return f"{message.rstrip('.')}. An argument with spaces needs quotes"
    unknown = re.match(r"No such command '(.+?)'", message)
    if unknown and error.ctx.parent is None and unknown[1] in _ELSEWHERE:
        return f"{unknown[0]}. Did you mean '{_ELSEWHERE[unknown[1]]}'?"
    return message.replace("', '", "' or '")


def _named(parameter: Any) -> str:
    """Return a parameter as a user types it: `--device`, or the name of an argument."""
    if parameter.param_type_name == "option":
        return " or ".join(str(max(names, key=len)) for names in (parameter.opts, parameter.secondary_opts) if names)
    return str(parameter.metavar or parameter.name).upper()


def _wrong_value(error: Any) -> str:
    """Return the reason with the value, which newer typers leave out."""
    if (errors := getattr(error.__cause__, "errors", None)) is None:
        return str(error.message)
    found = errors()[0]
    kind, value = found["type"], found["input"]
    if kind in _LIMITS:
        word, key = _LIMITS[kind]
        return f"must be {word} {found['ctx'][key]:g}, not {value}"
    return f"must be {_NUMBERS[kind]}, not {value!r}" if kind in _NUMBERS else str(error.message)


def _unknown_option(error: Any) -> str:
    name, context, root = error.option_name, error.ctx, error.ctx.find_root()
    if context is not root and name in _options(root.command):
        return f"{name} goes before the command: {root.command_path} {name} ... {context.info_name}"
    owners = [owner for owner, command in getattr(context.command, "commands", {}).items() if name in _options(command)]
    if owners:
        return f"{name} goes after the command, as in: {context.command_path} {owners[0]} {name}"
    similar = suggestion(name, error.possibilities, str) if error.possibilities else ""
    return f"No such option: {name}. {similar}"


def _options(command: Any) -> set[str]:
    """Return the options of a command, as a user types them."""
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
