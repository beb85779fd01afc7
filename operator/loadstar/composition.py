"""The composition root: builds every part of the operator once, wires them in one direction, and watches over them.

A part that ends unasked is an internal fault and ends the process; an API server that is away is not.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import uuid
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

import kopf

from loadstar import __version__
from loadstar.config import Settings
from loadstar.handlers import frame, objects
from loadstar.handlers.observers import Observers
from loadstar.kube.client import Client
from loadstar.kube.cluster import KubeCluster, KubeLeases
from loadstar.kube.credentials import Credentials
from loadstar.kube.taskprofiles import KubeProfiles
from loadstar.kube.taskqueues import KubeQueues
from loadstar.runtime.audit import Audit
from loadstar.runtime.clock import SystemClock
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.decisions import Decisions
from loadstar.runtime.engine import Engine
from loadstar.runtime.keeper import Keeper
from loadstar.runtime.leader import Leader
from loadstar.runtime.loads import Loads
from loadstar.runtime.queue_report import QueueReport
from loadstar.runtime.report import Report
from loadstar.runtime.store import Key, Store
from loadstar.runtime.uses import Uses
from loadstar.runtime.workqueue import WorkQueue
from loadstar.runtime.writer import Writer
from loadstar.serving import application, serve
from loadstar.sources.pod_uses import PodUses
from loadstar.sources.registry import Sources

LEASE_NAME: Final = "loadstar-operator"

log = logging.getLogger(__name__)


class Operator:
    """All parts of one replica."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self.settings = settings
        identity = f"{settings.identity}_{uuid.uuid4().hex[:8]}"
        clock = SystemClock()
        self.clock = clock
        self.client = Client(credentials, clock.observe)
        self.store = Store()
        self.queue: WorkQueue[Key] = WorkQueue(clock.boottime)
        cluster = KubeCluster(self.client, clock, identity)
        leases = KubeLeases(self.client, clock, settings.namespace, LEASE_NAME)
        self.leader = Leader(leases, identity, clock, settings.lease_seconds)
        path = Path(settings.decision_log) if settings.decision_log else None
        self.decisions = Decisions(settings.decisions, clock, path, settings.decision_log_mib)
        self.cycle = Cycle(self.store, clock, lambda key: self.queue.add(key, urgent=True), self.decisions)
        writer = Writer(cluster, self.store, self.leader, clock)
        self.engine = Engine(self.store, self.queue, self.cycle, writer, self.leader, clock)
        sources = Sources(
            credentials.server, credentials.ssl_context, credentials.authorization, Path(settings.source_files)
        )
        self.loads = Loads(sources.build, self.store, self.cycle, clock)
        self.uses = Uses(PodUses(self.client), sources.containers, self.store, clock)
        self.report = Report(cluster, self.store, self.queue, self.engine.notes, self.loads, self.leader, clock)
        self.keeper = Keeper(KubeProfiles(self.client), self.store.profiles, self.leader, clock)
        self.queue_report = QueueReport(KubeQueues(self.client), self.store, self.engine.notes, self.leader, clock)
        self.audit = Audit(self.store, self.engine.touch, clock, settings.resync_seconds)
        observers = Observers(self.store, self.engine.touch, self.cycle.wake)
        self.reflectors = observers.reflectors(self.client, clock, settings.resync_seconds)
        self.registry = kopf.OperatorRegistry()
        frame.register_login(self.registry, credentials)
        objects.register(self.registry, self.store, self._policy_changed)

    def ages(self) -> Mapping[str, float]:
        """Seconds since the last turn of each loop."""
        now = self.clock.boottime()
        loops: dict[str, Any] = {
            "loads": self.loads,
            "uses": self.uses,
            "report": self.report,
            "keeper": self.keeper,
            "queue report": self.queue_report,
            "audit": self.audit,
            "decisions": self.decisions,
            **self.reflectors,
        }
        if not self.missing():
            loops["lease"] = self.leader
        if self.leader.may_write():
            loops["cycle"] = self.cycle
        ages = {name: now - loop.progress for name, loop in loops.items()}
        if self.leader.may_write() and len(self.queue):
            ages["workers"] = now - self.engine.progress
        return ages

    def missing(self) -> list[str]:
        """What has not been listed yet."""
        return [name for name, reflector in self.reflectors.items() if not reflector.synced.is_set()]

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT, or until a part fails."""
        stop = asyncio.Event()
        _stop_on_signals(stop)
        log.info("Loadstar %s starts", __version__, extra={"holder": self.leader.identity})
        runner = await serve(application(self.ages, self.missing, self.decisions.lines), self.settings.port)
        kopf_stop, kopf_ready = asyncio.Event(), asyncio.Event()
        parts = [self._part("kopf", frame.run_frame(self.registry, kopf_stop, kopf_ready))]
        parts += [self._part(name, reflector.run()) for name, reflector in self.reflectors.items()]
        parts += [
            self._part("loads", self.loads.run()),
            self._part("uses", self.uses.run()),
            self._part("report", self.report.run()),
            self._part("keeper", self.keeper.run()),
            self._part("queue report", self.queue_report.run()),
            self._part("audit", self.audit.run()),
            self._part("decisions", self.decisions.run()),
            self._part("engine", self._lead()),
        ]
        stopping = asyncio.create_task(_stopped(stop, kopf_ready), name="stop")
        try:
            done, _ = await asyncio.wait([*parts, stopping], return_when=asyncio.FIRST_COMPLETED)
            failed = next((part for part in done if part is not stopping), None)
            if failed is not None:
                failure = None if failed.cancelled() else failed.exception()
                log.critical("part %s ended: the process ends", failed.get_name(), exc_info=failure)
                raise SystemExit(1)
            log.info("asked to stop")
        finally:
            kopf_stop.set()
            await self._end([*parts, stopping])
            await runner.cleanup()
            await self.client.close()

    async def _lead(self) -> None:
        """Stand for election only once the cluster is known: a leader must not decide on half a view."""
        for reflector in self.reflectors.values():
            await reflector.synced.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.leader.run(), name="lease")
            group.create_task(self.engine.run(self.settings.workers), name="workers")

    def _part(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work, name=name)

    async def _end(self, parts: list[asyncio.Task[Any]]) -> None:
        """Kopf is asked and given a moment; the rest is cancelled, the lease handed back on the way."""
        for part in parts:
            if part.get_name() != "kopf":
                part.cancel()
        _, late = await asyncio.wait(parts, timeout=5)
        for part in late:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)

    def _policy_changed(self) -> None:
        log.info("the PlacementPolicy changed: it holds from the next decision on")
        self.loads.edited()
        self.engine.touch(
            [key for key, task in self.store.tasks.items() if task.worker is None and not task.status.state.terminal]
        )
        self.cycle.wake()


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _stopped(stop: asyncio.Event, kopf_ready: asyncio.Event) -> None:
    """Return once asked to stop. Kopf takes the signals for itself when it starts; they are taken back."""
    waits = [asyncio.create_task(event.wait()) for event in (stop, kopf_ready)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        _stop_on_signals(stop)
        await stop.wait()
    finally:
        for one in waits:
            one.cancel()


async def run(settings: Settings) -> None:
    """Log in, build, run."""
    credentials = await Credentials.load()
    await Operator(settings, credentials).run()
