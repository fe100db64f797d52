"""`/console/jobs`: the list of jobs, and actions on several of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from oqtopus_client.emulator.api.dependencies import ApiError, Cloud, CloudParameter, UserParameter
from oqtopus_client.emulator.api.jobs import cancel_job, delete_job
from oqtopus_client.emulator.console.job_filters import STATUSES, Filters
from oqtopus_client.emulator.console.pages import count_in, render
from oqtopus_client.emulator.console.texts import Texts, texts
from oqtopus_client.emulator.database import Row
from oqtopus_client.emulator.store import JOB_TYPES
from oqtopus_client.emulator.users import may_use

router = APIRouter(prefix="/console/jobs")

ENDED = frozenset({"succeeded", "failed", "cancelled"})

REASONS = {"cancel": "ended", "delete": "unfinished"}
"""Names of the texts that explain why an action is not possible."""

_PAGE_SIZE = 25
_MOST_IDS = 1000
_NAMED = 20
"""Number of jobs that a question lists by name."""


@router.get("")
def list_jobs(
    request: Request, cloud: CloudParameter, user: UserParameter, page: str = "1", upto: str = ""
) -> Response:
    """Return one page of the user's jobs, newest first.

    Args:
        request: The request, whose query also has the filters.
        cloud: The cloud.
        user: The user.
        page: The number of the page.
        upto: The first job of the first page, so that jobs that are added later do not move others to the next page.
    """
    filters = Filters.of(request.query_params)
    number = max(1, int(page)) if page.isascii() and page.isdecimal() and len(page) < 10 else 1
    earlier = {"job_id <= ?": upto} if number > 1 and upto else {}
    jobs = _page(cloud, user, filters.conditions() | earlier, number)
    counts: Mapping[str, int] = Counter(job["status"] for job in jobs)
    if number > 1 or filters.status or len(jobs) == _PAGE_SIZE:
        # These are not all jobs that match. A search takes half the time if they need not be counted.
        counts = cloud.store.count(user["id"], replace(filters, status="").conditions() | earlier)
    found = counts.get(filters.status, 0) if filters.status else sum(counts.values())
    pages = max(1, -(-found // _PAGE_SIZE))
    if number > pages:
        number, jobs = pages, _page(cloud, user, filters.conditions() | earlier, pages)
    return render(
        request,
        "jobs.html",
        filters=filters,
        statuses=[(name, counts.get(name, 0)) for name in STATUSES if name in counts or name == filters.status],
        of_any_status=sum(counts.values()),
        devices=sorted({name for name in cloud.devices if may_use(user, name)} | set(filter(None, [filters.device]))),
        types=JOB_TYPES,
        jobs=jobs,
        number=number,
        pages=pages,
        upto=upto if number > 1 else next((job["job_id"] for job in jobs), ""),
        left=left(request),
    )


def _page(cloud: Cloud, user: Row, conditions: Mapping[str, Any], number: int) -> list[Row]:
    offset = (number - 1) * _PAGE_SIZE
    return cloud.store.jobs(user["id"], conditions, descending=True, limit=_PAGE_SIZE, offset=offset)


@router.post("/actions")
async def act(
    request: Request,
    cloud: CloudParameter,
    user: UserParameter,
    action: Annotated[Literal["cancel", "delete"], Form()],
    job_id: Annotated[list[str], Form(default_factory=list)],
    back: Annotated[str, Form()] = "",
    confirmed: Annotated[str, Form()] = "",
) -> Response:
    """Cancel or delete jobs. The first request is answered with a question, whose form confirms it.

    Args:
        request: The request, whose form also has the filters of the list to return to.
        cloud: The cloud.
        user: The user.
        action: The action on the jobs.
        job_id: The jobs.
        back: `job` to return to the page of the job.
        confirmed: Not empty if the user has confirmed the question.
    """
    filters = Filters.of(await request.form())
    ids = list(dict.fromkeys(job_id))[:_MOST_IDS]
    if not ids:
        return RedirectResponse(filters.address(failed="none_chosen"), 303)
    page = f"/console/jobs/{quote(ids[0])}" if back == "job" else ""
    if confirmed:
        outcome = await _carry_out(cloud, user, action, ids)
        if page and action == "cancel" and "gone" not in outcome:
            return RedirectResponse(f"{page}?{urlencode(outcome)}", 303)
        return RedirectResponse(filters.address(**outcome), 303)
    jobs = [row for row in (cloud.store.get(each, user["id"]) for each in ids) if row is not None]
    possible = [row for row in jobs if (row["status"] in ENDED) == (action == "delete")]
    kept = {REASONS[action]: len(jobs) - len(possible), "gone": len(ids) - len(jobs)}
    return render(
        request,
        "jobs_question.html",
        action=action,
        jobs=possible,
        named=possible[:_NAMED],
        left=[_counted(texts().jobs.left, reason, n) for reason, n in kept.items() if n],
        filters=filters,
        back=back,
        address=page or filters.address(),
    )


async def _carry_out(cloud: Cloud, user: Row, action: str, ids: Sequence[str]) -> dict[str, object]:
    """Cancel or delete jobs, and return the query that reports their number, and those left with the reason."""
    do = cancel_job if action == "cancel" else delete_job
    outcomes: Counter[str] = Counter()
    for each in ids:
        try:
            await do(each, cloud, user)
            outcomes["done"] += 1
        except ApiError as error:
            outcomes["gone" if error.status_code == 404 else REASONS[action]] += 1
    n = outcomes.pop("done", 0)
    name = {"cancel": "cancelled", "delete": "deleted"}[action]
    return {**({"done": name if n != 1 else f"{name}_one", "n": n} if n else {}), **outcomes}


def left(request: Request) -> list[str]:
    """Return the notices about jobs that an action has left unchanged, which the query counts."""
    notices = texts().jobs.left
    counts = {name: count_in(request, name) for name in (*REASONS.values(), "gone")}
    return [_counted(notices, name, n) for name, n in counts.items() if n]


def _counted(notices: Texts, name: str, n: int) -> str:
    text: str = notices[name if n != 1 else f"{name}_one"]
    return text.format(n=n)
