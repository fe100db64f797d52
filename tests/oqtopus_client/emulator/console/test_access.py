"""Who may see the console, and who may not."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.console import access
from tests.support.circuits import BELL
from tests.support.console import LOCAL, NETWORK, console_of, logged_in, on_network

PUBLIC = "https://emulator.example.org"
OWN_HOSTS = ["127.0.0.1:8080", "127.0.0.1", "localhost:8080", "LocalHost:8080", "[::1]:8080", "localhost:9000"]
FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example:8080",
    "localhost.evil.example",
    "evil.example@127.0.0.1:8080",
    "127.0.0.1:8080@evil.example",
    "127.0.0.1:8080/evil",
    "192.0.2.7:8080",
    "0.0.0.0:8080",
    "[2001:db8::1]:8080",
    "localhost:port",
    "localhost,evil.example",
    "",
]
FOREIGN_ORIGINS = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8081"},
    {"Origin": "https://127.0.0.1:8080"},
    {"Origin": "http://127.0.0.1:8080.evil.example"},
    {"Origin": "http://localhost:8080"},
    {"Origin": LOCAL.upper()},
    {"Origin": f"{LOCAL}/"},
    {"Origin": LOCAL, "Sec-Fetch-Site": "cross-site"},
    {"Origin": LOCAL, "Sec-Fetch-Site": "same-site"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    {},
]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """Return an emulator whose users these tests add."""
    with Emulator(":memory:") as emulator:
        yield emulator


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_visitors_of_this_computer_need_no_login(emulator: Emulator, host: str) -> None:
    """They are the operator, by every name of this computer, and also where a tunnel changes the port."""
    answer = console_of(emulator).get("/", headers={"Host": host})

    assert answer.status_code == 200
    assert "operator" in answer.text


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("path", ["/", "/console/connect", "/console/login", "/console/static/console.js"])
def test_rebound_names_are_refused(emulator: Emulator, host: str, path: str) -> None:
    """A web page whose name leads to this computer learns nothing."""
    answer = console_of(emulator).get(path, headers={"Host": host})

    assert answer.status_code == 403
    assert f"Open {LOCAL}." in answer.text
    assert emulator.data not in answer.text


@pytest.mark.parametrize("hosts", [["127.0.0.1:8080", "evil.example"], ["evil.example", "127.0.0.1:8080"]])
def test_two_names_are_refused(emulator: Emulator, hosts: list[str]) -> None:
    """A request is not judged by one `Host` and answered for another."""
    answer = console_of(emulator).get("/", headers=[("Host", host) for host in hosts])

    assert answer.status_code == 403


@pytest.mark.parametrize("headers", FOREIGN_ORIGINS, ids=str)
def test_forms_of_other_sites_are_refused(emulator: Emulator, headers: dict[str, str]) -> None:
    """A web page elsewhere cannot act in the visitor's place."""
    browser = console_of(emulator)
    browser.headers.pop("Origin")
    answer = browser.post("/console/connect", headers=headers)

    assert answer.status_code == 403
    assert "did not come from a page of this console" in answer.text
    assert emulator.token not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "GOT"])
def test_no_other_method_gets_around_it(emulator: Emulator, method: str) -> None:
    """Whatever is not a plain GET must come from the console."""
    answer = console_of(emulator).request(method, "/console/connect", headers={"Origin": "http://evil.example"})

    assert answer.status_code == 403


@pytest.mark.parametrize("headers", [{"Origin": LOCAL}, {"Sec-Fetch-Site": "same-origin"}], ids=str)
def test_own_forms_are_accepted(emulator: Emulator, headers: dict[str, str]) -> None:
    """One of the two headers, which all browsers send, is enough."""
    browser = console_of(emulator)
    browser.headers.pop("Origin")

    assert browser.post("/console/connect", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via"]
)
def test_a_forgotten_public_url_opens_nothing(emulator: Emulator, header: str) -> None:
    """A proxy on this computer does not make its visitors the operator."""
    answer = console_of(emulator).get("/", headers={header: "203.0.113.5"})

    assert answer.status_code == 403
    assert "--public-url" in answer.text


