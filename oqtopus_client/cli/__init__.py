"""The command `oqtopus-client`: the cloud from a terminal.

A module for each command; what all of them share is in `session` (where the server is), `output` (tables and JSON),
`waiting` and `failures` (exit codes). Whatever takes long to import is imported when a command runs.
"""


def main() -> None:
    """Run the command line."""
    from oqtopus_client.cli.app import app

    app()


__all__ = ["main"]
