"""Every endpoint with any answer: a model comes out, or `ResponseValidationError`; and what is read can be used."""

from __future__ import annotations

import asyncio
import inspect
import json
import types
import typing
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from oqtopus_client import OqtopusConfig
from oqtopus_client.errors import OqtopusStorageError, ResponseValidationError
from oqtopus_client.rest import models, storage, user_api
from oqtopus_client.rest.http import HttpClient
from tests.fuzz.targets import FILES, use, use_header

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def valid(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - a table of kinds
    """JSON as an annotation wants it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return valid(arguments[0])
    if origin in {Union, types.UnionType}:
        return st.one_of(*map(valid, arguments))
    if origin is list:
        return st.lists(almost(arguments[0]), max_size=3)
    if origin is dict:
        counts = st.dictionaries(st.text("01", min_size=1, max_size=3), st.integers(), max_size=3)
        return counts | st.dictionaries(st.sampled_from("012"), counts | ANY, max_size=2) | ANY
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {field.alias or name: almost(field.annotation) for name, field in kind.model_fields.items()}
        return st.fixed_dictionaries({}, optional=fields) | st.fixed_dictionaries(fields)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from([member.value for member in kind])
    if kind is datetime:
        return st.datetimes().map(datetime.isoformat)
    return ANY if kind is Any else st.from_type(kind)


def almost(kind: Any) -> st.SearchStrategy[Any]:
    """The same, but one time in eight it is anything."""
    return st.integers(0, 7).flatmap(lambda number: valid(kind) if number else ANY)


class AnswersAll:
    """A server with one answer for all."""

    body = b""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI's
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.body})


SERVER = AnswersAll()
HTTP = HttpClient(OqtopusConfig("https://api.example", "id.secret", transport=SERVER))
ARGUMENTS = {
    "params": {},
    "announcement_id": 1,
    "job_id": "1",
    "device_id": "a",
    "history_uid": "1",
    "request": models.JobsSubmitJobRequest(device_id="a", job_type="sampling", shots=1),
}
METHODS = [
    (method, typing.get_type_hints(method, vars(user_api) | vars(typing))["return"])
    for api in (user_api.DeviceApi, user_api.JobApi, user_api.AccountApi)
    for _, method in inspect.getmembers(api, inspect.iscoroutinefunction)
]


def ask(method: Any, answer: Any) -> Any:
    """Call an endpoint's coroutine on a server with that answer."""
    SERVER.body = json.dumps(answer).encode()
    arguments = [ARGUMENTS[name] for name in inspect.signature(method).parameters if name != "self"]
    return asyncio.run(method(user_api.JobApi(HTTP), *arguments))


@pytest.mark.parametrize(("method", "kind"), METHODS, ids=lambda value: getattr(value, "__qualname__", ""))
@settings(max_examples=60)
@given(data=st.data())
def test_any_answer(method: Any, kind: Any, data: st.DataObject) -> None:
    """Valid answers with mistakes, and answers that are nothing of the kind."""
    answer = data.draw(almost(kind) if kind is not type(None) else ANY)
    try:
        read = ask(method, answer)
    except ResponseValidationError as error:
        assert len(str(error)) < 3000  # noqa: PT017 - it may well not be raised
        return
    for value in read if isinstance(read, list) else [read] if read is not None else []:
        use(value)


def test_valid_answers_are_read() -> None:
    """The answers that are made here for these tests are often right."""
    answers = [{"device_id": "a", "device_type": "QPU", "status": "available"}]

    assert ask(user_api.DeviceApi.list_devices, answers)[0].device_id == "a"
    assert len(METHODS) == 20


@pytest.mark.parametrize("kind", FILES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_any_file(kind: Any, data: st.DataObject) -> None:
    """The same for files."""
    try:
        read = storage.read_model(kind, json.dumps(data.draw(almost(kind))).encode())
    except OqtopusStorageError:
        return
    use(read)


@given(
    header=st.fixed_dictionaries(
        {
            "name": st.text() | ANY,
            "num_qubits": st.integers() | ANY,
            "num_clbits": st.integers() | ANY,
            "clbits": st.lists(st.integers(-2, 70) | st.integers(), max_size=4) | ANY,
            "qregs": st.lists(st.tuples(st.text(max_size=3), st.integers()), max_size=2) | ANY,
            "cregs": st.lists(st.tuples(st.text(max_size=3), st.lists(st.integers(-2, 70), max_size=3))) | ANY,
            "metadata": st.dictionaries(st.text(max_size=3), ANY, max_size=2) | ANY,
            "memory": st.booleans() | ANY,
            "extra": st.dictionaries(st.text(max_size=3), ANY, max_size=2) | ANY,
        }
    ),
    counts=st.dictionaries(st.text("01", max_size=4), st.integers(0, 99) | ANY, max_size=3),
)
def test_any_header(header: dict[str, Any], counts: dict[str, Any]) -> None:
    """A program's comment, changed on the way, lays out a result or raises `ValueError`."""
    use_header(json.dumps(header), counts)
