"""One case: a scenario with one fault, run on the bed from an empty namespace to rest, and what was seen of it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml

from tests.faults import invariants, oracles
from tests.faults.api import ApiError
from tests.faults.fault import CLOCKS, HARMLESS, Fault, Kind, Plan
from tests.faults.ground import Ground
from tests.faults.history import Event
from tests.faults.invariants import Facts
from tests.faults.process import Operator, free_port
from tests.faults.proxy import LAPSE_SECONDS, Asked, Proxy
from tests.faults.recorder import Recorder, StuckError
from tests.faults.scenarios import Scenario
from tests.faults.world import World

LEASE_SECONDS = 3
RESYNC_SECONDS = 4
QUIET_SECONDS = 1.2
REST_SECONDS = 1.0
SETTLE_SECONDS = 30.0
RESTART_SECONDS = 0.2
WATCH_SECONDS = 0.3
FROZEN_PATIENCE = 150.0
FROZEN_RESYNC_SECONDS = 600
"""Under a frozen watch nothing but its silence may help."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run came to."""

    events: tuple[Event, ...]
    state: Mapping[str, str]
    arrivals: Mapping[str, int]
    requests: tuple[Asked, ...]
    streams: Mapping[str, int]
    struck: int
    violations: tuple[str, ...]
    seconds: float
    log: str


