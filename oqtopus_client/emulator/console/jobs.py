"""`/console/jobs`: the list of jobs."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/console/jobs")
