"""The port to secrets: what is derived from the deployment's key, and what is sealed at rest.

Nothing here needs to be stored: after a crash the same secrets come out of the same label.
"""

from dataclasses import dataclass
from typing import Protocol

from gpu_shopper.domain.ids import DeploymentId
from gpu_shopper.domain.label import Label


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that never prints itself."""

    text: str

    def __repr__(self) -> str:
        return "•••"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """An Ed25519 pair in OpenSSH form."""

    private: Secret
    public: str


class Vault(Protocol):
    """Keys and tokens."""

    @property
    def label_key(self) -> bytes:
        """The key of the labels' MAC."""
        ...

    @property
    def deployment(self) -> DeploymentId:
        """Who a book is that is begun with this key: the same as the book that was lost."""
        ...

    def agent_token(self, label: Label) -> Secret:
        """Return the token of this attempt's agent: the same at every call."""
        ...

    def probe_key(self, label: Label) -> KeyPair:
        """Return the pair with which we read this attempt's agent over SSH: the same at every call."""
        ...

    def hash_token(self, token: str) -> str:
        """Return what is stored in place of a token."""
        ...

    def new_key_pair(self, *, comment: str) -> KeyPair:
        """Make a pair for a consumer."""
        ...

    def new_token(self, *, prefix: str) -> Secret:
        """Make an API token."""
        ...

    def seal(self, text: str, *, context: str) -> bytes:
        """Encrypt `text`, bound to `context`."""
        ...

    def unseal(self, sealed: bytes, *, context: str) -> str:
        """Decrypt what `seal` made for the same context."""
        ...
