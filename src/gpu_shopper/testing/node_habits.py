"""How simulated nodes behave, and the start-up scripts that only they read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.ports.boot import BootOrder

# About what the real script takes with the agent inside: so it goes by SSH where a cloud's orders hold less.
SCRIPT_BYTES = 24_500


@dataclass(slots=True, kw_only=True)
class NodeHabits:
    """How nodes behave in one run; rates from 0 to 1."""

    pushes: bool = True
    # By the real API, as bytes; else straight to the command that takes them, which is quicker.
    by_api: bool = False
    install_s: tuple[float, float] = (3.0, 20.0)
    beat_s: float = 60.0
    lose: float = 0.0
    mute: float = 0.0
    replay: float = 0.0
    driver_late: float = 0.0
    # For so long no machine knows the keys that it was ordered with.
    keys_late_s: float = 0.0
    idle: float = 0.3

    def heal(self) -> None:
        """Lose nothing more; nodes that are mute stay so."""
        self.lose = self.replay = 0.0


class SimBootScripts:
    """Start-up scripts that only a simulated node reads."""

    def __init__(self, habits: NodeHabits) -> None:
        self._habits = habits

    @property
    def node_can_reach_us(self) -> bool:
        """See the port."""
        return self._habits.pushes

    def size_bytes(self, provider: ProviderName, user_script: str | None) -> int:
        """See the port."""
        return SCRIPT_BYTES + len(user_script or "")

    def script(self, order: BootOrder) -> str:
        """See the port."""
        stop_in = max(1.0, order.stop_in.total_seconds())
        return json.dumps({"label": order.label, "token": order.token.text, "stop_in": stop_in})

    def environment(self, provider: ProviderName) -> Mapping[str, str]:
        """See the port."""
        return {}
