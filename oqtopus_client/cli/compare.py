"""`doctor --compare`: the differences between a server's responses and the emulator's.

The requests, in `compared_requests.json`, only read, or are certain to be refused. None goes to `/api-token` or
changes the user. The report shows status codes, headers, names and types of JSON fields, and the texts of errors;
never a value.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import oqtopus_client
from oqtopus_client import rest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oqtopus_client import OqtopusConfig

_BELL = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
_HEADERS = ("content-type", "www-authenticate")
_SETTINGS = frozenset({"transpiler_info", "simulator_info", "mitigation_info"})
"""Fields whose keys the user chooses."""

_LONGEST_TEXT = 300
_ANYTHING = ("null", "[]")
"""Types that fit any other: the value is missing, or the list has no item to compare."""


@dataclass(frozen=True)
class Difference:
    """A difference between responses.

    Attributes:
        request: The request.
        aspect: What differs: `status`, a header, `error`, or the path of a JSON field.
        server: The server's value.
        emulator: The emulator's value.
    """

    request: str
    aspect: str
    server: str
    emulator: str


def requests() -> list[dict[str, Any]]:
    """Return the requests, with the status and the text of the response that is expected."""
    text = resources.files(__package__).joinpath("compared_requests.json").read_text(encoding="utf-8")
    return list(json.loads(text))


def compare(server: OqtopusConfig, emulator: OqtopusConfig, *, with_jobs: bool = False) -> list[Difference]:
    """Send the requests to both, and return the differences.

    Args:
        server: The server.
        emulator: The emulator.
        with_jobs: Whether to run a Bell circuit, read its job and delete it.
    """
    wanted = [request for request in requests() if with_jobs or not request.get("jobs")]
    pairs = zip(wanted, answers(server, wanted), answers(emulator, wanted), strict=True)
    return [
        Difference(describe(request), aspect, ours.get(aspect, "missing"), theirs.get(aspect, "missing"))
        for request, ours, theirs in pairs
        for aspect in sorted(ours.keys() | theirs.keys())
        if _differ(aspect, ours, theirs)
    ]


def describe(request: Mapping[str, Any]) -> str:
    """Return a request in one line."""
    query = "&".join(f"{name}={value}" for name, value in request.get("query", {}).items())
    body = f" {json.dumps(request['body'])}" if "body" in request else ""
    return (
        f"{request['request']}{'?' + query if query else ''}{body}{'' if request.get('token', True) else ' (no token)'}"
    )


def answers(config: OqtopusConfig, wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Send requests, and return the parts of each response that can be shown, by aspect."""
    with oqtopus_client.OqtopusClient(config) as client:
        available = (device.device_id for device in client.list_devices() if device.status == "available")
        names = {"device": next(available, "unavailable")}
        if any(request.get("jobs") for request in wanted):
            spec = oqtopus_client.OqtopusJobSpec.sampling(device_id=names["device"], program=_BELL, shots=100)
            names["job"] = str(client.run_job(spec).job_id)
    return asyncio.run(_answers(config, wanted, names))


async def _answers(
    config: OqtopusConfig, wanted: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> list[dict[str, str]]:
    http = rest.http.HttpClient(config)
    try:
        found = []
        for request in wanted:
            method, _, path = request["request"].partition(" ")
            status, headers, content = await http.exchange(
                method,
                _filled(path, names),
                params=request.get("query", {}),
                json=json.loads(_filled(json.dumps(request["body"]), names)) if "body" in request else None,
                token=request.get("token", True),
            )
            secrets = {names.get("job"): "{job}", config.api_token: "(token)"}
            found.append(_aspects(status, headers, content, secrets))
        return found
    finally:
        await http.aclose()


def _filled(text: str, names: Mapping[str, str]) -> str:
    for key, name in names.items():
        text = text.replace(f"{{{key}}}", name)
    return text


def _aspects(
    status: int, headers: Mapping[str, str], content: bytes, secrets: Mapping[str | None, str]
) -> dict[str, str]:
    aspects = {"status": str(status)}
    aspects |= {name: headers[name] for name in _HEADERS if name in headers}
    aspects["x-correlation-id"] = "present" if "x-correlation-id" in headers else "missing"
    try:
        body = json.loads(content)
    except ValueError:
        return aspects
    aspects |= dict(_shape(body, "$"))
    if status >= 400 and isinstance(body, dict):  # noqa: PLR2004 - HTTP
        text = str(body.get("message", body.get("detail", "")))
        if status != 422:  # noqa: PLR2004 - the text of a validation error depends on the validating library's version
            for secret, placeholder in secrets.items():
                text = text.replace(secret, placeholder) if secret else text
            aspects["error"] = re.sub(r"https?://\S+", "(url)", text)[:_LONGEST_TEXT]
    return aspects


def _shape(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the type of each field; the items of a list share a path."""
    if isinstance(value, dict):
        yield path, "object"
        if path.rpartition(".")[2] not in _SETTINGS:
            for name, member in value.items():
                yield from _shape(member, f"{path}.{name}")
    elif isinstance(value, list):
        yield path, "array" if value else "[]"
        for item in value:
            yield from _shape(item, f"{path}[]")
    else:
        yield path, _type(value)


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
        return "time of whole seconds"
    return "string"


def _differ(aspect: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
    if not aspect.startswith("$"):
        return ours.get(aspect) != theirs.get(aspect)
    if ours["status"] != theirs["status"]:
        return False  # the bodies belong to different statuses
    if aspect not in ours or aspect not in theirs:
        other = theirs if aspect in ours else ours
        # A field of an object that is null, or of a list that has no items, cannot be compared.
        parents = (other.get(aspect[:end]) for end in range(1, len(aspect)) if aspect[end] in ".[")
        return not any(parent in _ANYTHING for parent in parents)
    pair = ours[aspect], theirs[aspect]
    return pair[0] != pair[1] and not any(kind in _ANYTHING for kind in pair)
