"""One session, one attempt, one cloud, two replicas: every state that they can get into, small enough to try them all.

Each action is one transaction of the book, one request of a replica, or one thing that the cloud does by itself. Between
any two of them anybody else may act, a replica may die, and one that was paused may go on with a claim that is not its
any more. Time is left to chance: whatever has to be waited for may have passed.

What is assumed of the cloud: it tells one lie at most, a false "gone" or a false "refused"; a new instance may be missing from listings
for a while, though not from one that began after a destroy of it was answered; one that has gone may still be listed.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from gpu_shopper.domain.launch import AttemptState as A
from gpu_shopper.domain.lifecycle import State

NOTHING: Final = "nothing"
LIVE: Final = frozenset({"hidden", "shown", "leaving"})
OPEN: Final = frozenset({A.SENT, A.UNKNOWN, A.BOUND, A.CLOSING})
UNANSWERED: Final = frozenset({A.SENT, A.UNKNOWN})
ENDED: Final = frozenset({State.STOPPED, State.FAILED})
ENDING: Final = ENDED | {State.STOPPING}
# Each can be left out, and each that is left out has to be noticed.
RULES: Final[dict[str, str]] = {
    "intent": "the attempt is committed before the create is sent",
    "fence": "a write under a claim checks that the claim is the newest",
    "fresh": "a write looks at the row as it stands, not as it stood when the act was chosen",
    "one_call": "a create is sent once for one label",
    "unknown": "no answer is not a no",
    "watch": "the labels of closed attempts are watched",
    "reason": "that it shall end is committed before the destroy is sent",
    "two_proofs": "one gone-class answer proves no absence",
    "after": "a listing counts only if it began after the destroy was answered",
    "anew": "any sight of the instance makes the proof begin anew",
    "until_proved": "a destroy that had no effect is sent again",
    "settle_last": "a session ends after all that it owes",
    "veto": "a heartbeat vetoes what a listing and a read say",
    "one_way": "what is wanted no more is never wanted again",
}


class Replica(NamedTuple):
    """One process: whether its claim is the newest, and what it is about to do."""

    claim: str = "none"  # none, newest, old
    about: str = "idle"


class World(NamedTuple):
    """Book, cloud, the listing that is under way, and both replicas."""

    session: State = State.PENDING
    attempt: str = NOTHING
    wanted: bool = False
    known: bool = False
    looked: bool = False
    answered: bool = False
    gone_read: bool = False
    gone_listing: bool = False
    missing: bool = False
    creates: int = 0
    travelling: bool = False
    instance: str = NOTHING
    lied: bool = False
    listing: str = (
        NOTHING  # with, without, after: without it, and begun after the destroy was answered
    )
    replicas: tuple[Replica, Replica] = (Replica(), Replica())

    @property
    def live(self) -> bool:
        """It bills."""
        return self.instance in LIVE

    @property
    def at_rest(self) -> bool:
        """Nothing is open, and nothing is left that could be."""
        over = self.session in ENDED and self.attempt not in OPEN
        return over and not self.live and not self.travelling


class Move(NamedTuple):
    """One action: what it is called, where it leads, and what it breaks."""

    name: str
    world: World
    breaks: str = ""


# ── the row: what each write makes of it, as `domain.launch` does ─────────────────────────────────


def closing(w: World) -> World:
    """Owe the end: any proof begins anew."""
    return w._replace(
        attempt=A.CLOSING, wanted=False, answered=False, gone_read=False, gone_listing=False
    )


def found(w: World, rules: frozenset[str]) -> World:
    """An unanswered attempt's instance was found: held if it is wanted, else owed its end."""
    seen = w._replace(known=True, missing=False)
    if w.wanted or "one_way" not in rules:
        return seen._replace(attempt=A.BOUND, wanted=True)
    return closing(seen)


def unwanted(w: World) -> World:
    """It is wanted no more; what was never answered has to be found first."""
    if not w.wanted:
        return w
    return closing(w) if w.attempt == A.BOUND else w._replace(wanted=False)


def stop(w: World) -> World:
    """The session shall end, and nothing of it is wanted."""
    return unwanted(w)._replace(session=State.STOPPING)


def shop_again(w: World) -> World:
    """The session lets go of its attempt, if it has not run yet."""
    return w._replace(session=State.PENDING) if w.session is State.PROVISIONING else w


# ── what a replica decides, as `domain.plan` does ─────────────────────────────────────────────────


def decisions(w: World, rules: frozenset[str]) -> Iterator[str]:
    """Yield each step that the facts allow, at whatever time it may be."""
    if w.attempt in OPEN and not w.wanted:
        yield from retirements(w, rules) if w.attempt == A.CLOSING else unanswered(w)
    if w.session is State.PENDING:
        yield "buy" if w.attempt == NOTHING else "stop"
    elif w.session is State.STOPPING:
        if w.attempt not in OPEN or "settle_last" not in rules:
            yield "settle"
    elif w.session not in ENDED and w.wanted:
        yield from _care(w, rules)


def unanswered(w: World) -> Iterator[str]:
    """Yield what is done about an attempt that nobody answered."""
    yield "look"
    if w.looked:
        yield "presume"


def retirements(w: World, rules: frozenset[str]) -> Iterator[str]:
    """Yield the acts that bring the proof of absence on."""
    if not w.answered:
        yield "destroy"
    elif not w.gone_read:
        yield "read"
        if "until_proved" in rules:
            yield "destroy"
    elif w.gone_listing or "two_proofs" not in rules:
        yield "close"
    else:
        yield "list"


