"""The namespaces with their labels, and whose each is by the tenants of the policy that holds."""

from __future__ import annotations

from collections.abc import Mapping

from loadstar.core.queues import Tenant
from loadstar.core.tenants import owner


class Namespaces:
    """What is asked again and again is worked out once: until the namespace's labels or the tenants change."""

    def __init__(self) -> None:
        self.labels: dict[str, Mapping[str, str]] = {}
        self._tenants: tuple[Tenant, ...] = ()
        self._owners: dict[str, Tenant | None] = {}

    def put(self, name: str, labels: Mapping[str, str]) -> bool:
        """Take in a namespace; True when its labels are news."""
        if self.labels.get(name) == labels:
            return False
        self.labels[name] = labels
        self._owners.pop(name, None)
        return True

    def drop(self, name: str) -> None:
        """A namespace is gone."""
        self.labels.pop(name, None)
        self._owners.pop(name, None)

    def tenant(self, name: str, tenants: tuple[Tenant, ...]) -> Tenant | None:
        """Whose the namespace is; None when it is of no tenant, or not known yet."""
        if tenants is not self._tenants:
            self._tenants = tenants
            self._owners.clear()
        if name not in self._owners:
            self._owners[name] = owner(tenants, self.labels.get(name, {})) if name in self.labels else None
        return self._owners[name]
