"""`python -m tests.faults`: list the cases, run one again by its name, or run the battery."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.cluster.bed import Bed
from tests.cluster.errors import BedError
from tests.faults import catalogue, report
from tests.faults.battery import AT_ONCE, Battery, Choose
from tests.faults.case import Outcome
from tests.faults.fault import ABOUT, Fault, Kind, UnknownFaultError
from tests.faults.ground import bring_up, prepare
from tests.faults.scenarios import ALL, BY_NAME, Scenario

BED = "faults"


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.command == "list":
        return _list()
    try:
        return _on_bed(options)
    except (UnknownFaultError, BedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _list() -> int:
    print("scenarios:")
    for scenario in ALL:
        print(f"  {scenario.name:18} {scenario.about}{' (subset)' if scenario.main else ''}")
    print("faults, as SCENARIO/FAULT[-tasks|-pods][-N][xM]:")
    for kind, about in ABOUT.items():
        print(f"  {kind.value:18} {about}")
    return 0


def _on_bed(options: argparse.Namespace) -> int:
    wanted = [catalogue.parse(name) for name in options.case] if options.command == "run" else []
    was_up = bool(Bed(options.name).status())
    bed = bring_up(options.name)
    try:
        return asyncio.run(_run(bed, options, wanted))
    finally:
        if not was_up and not options.keep:
            bed.down()


async def _run(bed: Bed, options: argparse.Namespace, wanted: list[tuple[Scenario, Fault]]) -> int:
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="loadstar-faults-"))
    async with prepare(bed) as ground:
        battery = Battery(ground, folder, _say, options.at_once)
        if wanted:
            names = list(dict.fromkeys(scenario.name for scenario, _ in wanted))

            def named(scenario: Scenario, _: Outcome) -> Iterable[Fault]:
                return [fault for of, fault in wanted if of is scenario and fault.kind is not Kind.CLEAN]

            await battery.run([BY_NAME[name] for name in names], named)
        else:
            scenarios = [BY_NAME[name] for name in options.scenario] if options.scenario else list(ALL)
            if options.subset:
                scenarios = [scenario for scenario in scenarios if scenario.main]
            await battery.run(scenarios, _subset if options.subset else _whole(options.fault))
    found = report.summary(battery, time.monotonic() - started)
    print(report.sentence(found), flush=True)
    if options.command == "battery" and not (options.subset or options.scenario or options.fault):
        report.write(found)
    if found["bad"]:
        print(f"logs of what is bad: {folder}", flush=True)
        return 1
    shutil.rmtree(folder)
    return 0


def _subset(scenario: Scenario, clean: Outcome) -> Iterable[Fault]:
    return catalogue.subset(scenario, clean.requests)


def _whole(kinds: list[str] | None) -> Choose:
    def choose(scenario: Scenario, clean: Outcome) -> Iterable[Fault]:
        found = catalogue.faults(scenario, clean.requests, clean.streams)
        return [fault for fault in found if not kinds or fault.kind in kinds]

    return choose


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name scenarios and faults")
    run = commands.add_parser("run", help="run cases again, by name, against their clean runs")
    run.add_argument("case", nargs="+", help="such as retry/crash-after-3")
    battery = commands.add_parser("battery", help="run all cases, or a part of them")
    battery.add_argument("--subset", action="store_true", help="the crash points of the main scenarios")
    battery.add_argument("--scenario", action="append", choices=sorted(BY_NAME), help="only this one; may be repeated")
    battery.add_argument("--fault", action="append", choices=[kind.value for kind in Kind], help="only this kind")
    for command in (run, battery):
        command.add_argument("--name", default=BED, help="the bed (default: %(default)s); one that is up stays up")
        command.add_argument("--keep", action="store_true", help="leave the bed up")
        command.add_argument("--at-once", type=int, default=AT_ONCE, help="cases at a time (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
