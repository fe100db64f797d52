"""Server URL and credentials."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import stat
from pathlib import Path

import pytest

from oqtopus_client import OqtopusConfig
from oqtopus_client.errors import OqtopusConfigError
from oqtopus_client.profiles import profile_names

SECRET = "idpart.secretpart"


def write_profile(text: str) -> Path:
    """Write the user's profile file."""
    file = Path(os.environ["XDG_CONFIG_HOME"], "oqtopus", "config.ini")
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """URL, token, proxy and timeout come from the environment, and the token's source is known."""
    monkeypatch.setenv("OQTOPUS_BASE_URL", "https://a.example")
    monkeypatch.setenv("OQTOPUS_API_TOKEN", SECRET)
    monkeypatch.setenv("OQTOPUS_PROXY", "http://proxy.example:8000")
    monkeypatch.setenv("OQTOPUS_TIMEOUT", "2.5")
    config = OqtopusConfig.from_env()

    assert config == OqtopusConfig("https://a.example", SECRET, "http://proxy.example:8000", 2.5)
    assert config.token_source == "environment variable OQTOPUS_API_TOKEN"


def test_environment_under_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable can have another name; one that is not set, or empty, leaves the default."""
    monkeypatch.setenv("OQTOPUS_TIMEOUT", "7")
    monkeypatch.setenv("LAB_URL", "https://lab.example")
    monkeypatch.setenv("LAB_TIMEOUT", "")
    names = {f"{setting}_env": f"LAB_{setting.upper()}" for setting in ("api_token", "proxy", "timeout")}

    assert OqtopusConfig.from_env(base_url_env="LAB_URL", **names) == OqtopusConfig("https://lab.example")
    monkeypatch.setenv("LAB_TIMEOUT", "5")
    assert OqtopusConfig.from_env(base_url_env="LAB_URL", **names).timeout == 5.0


@pytest.mark.parametrize("timeout", ["soon", "0", "-1", "nan", "30 s", "1,5"])
def test_bad_timeout_in_the_environment(monkeypatch: pytest.MonkeyPatch, timeout: str) -> None:
    """The error names the variable, its value and what it should be."""
    monkeypatch.setenv("OQTOPUS_URL", "https://a.example")
    monkeypatch.setenv("OQTOPUS_TIMEOUT", timeout)
    with pytest.raises(OqtopusConfigError) as caught:
        OqtopusConfig.from_default()

    assert str(caught.value) == f"OQTOPUS_TIMEOUT must be a positive number of seconds, such as 30, not {timeout!r}."


def test_environment_without_url() -> None:
    """The error names the variables."""
    with pytest.raises(OqtopusConfigError, match="OQTOPUS_URL or OQTOPUS_BASE_URL"):
        OqtopusConfig.from_env()


def test_profile() -> None:
    """A profile gives URL, token and timeout; `url` is as good as `base_url`."""
    file = write_profile(f"[lab]\nurl = https://lab.example\napi_token = {SECRET}%\ntimeout = 5\n")
    config = OqtopusConfig.from_file("lab")

    assert (config.base_url, config.api_token, config.timeout) == ("https://lab.example", SECRET + "%", 5.0)
    assert config.token_source == f"profile [lab] of {file}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[other]\nurl = https://a.example\n", r"has no profile \[default\]\. Known: 'other'\."),
        ("[default]\napi_token = x\n", "must define base_url"),
        (
            "[default]\nurl = https://a.example\ntimeout = soon\n",
            "timeout must be a number of seconds, not 'soon'",
        ),
        (
            "[default]\nurl = https://a.example\nallow_http = perhaps\n",
            "allow_http must be true or false, not 'perhaps'",
        ),
        (f"{SECRET}\n", "is not an INI file"),
    ],
)
def test_bad_profile(text: str, message: str) -> None:
    """Each defect of the file is named, and no line of it is quoted."""
    write_profile(text)
    with pytest.raises(OqtopusConfigError, match=message) as caught:
        OqtopusConfig.from_file()

    assert SECRET not in str(caught.value)
    assert SECRET not in str(caught.value.__context__)


def test_unknown_settings_of_a_profile(caplog: pytest.LogCaptureFixture) -> None:
    """They are ignored with a warning, which has no value: it may be a misnamed token."""
    known = "url = https://a.example\nproxy =\ntimeout = 5\nallow_http = no\n"
    text = f"[default]\n{known}api_tokn = {SECRET}\ncolour = red\n"
    file = Path("~/.oqtopus").expanduser()
    file.write_text(text, encoding="utf-8")

    assert OqtopusConfig.from_file().api_token is None
    assert [record.getMessage().split(f"{file}: ")[1] for record in caplog.records] == [
        "the setting 'api_tokn' is ignored. Did you mean 'api_token'?",
        "the setting 'colour' is ignored. Known: 'base_url', 'url', 'api_token', 'proxy', 'timeout', 'allow_http'.",
    ]
    assert SECRET not in caplog.text


def test_environment_wins_over_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server named in the environment never sees the profile's token."""
    write_profile(f"[default]\nurl = https://profile.example\napi_token = {SECRET}\n")
    monkeypatch.setenv("OQTOPUS_URL", "https://environment.example")
    config = OqtopusConfig.from_default()

    assert (config.base_url, config.api_token) == ("https://environment.example", None)