def test_a_proxy_that_adds_no_header(server: dict[str, str]) -> None:
    """It is recognized by HTTP/1.0, which nginx speaks unless it is configured otherwise."""
    address = urlsplit(server["OQTOPUS_URL"])
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(f"GET / HTTP/1.0\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"--public-url" in answer


def test_a_proxy_that_looks_like_a_browser(emulator: Emulator) -> None:
    """The pages that a browser came from betray a proxy that rewrites `Host` and adds nothing."""
    browser = console_of(emulator)

    def status(referrer: str, site: str | None = None) -> int:
        headers = {"Referer": referrer} | ({} if site is None else {"Sec-Fetch-Site": site})
        return browser.get("/console/jobs", headers=headers).status_code

    assert status("https://lab.example/", "same-origin") == 403
    assert status("http://lab.example/console/jobs") == 403
    assert status("http://127.0.0.1:8080.evil.example/") == 403
    assert status("http://[") == 403
    assert status(f"{LOCAL}/console/submit?device=x", "same-origin") == 200
    assert status(LOCAL) == 200
    assert status("https://docs.example/console.html", "cross-site") == 200


def test_other_users_of_this_computer_log_in(emulator: Emulator) -> None:
    """Their processes, and proxies, which run as another user, are not the operator."""
    browser = console_of(emulator, is_own=False)
    assert browser.get("/").headers["location"] == "/console/login"
    assert browser.post("/console/connect").status_code == 401
    assert browser.post("/console/login", data={"token": emulator.add_user("neighbour")}).status_code == 303

    page = browser.get("/").text
    assert "neighbour" in page
    assert "/console/logout" in page
    assert "/console/logout" not in console_of(emulator).get("/").text
    assert browser.post("/console/faults/clear").status_code == 403


def test_others_log_in(emulator: Emulator) -> None:
    """A page leads to the login, which leads back to it."""
    browser = on_network(emulator)
    asked = browser.get("/console/jobs?q=a%26b")
    assert asked.headers["location"] == "/console/login?next=/console/jobs%3Fq%3Da%2526b"

    assert 'name="next" value="/console/jobs?q=a%26b"' in browser.get(asked.headers["location"]).text
    answer = browser.post("/console/login", data={"token": f" {emulator.token}\n", "next": "/console/jobs?q=a%26b"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/jobs?q=a%26b")
    assert browser.get("/").status_code == 200
    assert browser.get("/console/login").headers["location"] == "/"

    assert browser.post("/console/logout").headers["location"] == "/console/login"
    assert browser.get("/").headers["location"] == "/console/login"


@pytest.mark.parametrize("path", ["/", "/console", "/console/jobs", "/console/connect", "/console/nowhere"])
def test_every_page_needs_the_login(emulator: Emulator, path: str) -> None:
    """Which pages there are is no one else's business either."""
    browser = on_network(emulator)
    answer = browser.get(path)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/login")
    assert answer.text == ""
    assert browser.post(path).status_code == 401


def test_a_form_outlives_the_login(emulator: Emulator) -> None:
    """The answer to a form is not the login page, so that what was typed can be sent again."""
    browser = logged_in(emulator, emulator.token)
    browser.cookies.clear()
    form = {"program": BELL, "device": "qulacs", "type": "sampling", "shots": "10", "action": "anyway"}
    answer = browser.post("/console/submit", data=form)
    assert answer.status_code == 401
    assert "Log in in another tab" in answer.text
    assert browser.post("/console/logout").headers["location"] == "/console/login"

    browser.post("/console/login", data={"token": emulator.token})
    assert browser.post("/console/submit", data=form).headers["location"].startswith("/console/jobs/")


@pytest.mark.parametrize("token", ["", "x", "wrong.token", "x" * 10_000, "\x00", "é"])
def test_wrong_tokens(emulator: Emulator, token: str) -> None:
    """A token that is not valid is refused, and not repeated."""
    answer = on_network(emulator).post("/console/login", data={"token": token})

    assert answer.status_code == 403
    assert "This token is not valid" in answer.text
    assert "set-cookie" not in answer.headers
    assert 'type="password" autocomplete="current-password" spellcheck="false" required' in answer.text


def test_no_log_and_no_address_has_the_token(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the emulator nor what stands around it records one."""
    caplog.set_level(logging.DEBUG)
    token = emulator.add_user("ada")
    browser = on_network(emulator)
    answers = [
        browser.post("/console/login", data={"token": token, "next": "/console/connect"}),
        browser.post("/console/connect"),
        browser.post("/console/login", data={"token": f"{token}x"}),
        browser.post("/console/logout"),
    ]

    assert [answer.status_code for answer in answers] == [303, 200, 403, 303]
    assert all(token not in str(answer.headers) + answer.text for answer in answers)
    assert token not in caplog.text
    assert len(caplog.records) >= len(answers)


def test_a_user_is_not_the_operator(emulator: Emulator) -> None:
    """The console knows who has logged in."""
    page = logged_in(emulator, emulator.add_user("ada")).get("/console/connect").text

    assert "ada" in page
    assert emulator.data not in page


@pytest.mark.parametrize(
    ("url", "public_url", "expected"),
    [
        (NETWORK, None, "oqtopus-console-8080={}; HttpOnly; Max-Age=43200; Path=/; SameSite=strict"),
        (PUBLIC, PUBLIC, "__Host-oqtopus-console-={}; HttpOnly; Max-Age=43200; Path=/; SameSite=strict; Secure"),
        (
            "http://lab.example:81",
            "http://lab.example:81",
            "oqtopus-console-81={}; HttpOnly; Max-Age=43200; Path=/; SameSite=strict",
        ),
    ],
)
def test_the_cookie(emulator: Emulator, url: str, public_url: str | None, expected: str) -> None:
    """Scripts, other sites and connections in clear do not get it, and it does not contain the token."""
    browser = console_of(emulator, url, address="192.0.2.7", public_url=public_url)
    # A proxy that is not named is not believed.
    headers = {"X-Forwarded-Proto": "https" if url.startswith("http:") else "http", "X-Forwarded-Host": "evil.example"}
    answer = browser.post("/console/login", data={"token": emulator.token}, headers=headers)
    cookie = answer.headers["set-cookie"]
    (value,) = answer.cookies.values()

    assert cookie == expected.format(value)
    assert emulator.token not in cookie


@pytest.mark.parametrize(
    ("public_url", "host", "accepted"),
    [
        (PUBLIC, "emulator.example.org", True),
        (PUBLIC, "Emulator.Example.org:443", True),
        (PUBLIC, "emulator.example.org:80", False),
        (PUBLIC, "emulator.example.org:8443", False),
        (PUBLIC, "www.emulator.example.org", False),
        (PUBLIC, "127.0.0.1:8080", False),
        (PUBLIC, "localhost", False),
        ("http://lab.example:8080", "lab.example:8080", True),
        ("http://lab.example:8080", "lab.example", False),
        ("http://lab.example", "lab.example:80", True),
    ],
)
def test_only_the_public_name_is_answered(emulator: Emulator, public_url: str, host: str, accepted: bool) -> None:
    """With a public URL, its host is the only one, also on loopback; a login is needed."""
    answer = console_of(emulator, public_url, public_url=public_url).get("/", headers={"Host": host})

    assert answer.status_code == (303 if accepted else 403)
    assert accepted or f"Open {public_url}." in answer.text


def test_forms_come_from_the_public_url(emulator: Emulator) -> None:
    """Behind a proxy that ends TLS, the origin is that of the public URL, not that of the request."""
    browser = console_of(emulator, "http://emulator.example.org", public_url=PUBLIC)
    statuses = [
        browser.post("/console/login", data={"token": emulator.token}, headers={"Origin": origin}).status_code
        for origin in (PUBLIC, "http://emulator.example.org", f"{PUBLIC}:8443", "null")
    ]

    assert statuses == [303, 403, 403, 403]


@pytest.mark.parametrize("cookie", ["", "x", "operator", "operator~9999999999~", "\xe9" * 64, "{}x", "{}~{}", "{:.42}"])
def test_a_changed_cookie_is_refused(emulator: Emulator, cookie: str) -> None:
    """Nothing but the cookie of a login opens a page."""
    browser = logged_in(emulator, emulator.add_user("eve"))
    ((name, value),) = browser.cookies.items()
    browser.cookies.clear()
    changed = f"{name}={cookie.format(value, value)}".encode("latin-1")

    assert browser.get("/", headers={b"Cookie": f"{name}={value}".encode()}).status_code == 200
    assert browser.get("/", headers={b"Cookie": changed}).status_code == 303


def test_a_cookie_ends_with_the_logout(emulator: Emulator) -> None:
    """A copy of it opens nothing afterwards; other logins of the user continue."""
    browser = logged_in(emulator, emulator.token)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    browser.cookies.clear()
    browser.post("/console/login", data={"token": emulator.token})
    assert browser.post("/console/logout", headers={"Cookie": cookie}).status_code == 303

    assert browser.get("/", headers={"Cookie": cookie}).status_code == 303
    assert browser.post("/console/login", data={"token": emulator.token}).status_code == 303
    assert browser.get("/").status_code == 200


def test_many_logins(emulator: Emulator) -> None:
    """They take a limited amount of memory, and one user's end no other's."""
    operator = logged_in(emulator, emulator.token)
    token = emulator.add_user("often")
    kept = [dict(operator.cookies)]
    for _ in range(102):
        operator.cookies.clear()
        operator.post("/console/login", data={"token": token})
        kept.append(dict(operator.cookies))
    operator.cookies.clear()
    statuses = []
    for cookies in (kept[0], kept[1], kept[2], kept[3], kept[-1]):
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        statuses.append(operator.get("/", headers={"Cookie": cookie}).status_code)

    assert statuses == [200, 303, 303, 200, 200]


def test_a_cookie_of_another_emulator_is_refused(emulator: Emulator) -> None:
    """Each emulator knows its own logins only."""
    cookies = logged_in(emulator, emulator.token).cookies
    browser = on_network(emulator)
    browser.cookies = cookies

    assert browser.get("/").status_code == 303


def test_a_login_ends(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """After twelve hours, whatever the browser keeps."""
    browser = logged_in(emulator, emulator.token)
    ((name, value),) = browser.cookies.items()
    now = time.time()
    statuses = []
    for seconds in (0, access.SESSION_SECONDS - 60, access.SESSION_SECONDS + 1):
        monkeypatch.setattr(time, "time", lambda seconds=seconds: now + seconds)
        statuses.append(browser.get("/", headers={"Cookie": f"{name}={value}"}).status_code)

    assert statuses == [200, 200, 303]


def _users(emulator: Emulator, name: str) -> tuple[httpx.Client, str]:
    token = emulator.add_user(name)
    user = emulator.cloud.users.with_token(token)
    assert user is not None
    return logged_in(emulator, token), user["id"]


@pytest.mark.parametrize("changes", [{"token_hash": "other"}, {"token_hash": None}, {"token_expiration": "2020-01-01"}])
def test_a_login_ends_with_the_token(emulator: Emulator, changes: dict[str, str | None]) -> None:
    """A token that is renewed, revoked or expired opens nothing any more."""
    browser, user_id = _users(emulator, "bob")
    emulator.cloud.users.update(user_id, changes)

    assert browser.get("/").status_code == 303


def test_a_suspended_user(emulator: Emulator) -> None:
    """A login does not outlive the approval, and there is none without."""
    browser, user_id = _users(emulator, "mallory")
    emulator.cloud.users.update(user_id, {"status": "suspended"})
    answers = [browser.get("/"), browser.post("/console/connect")]
    token = emulator.add_user("suspended", status="suspended")
    answers.append(on_network(emulator).post("/console/login", data={"token": token}))

    assert [answer.status_code for answer in answers] == [403] * 3
    assert all("This account is suspended." in answer.text for answer in answers)
    assert 'href="/console/login"' in answers[0].text
    assert browser.post("/console/login", data={"token": emulator.token}).status_code == 303
    assert browser.get("/").status_code == 200


def test_a_deleted_user(emulator: Emulator) -> None:
    """An account that is gone is logged out."""
    browser, user_id = _users(emulator, "carol")
    emulator.cloud.users.delete(user_id)

    assert browser.get("/").status_code == 303


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/console/\\evil.example",
        "/jobs",
        "/console",
        "/consoles/",
        "javascript:alert(1)",
        "/console/\r\nSet-Cookie: x=1",
        "/console/\u2028",
        " /console/jobs",
        "",
    ],
)
def test_a_login_leads_nowhere_else(emulator: Emulator, wanted: str) -> None:
    """Only pages of the console can follow a login."""
    answer = on_network(emulator).post("/console/login", data={"token": emulator.token, "next": wanted})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["set-cookie"].startswith("oqtopus-console-8080=")


@pytest.mark.parametrize(
    "path", ["/console/%0d%0aSet-Cookie:%20x=1", "/console/x?%0d%0aX:%20y", "/console//evil.example"]
)
def test_paths_add_no_header(emulator: Emulator, path: str) -> None:
    """The way to the login carries the wanted address as one encoded value."""
    answer = on_network(emulator).get(path)

    assert answer.headers["location"].startswith("/console/login?next=/console/")
    assert not {"set-cookie", "x"} & answer.headers.keys()


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "//console/jobs",
        "/console/../jobs",
        "/console/%2e%2e/jobs",
        "/console%2f..%2fjobs",
        "/CONSOLE/jobs",
        "/console/login/../jobs",
        "/console/login/",
        "/console/login%00",
        "/console/login%0a",
        "/console/static/../connect",
        "/console/static/..%2fconnect",
        "/console/static/..%2f..%2fapp.py",
        "/console/static/%2e%2e/%2e%2e/app.py",
        "/console/static//etc/passwd",
        "/console/static/",
        "/console/static",
        "/./console/connect",
        "/;/console/connect",
        "/console;x/connect",
        "/docs/../console/connect",
        "/storage/../console/connect",
    ],
)
def test_no_path_gets_around_the_login(emulator: Emulator, path: str) -> None:
    """Neither to a page, nor to the API, nor to a file of the emulator's."""
    browser = on_network(emulator)
    request = browser.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    answer = browser.send(request)

    assert answer.status_code in {303, 401, 403, 404}
    assert "import" not in answer.text
    assert emulator.data not in answer.text
