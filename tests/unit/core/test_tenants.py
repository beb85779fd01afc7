"""Whose a namespace is: the first tenant whose labels it has, and nobody else's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.queues import Tenant
from loadstar.core.tenants import owner, selects

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


@given(TENANTS, LABELS)
def test_the_first_that_selects_it_is_the_owner(tenants: tuple[Tenant, ...], labels: dict[str, str]) -> None:
    """Whoever owns a namespace selects it, and nobody before does; one that nobody owns is selected by nobody."""
    found = owner(tenants, labels)
    before = tenants if found is None else tenants[: tenants.index(found)]
    assert not any(selects(tenant, labels) for tenant in before)
    assert found is None or selects(found, labels)