def test_token_of_the_environment_goes_with_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token in the environment replaces the profile's."""
    write_profile("[default]\nurl = https://profile.example\napi_token = old\n")
    monkeypatch.setenv("OQTOPUS_API_TOKEN", SECRET)
    config = OqtopusConfig.from_default()

    assert (config.base_url, config.api_token) == ("https://profile.example", SECRET)
    assert config.token_source == "environment variable OQTOPUS_API_TOKEN"


def test_settings_of_the_environment_go_with_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """So do proxy and timeout; what the environment does not say stays the profile's."""
    write_profile(f"[default]\nurl = https://profile.example\napi_token = {SECRET}\ntimeout = 5\n")
    monkeypatch.setenv("OQTOPUS_PROXY", "http://proxy.example:8000")
    profile = OqtopusConfig("https://profile.example", SECRET, "http://proxy.example:8000", 5.0)

    assert OqtopusConfig.from_default() == profile
    monkeypatch.setenv("OQTOPUS_TIMEOUT", "60")
    assert OqtopusConfig.from_default() == dataclasses.replace(profile, timeout=60.0)


def test_nothing_configured() -> None:
    """The error says what to set, and where the profile would be."""
    with pytest.raises(OqtopusConfigError, match=r"OQTOPUS_URL and OQTOPUS_API_TOKEN.*config\.ini"):
        OqtopusConfig.from_default()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example",
        "ftp://api.example",
        "https://",
        "http://[::1",
        "http://host:port",
        "https://a b.example",
    ],
)
def test_bad_url(url: str) -> None:
    """A URL that cannot be one is refused, with its value."""
    with pytest.raises(OqtopusConfigError, match="http or https URL") as caught:
        OqtopusConfig(url).check_server()

    assert repr(url) in str(caught.value)


def test_url_with_a_password() -> None:
    """A URL with a user name is refused, and the password is not shown."""
    with pytest.raises(OqtopusConfigError, match="must not contain a user name or a password") as caught:
        OqtopusConfig("https://me:s3cret@api.example").check_server()

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["proxy.example:3128", "me:s3cret@proxy.example:3128", "socks://proxy.example"])
def test_bad_proxy(proxy: str) -> None:
    """The remedy is named, the value, which may hold a password, is not."""
    with pytest.raises(OqtopusConfigError, match="proxy must be an http or https URL") as caught:
        OqtopusConfig("https://a.example", SECRET, proxy)

    assert proxy not in str(caught.value)


