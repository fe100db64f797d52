"""Tables of what the packages themselves go by, as Markdown."""

from collections.abc import Iterable

from oqtopus_client.cli.exit_codes import MEANINGS
from oqtopus_client.emulator import FaultKind
from oqtopus_client.rest.endpoints import OPERATIONS


def operations() -> str:
    """What is sent again, and why."""
    rows = ((f"`{each}`", "yes" if each.repeatable else "no", each.why) for each in OPERATIONS)
    return _table(("Request", "Sent again?", "Because"), rows)


def faults() -> str:
    """What the emulator does on request."""
    return _table(("Fault", "What happens"), ((f"`{kind}`", kind.about) for kind in FaultKind))


def exit_codes() -> str:
    """How commands end."""
    return _table(("Code", "Meaning"), ((f"{code:d}", meaning) for code, meaning in MEANINGS.items()))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
