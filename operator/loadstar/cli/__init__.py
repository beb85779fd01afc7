"""The command line: `loadstar`, also as `kubectl loadstar`."""

from __future__ import annotations

import click

from loadstar import __version__
from loadstar.cli.graph import graph
from loadstar.cli.operate import run_operator
from loadstar.cli.profile import profile
from loadstar.cli.queues import queues
from loadstar.cli.replay import replay_log
from loadstar.cli.retry import retry
from loadstar.cli.savings import savings
from loadstar.cli.simulate import simulate
from loadstar.cli.submit import submit
from loadstar.cli.top import top
from loadstar.cli.why import why


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="loadstar")
def main() -> None:
    """Run Tasks where the cluster really has room, and say why."""


for command in (run_operator, submit, retry, why, graph, top, queues, profile, savings, replay_log, simulate):
    main.add_command(command)
