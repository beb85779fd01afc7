"""`python -m tests.image.manifests`: render the chart into manifests/, for those who install without Helm.

The chart is the only source: manifests/rendered.yaml is its default rendering, and `--check` says whether it still is.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.cluster import binaries
from tests.cluster.errors import BedError
from tests.cluster.processes import run

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "loadstar"
RENDERED = ROOT / "manifests" / "rendered.yaml"
RELEASE = "loadstar"
NAMESPACE = "loadstar-system"
OLDEST_KUBERNETES = "1.32.0"
"""Rendered for the oldest version that the chart takes, so that the result does not depend on a cluster."""
HEADER = "# Rendered by `make manifests` from helm/loadstar; do not edit.\n"


def helm() -> Path:
    """Helm from the PATH, else the test bed's own, which is built when it is missing. Raises BedError."""
    found = shutil.which("helm")
    return Path(found) if found else binaries.ensure() / "helm"


def render() -> str:
    """The chart with its defaults, without the Pod of `helm test`."""
    text = run(
        *(helm(), "template", RELEASE, CHART, "--namespace", NAMESPACE),
        *("--kube-version", OLDEST_KUBERNETES, "--no-hooks"),
    )
    return HEADER + text


def main(arguments: list[str]) -> int:
    """Write, or with --check compare; returns the exit code."""
    try:
        text = render()
    except BedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if "--check" in arguments:
        if RENDERED.is_file() and RENDERED.read_text() == text:
            return 0
        print(f"not current: {RENDERED.relative_to(ROOT)}; run `make manifests`", file=sys.stderr)
        return 1
    RENDERED.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
