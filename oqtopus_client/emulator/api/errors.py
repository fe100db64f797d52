"""Responses of all of the emulator's APIs to requests that they refuse or fail to process."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from oqtopus_client.emulator.api import control
from oqtopus_client.emulator.api.dependencies import ApiError, ServerError
from oqtopus_client.emulator.api.fault_middleware import server_error
from oqtopus_client.emulator.api.guard import Refused, is_storage, refusal
from oqtopus_client.emulator.api.storage import storage_error
from oqtopus_client.emulator.database import DiskFullError

_logger = logging.getLogger("oqtopus_client.emulator")

DISK_FULL = "The emulator's disk is full, so nothing more can be stored. Its operator must free space on it."

_SAFE = ("type", "loc", "msg")


def handle_errors(app: FastAPI) -> None:
    """Give an application the responses of a real server."""

    @app.exception_handler(ApiError)
    async def refuse(_request: Request, error: ApiError) -> JSONResponse:
        return JSONResponse({"message": error.message}, error.status_code)

    @app.exception_handler(Refused)
    async def refuse_body(request: Request, error: Refused) -> Response:
        return refusal(request.url.path, error)

    @app.exception_handler(DiskFullError)
    async def refuse_to_store(request: Request, error: DiskFullError) -> Response:
        _logger.error("A request could not be stored: %s", error)
        if is_storage(request.url.path):
            return storage_error(507, "InsufficientStorage", DISK_FULL)
        return JSONResponse({"message": DISK_FULL}, 507)

    @app.exception_handler(RequestValidationError)
    async def find_invalid(request: Request, error: RequestValidationError) -> Response:
        try:
            return await request_validation_exception_handler(request, error)
        except (ValueError, RecursionError):
            # Servers break when they repeat an input that is NaN or too deep in their answer. Our own paths do not.
            if not request.url.path.startswith(control.router.prefix):
                return server_error()
            return JSONResponse({"detail": [{name: item[name] for name in _SAFE} for item in error.errors()]}, 422)

    @app.exception_handler(ClientDisconnect)  # during its request, so no one reads the answer
    @app.exception_handler(ServerError)
    @app.exception_handler(Exception)
    async def break_down(_request: Request, error: Exception) -> Response:
        if not isinstance(error, ClientDisconnect | ServerError):
            _logger.error("A request failed with an unexpected error.", exc_info=error)
        return server_error()
