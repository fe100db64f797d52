"""The Provider API as an engine calls it, request by request."""

from __future__ import annotations

from typing import Any

from tests.support.callers import Caller, form_of


class ProviderCaller(Caller):
    """Speaks HTTP to the Provider API."""

    def fetch(self, **query: Any) -> list[dict[str, Any]]:
        """Fetch jobs that wait."""
        answer = self("GET", "/jobs", params={"device_id": "qulacs", "status": "submitted", **query})
        assert answer.status_code == 200
        return list(answer.json())

    def report(self, job_id: str, status: str, **fields: Any) -> tuple[int, str]:
        """Report a status; returns the response's status and text."""
        answer = self("PATCH", f"/jobs/{job_id}/status", json={"status": status, **fields})
        return answer.status_code, answer.json()["message"]

    def upload(self, job_id: str, item: str, archive: bytes = b"zip") -> str:
        """Upload a file; returns its key."""
        (form,) = self("GET", f"/jobs/{job_id}/upload", params={"items": item}).json()
        fields = form_of(form)
        answer = self("POST", form["url"], data=fields, files={"file": (f"{item}.zip", archive, "application/zip")})
        assert answer.status_code == 204
        return fields["key"]
