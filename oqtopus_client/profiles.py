"""The profile file: an INI file with a section for each profile.

configobj was considered. It writes the file in place, so that a reader may see half of it.
"""

from __future__ import annotations

import configparser
import contextlib
import io
import logging
import os
from pathlib import Path

from oqtopus_client.display import printable, suggestion
from oqtopus_client.errors import OqtopusConfigError
from oqtopus_client.files import write_atomically

_logger = logging.getLogger("oqtopus_client")

KEYS = ("base_url", "url", "api_token", "proxy", "timeout", "allow_http")
"""The settings of a profile."""

DEFAULT_PATH = object()
"""Stands for the default profile file, whose path depends on the environment at the time of the call."""


def profile_names() -> list[str]:
    """Return the names of the profiles in the default file; none if it cannot be read."""
    with contextlib.suppress(OqtopusConfigError):
        return read_profiles(profile_path(DEFAULT_PATH)).sections()
    return []


def check_name(name: str) -> None:
    """Check the name of a profile that is to be written.

    Raises:
        OqtopusConfigError: The file would have another meaning with this name.
    """
    # The parser adds the settings of [DEFAULT], the token among them, to every other profile.
    if not isinstance(name, str) or name in {"", configparser.DEFAULTSECT} or name != printable(name).strip():
        raise OqtopusConfigError(f"{name!r} is not a valid name of a profile; choose another one, such as 'lab'.")


def profile_path(path: str | Path | object) -> Path:
    """Return the path of a profile file, with environment variables and `~` expanded.

    Raises:
        OqtopusConfigError: `path` is not a path.
    """
    if path is DEFAULT_PATH:
        home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
        file = Path(home, "oqtopus", "config.ini").expanduser()
        other = Path("~/.oqtopus").expanduser()
        return other if other.is_file() and not file.exists() else file
    if not isinstance(path, str | Path):
        raise OqtopusConfigError(f"path must be the path of a profile file, not {path!r}.")
    return Path(os.path.expandvars(path)).expanduser()


def read_profiles(file: Path) -> configparser.ConfigParser:
    """Read a profile file; a missing file has no profiles.

    Raises:
        OqtopusConfigError: The file cannot be read, or is not a valid INI file.
    """
    parser, problem = configparser.ConfigParser(interpolation=None), None
    try:
        with file.open(encoding="utf-8") as stream:
            parser.read_file(stream)
    except FileNotFoundError:
        pass
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except (configparser.Error, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", None)
        problem = f"is not an INI file{f' (line {line})' if line else ''}"
    if problem:
        # Raised outside the handler: the parser's error quotes the offending line, which may hold the token, and an
        # error's context is pickled along with it by some packages.
        raise OqtopusConfigError(f"{file} {problem}; correct it, or remove it and run `oqtopus-client login`.")
    return parser


def warn_of_unknown_keys(profile: configparser.SectionProxy, file: Path) -> None:
    """Log a warning about each setting that is not read, which may be misspelt. Its value may be a token."""
    for key in profile:
        if key not in KEYS:
            _logger.warning(
                "Profile [%s] of %s: the setting %r is ignored. %s", profile.name, file, key, suggestion(key, KEYS)
            )


def write_profiles(parser: configparser.ConfigParser, file: Path) -> None:
    """Write a profile file atomically, readable by its owner only."""
    content = io.StringIO()
    parser.write(content)
    write_atomically(file, content.getvalue())
