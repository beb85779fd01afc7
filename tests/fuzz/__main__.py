"""`python -m tests.fuzz`: fuzzed objects against a test bed's API server and the operator.

The same seed gives the same objects; `--only INDEX` runs one of them again. Exit code 1: something was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.cluster.bed import Bed
from tests.cluster.errors import BedError
from tests.fuzz.cases import Case, drawn, one
from tests.fuzz.session import fake_metrics, fuzz, prepare

SEED: Final = 20261124
SHOWN: Final = 40

Json = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    # So that the operator and the bed end with it, however it is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"seed {options.seed}", flush=True)
    bed = Bed(options.name)
    began = time.monotonic()
    was_up = bool(bed.status())
    try:
        prepare(bed)
        made = time.monotonic()
        with fake_metrics(bed) as folder, _objects(options) as objects:
            result = asyncio.run(fuzz(bed, objects, folder, baseline=options.baseline))
            kept = Path("build/fuzz-operator.log")
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes((folder / "operator.log").read_bytes())
    except BedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        if not was_up and not options.keep:
            bed.down()
    result = {
        "command": f"python -m tests.fuzz --objects {options.objects} --seed {options.seed}",
        "seed": options.seed,
        "seconds_up": round(made - began, 1),
        **result,
    }
    if options.result:
        options.result.parent.mkdir(parents=True, exist_ok=True)
        options.result.write_text(json.dumps(result, indent=2) + "\n")
    return _tell(result, options)


@contextmanager
def _objects(options: argparse.Namespace) -> Iterator[list[Future[list[Case]]]]:
    """The objects asked for; a single one is shown as well."""
    if options.only is None:
        with drawn(options.seed, options.objects) as futures:
            yield futures
        return
    case = one(options.seed, options.only)
    print(json.dumps({"kind": case.kind, "what": case.what, **case.body}, indent=1)[:6000])
    future: Future[list[Case]] = Future()
    future.set_result([case])
    options.baseline = 1.0
    yield [future]


def _tell(result: Json, options: argparse.Namespace) -> int:
    faults = result["faults"]
    for fault in faults[:SHOWN]:
        print(json.dumps(fault)[:1500])
        if "index" in fault:
            print(f"  again: python -m tests.fuzz --seed {options.seed} --name {options.name} --only {fault['index']}")
    if len(faults) > SHOWN:
        print(f"… and {len(faults) - SHOWN} more faults")
    kinds = ", ".join(f"{kind} {sum(answers.values())}" for kind, answers in result["objects"].items())
    print(
        f"{result['count']} objects (answers: {kinds}); {result['accepted']} accepted, {result['refused']} refused; "
        f"{result['tracebacks']} tracebacks, {result['restarts']} restarts; healthy Tasks: {result['healthy']}, "
        f"{result['healthy_lost']} lost, p95 start {result['p95_start_before_s']} s before, "
        f"{result['p95_start_during_s']} s during; {len(faults)} faults; {result['seconds']} s"
    )
    return 1 if faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--objects", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="which (default: %(default)s)")
    parser.add_argument("--only", type=int, help="just the object of this number")
    parser.add_argument("--name", default="fuzz", help="which bed; it is made when it is not up (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the bed up")
    parser.add_argument("--baseline", type=float, default=8.0, help="seconds of healthy Tasks alone before the fuzz")
    parser.add_argument("--result", type=Path, help="write the summary here as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
