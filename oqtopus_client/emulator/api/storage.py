"""`/storage`: uploads and downloads, authorized by presigned URLs alone."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from oqtopus_client.emulator.api.dependencies import Cloud, CloudParameter
from oqtopus_client.emulator.api.forms import FormError, read_form
from oqtopus_client.rest.storage import pack

router = APIRouter(prefix="/storage")


def download_url(request: Request, cloud: Cloud, key: str) -> str:
    """Return a newly signed URL of a file."""
    return f"{request.base_url}storage/{quote(key)}?{cloud.signer.download_query(key)}"


@router.post("")
async def upload(request: Request, cloud: CloudParameter) -> Response:
    """Store a file posted with a presigned form."""

    def permit(fields: Mapping[str, str]) -> int:
        most = cloud.signer.upload_limit(fields)
        if most is None:
            raise FormError(403, "AccessDenied", "Invalid according to Policy.")
        return most

    try:
        fields, file = await read_form(request, permit)
    except FormError as error:
        return storage_error(error.status_code, error.code, str(error))
    cloud.store.put_file(fields["key"], file)
    return Response(status_code=204)


@router.get("/{key:path}")
async def download(key: str, request: Request, cloud: CloudParameter) -> Response:
    """Return a file."""
    if not cloud.signer.accepts_download(key, request.query_params):
        return expired()
    content = _device_info(key, cloud) or cloud.store.get_file(key)
    if content is None:
        return storage_error(404, "NoSuchKey", "The specified key does not exist.")
    return Response(content, media_type="application/json" if key.endswith(".json") else "application/zip")


def _device_info(key: str, cloud: Cloud) -> bytes | None:
    """Return a calibration, for keys that name one."""
    try:
        match key.split("/"):
            case ["devices", device_id, name]:
                text = cloud.devices[device_id].device_info
            case ["device_histories", uid, name]:
                text = str(cloud.devices.calibration(uid)["device_info"])
            case _:
                return None
    except KeyError:  # the data folder was served with other devices when the URL was signed
        return None
    return text.encode() if name.endswith(".json") else pack(text.encode(), "device_info.json")


def expired() -> Response:
    """Return the response to a URL that has expired or was never valid."""
    return storage_error(403, "AccessDenied", "Request has expired")


def storage_error(status_code: int, code: str, message: str) -> Response:
    """Return an error in the format of the storage."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(body, status_code, media_type="application/xml")
