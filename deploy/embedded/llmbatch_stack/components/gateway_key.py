"""The API key with which Prometheus reads the gateway's metrics: in a file, readable by its owner only."""

from dataclasses import dataclass
from pathlib import Path

from llmbatch_stack.components.airflow import log_in
from llmbatch_stack.credentials import Credentials, write_private
from llmbatch_stack.process.component import StepError
from llmbatch_stack.settings import Settings
from llmbatch_stack.wire import call

KEY_NAME = "Prometheus of the embedded stack"
_UNAUTHORISED = 401


@dataclass(frozen=True)
class GatewayKey:
    """The key of one stack, in the file `path`."""

    settings: Settings
    credentials: Credentials
    path: Path

    def ensure(self) -> None:
        """Make a key, unless there is one that the gateway takes.

        Raises:
            StepError: the gateway does not make one.
        """
        if self.path.exists() and self._answer(self.path.read_text()) != _UNAUTHORISED:
            return
        url = f"{self.settings.gateway_url}/keys"
        token = log_in(self.settings, self.credentials)
        reply = call(url, method="POST", token=token, body={"name": KEY_NAME}, timeout_s=20)
        key = reply.json().get("key")
        if not isinstance(key, str):
            raise StepError(f"no API key for Prometheus: POST {url} answers {reply.status} {reply.text[:200]}")
        write_private(self.path, key)

    def _answer(self, key: str) -> int:
        return call(f"{self.settings.gateway_url}/jobs?limit=1", token=key, timeout_s=20).status
