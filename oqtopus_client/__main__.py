"""Entry point of `python -m oqtopus_client`."""

from __future__ import annotations

from oqtopus_client.cli.app import app

if __name__ == "__main__":
    app(prog_name="oqtopus-client")
