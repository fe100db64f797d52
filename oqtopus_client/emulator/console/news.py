"""`/console/news`: announcements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from oqtopus_client.emulator.api.dependencies import CloudParameter, Time, require_operator
from oqtopus_client.emulator.console.pages import render
from oqtopus_client.emulator.console.texts import texts
from oqtopus_client.emulator.database import now

router = APIRouter(prefix="/console/news")

_LISTED = 20
"""Number of announcements on a page."""

_SHOWN_FOR = timedelta(days=7)


@router.get("")
async def show(request: Request, cloud: CloudParameter, start: Annotated[int, Query(ge=0, lt=1 << 31)] = 0) -> Response:
    """Return the announcements, newest first."""
    begin = datetime.now(UTC)
    times = {"start_time": begin, "end_time": begin + _SHOWN_FOR}
    values = {name: f"{time:%Y-%m-%dT%H:%M}" for name, time in times.items()}
    return _page(request, cloud, {"title": "", "content": "", **values}, start=start)


@router.post("", dependencies=[Depends(require_operator)])
async def publish(
    request: Request,
    cloud: CloudParameter,
    start_time: Annotated[Time, Form()],
    end_time: Annotated[Time, Form()],
    title: Annotated[str, Form()] = "",
    content: Annotated[str, Form()] = "",
) -> Response:
    """Publish an announcement."""
    title, content = title.strip(), content.strip()
    problem = texts().news.incomplete if not (title and content) else texts().news.reversed
    if title and content and start_time < end_time:
        cloud.users.announce(title, content, start_time=start_time, end_time=end_time)
        return RedirectResponse("/console/news?done=announced", 303)
    times = {"start_time": start_time, "end_time": end_time}
    values = {name: f"{time:%Y-%m-%dT%H:%M}" for name, time in times.items()}
    return _page(request, cloud, {"title": title, "content": content, **values}, problem=problem)


def _page(
    request: Request, cloud: CloudParameter, values: dict[str, Any], *, start: int = 0, problem: str | None = None
) -> Response:
    rows = cloud.users.announcements(current_time=None, offset=start, limit=_LISTED + 1, descending=True)
    time = now()
    states = [
        "upcoming" if time < row["start_time"] else "past" if row["end_time"] < time else "current" for row in rows
    ]
    return render(
        request,
        "news.html",
        status_code=200 if problem is None else 422,
        announcements=list(zip(rows, states, strict=True))[:_LISTED],
        newer=None if start == 0 else max(0, start - _LISTED),
        older=start + _LISTED if len(rows) > _LISTED else None,
        values=values,
        problem=problem,
    )
