"""The port by which we visit a node over SSH: to read its agent's report, and to bring the agent where it is not there."""

from typing import Protocol

from gpu_shopper.domain.instance import Endpoint
from gpu_shopper.ports.vault import KeyPair


class ProbeFailed(Exception):
    """The node could not be visited: not up yet, refused, or its host key is another than the pinned one."""

    def __init__(self, message: str, *, host_key_changed: bool = False) -> None:
        super().__init__(message)
        self.host_key_changed = host_key_changed


class AgentMissing(ProbeFailed):
    """The login works, and nobody is there who could report. `host_key` is the one that was seen."""

    def __init__(self, message: str, *, host_key: str) -> None:
        super().__init__(message)
        self.host_key = host_key


class Probe(Protocol):
    """A login under a key that is made for one attempt."""

    async def read_report(
        self,
        endpoint: Endpoint,
        *,
        key: KeyPair,
        host_key: str | None,
        orders: bytes,
        timeout: float,
    ) -> tuple[bytes, str]:
        """Hand over orders; return the report as the agent wrote it, and the host key that was seen.

        With `host_key` None the first key seen is accepted and returned, to be pinned.

        Raises:
            AgentMissing: see there; the orders went to nobody.
            ProbeFailed: see there.
        """
        ...

    async def deliver(
        self, endpoint: Endpoint, *, key: KeyPair, host_key: str, script: str, timeout: float
    ) -> None:
        """Run the start-up script on the node, whole or not at all; nothing is said to a host with another key.

        May be done again: the script changes nothing that runs. Returning means that the agent has been started there.

        Raises:
            ProbeFailed: see there; the script may have run nevertheless.
        """
        ...
