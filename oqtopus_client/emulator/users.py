"""The users of the emulated cloud, their tokens, and announcements to them."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from oqtopus_client.checks import shown
from oqtopus_client.config import TOKEN
from oqtopus_client.emulator.database import Database, database_file, format_time, now

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from oqtopus_client.emulator.database import Row

TOKEN_DAYS = 90

OPERATOR = "operator"
"""The id of the user who started the emulator."""

_USERS = "SELECT users.*, device_ids FROM users LEFT JOIN user_devices ON user_id = id"


class Users:
    """The users and announcements in a database. Tokens are stored only as hashes.

    Args:
        database: The database that holds them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        name: str,
        *,
        token: str | None = None,
        user_id: str | None = None,
        status: str = "approved",
        expires_in_days: float = TOKEN_DAYS,
        devices: Iterable[str] | None = None,
    ) -> str:
        """Add a user, or give an existing one a new token, and return the API token.

        Args:
            name: The user's name.
            token: The token; random by default.
            user_id: The id; random by default.
            status: `approved`; with any other, the user is refused.
            expires_in_days: Lifetime of the token, in days.
            devices: Ids of the devices that the user may use; None for all.

        Raises:
            TypeError, ValueError: See `checked_token`.
        """
        token = checked_token(token)
        user_id = user_id or str(uuid.uuid4())
        if devices is not None:
            self.restrict(user_id, devices)
        token = token or new_token()
        self._database.change(
            "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "token_hash = excluded.token_hash, token_expiration = excluded.token_expiration",
            user_id,
            f"{name}@emulator.localhost",
            name,
            "",
            status,
            now(),
            *_kept(token, expires_in_days),
        )
        return token

    def restrict(self, user_id: str, devices: Iterable[str] | None) -> None:
        """Let a user use these devices only; None for all."""
        if devices is None:
            self._database.change("DELETE FROM user_devices WHERE user_id = ?", user_id)
        else:
            rows = user_id, json.dumps(list(devices))
            self._database.change("INSERT OR REPLACE INTO user_devices VALUES (?, ?)", *rows)

    def renew_token(self, user_id: str) -> tuple[str, str]:
        """Replace a user's API token; return the new one and its expiration.

        The operator's new token is stored, so that the next emulator requires it too.
        """
        token = new_token()
        token_hash, expiration = _kept(token, TOKEN_DAYS)
        self.update(user_id, {"token_hash": token_hash, "token_expiration": expiration})
        if user_id == OPERATOR:
            self._database.change("UPDATE secrets SET value = ? WHERE name = 'token'", token)
        return token, expiration

    def all(self) -> list[Row]:
        """Return all users, in the order in which they were added."""
        return self._database.all(f"{_USERS} ORDER BY created_at")

    def with_token(self, token: str) -> Row | None:
        """Return the user of an unexpired token, or None.

        The lookup is by hash, so its duration reveals nothing about the token.
        """
        return self._database.one(f"{_USERS} WHERE token_hash = ? AND token_expiration > ?", _hash(token), now())

    def get(self, user_id: str) -> Row | None:
        """Return a user, or None if the user does not exist."""
        return self._database.one(f"{_USERS} WHERE id = ?", user_id)

    def update(self, user_id: str, changes: dict[str, Any]) -> Row:
        """Change some of a user's fields and return the user."""
        for name, value in changes.items():
            self._database.change(f"UPDATE users SET {name} = ? WHERE id = ?", value, user_id)  # noqa: S608 - ours
        return self._database.all("SELECT * FROM users WHERE id = ?", user_id)[0]

    def delete(self, user_id: str) -> None:
        """Delete a user; the user's jobs stay stored, and run if they are waiting."""
        self._database.change("DELETE FROM users WHERE id = ?", user_id)
        self._database.change("DELETE FROM user_devices WHERE user_id = ?", user_id)

    def announce(self, title: str, content: str, *, start_time: datetime, end_time: datetime) -> int:
        """Publish an announcement and return its id.

        Raises:
            TypeError: A text is not text, or a time not a datetime.
            ValueError: It ends before it starts.
        """
        for name, text in {"title": title, "content": content}.items():
            if not isinstance(text, str):
                raise TypeError(f"{name} must be text, not {shown(text)}.")
        for name, time in {"start_time": start_time, "end_time": end_time}.items():
            if not isinstance(time, datetime):
                raise TypeError(f"{name} must be a datetime, not {shown(time)}.")
        if format_time(end_time) < format_time(start_time):
            raise ValueError(f"end_time must not be before start_time, as {end_time} is before {start_time}.")
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO announcements (title, content, start_time, end_time, publishable) VALUES (?, ?, ?, ?, 1)",
                (title, content, *(format_time(time.replace(microsecond=0)) for time in (start_time, end_time))),
            )
            return int(cursor.lastrowid or 0)

    def announcements(
        self, *, current_time: datetime | None, offset: int = 0, limit: int = 10, descending: bool = False
    ) -> list[Row]:
        """Return announcements by start time: all of them, or those active at `current_time`."""
        time = None if current_time is None else format_time(current_time)
        order = "DESC" if descending else "ASC"
        query = (
            "SELECT * FROM announcements WHERE ?1 IS NULL OR ?1 BETWEEN start_time AND end_time "  # noqa: S608 - ours
            f"ORDER BY start_time {order}, id LIMIT ?2 OFFSET ?3"
        )
        return self._database.all(query, time, limit, offset)

    def announcement(self, announcement_id: int) -> Row | None:
        """Return an announcement, or None if it does not exist."""
        return self._database.one("SELECT * FROM announcements WHERE id = ?", announcement_id)


def allowed_devices(user: Row) -> list[str] | None:
    """Return the ids of the devices that a user may use; None for all."""
    return None if user["device_ids"] is None else list(json.loads(user["device_ids"]))


def may_use(user: Row, device_id: str) -> bool:
    """Return whether a user may use a device."""
    allowed = allowed_devices(user)
    return allowed is None or device_id in allowed


def checked_token(token: str | None) -> str | None:
    """Return a token that clients can send, or None.

    Raises:
        TypeError: It is not text.
        ValueError: It has other characters than visible ASCII ones.
    """
    if not isinstance(token, str | None):
        raise TypeError(f"token must be text, not of type {type(token).__name__}.")
    if token and not TOKEN.fullmatch(token):
        raise ValueError("token must consist of visible ASCII characters, without spaces.")
    return token


def kept_token(data: str | Path | None = None) -> str:
    """Return the API token stored with the data, which an emulator of that folder requires by default.

    Args:
        data: The folder; by default the one in the user's data directory.

    Raises:
        OSError: The folder cannot be used.
    """
    database = Database(database_file(data))
    try:
        return database.secret("token", new_token())
    finally:
        database.close()


def new_token() -> str:
    """Return a random API token in the servers' form, `<id>.<secret>`."""
    return f"{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(16)}"


def _kept(token: str, days: float) -> tuple[str, str]:
    """Return a new token's hash and expiration, to the minute."""
    expiration = (datetime.now(UTC) + timedelta(days=days)).replace(second=0, microsecond=0)
    return _hash(token), format_time(expiration)


def _hash(token: str) -> str:
    # A token is long and random: unlike a password, it needs no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
