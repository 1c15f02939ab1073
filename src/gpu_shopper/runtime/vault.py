"""Secrets out of one deployment key: derived where they must survive a crash, drawn where they are given away.

Every use has its own sub-key, so that knowing one tells nothing about another. What is sealed says
by which key, in which form, and for what: opened for another purpose it stays shut.
"""

import hashlib
import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gpu_shopper.domain.ids import BITS, DeploymentId, deployment_id
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.chance import Chance
from gpu_shopper.ports.vault import KeyPair, Secret
from gpu_shopper.runtime.openssh import SEED_BYTES, pair_of
from gpu_shopper.runtime.tokens import SECRET_BYTES, write_token

KEY_BYTES = 32
_FORM = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12


class NotUnsealed(Exception):
    """What was sealed cannot be opened: another key, another context, or it was changed."""


class DeploymentVault:
    """The vault of one deployment key of 32 random bytes."""

    def __init__(self, key: bytes, chance: Chance) -> None:
        assert len(key) == KEY_BYTES, f"a deployment key has {KEY_BYTES} bytes, this one {len(key)}"
        self._key = key
        self._chance = chance
        self._label_key = self._derive("label")
        self._pepper = self._derive("token-hash")
        self._agent_key = self._derive("agent-token")
        self._key_id = self._derive("key-id")[:_KEY_ID_BYTES]
        self._cipher = AESGCM(self._derive("seal"))
        # A node is read again and again with the same pair.
        self._probe_pair = lru_cache(maxsize=1024)(self._derive_probe_pair)

    @property
    def label_key(self) -> bytes:
        """The key of the labels' MAC."""
        return self._label_key

    @property
    def deployment(self) -> DeploymentId:
        """Who a book is that is begun with this key: the same as the book that was lost."""
        drawn = self._derive("deployment", length=BITS // 8)
        return deployment_id(int.from_bytes(drawn))

    def agent_token(self, label: Label) -> Secret:
        """Return the token of this attempt's agent: the same at every call."""
        digest = hmac.digest(self._agent_key, label.encode(), hashlib.sha256)
        return Secret(write_token("cgs_agt", digest[:SECRET_BYTES]))

    def probe_key(self, label: Label) -> KeyPair:
        """Return the pair with which we read this attempt's agent over SSH: the same at every call."""
        return self._probe_pair(label)

    def _derive_probe_pair(self, label: Label) -> KeyPair:
        seed = self._derive(f"probe-key:{label}", length=SEED_BYTES)
        return pair_of(seed, comment="gpu-shopper-probe")

    def hash_token(self, token: str) -> str:
        """Return what is stored in place of a token.

        A fast keyed hash: our tokens hold 160 random bits, so there is nothing to guess slowly.
        """
        return hmac.digest(self._pepper, token.encode(), hashlib.sha256).hex()

    def new_key_pair(self, *, comment: str) -> KeyPair:
        """Make a pair for a consumer."""
        return pair_of(self._chance.token_bytes(SEED_BYTES), comment=comment)

    def new_token(self, *, prefix: str) -> Secret:
        """Make an API token such as `cgs_pat_…`."""
        return Secret(write_token(prefix, self._chance.token_bytes(SECRET_BYTES)))

    def seal(self, text: str, *, context: str) -> bytes:
        """Encrypt `text`, bound to `context`."""
        nonce = self._chance.token_bytes(_NONCE_BYTES)
        head = _FORM + self._key_id
        return head + nonce + self._cipher.encrypt(nonce, text.encode(), head + context.encode())

    def unseal(self, sealed: bytes, *, context: str) -> str:
        """Decrypt what `seal` made for the same context.

        Raises:
            NotUnsealed: see there.
        """
        head_length = len(_FORM) + _KEY_ID_BYTES
        head, nonce = sealed[:head_length], sealed[head_length : head_length + _NONCE_BYTES]
        if head != _FORM + self._key_id or len(nonce) != _NONCE_BYTES:
            raise NotUnsealed(f"this was sealed with another deployment key ({context})")
        try:
            plain = self._cipher.decrypt(
                nonce, sealed[head_length + _NONCE_BYTES :], head + context.encode()
            )
        except InvalidTag as error:
            raise NotUnsealed(
                f"this was sealed for something else, or changed ({context})"
            ) from error
        return plain.decode()

    def _derive(self, purpose: str, *, length: int = KEY_BYTES) -> bytes:
        info = f"gpu-shopper/1/{purpose}".encode()
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self._key)
