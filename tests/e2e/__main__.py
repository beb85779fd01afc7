"""`python -m tests.e2e`: the end-to-end tests on KUBECONFIG's cluster, else on a test bed that comes and goes.

KEEP=1 leaves the bed up. What follows on the command line goes to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.cluster.bed import Bed
from tests.cluster.errors import BedError
from tests.image.build import ARCHIVE, build

BED = "e2e"


def main(arguments: list[str]) -> int:
    """Returns pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "--timeout=180", "-v", "tests/e2e", *arguments]
    if os.environ.get("KUBECONFIG"):
        print("using the cluster of KUBECONFIG; tests that hurt a cluster's parts are left out", flush=True)
        return subprocess.run([*command, "-m", "not bed"], check=False).returncode
    bed = Bed(BED)
    try:
        print(build(archive_only=True), flush=True)
        print(*bed.up(), sep="\n", flush=True)
        bed.load_image(ARCHIVE)
        return subprocess.run(command, env={**os.environ, **bed.environment()}, check=False).returncode
    except BedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        if not os.environ.get("KEEP"):
            bed.down()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
