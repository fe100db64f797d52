"""A job in the JSON form in which the engine and its containers exchange it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class EngineJob(BaseModel):
    """A job in the engine's own form: the file contents are fields, where the User API has URLs.

    A container gets the sse job in the variable `JOB_JSON`, and the last job that its program ran is in `result.json`.
    """

    job_id: str
    name: str | None = None
    description: str | None = None
    device_id: str
    shots: int
    job_type: str
    input: str
    program: list[str] | None = None
    operator: list[dict[str, Any]] | None = None
    sse_program: str | None = None
    combined_program: str | None = None
    transpile_result: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    sse_log: str | None = None
    output_files: list[str] = []
    transpiler_info: dict[str, Any]
    simulator_info: dict[str, Any]
    mitigation_info: dict[str, Any]
    status: str
    message: str | None = None
    execution_time: float | None = None
    submitted_at: str | None = None
    ready_at: str | None = None
    running_at: str | None = None
    ended_at: str | None = None
    parent: dict[str, Any] | None = None
    children: list[dict[str, Any]] = []
