"""Frames: data that a program writes to its log, which the client finds among other output.

A frame is a piece of JSON, compressed, in one or more lines of ASCII. Each line is written with one call, so that other
threads and processes cannot interrupt it, and carries the program's random tag, so that no output resembles it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import zlib
from dataclasses import dataclass, field
from typing import Any

MAX_BYTES = 4 << 20
"""Maximum size of a frame, compressed: servers keep logs of at most 10 MiB, compressed, with all other output."""

_MARK = "@oqtopus"
_LINE_CHARACTERS = 1000
_MAX_UNPACKED = 256 << 20
_LINE = re.compile(
    rf"(?:\r?\n)?{_MARK} (?P<tag>[0-9a-f]{{16}}) (?P<kind>[a-z]+) (?P<part>\d{{1,6}})/(?P<total>\d{{1,6}})"
    r" (?P<crc>[0-9a-f]{8}) (?P<content>[A-Za-z0-9+/=]*) (?P=tag)(?:\r?\n)?"
)


class FrameWriter:
    """Writes frames to a file descriptor.

    Args:
        descriptor: The file descriptor.
        tag: The program's tag, 16 hexadecimal digits.
    """

    def __init__(self, descriptor: int, tag: str) -> None:
        self._descriptor = descriptor
        self._tag = tag

    def write(self, kind: str, content: object) -> None:
        """Write a frame.

        Args:
            kind: A word that names the frame; each may be written once.
            content: Its content as JSON; objects of other types are replaced by their text.

        Raises:
            ValueError: The content is too large.
        """
        packed = zlib.compress(json.dumps(content, default=str).encode())
        if len(packed) > MAX_BYTES:
            raise ValueError(f"{len(packed):,} bytes, compressed; the log has room for {MAX_BYTES:,}.")
        text = base64.b64encode(packed).decode()
        pieces = [text[i : i + _LINE_CHARACTERS] for i in range(0, len(text), _LINE_CHARACTERS)]
        for number, piece in enumerate(pieces, 1):
            body = f"{kind} {number}/{len(pieces)}"
            line = f"\n{_MARK} {self._tag} {body} {_checksum(body, piece)} {piece} {self._tag}\n".encode()
            # An interrupted line is repeated as a whole; its checksum identifies the fragment.
            while os.write(self._descriptor, line) < len(line):
                pass


@dataclass(frozen=True)
class Frames:
    """The frames of one program in a log.

    Attributes:
        tag: The program's tag; empty if the log has no frames.
        text: The rest of the log, without the prompt of the server's shell and with plain line ends.
        contents: The content of each complete frame, by kind.
        damaged: Kinds of the incomplete frames, each with a description of what is missing.
    """

    tag: str
    text: str
    contents: dict[str, Any] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)


def read_frames(log: str, first: str) -> Frames:
    """Find the frames in a log.

    Args:
        log: The log, with the line ends of a terminal or plain ones.
        first: The kind of the program's first frame, whose tag the others have.
    """
    lines = [match for match in _LINE.finditer(log) if _is_intact(match)]
    tag = next((match["tag"] for match in lines if match["kind"] == first), "")
    parts: dict[str, dict[int, str]] = {}
    totals: dict[str, int] = {}
    for match in lines:
        if match["tag"] == tag:
            totals[match["kind"]] = int(match["total"])
            parts.setdefault(match["kind"], {})[int(match["part"])] = match["content"]
    contents, damaged = {}, {}
    for kind, total in totals.items():
        missing = [number for number in range(1, total + 1) if number not in parts[kind]]
        if missing:
            damaged[kind] = f"{len(missing)} of its {total} lines are missing or damaged"
            continue
        try:
            contents[kind] = _unpacked("".join(parts[kind][number] for number in range(1, total + 1)))
        except (ValueError, RecursionError, zlib.error) as error:
            damaged[kind] = f"{type(error).__name__}: {error}"
    text = _LINE.sub(lambda line: "" if line["tag"] == tag else line[0], log)
    return Frames(tag, text.removeprefix("$ ").replace("\r\n", "\n"), contents, damaged)


def _checksum(body: str, piece: str) -> str:
    return f"{zlib.crc32(f'{body} {piece}'.encode()):08x}"


def _is_intact(match: re.Match[str]) -> bool:
    return match["crc"] == _checksum(f"{match['kind']} {match['part']}/{match['total']}", match["content"])


def _unpacked(text: str) -> Any:
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(base64.b64decode(text, validate=True), _MAX_UNPACKED)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("it unpacks to more than 256 MiB, or is not complete")
    return json.loads(content)
