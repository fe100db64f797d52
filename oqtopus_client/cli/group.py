"""Groups of commands."""

from __future__ import annotations

import itertools
from typing import Any

import typer
from typer.core import TyperGroup


class Group(TyperGroup):
    """A group of commands whose options refuse empty values.

    The value of an unset shell variable is empty: `jobs --text "$NAME" --ids` must not list all jobs then.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, and check the values of its options."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:  # as in a completion
            _refuse_empty_values(command, rest)
        return name, command, rest


def _refuse_empty_values(command: Any, args: list[str]) -> None:
    options = {name for each in command.params if not getattr(each, "is_flag", True) for name in each.opts}
    words = itertools.takewhile(lambda word: word != "--", args)
    for before, word in itertools.pairwise(itertools.chain([""], words)):
        name = before if word == "" else word.removesuffix("=") if word.endswith("=") else ""
        if name in options:
            raise typer.BadParameter(f"{name} is empty; is a shell variable unset?")
