"""Frames in a log, among everything else that is written to it."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client.emulator.sse.terminal import container_log
from oqtopus_client.shipping.frames import MAX_BYTES, FrameWriter, read_frames
from tests.support.sse_programs import DRIVER, run_bare

TAG = "0123456789abcdef"
RANDOM = random.Random(5)
CONTENT: dict[str, Any] = {"values": [RANDOM.random() for _ in range(2000)], "text": "ü\n\0"}


def written(content: object = CONTENT, tag: str = TAG, kind: str = "outcome") -> str:
    """A log with a header and a frame."""
    with tempfile.TemporaryFile() as file:
        writer = FrameWriter(file.fileno(), tag)
        writer.write("header", {})
        writer.write(kind, content)
        file.seek(0)
        return file.read().decode("ascii")


def test_lines_are_short() -> None:
    """POSIX promises that 4,096 bytes are written as a whole, and a container's runtime splits 16 KiB."""
    lines = written().splitlines()

    assert len(lines) > 20
    assert max(map(len, lines)) < 1100


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_frame_among_other_output(line_end: str) -> None:
    """What others write before, between and after the lines stays, and nothing else."""
    lines = [line for line in written().split("\n") if line]
    log = "$ start"
    for number, line in enumerate(lines):
        log += f"\n{line}\n{number}"
    frames = read_frames(log.replace("\n", line_end), "header")

    assert frames.contents == {"header": {}, "outcome": CONTENT}
    assert frames.text == "start" + "".join(map(str, range(len(lines))))
    assert (frames.tag, frames.damaged) == (TAG, {})


def test_repeated_lines() -> None:
    """An interrupted line is written again; its beginning is shown as output."""
    head, _, line = written({"a": 1}).rpartition(f"\n@oqtopus {TAG} outcome")
    line = f"\n@oqtopus {TAG} outcome{line}"
    frames = read_frames(f"{head}{line[:40]}{line}{line}", "header")

    assert frames.contents["outcome"] == {"a": 1}
    assert frames.text == line[:40]


def test_damaged_lines() -> None:
    """One letter that differs costs the frame, and the number of lines is reported."""
    log = written()
    middle = len(log) // 2
    damaged = log[:middle] + ("A" if log[middle] != "A" else "B") + log[middle + 1 :]
    frames = read_frames(damaged, "header")

    assert "outcome" not in frames.contents
    total = log.count(" outcome ")
    assert frames.damaged == {"outcome": f"1 of its {total} lines are missing or damaged"}


def test_frames_of_others() -> None:
    """A program that prints another one's frames, or a copy of its own with another tag, changes nothing."""
    other = written({"value": "false"}, tag="f" * 16)
    frames = read_frames(f"{written({'value': 1})}{other}", "header")

    assert frames.contents["outcome"] == {"value": 1}
    assert frames.text == other


def test_too_large() -> None:
    """The log would be too large for the server."""
    with pytest.raises(ValueError, match=r"[\d,]+ bytes, compressed; the log has room for 4,194,304"):
        written(os.urandom(MAX_BYTES).hex())


def test_small_texts_that_unpack_to_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server cannot fill the memory."""
    monkeypatch.setattr("oqtopus_client.shipping.frames._MAX_UNPACKED", 1000)
    frames = read_frames(written("0" * 2000), "header")

    assert frames.damaged == {"outcome": "ValueError: it unpacks to more than 256 MiB, or is not complete"}


SHOUTING = f"""
import threading, subprocess
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from oqtopus_client.shipping.frames import FrameWriter
frames = FrameWriter(os.dup(1), {TAG!r})
done = threading.Event()
def shout():
    while not done.is_set():
        os.write(1, b"noise " * 20)
        print("buffered noise", end="", flush=True)
threads = [threading.Thread(target=shout) for _ in range(3)]
child = subprocess.Popen([sys.executable, "-c", "import os\\nfor _ in range(2000): os.write(1, b'child ' * 10)"])
for thread in threads: thread.start()
frames.write("header", {{}})
for number in range(10): frames.write("frame" + "abcdefghij"[number], {CONTENT!r})
done.set()
child.wait()
for thread in threads: thread.join()
submit(1)
"""


def test_threads_and_children_that_write_at_the_same_time() -> None:
    """On a terminal, as in the container, every frame arrives."""
    log = container_log(run_bare(DRIVER + SHOUTING).ended.output)
    frames = read_frames(log, "header")

    assert len(frames.contents) == 11
    assert all(content == CONTENT for kind, content in frames.contents.items() if kind != "header")
    assert "noise" in frames.text
    assert "child" in frames.text
    assert TAG not in frames.text


def test_no_frames() -> None:
    """A log without any is the text itself."""
    frames = read_frames("$ text\r\n", "header")

    assert (frames.tag, frames.text, frames.contents) == ("", "text\n", {})
