"""Whose a namespace is follows its labels and the policy as they are now."""

from __future__ import annotations

from loadstar.core.queues import Tenant
from loadstar.runtime.namespaces import Namespaces

MEDIA = Tenant("media", (("team", "media"),))
REST = Tenant("rest")


def test_owner_follows_labels_and_policy() -> None:
    """A change of either is seen at the next question; an unknown namespace is nobody's, even with a tenant for all."""
    known = Namespaces()
    tenants = (MEDIA, REST)
    assert known.tenant("n", tenants) is None
    assert known.put("n", {"team": "media"})
    assert known.tenant("n", tenants) is MEDIA
    assert known.put("n", {"team": "other"})
    assert known.tenant("n", tenants) is REST
    assert known.tenant("n", (MEDIA,)) is None
    assert known.tenant("n", tenants) is REST
    known.drop("n")
    assert known.tenant("n", tenants) is None


def test_only_other_labels_are_news() -> None:
    """The status of a namespace, or an annotation, wakes nobody."""
    known = Namespaces()
    assert known.put("n", {"a": "b"})
    assert not known.put("n", {"a": "b"})
    assert known.put("n", {})
