"""Malicious logs: nothing is written outside the folder, and only `ValueError` is raised."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from oqtopus_client.services.sse_log import log_text, save_log

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder for logs; files beside it must not change."""
    (tmp_path / "secret.txt").write_text("untouched")
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/..", "/", "x/", "C:", "a\0.zip", "log.txt:stream", "\\\\host\\share"]
)
def test_names_of_no_file(folder: Path, name: str, overwrite: bool) -> None:
    """Folders, drives, streams and zero bytes are not valid file names."""
    with pytest.raises(ValueError, match="is not a valid file name"):
        save_log(b"log", folder, name, overwrite=overwrite)

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["../../log.zip", "/etc/log.zip", "..\\..\\log.zip", "C:\\Windows\\log.zip", "C:log.zip", "\\\\host\\s\\log.zip"],
)
def test_paths(folder: Path, name: str) -> None:
    """Only the last part of a path of any system is used."""
    assert save_log(b"log", folder, name, overwrite=False) == folder / "log.zip"
    assert (folder / "log.zip").read_bytes() == b"log"


@pytest.mark.parametrize("target", ["secret.txt", "not there"])
def test_links(folder: Path, target: str) -> None:
    """A link with the log's name is not followed; it is replaced only with `overwrite`."""
    link = folder / "log.zip"
    link.symlink_to(folder.parent / target)
    with pytest.raises(ValueError, match="exists already"):
        save_log(b"log", folder, "log.zip", overwrite=False)
    save_log(b"log", folder, "log.zip", overwrite=True)

    assert not link.is_symlink()
    assert link.read_bytes() == b"log"
    assert (folder.parent / "secret.txt").read_text() == "untouched"
    assert not (folder.parent / "not there").exists()


def test_folder_of_that_name(folder: Path) -> None:
    """A folder with the log's name is not replaced."""
    (folder / "log.zip").mkdir()
    with pytest.raises(ValueError, match="exists already"):
        save_log(b"log", folder, "log.zip", overwrite=True)


def archive(*names: str, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as writer:
        for name in names:
            writer.writestr(zipfile.ZipInfo(name), b"text " * 20, kind)
    return buffer.getvalue()


def test_names_are_only_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a log as text writes no file, whatever its names."""
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="Duplicate name"):
        packed = archive("../up", "/etc/passwd", "C:\\x", "a", "a", "folder/")
    text = log_text(packed, encoding="utf-8", errors="replace")

    assert [line for line in text.splitlines() if line.startswith("=")] == [
        f"===== {name} =====" for name in ("../up", "/etc/passwd", "C:\\x", "a", "a")
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_damage(kind: int) -> None:
    """A log with any damaged byte gives text or a `ValueError`."""
    packed = archive("a", kind=kind)
    for place in range(len(packed)):
        damaged = bytearray(packed)
        damaged[place] ^= 0xFF
        try:
            assert isinstance(log_text(bytes(damaged), encoding="utf-8", errors="replace"), str)
        except ValueError as error:
            assert "damaged" in str(error) or "64 MiB" in str(error)  # noqa: PT017 - it may well not be raised


def test_encrypted() -> None:
    """An encrypted log is refused."""
    packed = bytearray(archive("a"))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ValueError, match=r"may be damaged: .*encrypted"):
        log_text(bytes(packed), encoding="utf-8", errors="replace")


def test_size_that_lies() -> None:
    """A file declared as huge is not read; one declared as small is read up to that size."""
    packed = bytearray(archive("a"))
    place = packed.index(b"PK\x01\x02") + 24
    packed[place : place + 4] = struct.pack("<I", 1 << 31)
    with pytest.raises(ValueError, match="64 MiB"):
        log_text(bytes(packed), encoding="utf-8", errors="replace")
