"""The end of an installation: what is left can still be read and removed."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import SYSTEM, Kubectl, Tasks, call, install, task


def test_uninstall_leaves_tasks_readable_and_deletable(tasks: Tasks, kubectl: Kubectl) -> None:
    """After `helm uninstall` Tasks can be read and deleted, no finalizer holds them; a new install goes on."""
    tasks.apply(task("done"), task("long", "trap 'exit 0' TERM; sleep 300 & wait"))
    tasks.wait(lambda found: [found[n]["status"]["state"] for n in ("done", "long")] == ["SUCCESS", "RUNNING"])
    call("helm", "uninstall", "loadstar", "-n", SYSTEM, "--wait", "--timeout", "60s")
    try:
        assert tasks.get("done")["status"]["state"] == "SUCCESS"
        kubectl("get", "validatingadmissionpolicybinding", "loadstar-tasks", "tasks.loadstar.dev")
        kubectl("delete", "ldt", "long", "-n", tasks.namespace, "--timeout=10s")
        tasks.apply(task("meanwhile"))
    finally:
        install()
    assert tasks.wait_terminal()["meanwhile"]["status"]["state"] == "SUCCESS"


def test_helm_test_passes(kubectl: Kubectl) -> None:
    """`helm test` proves readiness and metrics from inside the cluster."""
    done = call("helm", "test", "loadstar", "-n", SYSTEM, "--timeout", "60s", check=False)
    if done.returncode:
        pod = ("loadstar-test", "-n", SYSTEM)
        logs, state = kubectl("logs", *pod, check=False), kubectl("describe", "pod", *pod, check=False)
        pytest.fail(f"{done.stdout}{done.stderr}{logs.stdout}{logs.stderr}{state.stdout}")
    assert "Succeeded" in done.stdout
