"""What the console's pages share: the cloud that they show, and how people reach it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from oqtopus_client.emulator.api.dependencies import Cloud
from oqtopus_client.emulator.console.access import Access


@dataclass(frozen=True)
class Site:
    """One served emulator.

    Attributes:
        cloud: Its parts.
        access: Who may see its pages.
        token: The operator's API token, as the emulator was started with it.
        data: Its data folder, as people write it.
        url: Its URL, as clients use it.
    """

    cloud: Cloud
    access: Access
    token: str = field(repr=False)
    data: str
    url: str


def site_of(request: Request) -> Site:
    """Return the site that a request is for."""
    site: Site = request.app.state.site
    return site


SiteParameter = Annotated[Site, Depends(site_of)]
"""Type of the endpoint parameter that receives the site."""
