"""Whose a namespace is: the first tenant whose labels it has, and nobody else's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.queues import Tenant
from loadstar.core.tenants import owner, resolved, selects

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)
TENANTS = st.lists(LABELS, max_size=5).map(
    lambda found: tuple(Tenant(f"t{number}", tuple(sorted(labels.items()))) for number, labels in enumerate(found))
)


def test_first_tenant_with_all_its_labels_wins() -> None:
    """All labels of the selector must be there with their values; the order of the policy decides between two."""
    media = Tenant("media", (("team", "media"),))
    batch = Tenant("batch", (("team", "media"), ("tier", "batch")))
    rest = Tenant("rest")
    assert owner([batch, media, rest], {"team": "media", "tier": "batch"}) is batch
    assert owner([batch, media, rest], {"team": "media", "tier": "live"}) is media
    assert owner([media, batch], {"team": "media", "tier": "batch"}) is media
    assert owner([batch, media, rest], {}) is rest
    assert owner([batch, media], {"team": "Media"}) is None


@given(TENANTS, st.dictionaries(st.sampled_from(["m", "n", "o"]), LABELS))
def test_each_namespace_is_of_one_tenant_at_most(
    tenants: tuple[Tenant, ...], namespaces: dict[str, dict[str, str]]
) -> None:
    """Resolved, no namespace stands under two tenants; one that stands under none is selected by none."""
    found = resolved(tenants, namespaces)
    assert [tenant.name for tenant in found] == [tenant.name for tenant in tenants]
    taken = [name for tenant in found for name in tenant.namespaces]
    assert len(taken) == len(set(taken))
    for name, labels in namespaces.items():
        assert (name in taken) is any(selects(tenant, labels) for tenant in tenants)
