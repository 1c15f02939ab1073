"""What is promised at the front door, asked of every answer that leaves it and of the book at rest.

S12: one key, one session, also across crashes. S13: no answer to one consumer names anything of another's. S14: no secret
stands in what leaves, or readable in the book. A session that was acknowledged is in the book for ever. And nothing
answers with a fault of ours, unless the book was made to fail.

A book that was put back to an older state has forgotten what is younger; that is excused, and nothing else.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from gpu_shopper.stores.inline import Memory
from gpu_shopper.testing.asgi import Answered, Asked
from gpu_shopper.testing.house import Life
from gpu_shopper.testing.oracle import Oracle

_CREATE: Final = "/api/v1/sessions"
_SESSION_ID: Final = re.compile(rb"ses_[0-9a-z]{20,}")
_CONSUMER: Final = re.compile(rb'"consumer_id":"([^"]+)"')
# Where the book was made to fail shortly before, it may say so.
_TROUBLED_S: Final = 120.0
_READ_AT_BYTES: Final = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a key has made, and when that was first told."""

    digest: str
    session: str
    at: float


class _Named(msgspec.Struct):
    id: str


class _Created(msgspec.Struct):
    session: _Named


class FrontRecord:
    """The history of the front door: who was told what."""

    def __init__(self, oracle: Oracle, memory: Memory) -> None:
        self.oracle = oracle
        self.memory = memory
        self.callers: dict[str, str] = {}
        self.secrets: dict[bytes, str] = {}
        self.keys: dict[tuple[str, str], Made] = {}
        self.owners: dict[str, str] = {}
        self.acknowledged: dict[str, float] = {}
        self.said: list[tuple[str, bytes]] = []
        self._said_bytes = 0
        self._rewinds_seen = len(oracle.rewinds)

    def learn(self, kind: str, text: str) -> None:
        """Note a secret: from now on it must be nowhere. Of a key in lines, the line that holds its secret half counts."""
        lines = [line for line in text.splitlines() if not line.startswith("-----")]
        self.secrets[max(lines[1:] or lines, key=len).encode()] = kind

    def know(self, token: str, name: str) -> None:
        """Note who shows a token; an operator has no name."""
        self.callers[token] = name

    def hear(self, where: str, text: bytes) -> None:
        """Keep something that left the house, to be searched for secrets."""
        self.said.append((where, text))
        self._said_bytes += len(text)
        if self._said_bytes > _READ_AT_BYTES:
            s14_no_secret_leaves(self)

    def hear_headers(self, where: str, answered: Answered) -> None:
        """Keep the headers of an answer; no token is given away in one."""
        lines = [f"{name}: {value}" for name, value in answered.headers.items()]
        self.hear(f"headers of {where}", "\n".join(lines).encode())

    def said_all(self) -> Iterator[tuple[str, bytes]]:
        """Return what was kept, and keep it no longer."""
        said, self.said, self._said_bytes = self.said, [], 0
        yield from said

    def saw(self, asked: Asked, answered: Answered, life: Life) -> None:
        """Ask everything that can be asked of one answer."""
        self.follow_the_book()
        caller = self.callers.get(asked.header("authorization").removeprefix("Bearer "))
        no_fault_of_ours(self, asked, answered, closing=life.closing)
        if caller:
            s12_one_key_one_session(self, asked, answered, caller=caller)
            s13_nothing_of_anothers(self, asked, answered, caller=caller)
        where = f"{asked.method} {asked.path} {answered.status}"
        self.hear(where, _without_what_is_given_away(asked, answered))
        self.hear_headers(where, answered)

    def follow_the_book(self) -> None:
        """Forget what the book has forgotten; what it should not have forgotten is a violation."""
        oracle = self.oracle
        rewinds = oracle.rewinds[self._rewinds_seen :]
        if not rewinds:
            return
        self._rewinds_seen = len(oracle.rewinds)
        back_to, kept = min(rewind.to for rewind in rewinds), rewinds[-1].keys
        known = {row.id for row in oracle.book.sessions()}
        for session, at in list(self.acknowledged.items()):
            if at < back_to:
                continue
            del self.acknowledged[session]
            if session in known:
                # Taken in again since: an older book may lack it with good reason, one from now on may not.
                self.acknowledged[session] = oracle.now
        # A session may be back, by its instance, where its key is not. What the book held as it was put back counts, not
        # what it holds now: a key that was lost, or made something else, since then is no fault of the backup.
        self.keys = {
            (caller, key): made
            for (caller, key), made in self.keys.items()
            if made.at < back_to or (caller, key, made.session) in kept
        }


