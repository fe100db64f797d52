"""How pages are made: templates, what all of them show, and error pages."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from oqtopus_client.emulator.console.site import site_of
from oqtopus_client.emulator.console.texts import texts
from oqtopus_client.emulator.users import OPERATOR

if TYPE_CHECKING:
    from fastapi import Request

_CODE = re.compile(r"`([^`]+)`")
_COUNT = re.compile(r"[0-9]{1,9}")
_MINUTE = 60

FOLDER = Path(__file__).parent
VERSION = importlib.metadata.version("oqtopus-client")


def render(request: Request, template: str, *, status_code: int = 200, **values: Any) -> HTMLResponse:
    """Return a page.

    All templates also know `t` (the texts), `site`, `user` (None before the login), `logged_in` (whether the user can
    log out), `operator` (whether it is the operator), `page` (the first part of the path after `/console/`) and
    `notice` (what the last action did).
    """
    user = getattr(request.state, "user", None)
    site = site_of(request)
    shared = {
        "t": texts(),
        "site": site,
        "logged_in": site.access.is_logged_in(request),
        "user": user,
        "operator": user is not None and user["id"] == OPERATOR,
        "page": request.scope["path"].removeprefix("/console/").partition("/")[0],
        "notice": _notice(request),
        "version": VERSION,
    }
    return HTMLResponse(_templates.get_template(template).render(shared | values), status_code)


def error_page(request: Request, status_code: int, reason: str | None = None) -> HTMLResponse:
    """Return the page of an error.

    Args:
        request: The request that failed.
        status_code: The HTTP status.
        reason: What went wrong, in a sentence; by default what the status means.
    """
    errors = texts().errors
    known = str(status_code) if str(status_code) in errors.titles else f"{status_code // 100}00"
    title, reason = errors.titles[known], reason or errors.reasons[known]
    return render(request, "error.html", status_code=status_code, title=title, reason=reason)


def _notice(request: Request) -> tuple[str, str] | None:
    """Return the kind and the text of the notice that a query such as `?done=cancelled&n=3` names."""
    for kind in ("done", "failed"):
        name = request.query_params.get(kind, "")
        if name in texts()[kind]:
            return kind, texts()[kind][name].format(n=count_in(request, "n"))
    return None


def count_in(request: Request, name: str) -> int:
    """Return a number of a request's query, as notices contain it; 0 if it is missing or not valid."""
    count = request.query_params.get(name, "")
    return int(count) if _COUNT.fullmatch(count) else 0


def time_element(time: str | None) -> Markup | str:
    """Return a time of the database as an element whose text the script rewrites in the visitor's time zone."""
    if time is None:
        return str(texts().common.none)
    shown = f"{time[:10]} {time[11:19]}"
    return Markup('<time datetime="{}Z">{} UTC</time>').format(time[:19], shown)


def duration(seconds: float | None) -> str:
    """Return a duration as people write it, with some three digits."""
    if seconds is None:
        return str(texts().common.none)
    if round(1000 * seconds) < 1000:
        return f"{1000 * seconds:.0f} ms"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} min {rest} s"
    return f"{minutes // _MINUTE} h {minutes % _MINUTE} min"


def seconds_since(time: str) -> float:
    """Return the time since a time of the database, in seconds."""
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds())


def with_code(text: str) -> Markup:
    """Return a text whose parts in backticks are shown as code.

    >>> with_code("`a` < b")
    Markup('<code>a</code> &lt; b')
    """
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {
    "time": time_element,
    "duration": duration,
    "code": with_code,
    "number": "{:,}".format,
    "json": functools.partial(json.dumps, ensure_ascii=False),
}
