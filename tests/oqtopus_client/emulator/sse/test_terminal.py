"""The log that a container runtime writes of a terminal's output."""

from __future__ import annotations

import os

import pytest

from oqtopus_client.emulator.sse.terminal import MAX_OUTPUT_BYTES, Terminal, container_log


@pytest.mark.parametrize(
    ("output", "log"),
    [
        (b"$ a\r\nb\r\n", "$ a\r\nb\r\n"),
        ("$ 量子\r\n🐙".encode(), "$ 量子\r\n🐙"),
        (b"\xff\xe9\r\n", "\ufffd\ufffd\r\n"),
        ("量".encode()[:2] + b"x", "\ufffd\ufffdx"),  # one for each byte
        ("\ud800".encode(errors="surrogatepass"), "\ufffd\ufffd\ufffd"),
        (b"x" * 16384 + "é\n".encode(), "x" * 16384 + "é\n"),
        (b"x" * 16383 + "é\n".encode(), "x" * 16383 + "\ufffd\ufffd\n"),  # cut inside a character
        (b"\n" + b"x" * 16383 + "é".encode(), "\n" + "x" * 16383 + "\ufffd\ufffd"),  # counted from the line's start
        (b"", ""),
    ],
)
def test_the_log(output: bytes, log: str) -> None:
    """Bytes that are not UTF-8 are replaced one by one, and lines longer than 16 KiB are decoded in pieces."""
    assert container_log(output) == log


def test_output_is_bounded() -> None:
    """A writer is never blocked, but only part of a very long output is kept."""
    with Terminal() as terminal:
        for _ in range(80):
            os.write(terminal.device, b"x" * (1 << 20))
    output = terminal.output()

    assert output.startswith(b"$ xxx")
    assert MAX_OUTPUT_BYTES < len(output) <= MAX_OUTPUT_BYTES + (1 << 16)
