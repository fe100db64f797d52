"""`/storage`: uploads and downloads; a presigned URL is all the permission they need."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from oqtopus_client.emulator.api.cloud import CloudParameter

router = APIRouter(prefix="/storage")


@router.post("")
async def upload(request: Request, cloud: CloudParameter) -> Response:
    """Take a file posted with a presigned form."""
    async with request.form() as form:
        # As with S3, what follows the file is ignored.
        items = form.multi_items()
        names = [name for name, _ in items]
        if "file" not in names or not isinstance(file := form["file"], UploadFile):
            return _storage_error(400, "InvalidArgument", "POST requires exactly one file upload per request.")
        fields = {name: value for name, value in items[: names.index("file")] if isinstance(value, str)}
        if not cloud.signer.accepts_upload(fields):
            return _storage_error(403, "AccessDenied", "Invalid according to Policy.")
        cloud.store.put_file(fields["key"], await file.read())
    return Response(status_code=204)


@router.get("/{key:path}")
async def download(key: str, request: Request, cloud: CloudParameter) -> Response:
    """Give out a file."""
    if not cloud.signer.accepts_download(key, request.query_params):
        return _storage_error(403, "AccessDenied", "Request has expired")
    content = cloud.store.get_file(key)
    if content is None:
        return _storage_error(404, "NoSuchKey", "The specified key does not exist.")
    return Response(content, media_type="application/zip")


def _storage_error(status_code: int, code: str, message: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(body, status_code, media_type="application/xml")
