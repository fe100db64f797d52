"""A client of the User API that shares no code with the SDK's."""

from __future__ import annotations

import copy
import json
from typing import Any, Self

import httpx
from anyio.from_thread import start_blocking_portal

from oqtopus_client.rest.storage import pack, unpack
from tests.support.circuits import BELL

SUBMIT = {"device_id": "qulacs", "job_type": "sampling", "shots": 1000}


def form_of(target: dict[str, Any]) -> dict[str, str]:
    """The form fields of an upload: null ones are left out."""
    return {name: value for name, value in target["fields"].items() if value is not None}


class Caller:
    """Speaks HTTP to an emulator, as a program that knows nothing of our SDK would."""

    def __init__(self, url: str, token: str, app: Any = None) -> None:
        self._portal_context = start_blocking_portal()
        self._portal = self._portal_context.__enter__()
        transport = httpx.ASGITransport(app=app) if app else None
        self._token = token
        self._http = httpx.AsyncClient(base_url=url, transport=transport)

    def __call__(self, method: str, url: str, **request: Any) -> httpx.Response:
        """Send one request."""
        headers = {"q-api-token": self._token, **request.pop("headers", {})}
        return self._portal.call(lambda: self._http.request(method, url, headers=headers, **request))

    def with_token(self, token: str) -> Self:
        """Return a caller with another token, over the same connections."""
        other = copy.copy(self)
        other._token = token
        return other

    def close(self) -> None:
        """Close the connections."""
        self._portal.call(self._http.aclose)
        self._portal_context.__exit__(None, None, None)

    def register(self, program: str | bytes | None = BELL) -> str:
        """Register a job and upload its input, unless it is None; bytes are the archive itself."""
        answer = self("POST", "/jobs", json={}).json()
        target = answer["presigned_url"]
        if program is not None:
            archive = program if isinstance(program, bytes) else pack(json.dumps({"program": [program]}).encode(), "x")
            files = {"file": ("input.zip", archive)}
            uploaded = self("POST", target["url"], data=form_of(target), files=files, headers={"q-api-token": ""})
            assert uploaded.status_code == 204
        return str(answer["job_id"])

    def submit(self, program: str | bytes = BELL, **settings: Any) -> str:
        """Submit a job."""
        job_id = self.register(program)
        answer = self("POST", f"/jobs/{job_id}/submit", json={**SUBMIT, **settings})
        assert (answer.status_code, answer.json()) == (200, {"message": "job submitted"})
        return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        """A job, as the API shows it."""
        return dict(self("GET", f"/jobs/{job_id}").json())

    def file(self, url: str) -> dict[str, Any]:
        """A job's file, fetched without a token."""
        answer = self("GET", url, headers={"q-api-token": ""})
        assert answer.status_code == 200
        return dict(json.loads(unpack(answer.content)))
