"""`python -m tests.e2e`: the end-to-end tests on KUBECONFIG's cluster, else on a test bed that comes and goes.

`--battery` runs the slow ones instead and keeps what they measure in bench/results. KEEP=1 leaves the bed up, BED names
it. What else follows on the command line goes to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cluster.bed import Bed
from tests.cluster.errors import BedError
from tests.image.build import ARCHIVE, build

BED = os.environ.get("BED", "e2e")
BATTERY = "--battery"
FIGURES = "LOADSTAR_FIGURES"
"""The variable that names the file for what tests measure."""
RESULTS = Path(__file__).parents[2] / "bench" / "results" / "failover.json"


def main(arguments: list[str]) -> int:
    """Returns pytest's exit code."""
    battery = BATTERY in arguments
    rest = [word for word in arguments if word != BATTERY]
    marked = "battery" if battery else "not battery"
    command = [sys.executable, "-m", "pytest", "--timeout=180", "-v", "tests/e2e"]
    if os.environ.get("KUBECONFIG"):
        print("using the cluster of KUBECONFIG; tests that hurt a cluster's parts are left out", flush=True)
        return subprocess.run([*command, "-m", f"not bed and {marked}", *rest], check=False).returncode
    bed = Bed(BED)
    try:
        print(build(archive_only=True), flush=True)
        print(*bed.up(), sep="\n", flush=True)
        bed.load_image(ARCHIVE)
        variables = {**os.environ, **bed.environment(), **({FIGURES: str(RESULTS)} if battery else {})}
        return subprocess.run([*command, "-m", marked, *rest], env=variables, check=False).returncode
    except BedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        if not os.environ.get("KEEP"):
            bed.down()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
