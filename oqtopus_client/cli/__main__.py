"""Entry point of `python -m oqtopus_client.cli`."""

from __future__ import annotations

from oqtopus_client.cli import main

if __name__ == "__main__":
    main()
