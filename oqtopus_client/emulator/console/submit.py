"""`/console/submit`: the form that submits a job."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/console/submit")
