"""The command line of the test bed: `python -m tests.cluster up`."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from pathlib import Path

from tests.cluster.bed import DEFAULT, Bed
from tests.cluster.errors import BedError


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    # A polite end is an interrupt too: what `up` began is taken down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(options, Bed(options.name))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace, bed: Bed) -> None:  # noqa: C901, PLR0912 - one case a command
    match options.command:
        case "up":
            for note in bed.up(options.nodes, options.kwok, wait_metrics=options.wait_metrics):
                print(note)
            print(f'to use it: eval "$(python -m tests.cluster shell-env --name {bed.name})"')
        case "down":
            bed.down()
            print(f"bed {bed.name} is down")
        case "status":
            parts = bed.status()
            for name, state in parts.items():
                print(f"{name:28} {state}")
            if not parts:
                print(f"bed {bed.name} is down")
        case "shell-env":
            print(f'export PATH={shlex.quote(str(bed.bin))}:"$PATH"')
            for name, value in bed.variables().items():
                print(f"export {name}={shlex.quote(value)}")
        case "prometheus":
            print(f"Prometheus of bed {bed.name}: {bed.monitor()}")
        case "load-image":
            for archive in options.archive:
                bed.load_image(archive.resolve())
                print(f"{archive} is on every node")
        case "stop":
            bed.stop(options.component)
        case "start":
            bed.start(options.component)
        case "signal":
            bed.signal(options.component, signal.Signals[options.signal])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, about: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about)
        sub.add_argument("--name", default=DEFAULT, help="which bed (default: %(default)s)")
        return sub

    up = command("up", "bring the bed up")
    up.add_argument("--nodes", type=int, default=3, help="real nodes (default: 3)")
    up.add_argument("--kwok", type=int, default=0, help="simulated nodes beside them (default: 0)")
    up.add_argument("--wait-metrics", action="store_true", help="wait until every real node has a load sample")
    command("down", "take it down; nothing stays behind")
    command("status", "say which parts run")
    command("shell-env", "print the variables that lead kubectl and helm to it")
    command("prometheus", "start Prometheus, which scrapes each kubelet and a node-exporter on each real node")
    load = command("load-image", "import OCI archives on every real node")
    load.add_argument("archive", type=Path, nargs="+")
    for name, about in (("stop", "stop a part"), ("start", "start a part again"), ("signal", "send a part a signal")):
        sub = command(name, about)
        sub.add_argument("component", help="such as metrics-server or node-1/kubelet")
        if name == "signal":
            sub.add_argument("signal", choices=[item.name for item in signal.Signals])
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
