"""Where the API server is and how to prove who we are: from the Pod's ServiceAccount, else from a kubeconfig.

The `kubernetes` client reads both, plugins included; this only hands the result to the sessions that need it.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from typing import Any, Final

from kubernetes.aio import config as untyped_config
from kubernetes.aio.client import Configuration

config: Any = untyped_config
KEPT_SECONDS: Final = 10.0
"""How long a token that was asked for is used again."""


@dataclass(slots=True)
class Credentials:
    """The API server's address and how to reach it."""

    configuration: Any
    _value: str | None = None
    _asked: float = float("-inf")

    @classmethod
    async def load(cls) -> Credentials:
        """In a Pod its ServiceAccount, else $KUBECONFIG or ~/.kube/config. Raises ConfigException without either."""
        configuration = Configuration()
        try:
            config.load_incluster_config(configuration)
        except config.ConfigException:
            await config.load_kube_config(client_configuration=configuration)
        return cls(configuration)

    @property
    def server(self) -> str:
        """Such as https://10.96.0.1:443."""
        return str(self.configuration.host).rstrip("/")

    def ssl_context(self) -> ssl.SSLContext:
        """The server's authority and, where there is one, our certificate."""
        context = ssl.create_default_context(
            cafile=self.configuration.ssl_ca_cert, cadata=self.configuration.ca_cert_data
        )
        if self.configuration.cert_file:
            context.load_cert_chain(self.configuration.cert_file, keyfile=self.configuration.key_file)
        if not self.configuration.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    async def authorization(self) -> str | None:
        """The Authorization header now: a ServiceAccount's token is read again from its file every minute."""
        now = time.monotonic()
        if now >= self._asked + KEPT_SECONDS:
            settings = await self.configuration.auth_settings()
            self._value = settings.get("BearerToken", {}).get("value")
            self._asked = now
        return self._value