@pytest.mark.parametrize("token", [SECRET + "\n", "two words", "tökén"])
def test_bad_token(token: str) -> None:
    """A token that cannot be sent is refused when it is given, and not shown."""
    with pytest.raises(OqtopusConfigError, match="contains invalid characters") as caught:
        OqtopusConfig("https://a.example", token)

    assert not token or token not in str(caught.value)


def test_token_with_a_line_break_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell reads it from a file."""
    monkeypatch.setenv("OQTOPUS_URL", "https://a.example")
    monkeypatch.setenv("OQTOPUS_API_TOKEN", SECRET + "\r\n")

    assert OqtopusConfig.from_env().api_token == SECRET


def test_repr_hides_secrets() -> None:
    """Neither the token nor the proxy's password shows."""
    shown = repr(OqtopusConfig("https://a.example", SECRET, "http://user:hidden@proxy.example"))

    assert SECRET not in shown
    assert "hidden" not in shown


# --- the URL under both of its names


def test_url_is_base_url() -> None:
    """Either name is accepted, and both can be read."""
    config = OqtopusConfig(url="https://a.example")

    assert config == OqtopusConfig("https://a.example") == OqtopusConfig(base_url="https://a.example")
    assert config.url == config.base_url
    assert dataclasses.replace(config, base_url="https://b.example").url == "https://b.example"
    with pytest.raises(OqtopusConfigError, match="are one setting"):
        OqtopusConfig("https://a.example", url="https://b.example")
    with pytest.raises(OqtopusConfigError, match="needs base_url"):
        OqtopusConfig()


# --- where profiles are


def test_profiles_of_quri_parts_oqtopus_users() -> None:
    """`~/.oqtopus` is read only if the other file is missing."""
    Path("~/.oqtopus").expanduser().write_text("[default]\nurl = https://old.example\n", encoding="utf-8")
    assert OqtopusConfig.from_file().base_url == "https://old.example"
    write_profile("[default]\nurl = https://new.example\n")

    assert OqtopusConfig.from_file().base_url == "https://new.example"


def test_saving() -> None:
    """What is saved is read again; the file is the owner's alone, and other profiles stay."""
    write_profile("[other]\nurl = https://other.example\n")
    config = OqtopusConfig("http://127.0.0.1:8080", SECRET, "http://proxy.example:3128", 5.0, allow_http=True)
    file = config.save("lab")

    assert OqtopusConfig.from_file("lab") == config
    assert OqtopusConfig.from_file("other").base_url == "https://other.example"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["config.ini"]
    with pytest.raises(OqtopusConfigError, match=r"has a profile \[lab\] already; pass overwrite=True"):
        config.save("lab")
    assert dataclasses.replace(config, timeout=7.0).save("lab", overwrite=True) == file
    assert OqtopusConfig.from_file("lab").timeout == 7.0


@pytest.mark.parametrize("text", [f"api_token = {SECRET}\n", f"[default]\n[default]\n{SECRET}\n"])
def test_saving_into_what_is_no_profile_file(text: str) -> None:
    """No line of it is quoted, and it stays as it is."""
    file = write_profile(text)
    with pytest.raises(OqtopusConfigError, match=r"config\.ini is not an INI file") as caught:
        OqtopusConfig("https://a.example", "new").save(overwrite=True)

    assert SECRET not in f"{caught.value} {caught.value.__context__}"
    assert file.read_text(encoding="utf-8") == text
    assert profile_names() == []


def test_file_that_cannot_be_read() -> None:
    """It is not taken for one that is not there, and so not replaced."""
    file = write_profile("")
    file.unlink()
    file.mkdir()
    for attempt in (OqtopusConfig.from_file, OqtopusConfig("https://a.example", SECRET).save):
        with pytest.raises(OqtopusConfigError, match=r"config\.ini cannot be read: Is a directory;"):
            attempt()

    assert profile_names() == []


