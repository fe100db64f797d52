"""`/console/login` and `/console/logout`, and the check that comes before every page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from oqtopus_client.emulator.console.pages import error_page, render
from oqtopus_client.emulator.console.site import SiteParameter
from oqtopus_client.emulator.console.texts import texts

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from oqtopus_client.emulator.console.site import Site

router = APIRouter(prefix="/console")

_LOGIN, _LOGOUT = "/console/login", "/console/logout"
_STATIC = "/console/static/"
_PAGE = re.compile(r"/|/console/[!-\[\]-~]*")
"""A page of the console: a path and a query without backslashes, which browsers read as slashes."""


class Gate:
    """Lets only requests through that the site's rules permit, and sets their `state.user`.

    Args:
        app: The pages.
        site: The site.
    """

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope)
        response = self._refusal(request)
        await (response or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        access = self._site.access
        refused = access.refusal(request)
        if refused is not None:
            return error_page(request, 403, texts().errors.refused[refused].format(url=self._site.url))
        path = request.scope["path"]
        if path.startswith(_STATIC):
            return None
        user = access.user(request, self._site.cloud.users)
        suspended = user is not None and user["status"] != "approved"
        request.state.user = None if suspended else user
        if request.state.user is not None or path in {_LOGIN, _LOGOUT}:
            return None
        if suspended:
            return error_page(request, 403, texts().login.suspended)
        if request.method != "GET":
            return error_page(request, 401)  # a page that can be reloaded, as a form may have what took long to type
        return RedirectResponse(_LOGIN + _wanted(request), 303)


def _wanted(request: Request) -> str:
    """Return the query of the login page that leads back to the page of a request."""
    path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
    if path == "/":
        return ""
    return f"?next={quote(quote(path) + (f'?{query}' if query else ''))}"


@router.get("/login")
async def show_login(request: Request, next: str = "/") -> Response:  # noqa: A002 - as in the query
    """Return the form that asks for a token."""
    if request.state.user is not None:
        return RedirectResponse("/", 303)
    return render(request, "login.html", next=next, refused=None)


@router.post("/login")
async def log_in(
    request: Request,
    site: SiteParameter,
    token: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - as in the form
) -> Response:
    """Log in the user of a token, and return to the page that was asked for."""
    user = site.cloud.users.with_token(token.strip())
    if user is None or user["status"] != "approved":
        reason = texts().login.refused if user is None else texts().login.suspended
        return render(request, "login.html", status_code=403, next=next, refused=reason)
    response = RedirectResponse(next if _PAGE.fullmatch(next) else "/", 303)
    site.access.log_in(request, response, user)
    return response


@router.post("/logout")
async def log_out(request: Request, site: SiteParameter) -> Response:
    """Log out."""
    response = RedirectResponse(_LOGIN, 303)
    site.access.log_out(request, response)
    return response
