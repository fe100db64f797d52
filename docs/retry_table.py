"""The table of what is sent again, from what the SDK itself goes by."""

from oqtopus_client.rest.operations import OPERATIONS, Operation


def row(operation: Operation) -> str:
    """One line."""
    again = "yes" if operation.repeatable else "no"
    return f"| `{operation}` | {again} | {operation.why} |"


def table() -> str:
    """All of them, as Markdown."""
    return "\n".join(["| Request | Sent again? | Because |", "| --- | --- | --- |", *map(row, OPERATIONS), ""])
