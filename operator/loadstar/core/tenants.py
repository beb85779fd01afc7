"""Which namespace is whose: the tenants of the PlacementPolicy, given what labels the namespaces carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from loadstar.core.queues import Tenant


def owner(tenants: Iterable[Tenant], labels: Mapping[str, str]) -> Tenant | None:
    """The first tenant that takes a namespace with these labels; None when none does."""
    return next((tenant for tenant in tenants if selects(tenant, labels)), None)


def selects(tenant: Tenant, labels: Mapping[str, str]) -> bool:
    """True when all that the tenant's selector says holds of the labels."""
    return all(labels.get(key) == value for key, value in tenant.selector)


def resolved(tenants: Iterable[Tenant], namespaces: Mapping[str, Mapping[str, str]]) -> tuple[Tenant, ...]:
    """The tenants in their order, each with its namespaces by name; a namespace is that of the first that takes it."""
    ordered = tuple(tenants)
    taken: dict[str, list[str]] = {tenant.name: [] for tenant in ordered}
    for name in sorted(namespaces):
        found = owner(ordered, namespaces[name])
        if found is not None:
            taken[found.name].append(name)
    return tuple(replace(tenant, namespaces=tuple(taken[tenant.name])) for tenant in ordered)
