"""Metrics and logs in one place: what is counted, under which name, and how a log line looks.

Metrics carry no Task names (their number is unbounded); logs carry task, namespace, uid and attempt, and never
anything of a spec's environment.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_FAST: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

TASKS = Gauge("loadstar_tasks", "Tasks that exist, by state", ["state"])
WAITING = Gauge("loadstar_waiting_tasks", "Tasks that stand where they are, by reason", ["reason"])
TRANSITIONS = Counter("loadstar_task_transitions_total", "State changes written, by edge", ["from", "to"])
PLACEMENTS = Counter("loadstar_placements_total", "Nodes chosen, by strategy", ["strategy"])
PREEMPTIONS = Counter("loadstar_preemptions_total", "Tasks asked to make room for one of higher priority")
CYCLE_SECONDS = Histogram("loadstar_placement_cycle_seconds", "Time of one placement cycle", buckets=_FAST)
START_SECONDS = Histogram(
    "loadstar_task_wait_seconds",
    "From the Task's creation to its first assignment",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800),
)
RECONCILE_SECONDS = Histogram("loadstar_reconcile_seconds", "Time of one decision and its writes", buckets=_FAST)
RECONCILE_ERRORS = Counter("loadstar_reconcile_errors_total", "Decisions whose writes failed, by kind", ["kind"])
API_SECONDS = Histogram(
    "loadstar_api_write_seconds", "Latency of writes to the API server", ["verb", "resource"], buckets=_FAST
)
QUEUE_DEPTH = Gauge("loadstar_queue_depth", "Keys ready to be reconciled")
QUEUE_DELAYED = Gauge("loadstar_queue_delayed", "Keys that wait for their time")
SAMPLE_AGE = Gauge("loadstar_node_sample_age_seconds", "Age of each node's load sample", ["node"])
NODE_SCORE = Gauge("loadstar_node_load_score", "LoadScore of each node as it is", ["node"])
DECISIONS_LOST = Counter("loadstar_decisions_lost_total", "Decisions that the decision log could not write to its file")
LOAD_READ_ERRORS = Counter("loadstar_load_read_errors_total", "Failed reads of a load source", ["source"])
LOAD_READ_SECONDS = Histogram("loadstar_load_read_seconds", "Time of one reading", ["source"], buckets=(*_FAST, 30, 60))
LOAD_SOURCE_READY = Gauge("loadstar_load_source_ready", "1 while a load source measures all it should", ["source"])
LEARNED_PLACEMENTS = Counter("loadstar_learned_placements_total", "Nodes chosen for learned requests")
EARLY_PLACEMENTS = Counter(
    "loadstar_early_placements_total", "Those of them that had no room for what the Task declares"
)
LEARNED_OOMS = Counter(
    "loadstar_learned_ooms_total", "Tasks killed for memory while they asked for less than they declare"
)
LEARNED_CLASSES = Gauge(
    "loadstar_learned_classes", "Classes of Tasks that are known well enough to ask for what they use"
)
UNMEASURED_RUNS = Counter("loadstar_unmeasured_runs_total", "Runs that ended with fewer than two samples of their use")
SPARED_CPU = Gauge("loadstar_spared_cpu_cores", "Cores that Pods of Tasks declare and do not ask for")
SPARED_MEMORY = Gauge("loadstar_spared_memory_bytes", "Bytes that Pods of Tasks declare and do not ask for")
LEADING = Gauge("loadstar_leading", "1 while this replica leads")

_CONTEXT: Final = ("task", "namespace", "uid", "attempt", "node", "holder", "source", "resource")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the Task it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({name: value for name in _CONTEXT if (value := getattr(record, name, None)) is not None})
        if record.exc_info and record.exc_info[0]:
            line["error"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, default=str)


def configure_logging(level: str) -> None:
    """Send all logs as JSON to standard error; kopf's per-object chatter stays out."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("kopf.objects", "aiohttp.access", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
