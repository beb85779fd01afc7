"""The command line with a user's own rights."""

from __future__ import annotations

import json
import sys

from tests.e2e.conftest import Tasks, call, task


def loadstar(*arguments: str, check: bool = True) -> str:
    """What the command printed, errors included."""
    done = call(sys.executable, "-m", "loadstar", *arguments, check=check)
    return done.stdout + done.stderr


def test_submit_and_wait(tasks: Tasks) -> None:
    """`submit --wait` creates a Task, follows it, and its exit code tells how it ended."""
    where = ["-n", tasks.namespace, "--image", "busybox:1.35", "--cpu", "10m", "--memory", "8Mi", "--wait"]
    said = loadstar("submit", "--name", "good", *where, "--", "true")
    assert "good created" in said
    assert "good SUCCESS Completed" in said
    refused = call(sys.executable, "-m", "loadstar", "submit", "--image", "not an image", check=False)
    assert refused.returncode == 1
    assert "spec.worker.image" in refused.stderr


def test_why_explains_a_wait_and_a_choice(tasks: Tasks) -> None:
    """`why` says what stands in the way now, and why a Task went where it went."""
    tasks.apply(task("stuck", placement={"requires": ["quantum"]}), task("went"))
    tasks.wait(lambda found: found["went"]["status"]["state"] == "SUCCESS")
    stuck = loadstar("why", "stuck", "-n", tasks.namespace)
    assert "without a required capability (quantum)" in stuck
    went = loadstar("why", "went", "-n", tasks.namespace)
    assert "lowest" in went
    assert "score" in went
    placed = json.loads(loadstar("why", "went", "-n", tasks.namespace, "-o", "json"))["status"]["placement"]
    other = next(node for node in ("node-0", "node-1") if node != placed["node"])
    beside = loadstar("why", "went", "-n", tasks.namespace, "--node", other)
    assert "verdict" in beside
    assert f"{placed['node']}, which it had, as it is now" in beside
    out = loadstar("why", "stuck", "-n", tasks.namespace, "--node", other)
    assert f"{other} cannot take it: it is without a required capability (quantum)" in out
    assert "Error" in loadstar("why", "nobody", "-n", tasks.namespace, check=False)


def test_top_shows_nodes_and_states(tasks: Tasks) -> None:
    """`top` lists the nodes with their class and score, and Tasks by state."""
    tasks.apply(task("one"))
    tasks.wait_terminal()
    said = loadstar("top", "-n", tasks.namespace)
    assert "node-0" in said or "NODE" in said
    assert "SUCCESS 1" in said
    found = json.loads(call(sys.executable, "-m", "loadstar", "top", "-o", "json").stdout)
    assert found["source"] == "live"
    assert {"node-0", "node-1", "node-2"} <= {node["name"] for node in found["nodes"]}
