"""The `oqtopus-client` command line.

Each command has its own module. Shared code is in `session` (the server to use), `output` (tables and JSON), `waiting`
and `exit_codes`. Modules that are slow to import are imported when a command runs.
"""


def main() -> None:
    """Run the command line.

    SIGTERM ends it as Ctrl-C does, so that a wait prints the job's id and a terminal is restored.
    """
    import signal

    from oqtopus_client.cli.app import app

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    app(prog_name="oqtopus-client")


__all__ = ["main"]
