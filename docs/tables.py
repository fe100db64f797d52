"""Markdown tables generated from the packages' own data."""

import argparse
from collections.abc import Iterable

from oqtopus_client.cli.exit_codes import MEANINGS
from oqtopus_client.emulator import FaultKind, arguments
from oqtopus_client.rest.endpoints import OPERATIONS


def operations() -> str:
    """Return the table of operations, with whether and why each is retried."""
    rows = ((f"`{each}`", "yes" if each.idempotent else "no", each.why) for each in OPERATIONS)
    return _table(("Request", "Retried?", "Reason"), rows)


def faults() -> str:
    """Return the table of faults that the emulator can inject."""
    return _table(("Fault", "Effect"), ((f"`{kind}`", kind.about) for kind in FaultKind))


def exit_codes() -> str:
    """Return the table of the exit codes."""
    return _table(("Code", "Meaning"), ((f"{code:d}", meaning) for code, meaning in MEANINGS.items()))


def emulator_options() -> str:
    """Return the table of the options of `emulator start`."""
    actions = arguments.parser("")._actions[1:]  # noqa: SLF001 - without --help; argparse has no public list
    return _table(("Option", "Meaning"), ((_option(action), _help(action)) for action in actions))


def _option(action: argparse.Action) -> str:
    value = action.metavar or (action.choices and "|".join(action.choices)) or action.dest.upper()
    return f"`{action.option_strings[0]}{'' if action.nargs == 0 else f' {value}'}`".replace("|", r"\|")


def _help(action: argparse.Action) -> str:
    return (action.help or "") % {"default": action.default}


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
