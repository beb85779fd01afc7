"""The view that `why` and `top` go by."""

from __future__ import annotations

from typing import Any, cast

import pytest

from loadstar.api import API_VERSION
from loadstar.cli.live import policy_object, view
from loadstar.core.model import NodeClass
from loadstar.core.standing import standings
from loadstar.kube.client import Client
from loadstar.runtime.ports import Forbidden
from tests.unit.cli.cluster import POLICY, FakeClient, Json, node, pod, task

TASKS = f"/apis/{API_VERSION}/tasks"


async def seen(client: FakeClient) -> Any:
    cast_client = cast("Client", client)
    return await view(cast_client, await policy_object(cast_client))


async def test_pods_of_tasks_reserve_and_others_take_room() -> None:
    """Both count against the node; what is promised to a Task that has no Pod yet does too."""
    client = FakeClient()
    client.objects["/api/v1/nodes"]["items"] = [node("a"), node("b")]
    client.objects["/api/v1/pods"]["items"] = [pod("runs-uid-r-0-1", "a", "1", "runs"), pod("other", "a", "500m")]
    client.objects[TASKS]["items"] = [
        task("runs", "RUNNING", assignedTo="a", attempt=1),
        task("next", "ASSIGNED", assignedTo="b", attempt=1),
        task("done", "SUCCESS", assignedTo="b", attempt=1),
    ]
    store = await seen(client)
    nodes = store.snapshot(0.0).nodes
    assert (nodes["a"].requested["cpu"], len(nodes["a"].reservations)) == (1500, 1)
    assert (nodes["b"].requested["cpu"], len(nodes["b"].reservations)) == (1000, 1)


async def test_what_may_not_be_read_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Without Tasks and metrics the view is poorer and says so; without nodes there is none."""
    client = FakeClient(refused=(TASKS,))
    client.objects["/api/v1/nodes"]["items"] = [node("a")]
    client.objects["/api/v1/pods"]["items"] = [pod("runs-uid-r-0-1", "a", "1", "runs")]
    assert len((await seen(client)).snapshot(0.0).nodes["a"].reservations) == 1
    said = capsys.readouterr().err
    assert "you may not list Tasks of all namespaces" in said
    assert "expected to use what they request" in said
    with pytest.raises(Forbidden):
        await seen(FakeClient(refused=("/api/v1/nodes",)))


async def test_quarantine_is_the_operators_word() -> None:
    """It knows from Tasks that ended; the status of the policy tells."""
    client = FakeClient()
    policy: Json = client.objects[POLICY]
    policy["status"] = {"best": [{"name": "b", "class": "Cold"}], "worst": [{"name": "a", "class": "Quarantined"}]}
    client.objects["/api/v1/nodes"]["items"] = [node("a"), node("b")]
    store = await seen(client)
    found = {item.score.node: item.score.node_class for item in standings(store.snapshot(0.0))}
    assert found == {"a": NodeClass.QUARANTINED, "b": NodeClass.UNKNOWN}


async def test_no_policy_is_the_default_one() -> None:
    """As for the operator."""
    client = FakeClient()
    del client.objects[POLICY]
    assert await policy_object(cast("Client", client)) == {}
