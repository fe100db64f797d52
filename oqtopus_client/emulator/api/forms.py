"""Streaming reader of forms posted to the storage; the fields are checked before any of the file is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import Request

_MAX_FIELD_BYTES = 20 << 10
"""Maximum size of all fields before the file, in bytes, as with S3."""

_MAX_PARTS = 100


class FormError(Exception):
    """A rejected form.

    Attributes:
        status_code: The HTTP status of the response.
        code: The storage's code of the error.
    """

    def __init__(self, status_code: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code


async def read_form(request: Request, permit: Callable[[Mapping[str, str]], int]) -> tuple[dict[str, str], bytes]:
    """Read a form; as with S3, fields after the file are ignored.

    Args:
        request: The request that posts the form.
        permit: Called with the fields before the file; returns the file's maximum size in bytes, or raises `FormError`.

    Returns:
        The fields before the file, and the file.

    Raises:
        FormError: The form is malformed, has no file, is too large, or is not permitted.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    form = _Form(permit)
    try:
        if kind == b"multipart/form-data":
            parser = MultipartParser(options.get(b"boundary", b""), form.callbacks())  # type: ignore[arg-type]
            async for piece in request.stream():
                parser.write(piece)
    except FormParserError as error:
        message = f"The body is not well-formed multipart/form-data: {error}"
        raise FormError(400, "MalformedPOSTRequest", message) from error
    if not form.complete:
        raise FormError(400, "InvalidArgument", "POST requires exactly one file upload per request.")
    return form.fields, bytes(form.file)


class _Form:
    """A form, as far as it has been read."""

    def __init__(self, permit: Callable[[Mapping[str, str]], int]) -> None:
        self.fields: dict[str, str] = {}
        self.file = bytearray()
        self.complete = False
        self._permit = permit
        self._most = 0
        self._field_bytes = 0
        self._parts = 0
        self._name: str | None = None
        self._header = bytearray()
        self._value = bytearray()
        self._content = bytearray()

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """Return the parser's callbacks."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._add,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._name = None
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise FormError(400, "MalformedPOSTRequest", f"The form has more than {_MAX_PARTS} parts.")

    def _end_header(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self._name = options.get(b"name", b"").decode(errors="replace")
        self._header.clear()
        self._value.clear()

    def _begin_content(self) -> None:
        self._content = bytearray()
        if self._name == "file" and not self.complete:
            self._most = self._permit(self.fields)
            self._content = self.file

    def _add(self, data: bytes, start: int, end: int) -> None:
        if self.complete:
            return
        self._content += data[start:end]
        if self._content is self.file:
            if len(self.file) > self._most:
                raise FormError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
            return
        self._field_bytes += end - start
        if self._field_bytes > _MAX_FIELD_BYTES:
            message = "Your POST request fields preceding the upload file were too large."
            raise FormError(400, "MaxPostPreDataLengthExceeded", message)

    def _end(self) -> None:
        if self.complete:
            return
        if self._content is self.file:
            self.complete = True
        elif self._name is not None:
            self.fields.setdefault(self._name, self._content.decode(errors="replace"))
