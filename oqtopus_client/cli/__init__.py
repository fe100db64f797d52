"""The `oqtopus-client` command line.

Each command has its own module. Shared code is in `session` (the server to use), `output` (tables and JSON), `waiting`
and `exit_codes`. Modules that are slow to import are imported when a command runs.
"""


def main() -> None:
    """Run the command line."""
    from oqtopus_client.cli.app import app

    app()


__all__ = ["main"]