def s12_one_key_one_session(
    record: FrontRecord, asked: Asked, answered: Answered, *, caller: str
) -> None:
    """S12: the same key with the same body is the same session, and with another body it is refused."""
    if asked.method != "POST" or asked.path != _CREATE:
        return
    oracle, name = record.oracle, asked.header("idempotency-key")
    digest, known = hashlib.sha256(asked.body).hexdigest(), record.keys.get((caller, name))
    if answered.status == 201:
        made = Made(digest=digest, session=_session_in(answered), at=oracle.now)
        record.acknowledged.setdefault(made.session, oracle.now)
        record.owners[made.session] = caller
        if name:
            _compare(record, caller, name, made)
    elif answered.status == 422 and _body(answered).get("code") == "idempotency_key_reused":
        oracle.exercised["S12 refused"] += 1
        if known is not None and known.digest == digest:
            oracle.violate("S12", f"{name} of {caller} was refused with its own body")


def _compare(record: FrontRecord, caller: str, name: str, made: Made) -> None:
    oracle, first = record.oracle, record.keys.setdefault((caller, name), made)
    oracle.exercised["S12"] += first is not made
    if first.session != made.session:
        oracle.violate("S12", f"{name} of {caller} made {first.session} and {made.session}")
    if first.digest != made.digest:
        oracle.violate("S12", f"{name} of {caller} was answered with another body's session")


def s13_nothing_of_anothers(
    record: FrontRecord, asked: Asked, answered: Answered, *, caller: str
) -> None:
    """S13: what a consumer is told names no session and no consumer but its own."""
    oracle = record.oracle
    oracle.exercised["S13"] += 1
    for found in _SESSION_ID.findall(answered.body):
        owner = record.owners.get(found.decode())
        if owner not in {None, caller} and (
            found.decode() not in asked.path or answered.status < 400
        ):
            oracle.violate("S13", f"{caller} was told of {found.decode()} of {owner}: {asked.path}")
    for name in _CONSUMER.findall(answered.body):
        if name.decode() != caller:
            oracle.violate("S13", f"{caller} was told of {name.decode()}: {asked.path}")
    foreign = any(
        session in asked.path and owner != caller for session, owner in record.owners.items()
    )
    # A request that is malformed by itself is refused before anybody looks for the session.
    if foreign and answered.status not in {400, 401, 404, 503}:
        oracle.violate("S13", f"{caller} was answered {answered.status} to {asked.path}")


def no_fault_of_ours(
    record: FrontRecord, asked: Asked, answered: Answered, *, closing: bool
) -> None:
    """No request is answered with a fault of ours, unless the book was made to fail or the house is closing."""
    if answered.status < 500:
        return
    oracle, code = record.oracle, str(_body(answered).get("code"))
    troubled = oracle.now - oracle.book_failed_at < _TROUBLED_S
    oracle.exercised[f"answered {answered.status} {code}"] += 1
    if answered.status == 503 and (code != "book_unavailable" or troubled or closing):
        return
    oracle.violate("front", f"{asked.method} {asked.path} was answered {answered.status} {code}")


def s14_no_secret_leaves(record: FrontRecord) -> None:
    """S14: nothing that was said holds a secret; a token and a key are given away once, in the answer that makes them."""
    record.oracle.exercised["S14"] += 1
    said = list(record.said_all())
    whole = b"\n".join(text for _, text in said)
    for secret in [secret for secret in record.secrets if secret in whole]:
        places = [where for where, text in said if secret in text]
        record.oracle.violate("S14", f"{record.secrets[secret]} left in {places[:3]}")


def s14_no_secret_lies_open(record: FrontRecord) -> None:
    """S14: the file of the book, free pages and all, holds no secret that can be read."""
    record.oracle.exercised["S14 book"] += 1
    content = record.memory.image().content
    for secret, kind in record.secrets.items():
        if secret in content:
            record.oracle.violate("S14", f"{kind} can be read in the book")


def no_acknowledged_session_is_lost(record: FrontRecord) -> None:
    """Whatever was answered with an id is in the book."""
    record.follow_the_book()
    known = {row.id for row in record.oracle.book.sessions()}
    for session, at in record.acknowledged.items():
        record.oracle.exercised["acknowledged"] += 1
        if session not in known:
            record.oracle.violate(
                "front", f"{session}, acknowledged at {at:.0f} s, is not in the book"
            )


AT_REST: Final[tuple[Callable[[FrontRecord], None], ...]] = (
    s14_no_secret_leaves,
    s14_no_secret_lies_open,
    no_acknowledged_session_is_lost,
)


def _body(answered: Answered) -> Mapping[str, object]:
    try:
        return msgspec.json.decode(answered.body, type=dict[str, object])
    except msgspec.DecodeError:
        return {}


def _session_in(answered: Answered) -> str:
    return msgspec.json.decode(answered.body, type=_Created).session.id


def _without_what_is_given_away(asked: Asked, answered: Answered) -> bytes:
    if asked.method == "POST" and answered.status == 201:
        body = {**_body(answered)}
        # To whom it belongs, and in this answer only.
        body.pop("ssh_private_key" if asked.path == _CREATE else "secret", None)
        return msgspec.json.encode(body)
    return answered.body
