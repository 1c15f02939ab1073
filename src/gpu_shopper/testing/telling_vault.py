"""The real vault, which also tells what secrets it has made: so that a world can look for them where they must not be."""

from collections.abc import Callable

from gpu_shopper.domain.label import Label
from gpu_shopper.ports.chance import Chance
from gpu_shopper.ports.vault import KeyPair, Secret
from gpu_shopper.runtime.vault import DeploymentVault

Learn = Callable[[str, str], None]


class TellingVault(DeploymentVault):
    """Tells `learn` the kind and the text of each secret that leaves it."""

    def __init__(self, key: bytes, chance: Chance, *, learn: Learn) -> None:
        super().__init__(key, chance)
        self._learn = learn

    def agent_token(self, label: Label) -> Secret:
        """See the port."""
        return self._told("agent token", super().agent_token(label))

    def new_token(self, *, prefix: str) -> Secret:
        """See the port."""
        return self._told("API token", super().new_token(prefix=prefix))

    def new_key_pair(self, *, comment: str) -> KeyPair:
        """See the port."""
        pair = super().new_key_pair(comment=comment)
        self._told("consumer's private key", pair.private)
        return pair

    def probe_key(self, label: Label) -> KeyPair:
        """See the port."""
        pair = super().probe_key(label)
        self._told("probe's private key", pair.private)
        return pair

    def _told(self, kind: str, secret: Secret) -> Secret:
        self._learn(kind, secret.text)
        return secret
