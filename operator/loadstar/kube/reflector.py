"""List and watch one collection for ever, and say what is there, what changed and what is gone.

Pods and Nodes come in here rather than through kopf: they are many and large, and a bare watch costs a tenth of the
CPU an event. After a lost watch it lists again and reports what disappeared meanwhile, which no event would tell.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from loadstar.kube.client import Client
from loadstar.runtime.ports import Clock, ClusterError, NotFound, Unavailable

PAGE: Final = 500
WATCH_SECONDS: Final = 300
SILENCE_SECONDS: Final = 90.0
"""A watch without even a bookmark for so long is dead, whatever TCP says: the API server sends one a minute."""
RETRY_SECONDS: Final = 0.5
RETRY_MAX_SECONDS: Final = 15.0

Json = Mapping[str, Any]

log = logging.getLogger(__name__)


class Reflector:
    """`seen` gets every object that is new or changed, `lost` the last known form of every object that is gone."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        path: str,
        *,
        seen: Callable[[Json], None],
        lost: Callable[[Json], None],
        params: Mapping[str, str] | None = None,
        keep: Callable[[Json], Json] = lambda raw: raw,
    ) -> None:
        self._client = client
        self._clock = clock
        self._path = path
        self._params = dict(params or {})
        self._seen = seen
        self._lost = lost
        self._keep = keep
        self._known: dict[str, Json] = {}
        self._version = ""
        self.synced = asyncio.Event()
        self.progress = clock.boottime()

    async def run(self) -> None:
        """Reflect for ever; every fault is waited out, longer each time."""
        failures = 0
        while True:
            try:
                if not self._version:
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
            if failures:
                longest = min(RETRY_MAX_SECONDS, RETRY_SECONDS * 2 ** min(failures, 8))
                await asyncio.sleep(random.uniform(RETRY_SECONDS, longest))

    async def _list(self) -> None:
        found: dict[str, Json] = {}
        params = {**self._params, "limit": str(PAGE)}
        while True:
            page = await self._client.request("GET", self._path, params=params)
            for raw in page.get("items") or ():
                found[raw["metadata"]["uid"]] = raw
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                break
            params["continue"] = meta["continue"]
        gone = [raw for uid, raw in self._known.items() if uid not in found]
        self._known = {uid: self._keep(raw) for uid, raw in found.items()}
        for raw in gone:
            self._report(self._lost, raw)
        for raw in found.values():
            self._report(self._seen, raw)
        self._version = str(meta.get("resourceVersion", ""))
        self.progress = self._clock.boottime()
        self.synced.set()

    async def _watch(self) -> None:
        params = {
            **self._params,
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async with self._client.watch(self._path, params) as events:
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
            self._known.pop(meta["uid"], None)
            self._report(self._lost, raw)
        else:
            self._known[meta["uid"]] = self._keep(raw)
            self._report(self._seen, raw)

    def _report(self, receiver: Callable[[Json], None], raw: Json) -> None:
        """One object that cannot be read must not stop the others."""
        try:
            receiver(raw)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            name = (raw.get("metadata") or {}).get("name", "?")
            log.exception("an object could not be read: %s", name, extra={"resource": self._path})