@dataclass(slots=True)
class Replica:
    """An operator with its proxy; started again when the fault killed it, unless the scenario wants it down."""

    operator: Operator
    proxy: Proxy
    wanted: bool = True
    _returns: list[asyncio.Task[None]] = field(default_factory=list)

    async def watch(self) -> None:
        """Start it again when it ended by itself, as a kubelet would; that it did is kept."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            before = len(self.operator.unasked)
            self.operator.alive()
            if len(self.operator.unasked) > before:
                await self._return()

    async def up(self) -> None:
        """Start it."""
        self.wanted = True
        self._start()

    async def down(self) -> None:
        """Kill it, and leave it so."""
        self.wanted = False
        await self.operator.end()

    async def kill(self) -> None:
        """Kill it as a fault; it comes back."""
        await self.operator.end()
        self._returns.append(asyncio.create_task(self._return()))

    async def _return(self) -> None:
        await asyncio.sleep(RESTART_SECONDS)
        if self.wanted:
            self._start()

    def _start(self) -> None:
        self.proxy.led = float("inf")
        self.operator.start()


@dataclass(slots=True)
class Case:
    """One run of one case."""

    ground: Ground
    scenario: Scenario
    fault: Fault
    folder: Path
    replicas: list[Replica] = field(default_factory=list)
    watches: list[asyncio.Task[None]] = field(default_factory=list)

    async def run(self) -> Outcome:
        """Run it; whatever goes wrong is in the outcome."""
        started = time.monotonic()
        namespace = f"f-{self.scenario.name[:24]}-{uuid.uuid4().hex[:6]}"
        await self.ground.namespace(namespace, {})
        recorder = Recorder(self.ground.api, namespace)
        await recorder.start()
        plan = Plan(self.fault)
        first = await self._replica(namespace, recorder, plan, 0)
        world = World(self.ground.api, namespace, recorder, first.down, first.up)
        if self.fault.kind is Kind.FREEZE:
            world.patience = FROZEN_PATIENCE
        problems: list[str] = []
        rest: tuple[str, ...] = ()
        metrics: Mapping[str, int] | None = None
        try:
            await first.up()
            await self._leading(first)
            await self.scenario.run(world)
            await self._settle(recorder)
            rest = await self._rest()
            metrics = await self._metrics()
            problems += await self._end()
        except (StuckError, ApiError) as error:
            problems.append(f"stuck: {error}")
        finally:
            for watch in self.watches:
                watch.cancel()
            for replica in self.replicas:
                replica.wanted = False
                await replica.operator.end()
                problems += replica.operator.unasked
                await replica.proxy.stop()
            await recorder.stop()
            with contextlib.suppress(ApiError):
                await self.ground.clear(namespace)
        if recorder.fault:
            problems.append(f"the case itself: {recorder.fault}")
        log = "".join(replica.operator.log.read_text(errors="replace") for replica in self.replicas)
        events = recorder.history()
        facts = Facts(frozenset(world.created), frozenset(world.deleted), rest, metrics, self.ground.nodes)
        problems += oracles.complaints(log)
        problems += invariants.violations(events, facts)
        if self.fault.kind not in HARMLESS | CLOCKS and not plan.struck:
            problems.append(f"the fault never struck: {first.proxy.plan.requests} requests, {dict(first.proxy.events)}")
        return Outcome(
            events=tuple(events),
            state=oracles.end_state(events, recorder.now),
            arrivals=oracles.arrivals(events),
            requests=tuple(asked for replica in self.replicas for asked in replica.proxy.asked),
            streams=dict(first.proxy.events),
            struck=plan.struck,
            violations=tuple(problems),
            seconds=time.monotonic() - started,
            log=log,
        )

    async def _replica(self, namespace: str, recorder: Recorder, plan: Plan, number: int) -> Replica:
        proxy = Proxy(self.ground.api, self.ground.token, recorder, plan)
        await proxy.start()
        folder = Path(tempfile.mkdtemp(prefix=f"{self.scenario.name}-{self.fault.name}-{number}-", dir=self.folder))
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(_kubeconfig(proxy.port)))
        frozen = self.fault.kind is Kind.FREEZE
        environment = {
            "KUBECONFIG": str(kubeconfig),
            "LOADSTAR_NAMESPACE": namespace,
            "LOADSTAR_POD_NAME": f"replica-{number}",
            "LOADSTAR_PORT": str(free_port()),
            "LOADSTAR_LEASE_SECONDS": str(LEASE_SECONDS),
            "LOADSTAR_RESYNC_SECONDS": str(FROZEN_RESYNC_SECONDS if frozen else RESYNC_SECONDS),
            "LOADSTAR_WORKERS": "4",
        }
        clock = folder / "clock" if self.fault.kind in CLOCKS else None
        if clock:
            clock.write_text("-600\n" if self.fault.kind is Kind.CLOCK_BEHIND else "+600\n")
            proxy.jump = lambda: _rewrite(clock, "-600\n")
        operator = Operator(environment, folder / "log", clock)
        operator.log.touch()
        replica = Replica(operator, proxy)
        proxy.kill = replica.kill
        proxy.split = lambda: self._split(namespace, recorder, replica)
        self.replicas.append(replica)
        self.watches.append(asyncio.create_task(replica.watch()))
        return replica

    async def _leading(self, replica: Replica) -> None:
        """Return once it has written the Lease."""
        end = time.monotonic() + SETTLE_SECONDS
        while replica.proxy.led > time.monotonic():
            if time.monotonic() > end or replica.operator.unasked or not replica.operator.alive():
                raise StuckError("the operator does not lead")
            await asyncio.sleep(0.02)

    async def _split(self, namespace: str, recorder: Recorder, replica: Replica) -> None:
        """Stop the leader in the middle of a write, let another one lead and come to rest, let the first go on."""
        replica.operator.send(signal.SIGSTOP)
        other = await self._replica(namespace, recorder, Plan(Fault()), 1)
        await other.up()
        await self._leading(other)
        await self._settle(recorder, least=LEASE_SECONDS + 1.0)
        replica.operator.send(signal.SIGCONT)

    async def _settle(self, recorder: Recorder, least: float = QUIET_SECONDS) -> None:
        """Return once an operator leads and nothing was written for a while."""
        end = time.monotonic() + SETTLE_SECONDS + least
        while True:
            leaders = [one.proxy.led for one in self.replicas if time.monotonic() - one.proxy.renewed < LAPSE_SECONDS]
            leading = min(leaders, default=float("inf"))
            last = max([recorder.last, leading, *(replica.proxy.last for replica in self.replicas)])
            if time.monotonic() - last > least:
                return
            if time.monotonic() > end:
                raise StuckError(f"not at rest after {SETTLE_SECONDS:g} s")
            await asyncio.sleep(0.05)

    async def _rest(self) -> tuple[str, ...]:
        """What is written in a while in which nothing should be."""
        before = [len(replica.proxy.asked) for replica in self.replicas]
        await asyncio.sleep(self.fault.at if self.fault.kind is Kind.REST else REST_SECONDS)
        return tuple(
            f"{asked.method} {asked.path}"
            for replica, count in zip(self.replicas, before, strict=True)
            for asked in replica.proxy.asked[count:]
        )

    async def _metrics(self) -> Mapping[str, int] | None:
        """The Tasks by state, as /metrics of the last operator tells: it leads."""
        replica = self.replicas[-1]
        port = replica.operator.environment["LOADSTAR_PORT"]
        try:
            async with (
                asyncio.timeout(5),
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{port}/metrics") as answer,
            ):
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return None
        found = [line for line in text.splitlines() if line.startswith("loadstar_tasks{")]
        return {line.split('"')[1]: int(float(line.rsplit(" ", 1)[1])) for line in found}

    async def _end(self) -> list[str]:
        """Without a fault the operators are asked to end, and must do so well."""
        if self.fault.kind not in HARMLESS:
            return []
        codes = [await replica.operator.end(signal.SIGTERM) for replica in self.replicas]
        return [f"SIGTERM ended the operator with {code}" for code in codes if code]


def _rewrite(file: Path, text: str) -> None:
    file.write_text(text)


def _kubeconfig(port: int) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "operator", "user": {}}],
        "contexts": [{"name": "case", "context": {"cluster": "proxy", "user": "operator"}}],
        "current-context": "case",
    }
