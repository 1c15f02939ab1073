"""The port that makes the start-up script with which our agent comes alive on a node."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.vault import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class BootOrder:
    """What the agent must know from birth. `stop_in` is its hard stop, `probe_key` the key that may read it.

    The holders of `login_keys` are let in by the script: a cloud that took no script may have taken one key only.
    """

    provider: ProviderName
    label: Label
    token: Secret
    stop_in: timedelta
    probe_key: str
    user_script: str | None
    login_keys: tuple[str, ...] = ()


class BootScripts(Protocol):
    """Makes start-up scripts."""

    @property
    def node_can_reach_us(self) -> bool:
        """Whether agents are told an address of ours to report to."""
        ...

    def size_bytes(self, provider: ProviderName, user_script: str | None) -> int:
        """Return the most that a script for such an order takes, whatever its label, token and times are."""
        ...

    def script(self, order: BootOrder) -> str:
        """Return the script; the consumer's own part cannot escape from its place in it."""
        ...

    def environment(self, provider: ProviderName) -> Mapping[str, str]:
        """Return extra environment that this cloud's nodes need."""
        ...
