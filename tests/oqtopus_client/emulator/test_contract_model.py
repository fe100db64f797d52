"""Random requests are answered as a model of the API predicts, without unexpected errors in the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oqtopus_client.emulator import Emulator
from tests.oqtopus_client.emulator.contract_model import (
    JOBS,
    METHODS,
    OK,
    OPERATIONS,
    TOKENS,
    UNKNOWN_PATHS,
    Operation,
    expected,
)
from tests.support.callers import Caller
from tests.support.held_executor import HeldExecutor

pytestmark = pytest.mark.timeout(300)

HEADERS = st.sampled_from([{}, {"accept": "text/html"}, {"x-correlation-id": "a"}, {"x": "\u00e4".encode()}])
BODIES_BY_STATUS = {
    401: {"detail": "Unauthorized"},
    405: {"detail": "Method Not Allowed"},
    500: {"message": "Internal Server Error", "message_code": "INTERNAL_SERVER_ERROR", "message_params": {}},
}
many = pytest.mark.parametrize("number", [200, pytest.param(2000, marks=pytest.mark.campaign)])


class User:
    """A user whose only job, if any, is in the requested state."""

    def __init__(self, emulator: Emulator, caller: Caller, token: str) -> None:
        self._emulator, self._caller = emulator, caller
        self._token = emulator.add_user("user", status="suspended" if token == "suspended" else "approved")
        self._owner = emulator.add_user("owner") if token == "suspended" else self._token
        self.headers = {
            "absent": {"q-api-token": ""},
            "empty": {"q-api-token": ""},
            "wrong": {"q-api-token": "wrong.token"},
            "bearer": {"q-api-token": "", "authorization": f"Bearer {self._token}"},
        }.get(token, {"q-api-token": self._token})
        self._deleted = token == "deleted"

    def job(self, state: str) -> str:
        """Bring a job into a state, and return its id as part of a path."""
        if state in {"unknown", "%00"} or not state.isascii():
            job_id = quote(state, safe="%")
        else:
            owner = self._emulator.add_user("other") if state == "foreign" else self._owner
            job_id = self._make(state, owner)
        if self._deleted:
            self._caller("DELETE", "/api-token", headers={"q-api-token": self._token})
        return job_id

    def _make(self, state: str, owner: str) -> str:
        caller = self._caller.with_token(owner)
        if state in {"submitted", "cancelled"}:
            job_id = caller.submit()
        else:
            job_id = caller.register(None if state == "registered" else "x")
        if state in {"cancelled", "poison"}:
            caller("POST", f"/jobs/{job_id}/cancel")
        return job_id


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator whose jobs do not advance."""
    with Emulator(":memory:", executor=HeldExecutor(), quirks=True) as emulator:
        yield emulator


@pytest.fixture
def call(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> Iterator[Caller]:
    """A caller of the emulator."""
    caller = Caller("http://emulator.localhost", emulator.token, emulator)
    yield caller
    caller.close()
    assert "unexpected error" not in caplog.text


def check(answer: httpx.Response, status: int, operation: Operation | None) -> None:
    """Check a response against the model."""
    assert answer.status_code == status
    assert answer.headers["x-correlation-id"]
    if answer.request.method == "HEAD":
        return
    if status in BODIES_BY_STATUS:
        assert answer.json() == BODIES_BY_STATUS[status]
    elif status == 422:
        assert all({"type", "loc", "msg"} <= set(item) for item in answer.json()["detail"])
    elif operation is None or status != operation.success:
        assert set(answer.json()) <= {"message", "detail"}
    elif operation.keys is None:
        assert answer.content == b""
    elif operation.keys:
        assert set(operation.keys) <= set(answer.json())
    else:
        assert isinstance(answer.json(), list)


@many
def test_any_operation(number: int, emulator: Emulator, call: Caller) -> None:
    """The model predicts any operation with any token, job, query and body."""

    @settings(
        max_examples=number, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(data=st.data(), operation=st.sampled_from(OPERATIONS), headers=HEADERS)
    def send(data: st.DataObject, operation: Operation, headers: dict[str, str]) -> None:
        draw = data.draw
        token = draw(st.sampled_from(["valid"] * 10 + list(TOKENS)), "token")
        state = draw(st.sampled_from(JOBS), "job")
        id_ = draw(st.sampled_from(list(operation.ids) or [""]), "id")
        known = list(operation.query)
        names = draw(st.lists(st.sampled_from(known), unique=True, max_size=3), "names") if known else []
        query = {name: draw(st.sampled_from(list(operation.query[name])), name) for name in names}
        body = draw(st.sampled_from(list(operation.bodies) or [""]), "body")
        user = User(emulator, call, token)
        path = operation.path.format(job=user.job(state), id=id_)

        answer = call(
            operation.method,
            path,
            params=query or None,
            content=body.encode() if body else None,
            headers={**({"content-type": "application/json"} if body else {}), **headers, **user.headers},
        )

        allowed = operation if TOKENS[token] == OK else None
        check(answer, expected(operation, token, state, id_, query, body), allowed)

    send()


@many
def test_any_method_and_path(number: int, call: Caller) -> None:
    """The model predicts unknown paths, and methods that a path does not have."""
    methods: dict[str, set[str]] = {}
    for operation in OPERATIONS:
        path = operation.path.format(job="x", id="x")
        methods.setdefault(path, set()).add(operation.method)

    @settings(max_examples=number // 10, derandomize=True, database=None, deadline=None)
    @given(method=st.sampled_from(METHODS), path=st.sampled_from([*methods, *UNKNOWN_PATHS]), known=st.booleans())
    def send(method: str, path: str, *, known: bool) -> None:
        if method in methods.get(path, ()):
            return
        answer = call(method, path, headers={} if known else {"q-api-token": "wrong"})
        check(answer, 401 if not known else 405 if path in methods else 404, None)

    send()
