"""The claims in force: who has one is charged to the node that is kept, and loses it with its wait.

When a Task is due one, and where, is the core's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from loadstar.core.claims import MOVE_SECONDS, Claim, best, due, most
from loadstar.core.nodes import NodeView
from loadstar.core.request import Request
from loadstar.runtime.store import Key, Store

Asks: TypeAlias = Callable[[Key], Request | None]

AT_ONCE: Final = 2
"""So many claims are made in one go: to find a node takes a look at all of them."""


class Claiming:
    """By namespace and name of the Task. In memory alone: after a restart patience begins where the wait did."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._claims = store.waitlist.backlog.kept

    def __iter__(self) -> Iterator[Claim]:
        return iter(tuple(self._claims.values()))

    def __len__(self) -> int:
        return len(self._claims)

    def put(self, claim: Claim) -> None:
        """Keep the node for the Task."""
        self._claims[claim.key] = claim
        self._store.claim(claim.identity, claim.node, claim.requests)

    def has(self, key: Key) -> bool:
        """True while a node is kept for the Task."""
        return key in self._claims

    def drop(self, key: Key) -> Claim | None:
        """The Task has no claim any more; returns the one that it had."""
        claim = self._claims.pop(key, None)
        if claim is not None:
            self._store.unclaim(claim.identity)
        return claim

    def met(self, nodes: Mapping[str, NodeView]) -> list[Claim]:
        """Those whose node has room now; those of Tasks that wait no more are dropped, and of nodes that are gone."""
        found: list[Claim] = []
        for claim in self:
            view = nodes.get(claim.node)
            if claim.key not in self._store.waitlist or view is None:
                self.drop(claim.key)
            elif claim.met(view):
                found.append(claim)
        return found

    def grant(self, now: float, asks: Asks) -> None:
        """Make claims for who is due one, and move those that came to nothing. `asks`: what a Task asks for now."""
        store, made = self._store, 0
        for claim in self:
            if claim.since <= now - MOVE_SECONDS and made < AT_ONCE:
                self.drop(claim.key)
                made += self._make(claim.key, now, asks)
        for line in due(store.waitlist.backlog.lanes(), self._claims, now):
            if made >= AT_ONCE or len(self._claims) >= most(len(store.nodes)):
                return
            made += self._make(line.first, now, asks)

    def _make(self, key: Key, now: float, asks: Asks) -> bool:
        request = asks(key)
        if request is None:
            return False
        snapshot = self._store.snapshot(now)
        node = best(request, snapshot.nodes, self._store.ours, (claim.node for claim in self))
        if node is not None:
            self.put(Claim(key, node, request.template.requests, now))
        return True
