"""TaskProfiles as objects of the API server: the runtime's port `ProfileObjects`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from loadstar.api import API_VERSION, PROFILE_PLURAL, profiles
from loadstar.core.profile import Profile
from loadstar.kube.client import METADATA_ONLY, Client
from loadstar.kube.cluster import path_of
from loadstar.runtime.ports import KeptProfile, NotFound
from loadstar.runtime.profiles import Name

log = logging.getLogger(__name__)


def profiles_path(namespace: str, *name: str) -> str:
    """The path of a namespace's TaskProfiles, or of one. Raises ValueError for an empty name."""
    return path_of("apis", *API_VERSION.split("/"), "namespaces", namespace, PROFILE_PLURAL, *name)


def kept(raw: Mapping[str, Any]) -> KeptProfile:
    """An object as a value; one that cannot be read has no profile, and that is logged."""
    meta = raw["metadata"]
    version = str(meta.get("resourceVersion", ""))
    try:
        profile, written = profiles.read(raw)
    except (ValueError, TypeError, ArithmeticError) as error:
        words = " ".join(str(error).split())[:300]
        log.error("TaskProfile %s cannot be read, its class is learned anew: %s", meta["name"], words)  # noqa: TRY400
        return KeptProfile(version, None, 0.0)
    return KeptProfile(version, profile, written)


class KubeProfiles:
    """Writes and reads of single objects; the watch is `handlers`'."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def write_profile(self, name: Name, profile: Profile, version: str, now: float) -> str:
        """POST it, or PUT it over the version that is known."""
        body = profiles.document(*name, profile, now, version)
        if version:
            answer = await self._client.request("PUT", profiles_path(*name), body, accept=METADATA_ONLY)
        else:
            answer = await self._client.request("POST", profiles_path(name[0]), body, accept=METADATA_ONLY)
        return str(answer["metadata"]["resourceVersion"])

    async def read_profile(self, name: Name) -> KeptProfile | None:
        """GET it."""
        try:
            return kept(await self._client.get(profiles_path(*name)))
        except NotFound:
            return None

    async def delete_profile(self, name: Name, version: str) -> None:
        """DELETE it as it was seen."""
        body = {"preconditions": {"resourceVersion": version}}
        await self._client.request("DELETE", profiles_path(*name), body)
