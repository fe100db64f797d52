"""What the shell offers when somebody presses Tab."""

from __future__ import annotations

from oqtopus_client import config


def profile_names(incomplete: str) -> list[str]:
    """Profiles of the configuration file that begin like this."""
    return [name for name in config.profile_names() if name.startswith(incomplete)]
