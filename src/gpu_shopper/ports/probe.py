"""The port by which we read an agent's report over SSH, where the node cannot reach us."""

from typing import Protocol

from gpu_shopper.domain.instance import Endpoint
from gpu_shopper.ports.vault import KeyPair


class ProbeFailed(Exception):
    """The node could not be read: not up yet, refused, or its host key is another than the pinned one."""

    def __init__(self, message: str, *, host_key_changed: bool = False) -> None:
        super().__init__(message)
        self.host_key_changed = host_key_changed


class Probe(Protocol):
    """A login that can do one thing only: hand over orders and bring back the newest report."""

    async def read_report(
        self,
        endpoint: Endpoint,
        *,
        key: KeyPair,
        host_key: str | None,
        orders: bytes,
        timeout: float,
    ) -> tuple[bytes, str]:
        """Return the report as the agent wrote it, and the host key that was seen.

        With `host_key` None the first key seen is accepted and returned, to be pinned.

        Raises:
            ProbeFailed: see there.
        """
        ...
