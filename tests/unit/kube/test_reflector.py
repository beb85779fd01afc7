"""List and watch: what disappeared while nobody watched is reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from loadstar.kube.client import refusal
from loadstar.kube.reflector import Reflector
from loadstar.runtime.ports import (
    AlreadyExists,
    BudgetRefused,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Terminating,
    Throttled,
    Unavailable,
)
from tests.unit.runtime.fakes import FakeClock


def raw(uid: str, version: str = "1") -> dict[str, Any]:
    return {"metadata": {"uid": uid, "name": uid, "resourceVersion": version}}


class FakeClient:
    def __init__(self, pages: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
        self.pages = pages
        self.events = events
        self.accepted: list[str] = []

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str], accept: str, seconds: float
    ) -> dict[str, Any]:
        assert (method, path) == ("GET", "/things")
        self.accepted.append(accept)
        return self.pages.pop(0)

    @asynccontextmanager
    async def watch(
        self, path: str, params: Mapping[str, str], *, accept: str
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        self.accepted.append(accept)

        async def stream() -> AsyncIterator[dict[str, Any]]:
            for event in self.events:
                yield event

        yield stream()


def reflector(client: FakeClient, *, metadata: bool = False) -> tuple[Reflector, list[str]]:
    said: list[str] = []
    made = Reflector(
        client,  # type: ignore[arg-type] # stands in for the client
        FakeClock(),
        "/things",
        seen=lambda item: said.append("+" + item["metadata"]["uid"]),
        lost=lambda ref, _: said.append("-" + ref.uid),
        metadata=metadata,
    )
    return made, said


async def test_a_list_reports_all_pages_and_then_only_what_is_gone() -> None:
    """After a lost watch the new list tells what disappeared meanwhile."""
    first = {"items": [raw("a")], "metadata": {"continue": "x"}}
    second = {"items": [raw("b")], "metadata": {"resourceVersion": "5"}}
    third = {"items": [raw("b")], "metadata": {"resourceVersion": "9"}}
    made, said = reflector(FakeClient([first, second, third], []))
    await made._list()
    assert said == ["+a", "+b"]
    assert made.synced.is_set()
    await made._list()
    assert said == ["+a", "+b", "+b", "-a"]


@pytest.mark.parametrize(
    ("metadata", "accepted"),
    [
        (False, ["application/json", "application/json"]),
        (
            True,
            [
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            ],
        ),
    ],
)
async def test_no_more_is_asked_for_than_is_wanted(*, metadata: bool, accepted: list[str]) -> None:
    """Of objects whose metadata is enough, the API server is asked for nothing else, in the list and in the watch."""
    client = FakeClient([{"items": [], "metadata": {"resourceVersion": "5"}}], [])
    made, _ = reflector(client, metadata=metadata)
    await made._list()
    await made._watch()
    assert client.accepted == accepted


async def test_events_move_the_version_and_410_asks_for_a_new_list() -> None:
    """Bookmarks only move the version; ERROR 410 means that it is forgotten."""
    events = [
        {"type": "ADDED", "object": raw("a", "6")},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}},
        {"type": "DELETED", "object": raw("a", "9")},
        {"type": "ERROR", "object": {"code": 410}},
    ]
    made, said = reflector(FakeClient([], events))
    with pytest.raises(NotFound):
        await made._watch()
    assert said == ["+a", "-a"]
    assert made._version == "9"


async def test_one_odd_object_does_not_stop_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    """A receiver's exception over one object is logged and passed over."""
    made, said = reflector(FakeClient([{"items": [raw("bad"), raw("good")], "metadata": {}}], []))
    real = made._seen

    def picky(item: Mapping[str, Any]) -> None:
        if item["metadata"]["uid"] == "bad":
            raise ValueError("odd")
        real(item)

    made._seen = picky
    await made._list()
    assert said == ["+good"]
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", Throttled),
        (500, "InternalError", Unavailable),
        (503, "", Unavailable),
        (401, "Unauthorized", Unavailable),
    ],
)
def test_refusals_have_their_kinds(status: int, reason: str, kind: type[Exception]) -> None:
    """Each status code is the error that the runtime knows what to do with."""
    body = f'{{"reason": "{reason}", "message": "m"}}'.encode()
    error = refusal(status, body, {"Retry-After": "7"})
    assert type(error) is kind
    if isinstance(error, Throttled):
        assert error.seconds == 7
    assert type(refusal(status, b"<html>", {})).__name__


def test_a_disruption_budget_is_no_throttling() -> None:
    """A 429 of a PodDisruptionBudget is about one Pod; it must not pause all writes."""
    body = b'{"reason": "TooManyRequests", "message": "m", "details": {"causes": [{"reason": "DisruptionBudget"}]}}'
    assert type(refusal(429, body, {"Retry-After": "7"})) is BudgetRefused


def test_a_denial_is_not_the_objects_fault() -> None:
    """A policy may deny with 422: it can change, so it is Forbidden; validation names the field that is wrong."""
    denied = b'{"reason": "Invalid", "message": "pods \\"x\\" is forbidden: policy p denied request: no"}'
    wrong = b'{"reason": "Invalid", "message": "was denied", "details": {"causes": [{"field": "spec.x"}]}}'
    assert type(refusal(422, denied, {})) is Forbidden
    assert type(refusal(422, wrong, {})) is Invalid


def test_a_namespace_that_goes_is_waited_for() -> None:
    """A Pod refused because its namespace is being terminated is no refusal to write down: the Task goes with it."""
    body = b'{"reason": "Forbidden", "message": "m", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}'
    assert type(refusal(403, body, {})) is Terminating


async def test_an_old_list_is_made_anew() -> None:
    """After the time of resync a watch that ended is not taken up: all is listed, so that what it dropped is found."""
    pages = [{"items": [raw("a")], "metadata": {"resourceVersion": "5"}} for _ in range(2)]
    client = FakeClient(pages, [])
    made, said = reflector(client)
    made._resync = 0.0
    running = asyncio.create_task(made.run())
    while client.pages:  # noqa: ASYNC110 - the reflector has no event for it
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert said[:2] == ["+a", "+a"]
