"""`/console/connect`: lines to copy that connect programs to the emulator."""

from __future__ import annotations

import json
import shlex
from typing import NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from oqtopus_client.emulator.api.dependencies import UserParameter
from oqtopus_client.emulator.console.pages import render
from oqtopus_client.emulator.console.site import Site, SiteParameter
from oqtopus_client.emulator.console.texts import texts
from oqtopus_client.emulator.database import Row
from oqtopus_client.urls import is_loopback

router = APIRouter(prefix="/console/connect")

_HIDDEN = "•" * 16


class _Lines(NamedTuple):
    """Lines of one language.

    Attributes:
        name: The name of their heading and their explanation among the texts.
        text: The lines.
    """

    name: str
    text: str


@router.get("")
async def show(request: Request, site: SiteParameter, user: UserParameter) -> Response:
    """Return the lines, without the token."""
    known = _token(site, user) is not None
    return _page(request, site, _HIDDEN if known else texts().connect.your_token, known=known)


@router.post("")
async def reveal(request: Request, site: SiteParameter, user: UserParameter) -> Response:
    """Return the lines with the token; it is the operator's, as only hashes of other users' tokens are stored."""
    token = _token(site, user)
    return _page(request, site, token or texts().connect.your_token, known=token is not None)


def _page(request: Request, site: Site, token: str, *, known: bool) -> Response:
    lines = _lines(site.url, token)
    return render(request, "connect.html", lines=lines, token=token, known=known, hidden=token == _HIDDEN)


def _token(site: Site, user: Row) -> str | None:
    """Return the user's token, if it is the one that the emulator was started with and has not been replaced."""
    owner = site.cloud.users.with_token(site.token)
    return site.token if owner is not None and owner["id"] == user["id"] else None


def _lines(url: str, token: str) -> list[_Lines]:
    values = {"OQTOPUS_URL": url, "OQTOPUS_API_TOKEN": token}
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        values["OQTOPUS_ALLOW_HTTP"] = "1"
    arguments = [json.dumps(url), f"api_token={json.dumps(token, ensure_ascii=False)}"]
    arguments += ["allow_http=True"] if "OQTOPUS_ALLOW_HTTP" in values else []
    config = "config = OqtopusConfig(\n{})\n".format("".join(f"    {argument},\n" for argument in arguments))
    bash, fish, powershell = (
        "\n".join(line.format(name, quoted(value)) for name, value in values.items())
        for line, quoted in (("export {}={}", shlex.quote), ("set -gx {} {}", _fish), ("$env:{} = {}", _powershell))
    )
    option = " --allow-http" if "OQTOPUS_ALLOW_HTTP" in values else ""
    return [
        _Lines("profile", f"oqtopus-client login --url {shlex.quote(url)}{option}\noqtopus-client devices"),
        _Lines("bash", bash),
        _Lines("fish", fish),
        _Lines("powershell", powershell),
        _Lines(
            "sdk",
            f"from oqtopus_client import OqtopusClient, OqtopusConfig\n\n{config}"
            "client = OqtopusClient(config)\nprint(client.list_devices())",
        ),
        _Lines(
            "qiskit",
            f"from oqtopus_client import OqtopusConfig\nfrom qiskit_oqtopus import OqtopusProvider\n\n{config}"
            "provider = OqtopusProvider(config)\nprint(provider.backends())",
        ),
    ]


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