def test_saving_makes_the_folder() -> None:
    """Nobody but the owner may look into it."""
    file = OqtopusConfig("https://a.example", SECRET).save()

    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_failed_saving_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the old file and no other."""
    file = write_profile("[other]\nurl = https://other.example\n")

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        OqtopusConfig("https://a.example", SECRET).save("lab")

    assert [entry.name for entry in file.parent.iterdir()] == ["config.ini"]
    assert SECRET not in file.read_text()


# --- what may travel where


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "emulator.localhost", "127.9.9.9"])
def test_plain_http_to_this_machine(host: str) -> None:
    """Nobody else is on the way."""
    OqtopusConfig(f"http://{host}", SECRET).check_server()


@pytest.mark.parametrize("host", ["api.example", "192.168.0.5", "localhost.example", "127.0.0.1.example"])
def test_plain_http_to_others(host: str) -> None:
    """The token is not sent, unless that is allowed."""
    with pytest.raises(OqtopusConfigError, match="would send the API token unencrypted") as caught:
        OqtopusConfig(f"http://{host}", SECRET).check_server()

    assert SECRET not in str(caught.value)
    OqtopusConfig(f"http://{host}", SECRET, allow_http=True).check_server()
    OqtopusConfig(f"http://{host}").check_server()


@pytest.mark.parametrize("text", ["1", "true", "Yes", "ON", " on "])
def test_plain_http_allowed_by_the_environment(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OQTOPUS_ALLOW_HTTP` applies wherever the URL comes from, unless the program or a named profile decides."""
    write_profile(f"[lab]\nurl = http://lab.example\napi_token = {SECRET}\n[strict]\nurl = http://x\nallow_http = no\n")
    monkeypatch.setenv("OQTOPUS_ALLOW_HTTP", text)
    monkeypatch.setenv("OQTOPUS_URL", "http://lab.example")
    monkeypatch.setenv("OQTOPUS_API_TOKEN", SECRET)
    for config in (OqtopusConfig.from_default(), OqtopusConfig.from_file("lab"), OqtopusConfig("http://x", SECRET)):
        config.check_server()

    assert not OqtopusConfig("http://x", SECRET, allow_http=False).allow_http
    assert not OqtopusConfig.from_file("strict").allow_http


def test_environment_overrides_the_default_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a timeout, the environment's value replaces that of the default profile, in both directions."""
    write_profile("[default]\nurl = http://lab.example\nallow_http = true\n")

    assert OqtopusConfig.from_default().allow_http
    monkeypatch.setenv("OQTOPUS_ALLOW_HTTP", "0")
    assert not OqtopusConfig.from_default().allow_http


def test_bad_allow_http_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable, its value and what it should be."""
    monkeypatch.setenv("OQTOPUS_ALLOW_HTTP", "maybe")
    with pytest.raises(OqtopusConfigError) as caught:
        OqtopusConfig("https://a.example")

    assert str(caught.value) == ("OQTOPUS_ALLOW_HTTP must be 1, true, yes or on, or 0, false, no or off, not 'maybe'.")


def test_refusal_of_plain_http_names_the_ways_to_allow_it() -> None:
    """The message names the variable, the profile's key, the option and the argument."""
    with pytest.raises(OqtopusConfigError) as caught:
        OqtopusConfig("http://lab.example", SECRET).check_server()

    ways = ("OQTOPUS_ALLOW_HTTP=1", "allow_http = true", "login --allow-http", "OqtopusConfig(..., allow_http=True)")
    assert all(way in str(caught.value) for way in ways)


def test_pickles_carry_no_token() -> None:
    """Nor an emulator; copies in memory keep both."""
    config = OqtopusConfig("https://a.example", SECRET, transport=print)
    pickled = pickle.dumps(config)

    assert SECRET.encode() not in pickled
    assert pickle.loads(pickled).api_token is None  # noqa: S301 - our own
    assert copy.deepcopy([config])[0] is config
    assert copy.copy(config) is config
