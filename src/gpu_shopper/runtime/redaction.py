"""Takes secrets out of what is about to be said: by the name they stand under, by their look, and by heart.

Promises: what comes out is made of plain values only, so nothing can print itself differently later;
what looks like a token, a private key or a login is gone from every text in it, keys included.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum

from gpu_shopper.ports.vault import Secret

MASK = "•••"
_DEEPEST = 6
_LONGEST = 20_000
_SHORTEST_KNOWN = 6

_SECRET_NAME = re.compile(
    r"(^|_)(token|secret|password|passwd|passphrase|authorization|cookie|credentials?|private|pepper|seed"
    r"|(api|account|private|secret|access|instance|deployment|probe|label)_key|key_pair)s?(_(hash|text|value))?$"
)
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_LOOKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"cgs_[a-z]{3}_[0-9A-Za-z]{8,}"), MASK),
    # A key that was cut off has no last line.
    (
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)",
            re.DOTALL,
        ),
        MASK,
    ),
    (re.compile(r"(?i)\b(bearer)\s+[^\s\"',;]+"), rf"\1 {MASK}"),
    (
        re.compile(
            r"(?i)\b((?:proxy-)?authorization[\"']?\s*[:=]\s*b?[\"']?)(?:(?:basic|digest|token|bearer)\s+)?[^\s\"',;]+"
        ),
        rf"\1{MASK}",
    ),
    (
        re.compile(
            r"(?i)\b([\w-]*(?:token|secret|password|passwd|api[_-]?key|access[_-]?key)[\"']?\s*[:=]\s*b?[\"']?)"
            r"[^\s\"',;&)}\]]+"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]+@"), rf"\1{MASK}@"),
)


class Redactor:
    """Redacts values; knows some secrets by heart because they have no look of their own."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known: frozenset[str] = frozenset()
        for secret in known:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Never let this text through again; one so short that it occurs by accident is not learnt."""
        if len(secret) >= _SHORTEST_KNOWN:
            self._known |= {secret}

    def text(self, text: str) -> str:
        """Return `text` without what looks like a secret."""
        for secret in self._known:
            text = text.replace(secret, MASK)
        for look, instead in _LOOKS:
            text = look.sub(instead, text)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} letters)"

    def value(self, value: object, *, depth: int = 0) -> object:
        """Return any value as plain data without secrets."""
        if value is None or (isinstance(value, bool | int | float) and not isinstance(value, Enum)):
            return value
        if isinstance(value, Secret):
            return MASK
        if isinstance(value, bytes | bytearray | memoryview):
            return self.text(bytes(value).decode("utf-8", "backslashreplace"))
        if depth < _DEEPEST and isinstance(value, Mapping):
            return {
                self.text(str(key)): self._field(str(key), inner, depth)
                for key, inner in value.items()
            }
        if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner, depth=depth + 1) for inner in value]
        plain = isinstance(value, str | Enum | datetime | BaseException)
        return self.text(str(value) if plain else repr(value))

    def fields(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return key-values without secrets, neither under a telling name nor anywhere inside."""
        return {self.text(name): self._field(name, value, 0) for name, value in fields.items()}

    def _field(self, name: str, value: object, depth: int) -> object:
        if is_secret_name(name) and value not in (None, "", MASK):
            return MASK
        return self.value(value, depth=depth + 1)


def is_secret_name(name: str) -> bool:
    """Return whether what stands under this name is secret whatever it looks like."""
    return _SECRET_NAME.search(_WORDS.sub("_", name).lower()) is not None
