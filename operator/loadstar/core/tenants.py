"""Which namespace is whose: the tenants of the PlacementPolicy, given what labels the namespaces carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loadstar.core.queues import Tenant


def owner(tenants: Iterable[Tenant], labels: Mapping[str, str]) -> Tenant | None:
    """The first tenant that takes a namespace with these labels; None when none does."""
    return next((tenant for tenant in tenants if selects(tenant, labels)), None)


def selects(tenant: Tenant, labels: Mapping[str, str]) -> bool:
    """True when all that the tenant's selector says holds of the labels."""
    return all(labels.get(key) == value for key, value in tenant.selector)
