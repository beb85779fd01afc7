"""The tables of docs/benchmarks.md, made of the result file: what stands there was measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- throughput: written by bench/throughput/table.py -->", "<!-- end of throughput -->"


def text(result: Json) -> str:
    """All of it, as Markdown."""
    machine, head = result["machine"], result["headline"]
    ratio, p99 = result["ratio"] or {}, result["p99_ratio"] or {}
    lines = [
        (
            f"`{result['command']}`, {result['date'][:10]}, commit {result['commit']}, {machine['cores']} cores of"
            f" {machine['cpu']}, {machine['memory_gib']} GiB, Kubernetes {machine['kubernetes']}."
        ),
        "",
        f"At {head['units']:,} units on {head['nodes']:,} nodes:",
        "",
        "| measure | value |",
        "|---|---|",
        f"| Loadstar, Tasks a second | {_number(result['loadstar_per_s'])} |",
        f"| batch/v1, Jobs a second | {_number(result['job_per_s'])} |",
        f"| ratio (95 % interval, {ratio.get('pairs', 0)} pairs) | {_interval(ratio)} |",
        f"| p99 from apply to Running, ratio | {_interval(p99)} |",
        f"| writes of the operator a Task | {_number(result['writes_per_task'], 2)} |",
        f"| CPU of the operator a Task | {_number(result['cpu_ms_per_task'], 2)} ms |",
        *_memory(result),
        "",
        (
            "| units | nodes | Tasks/s | Jobs/s | ratio | p50 / p99 to Running, Task | Job | writes, Task / Job |"
            " CPU of the controller, Task / Job | CPU of the whole cluster |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_row(size) for size in result["sizes"]),
        "",
        "![units a second, waiting and CPU over units and nodes](img/throughput.svg)",
        "",
        "![where the CPU goes for one unit](img/throughput-cpu.svg)",
        *_disturbed(result),
    ]
    return "\n".join(lines)


def place(page: str, tables: str) -> str:
    """The page with the tables between their marks; the marks are put at its end when it has none."""
    if BEGIN not in page:
        page = f"{page.rstrip()}\n\n{BEGIN}\n{END}\n" if page.strip() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def _row(size: Json) -> str:
    ours, theirs = size.get("loadstar", {}), size.get("job", {})
    cells = [
        f"{size['units']:,}",
        f"{size['nodes']:,}",
        _number(ours.get("per_s")),
        _number(theirs.get("per_s")),
        _interval(size.get("ratio") or {}),
        f"{_number(ours.get('p50_s'))} / {_number(ours.get('p99_s'))} s",
        f"{_number(theirs.get('p50_s'))} / {_number(theirs.get('p99_s'))} s",
        f"{_number(ours.get('writes'), 2)} / {_number(theirs.get('writes'), 2)}",
        f"{_number(ours.get('cpu_ms'), 1)} / {_number(theirs.get('cpu_ms'), 1)} ms",
        f"{_number(ours.get('cluster_cpu_ms'), 1)} / {_number(theirs.get('cluster_cpu_ms'), 1)} ms",
    ]
    return f"| {' | '.join(cells)} |"


def _memory(result: Json) -> list[str]:
    memory = result.get("memory")
    if not memory:
        return []
    return [
        (
            f"| memory with {memory['tasks']:,} Tasks and {memory['foreign_pods']:,} other Pods, after a minute |"
            f" {memory['rss_mb_after_60_s']:.0f} MB |"
        ),
        f"| … at most, while it lists | {memory['rss_mb_peak']:.0f} MB |",
        f"| … from its start to leading | {memory['leading_after_s']:.0f} s |",
    ]


def _disturbed(result: Json) -> list[str]:
    again = [reason for row in result["rows"] for reason in row["disturbed"]]
    return ["", f"{len(again)} runs were disturbed and made again: {'; '.join(again)}."] if again else []


def _interval(ratio: Json) -> str:
    if not ratio:
        return "-"
    if ratio["low"] is None:
        return f"{ratio['mean']:.2f}"
    return f"{ratio['mean']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def main(arguments: list[str]) -> int:
    """Write tables and plots of a result file into docs/."""
    from bench.throughput.plots import draw  # noqa: PLC0415 - matplotlib is only in the bench group

    result = json.loads(Path(arguments[0]).read_text())
    PAGE.write_text(place(PAGE.read_text() if PAGE.exists() else "", text(result)))
    for file in draw(result, ROOT / "docs" / "img"):
        print(file.relative_to(ROOT))
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [str(ROOT / "bench" / "results" / "throughput.json")]))
