"""Shell completion."""

from __future__ import annotations

from oqtopus_client import profiles


def profile_names(incomplete: str) -> list[str]:
    """Return the names of saved profiles that start with the given text."""
    return [name for name in profiles.profile_names() if name.startswith(incomplete)]
