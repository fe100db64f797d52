"""`/console/jobs`: one job."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/console/jobs")