def _care(w: World, rules: frozenset[str]) -> Iterator[str]:
    if w.attempt in UNANSWERED:
        yield from unanswered(w)
        if w.looked:
            yield "elsewhere"
        if "one_call" not in rules:
            yield "call"
        return
    yield "observe"
    if w.session is State.PROVISIONING:
        yield "give_up"
    if "reason" not in rules:
        yield "send"


# ── transactions under a claim: each is written in one piece, or not at all ───────────────────────

Write = Callable[[World, frozenset[str]], World]


def _intend(w: World, rules: frozenset[str]) -> World:
    if w.session is not State.PENDING and "fresh" in rules:
        return w
    return w._replace(session=State.PROVISIONING, attempt=A.SENT, wanted=True)


def _bind(w: World, rules: frozenset[str]) -> World:
    return found(w, rules) if w.attempt in UNANSWERED else w._replace(missing=False)


def _reject(w: World, rules: frozenset[str]) -> World:
    if w.attempt != A.SENT:
        return w
    return shop_again(w)._replace(attempt=A.REJECTED, wanted=False)


def _leave_open(w: World, rules: frozenset[str]) -> World:
    if "unknown" not in rules:
        return _reject(w, rules)
    return w._replace(attempt=A.UNKNOWN) if w.attempt == A.SENT else w


def _look_again(w: World, rules: frozenset[str]) -> World:
    return w._replace(attempt=A.UNKNOWN, looked=True) if w.attempt in UNANSWERED else w


def _presume(w: World, rules: frozenset[str]) -> World:
    if w.attempt not in UNANSWERED:
        return w
    return shop_again(w)._replace(attempt=A.CLOSED, wanted=False)


def _elsewhere(w: World, rules: frozenset[str]) -> World:
    return shop_again(unwanted(w)) if w.wanted and w.attempt in UNANSWERED else w


def _give_up(w: World, rules: frozenset[str]) -> World:
    if not w.wanted or w.session is not State.PROVISIONING:
        return w
    return shop_again(unwanted(w))


def _stop(w: World, rules: frozenset[str]) -> World:
    return w if w.session in ENDING else stop(w)


def _called(w: World, rules: frozenset[str]) -> World:
    return w


def _answered(w: World, rules: frozenset[str]) -> World:
    if w.attempt != A.CLOSING:
        return w
    # A listing that is under way began before this answer.
    listing = "without" if w.listing == "after" else w.listing
    return w._replace(answered=True, gone_read=False, gone_listing=False, listing=listing)


def _read_gone(w: World, rules: frozenset[str]) -> World:
    return w._replace(gone_read=True) if w.attempt == A.CLOSING else w


def _read_here(w: World, rules: frozenset[str]) -> World:
    if w.attempt != A.CLOSING:
        return w
    return w._replace(gone_read=False, gone_listing=False)


def _listed_here(w: World, rules: frozenset[str]) -> World:
    return _read_here(w, rules) if "anew" in rules else w


def _listed_gone(w: World, rules: frozenset[str]) -> World:
    return w._replace(gone_listing=True) if w.attempt == A.CLOSING and w.gone_read else w


def _seen_gone(w: World, rules: frozenset[str]) -> World:
    silent = not w.live or "veto" not in rules
    if w.attempt != A.BOUND or not w.missing or not silent:
        return w
    return stop(w) if w.session is State.RUNNING else shop_again(unwanted(w))


def _seen_here(w: World, rules: frozenset[str]) -> World:
    return w._replace(missing=False)


def _close(w: World, rules: frozenset[str]) -> World:
    if w.attempt != A.CLOSING or not w.gone_read:
        return w
    return w._replace(attempt=A.CLOSED)


def _settle(w: World, rules: frozenset[str]) -> World:
    if w.session is not State.STOPPING or (w.attempt in OPEN and "settle_last" in rules):
        return w
    return w._replace(session=State.STOPPED)


# What a replica is about to do, the write that does it, what follows, and the function of the engine that it stands for.
WRITES: Final[dict[str, tuple[Write, str, str]]] = {
    "buy": (_intend, "call", "launching._intend"),
    "answer id": (_bind, "idle", "launching._bind"),
    "answer no": (_reject, "idle", "launching._reject"),
    "answer nothing": (_leave_open, "idle", "launching._leave_open"),
    "found": (_bind, "idle", "launching._bind"),
    "not found": (_look_again, "idle", "launching._look_again"),
    "presume": (_presume, "idle", "launching.presume"),
    "elsewhere": (_elsewhere, "idle", "launching._let_go"),
    "give_up": (_give_up, "idle", "launching.give_up"),
    "stop": (_stop, "idle", "reconciler._stop"),
    "destroy": (_called, "send", "retiring._update"),
    "destroyed": (_answered, "idle", "retiring._update"),
    "read gone": (_read_gone, "idle", "retiring._update"),
    "read here": (_read_here, "idle", "retiring._update"),
    "listed here": (_listed_here, "idle", "retiring._update"),
    "listed gone": (_listed_gone, "idle", "retiring._update"),
    "close": (_close, "idle", "retiring._close"),
    "seen gone": (_seen_gone, "idle", "observing._look_at_cloud"),
    "seen here": (_seen_here, "idle", "observing._look_at_cloud"),
    "settle": (_settle, "idle", "retiring.settle"),
}
