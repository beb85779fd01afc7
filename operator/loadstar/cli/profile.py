"""`loadstar profile [CLASS]`: what classes of Tasks are known to use, and what they would ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click
import orjson

from loadstar.cli.columns import columns
from loadstar.cli.live import PROFILES_PATH, Json, items
from loadstar.cli.session import connected, default_namespace, waiting
from loadstar.core.learning import ENOUGH_PEAKS, ENOUGH_RUNS
from loadstar.core.quantity import amounts, spoken
from loadstar.kube.taskprofiles import profiles_path

HEADS: Final = ("NAMESPACE", "CLASS", "RUNS", "CPU", "MEMORY", "SECONDS", "OOMS", "SEEN", "IMAGE")
UNKNOWN: Final = f"as declared: known from {ENOUGH_RUNS} measured runs on"
NONE_YET: Final = (
    "no class is known yet: one is once two of its runs were measured, which takes some 30 s of running each; "
    "shorter ones need spec.metrics.sources.pods: Kubelet in the PlacementPolicy"
)


@click.command()
@click.argument("name", metavar="[CLASS]", required=False)
@click.option("-n", "--namespace", default=None, help="Where; the current context's unless said otherwise.")
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="In all namespaces.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="The form of the answer.")
@waiting
async def profile(name: str | None, namespace: str | None, everywhere: bool, output: str) -> None:
    """Show the classes of Tasks that are known, or all that is known of CLASS."""
    where = namespace or default_namespace()
    async with connected() as client:
        if name is not None:
            found = await client.get(profiles_path(where, name))
            said = details(found)
        else:
            listed = await items(client, PROFILES_PATH if everywhere else profiles_path(where))
            found, said = {"items": listed}, table(listed)
    if output == "json":
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    for line in said:
        click.echo(line)


def table(profiles: list[Json]) -> list[str]:
    """One line a class."""
    if not profiles:
        return [NONE_YET]
    legend = f"CPU, MEMORY: declared > asked for by learned requests, from {ENOUGH_RUNS} measured runs on"
    return [*columns([HEADS, *(row(raw) for raw in profiles)]), legend]


def row(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of a class."""
    status = raw.get("status") or {}
    took = status.get("runSeconds") or {}
    return (
        raw["metadata"]["namespace"],
        raw["metadata"]["name"],
        str(status.get("runs", 0)),
        change(status, "cpu"),
        change(status, "memory"),
        f"{took['mean']:.0f}" if took else "?",
        str(status.get("ooms", 0)),
        status.get("lastSeenTime", "?"),
        status.get("image", "?"),
    )


def change(status: Mapping[str, Any], name: str) -> str:
    """What is declared and what is asked for instead: "2 > 225m"."""
    declared = (status.get("declared") or {}).get(name, "nothing")
    asked = (status.get("requests") or {}).get(name)
    return f"{declared} > {asked}" if asked else f"{declared}"


def details(raw: Mapping[str, Any]) -> list[str]:
    """All that is known of a class, a line a fact."""
    status = raw.get("status") or {}
    asks = status.get("requests")
    name, unmeasured = f"{raw['metadata']['namespace']}/{raw['metadata']['name']}", status.get("unmeasured", 0)
    lines = [
        f"{name}: image {status.get('image', '?')}, last run {status.get('lastSeenTime', '?')}",
        f"runs      {status.get('runs', 0)} measured, {unmeasured} with fewer than two samples, which teach no use",
        f"declared  {spoken(amounts(status.get('declared')))}",
        f"asks for  {spoken(amounts(asks)) if asks else UNKNOWN}",
    ]
    if cpu := status.get("cpu"):
        lines.append(f"cpu       {cpu['mean']:.3f} cores in the mean, deviation {cpu.get('deviation', 0):.3f}")
    if memory := status.get("memory"):
        peaks = ", ".join(f"{name} {memory[name]}" for name in ("p50", "p90", "p99", "max"))
        of = "p99" if memory["count"] >= ENOUGH_PEAKS else "max"
        lines.append(f"memory    peaks {peaks}; asked for is {of} and 15 %")
    if took := status.get("runSeconds"):
        start = status.get("startSeconds") or {}
        lines.append(
            f"time      {took['mean']:.0f} s, deviation {took.get('deviation', 0):.0f} s, "
            f"{start.get('mean', 0):.1f} s to start"
        )
    if io := status.get("io"):
        lines.append(f"io        {io['mean']:.2f} of its node's I/O time")
    saved = status.get("saved") or {}
    lines.append(
        f"saved     {saved.get('coreHours', 0):g} core-hours, {saved.get('gibHours', 0):g} GiB-hours; "
        f"{saved.get('early', 0)} began on nodes that are full on paper; {status.get('ooms', 0)} OOMs caused"
    )
    return lines
