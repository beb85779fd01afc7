"""`loadstar simulate`: which strategy, which weights and how many nodes, for a trace or a model, without a cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import orjson

from loadstar.cli.tally import LEGEND, document, table
from loadstar.core.model import Strategy, Weights
from loadstar.simulate.chart import PlotsMissingError, draw, library
from loadstar.simulate.contest import Result, Trial, World, advice, trials
from loadstar.simulate.job import Job
from loadstar.simulate.meter import Metering
from loadstar.simulate.run import Setting
from loadstar.simulate.shape import Host
from loadstar.simulate.traces import TraceError, loads, nodes, tasks
from loadstar.simulate.workload import Model

ROUNDING: Final = 1e-6


class WeightsType(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs alone
    """Weights of CPU, memory and I/O such as 0.5/0.3/0.2."""

    name = "CPU/MEMORY/IO"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Weights:
        """Read them."""
        if isinstance(value, Weights):
            return value
        try:
            cpu, memory, io = (float(part) for part in str(value).split("/"))
        except ValueError:
            self.fail(f"{value!r}: must be three numbers such as 0.5/0.3/0.2", param, ctx)
        if min(cpu, memory, io) < 0 or not abs(cpu + memory + io - 1) < ROUNDING:
            self.fail(f"{value!r}: each must be 0 or more, and they must sum to 1", param, ctx)
        return Weights(cpu, memory, io)


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same for every seed."""

    items: tuple[Any, ...]

    def __call__(self, seed: int) -> tuple[Any, ...]:
        """What was read."""
        del seed
        return self.items


@dataclass(frozen=True, slots=True)
class Reseeded:
    """A trace whose containers start as the seed has it."""

    lines: tuple[str, ...]
    name: str

    def __call__(self, seed: int) -> tuple[Job, ...]:
        """Read anew."""
        return tasks(self.lines, self.name, seed)


@click.command()
@click.option(
    "--tasks",
    "task_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of Tasks: arrival, seconds, cpu, and more; see docs/simulator.md. Without it: a model.",
)
@click.option(
    "--nodes",
    "node_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of nodes: name, cpu, memory, and more. Without it: a model.",
)
@click.option(
    "--loads",
    "load_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of what others use of the nodes: node, time, cpu, and more.",
)
@click.option(
    "--strategy",
    "strategies",
    type=click.Choice([str(item) for item in Strategy]),
    multiple=True,
    help="Only these; all unless said.",
)
@click.option(
    "--weights",
    "weights",
    type=WeightsType(),
    multiple=True,
    help="Weights to compare, such as 0.5/0.3/0.2; again for more.",
)
@click.option(
    "--count",
    "counts",
    type=click.IntRange(1, 5000),
    multiple=True,
    help="Counts of nodes to compare: the first of the file, and the same again when it has fewer.",
)
@click.option(
    "--goal",
    type=click.FloatRange(min=1),
    default=1.2,
    show_default=True,
    help="The mean slowdown, the wait included, that is good enough.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    default=None,
    help="How many runs each; 1 for a trace and 5 for a model unless said.",
)
@click.option(
    "--window",
    type=click.FloatRange(1, 3600),
    default=15.0,
    show_default=True,
    help="Seconds that a sample of load is the mean of.",
)
@click.option(
    "--late",
    type=click.FloatRange(0, 3600),
    default=6.0,
    show_default=True,
    help="Seconds until a sample is known at the latest.",
)
@click.option(
    "--lost", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="The share of samples that are lost."
)
@click.option("--io/--no-io", default=False, help="Whether I/O is measured: metrics.k8s.io has none.")
@click.option("--no-requests", is_flag=True, help="Tasks declare no requests, so that no node is ever full by them.")
@click.option(
    "--load",
    type=click.FloatRange(0.05, 2),
    default=0.75,
    show_default=True,
    help="Of the model: CPU use as a share of all cores.",
)
@click.option(
    "--factor",
    type=click.FloatRange(0.01, 100),
    default=1.0,
    show_default=True,
    help="Of the model: requests as a multiple of use.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(1, 1440),
    default=10.0,
    show_default=True,
    help="Of the model: how long Tasks arrive.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default=None,
    help="Draw the answer into this .png, .svg or .pdf; needs loadstar[plots].",
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="The form of the answer.")
def simulate(
    task_file: Path | None,
    node_file: Path | None,
    load_file: Path | None,
    strategies: tuple[str, ...],
    weights: tuple[Weights, ...],
    counts: tuple[int, ...],
    goal: float,
    seeds: int | None,
    window: float,
    late: float,
    lost: float,
    io: bool,
    no_requests: bool,
    load: float,
    factor: float,
    minutes: float,
    plot: Path | None,
    output: str,
) -> None:
    """Say which strategy, which weights and how many nodes suit a trace, before you change the policy."""
    if plot is not None:
        try:
            library()
        except PlotsMissingError as error:
            raise click.ClickException(str(error)) from error
    started = time.monotonic()
    model = Model(load=load, factor=factor, seconds=minutes * 60)
    setting = Setting(metering=Metering(window, min(1.0, late), late, io=io, lost=lost), fit=not no_requests)
    world = read(task_file, node_file, load_file, model, setting)
    if seeds is None:
        seeds = 5 if task_file is None else 1
    asked = trials(
        [Strategy(name) for name in strategies] or list(Strategy),
        weights or (Weights(),),
        sorted(set(counts)) or [len(world.hosts(0))],
    )
    results = run(world, asked, range(seeds))
    if plot is not None:
        try:
            draw(results, goal, plot)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"{plot}: {error}") from error
    if output == "json":
        click.echo(orjson.dumps(document(results, goal), option=orjson.OPT_INDENT_2))
        return
    for line in [*table(results), LEGEND, "", *advice(results, goal)]:
        click.echo(line)
    if plot is not None:
        click.echo(f"drawn: {plot}")
    click.echo(
        f"{len(asked) * seeds} runs of {results[0].outcomes[0].tasks} Tasks in {time.monotonic() - started:.0f} s"
    )


def read(
    task_file: Path | None, node_file: Path | None, load_file: Path | None, model: Model, setting: Setting
) -> World:
    """What is to be simulated. Raises ClickException with every row that is wrong."""
    try:
        hosts: tuple[Host, ...] | None = None
        if node_file is not None:
            hosts = nodes(lines(node_file), node_file.name)
        if load_file is not None:
            if hosts is None:
                raise click.UsageError("--loads is about the nodes of --nodes: give both")
            hosts = loads(lines(load_file), load_file.name, hosts)
        jobs = None
        if task_file is not None:
            jobs = Reseeded(lines(task_file), task_file.name)
            jobs(0)
    except TraceError as error:
        raise click.ClickException(str(error)) from error
    return World(jobs or model.jobs, Fixed(hosts) if hosts is not None else model.hosts, setting)


def lines(file: Path) -> tuple[str, ...]:
    """The lines of a file. Raises ClickException when it is no text."""
    try:
        return tuple(file.read_text(encoding="utf-8-sig").splitlines(keepends=True))
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file}: {error}") from error


def run(world: World, asked: Sequence[Trial], seeds: Sequence[int]) -> list[Result]:
    """Every trial with every seed, on all cores."""
    cells = [(trial, seed) for trial in asked for seed in seeds]
    with ProcessPoolExecutor(min(len(cells), os.cpu_count() or 1)) as pool:
        outcomes = list(pool.map(world.run, *zip(*cells, strict=True)))
    many = len(seeds)
    return [Result(trial, tuple(outcomes[place * many : (place + 1) * many])) for place, trial in enumerate(asked)]
