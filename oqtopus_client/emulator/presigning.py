"""Presigned URLs in the style of S3's signature version 2: anyone who has one may use it until it expires."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

VALID_SECONDS = 3600
MAX_UPLOAD_BYTES = 50 << 20
"""Maximum size of an uploaded file, in bytes."""

_KEY_ID = "OQTOPUSEMULATOR"
_SESSION = "emulated-session"


class Signer:
    """Signs and verifies uploads and downloads.

    Args:
        secret: The signing key.
        valid_seconds: Lifetime of a signature, in seconds.
        temporary: Whether to sign uploads with temporary credentials, which have a security token.
    """

    def __init__(self, secret: str, valid_seconds: float = VALID_SECONDS, *, temporary: bool = False) -> None:
        self._secret = secret.encode()
        self._session = _SESSION if temporary else None
        self._valid_seconds = valid_seconds

    def _expiry(self) -> int:
        return int(time.time() + self._valid_seconds)

    def upload_fields(self, key: str) -> dict[str, str | None]:
        """Return form fields that permit one file to be posted under `key`; null ones are left out of the form."""
        conditions = [
            {"key": key},
            {"x-amz-security-token": self._session},
            ["content-length-range", 0, MAX_UPLOAD_BYTES],
        ]
        policy = {"expiration": self._expiry(), "conditions": conditions}
        encoded = base64.b64encode(json.dumps(policy).encode()).decode()
        return {
            "key": key,
            "AWSAccessKeyId": _KEY_ID,
            "x-amz-security-token": self._session,
            "policy": encoded,
            "signature": self._sign(encoded),
        }

    def upload_limit(self, fields: Mapping[str, str]) -> int | None:
        """Return the number of bytes that may be uploaded; None if the fields are incomplete, altered or expired."""
        policy = fields.get("policy", "")
        if not hmac.compare_digest(self._sign(policy).encode(), fields.get("signature", "").encode()):
            return None
        allowed = json.loads(base64.b64decode(policy))
        *equal, (_, _, most) = allowed["conditions"]
        named = {name: value for condition in equal for name, value in condition.items()}
        if allowed["expiration"] <= time.time() or any(fields.get(name) != value for name, value in named.items()):
            return None
        return int(most)

    def download_query(self, key: str) -> str:
        """Return a query string that permits `key` to be read."""
        expires = str(self._expiry())
        query = {"AWSAccessKeyId": _KEY_ID, "Expires": expires, "Signature": self._sign(f"{key}\n{expires}")}
        return urlencode(query)

    def accepts_download(self, key: str, query: Mapping[str, str]) -> bool:
        """Whether the query was signed for `key` and is still valid."""
        expires = query.get("Expires", "")
        signature = self._sign(f"{key}\n{expires}")
        signed = hmac.compare_digest(signature.encode(), query.get("Signature", "").encode())
        return signed and int(expires) > time.time()

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.new(self._secret, text.encode(), hashlib.sha256).digest()).decode()
