"""Messages about command lines that cannot be parsed: one line each, with the value and the next step."""

from __future__ import annotations

from typing import Any

import typer

from oqtopus_client.display import suggestion

UsageError: type[Any] = typer.BadParameter.__mro__[1]
"""Base class of these errors; typer exports only the subclass."""

_ELSEWHERE = {
    "": {
        "auth": "login",
        "backend": "device",
        "backends": "devices",
        "calibration": "device",
        "check": "doctor",
        "completion": "--install-completion",
        "config": "login",
        "configure": "login",
        "counts": "result",
        "describe": "job",
        "diagnose": "doctor",
        "download": "result",
        "execute": "run",
        "faults": "emulator faults",
        "get": "result",
        "help": "--help",
        "history": "jobs",
        "info": "job",
        "init": "login",
        "inspect": "job",
        "kill": "cancel",
        "list": "jobs",
        "logout": "`doctor` shows the file of your profile; remove the profile there.",
        "logs": "log",
        "ls": "jobs",
        "output": "result",
        "ping": "doctor",
        "properties": "device",
        "ps": "jobs",
        "queue": "jobs",
        "remove": "delete",
        "results": "result",
        "rm": "delete",
        "serve": "emulator start",
        "show": "job",
        "start": "emulator start",
        "status": "job",
        "stop": "cancel",
        "submit": "run",
        "test": "doctor",
        "top": "jobs --watch",
        "users": "emulator users",
        "version": "--version",
        "wait": "result",
        "watch": "jobs --watch",
        "whoami": "doctor",
    },
    "emulator": {
        "list": "devices",
        "ls": "devices",
        "news": "announce",
        "run": "start",
        "serve": "start",
        "stop": "Press Ctrl-C where it runs.",
        "up": "start",
    },
    "faults": {
        "add": "inject",
        "delete": "clear",
        "remove": "clear",
        "reset": "clear",
        "rm": "clear",
        "show": "list",
    },
    "users": {
        "create": "add",
        "delete": "remove",
        "disable": "suspend",
        "enable": "approve",
        "new": "add",
        "rm": "remove",
        "show": "list",
        "token": "renew-token",
    },
}
"""Names of commands in other software by group, and ours, or a sentence."""

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
    return _unknown_command(error) if message.startswith("No such command") else message


def _unknown_command(error: Any) -> str:
    message, group = str(error.message), error.ctx.info_name if error.ctx.parent else ""
    name = message.split("'")[1]
    ours = _ELSEWHERE[group].get(name)
    if ours is None:
        return message.replace("', '", "' or '")
    return f"No such command {name!r}. {ours if ours.endswith('.') else f'Did you mean {ours!r}?'}"


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
    if kind.startswith("datetime"):
        return f"must be a time such as 2026-08-20T09:00, not {value!r}"
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
