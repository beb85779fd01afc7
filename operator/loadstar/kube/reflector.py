"""List and watch one collection for ever, and say what is there, what changed and what is gone.

Tasks, Pods and Nodes come in here rather than through kopf: they are many, and a bare watch costs a tenth of the CPU an
event (docs/benchmarks.md). After a lost watch, and now and then anyway, it lists again and reports what disappeared
meanwhile, which no event would tell. It keeps the names of objects and not the objects.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, Final

from loadstar.kube.client import METADATA_LIST, METADATA_ONLY, Client
from loadstar.runtime.ports import Clock, ClusterError, NotFound, Unavailable

JSON: Final = "application/json"
PAGE: Final = 500
LIST_SECONDS: Final = 30.0
RESYNC_SECONDS: Final = 600.0
WATCH_SECONDS: Final = 300
SILENCE_SECONDS: Final = 70.0
"""A watch without even a bookmark for so long is dead, whatever TCP says: the API server sends one a minute."""
RETRY_SECONDS: Final = 0.2
RETRY_MAX_SECONDS: Final = 3.0
"""Short: there are few watches, and an API server that is back should be noticed at once."""

Json = Mapping[str, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ref:
    """Which object: what stays of it when it is gone."""

    namespace: str
    name: str
    uid: str


class Reflector:
    """`seen` gets every object that is new or changed; `lost` every one that is gone, with its last form if told.

    `metadata`: of each object that alone is asked for.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        path: str,
        *,
        seen: Callable[[Json], None],
        lost: Callable[[Ref, Json | None], None],
        params: Mapping[str, str] | None = None,
        resync: float = RESYNC_SECONDS,
        metadata: bool = False,
    ) -> None:
        self._client = client
        self._clock = clock
        self._path = path
        self._params = dict(params or {})
        self._seen = seen
        self._lost = lost
        self._resync = resync
        self._accept = (METADATA_LIST, METADATA_ONLY) if metadata else (JSON, JSON)
        self._known: dict[str, Ref] = {}
        self._version = ""
        self._listed = float("-inf")
        self.synced = asyncio.Event()
        self.progress = clock.boottime()

    async def run(self) -> None:
        """Reflect for ever; every fault is waited out, longer each time."""
        failures = 0
        while True:
            try:
                if not self._version or self._clock.boottime() - self._listed >= self._resync:
                    await self._list()
                    failures = 0
                await self._watch()
                failures = 0
            except NotFound:
                # 410: that version is forgotten; 404: the kind is not served yet.
                self._version = ""
                failures += 1
            except ClusterError as error:
                log.warning("watch broken: %s", error, extra={"resource": self._path})
                failures += 1
            # Turning counts as progress also without an answer: an API server that is away is no fault of ours.
            self.progress = self._clock.boottime()
            if failures:
                longest = min(RETRY_MAX_SECONDS, RETRY_SECONDS * 2 ** min(failures, 8))
                await asyncio.sleep(random.uniform(RETRY_SECONDS, longest))

    async def _list(self) -> None:
        """List page by page; what is not in any page is gone."""
        self._version = ""
        found: set[str] = set()
        params = {**self._params, "limit": str(PAGE)}
        while True:
            page = await self._client.request(
                "GET", self._path, params=params, accept=self._accept[0], seconds=LIST_SECONDS
            )
            for raw in page.get("items") or ():
                self._note(raw)
                found.add(raw["metadata"]["uid"])
                self._report(self._seen, raw)
            self.progress = self._clock.boottime()
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                break
            params["continue"] = meta["continue"]
        for uid in [uid for uid in self._known if uid not in found]:
            self._report(self._lost, self._known.pop(uid), None)
        self._version = str(meta.get("resourceVersion", ""))
        self._listed = self._clock.boottime()
        self.synced.set()

    async def _watch(self) -> None:
        params = {
            **self._params,
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(min(WATCH_SECONDS, self._resync))),
        }
        async with self._client.watch(self._path, params, accept=self._accept[1]) as events:
            while True:
                try:
                    async with asyncio.timeout(SILENCE_SECONDS):
                        event = await anext(events, None)
                except TimeoutError as error:
                    raise Unavailable(f"nothing heard for {SILENCE_SECONDS:g} s") from error
                if event is None:
                    return
                self._take(event)
                self.progress = self._clock.boottime()

    def _take(self, event: Json) -> None:
        kind, raw = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            if raw.get("code") == 410:  # noqa: PLR2004 - HTTP
                raise NotFound("the version to watch from is forgotten")
            raise Unavailable(str(raw.get("message", "the watch failed")))
        meta = raw["metadata"]
        self._version = meta.get("resourceVersion", self._version)
        if kind == "BOOKMARK":
            return
        if kind == "DELETED":
            ref = self._note(raw)
            del self._known[ref.uid]
            self._report(self._lost, ref, raw)
        else:
            self._note(raw)
            self._report(self._seen, raw)

    def _note(self, raw: Json) -> Ref:
        meta = raw["metadata"]
        known = self._known.get(meta["uid"])
        if known is None:
            known = self._known[meta["uid"]] = Ref(intern(meta.get("namespace", "")), meta["name"], meta["uid"])
        return known

    def _report(self, receiver: Callable[..., None], *what: Ref | Json | None) -> None:
        """One object that cannot be read must not stop the others."""
        try:
            receiver(*what)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            about = what[0].name if isinstance(what[0], Ref) else ((what[0] or {}).get("metadata") or {}).get("name")
            log.error("%s cannot be read and is passed over: %r", about, error, extra={"resource": self._path})  # noqa: TRY400 - its own fault
