"""Judges a history: was anything that clients were promised taken back?

It knows nothing of the server but what clients were told. Two calls are compared only where one had ended before the other
began; calls that overlap may have been served in either order. A call without an answer promises nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gpu_shopper.testing.torture.history import Call

FINAL = frozenset({"stopped", "failed"})
ENDING = FINAL | {"stopping"}
_ENDS = frozenset({"done", "delete"})
# Looking for another machine leads back from provisioning to pending, and nothing else leads back.
_STEP = {"pending": 0, "provisioning": 0, "running": 1, "stopping": 2, "stopped": 3, "failed": 3}


@dataclass(frozen=True, slots=True)
class Violation:
    """One promise that was broken: which, and how it shows."""

    check: str
    message: str


@dataclass(frozen=True, slots=True)
class Look:
    """One sight of one session: in an answer about it, or in a listing."""

    session: str
    status: str
    call: Call


@dataclass(slots=True)
class History:
    """The calls, and what each check needs of them at hand."""

    calls: Sequence[Call]
    made: dict[str, Call] = field(default_factory=dict)
    looks: dict[str, list[Look]] = field(default_factory=lambda: defaultdict(list))
    exercised: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, calls: Iterable[Call]) -> "History":
        """Sort calls by their beginning and index them."""
        history = cls(calls=sorted(calls, key=lambda call: (call.began_s, call.n)))
        for call in history.calls:
            if call.outcome != "ok":
                continue
            if call.op == "create":
                known = history.made.get(call.session)
                if known is None or call.ended_s < known.ended_s:
                    history.made[call.session] = call
            if call.status:
                history.looks[call.session].append(Look(call.session, call.status, call))
            for session, status in call.seen.items():
                history.looks[session].append(Look(session, status, call))
        return history


Check = Callable[[History], Iterator[Violation]]


def check_history(calls: Iterable[Call]) -> tuple[list[Violation], Counter[str]]:
    """Return every broken promise, and how often each check had something to look at."""
    history = History.of(calls)
    return [violation for check in CHECKS for violation in check(history)], history.exercised


def acknowledged_is_known(history: History) -> Iterator[Violation]:
    """A session whose creation was acknowledged can be read for ever."""
    for call in history.calls:
        made = history.made.get(call.session)
        if call.op == "create" or made is None or call.began_s < made.ended_s:
            continue
        history.exercised["acknowledged is known"] += 1
        if call.code == "not_found":
            yield Violation("lost", f"{call.session}: {call.op} {call.n} does not know it")


def listed_is_complete(history: History) -> Iterator[Violation]:
    """A consumer's listing holds every session that was acknowledged to it before."""
    for call in history.calls:
        if call.op != "list" or call.outcome != "ok":
            continue
        for session, made in history.made.items():
            if made.consumer != call.consumer or call.began_s < made.ended_s:
                continue
            history.exercised["listed is complete"] += 1
            if session not in call.seen:
                yield Violation("lost", f"{session}: listing {call.n} lacks it")


def one_key_one_session(history: History) -> Iterator[Violation]:
    """One key and body make one session, however often they are sent; two keys never share one."""
    sessions: dict[tuple[str, str], Call] = {}
    keys: dict[str, Call] = {}
    for call in _creates(history):
        first = sessions.setdefault((call.consumer, call.key), call)
        if first is not call:
            history.exercised["one key, one session"] += 1
            if first.session != call.session:
                yield Violation("double", f"key {call.key}: {first.session} and {call.session}")
        owner = keys.setdefault(call.session, call)
        if (owner.consumer, owner.key) != (call.consumer, call.key):
            yield Violation("shared", f"{call.session} was made by two keys")


def another_body_is_refused(history: History) -> Iterator[Violation]:
    """The same key with another body is refused."""
    digests: dict[tuple[str, str], str] = {}
    for call in history.calls:
        if call.op != "create":
            continue
        if call.code == "idempotency_key_reused":
            history.exercised["another body is refused"] += 1
        if call.outcome == "ok":
            first = digests.setdefault((call.consumer, call.key), call.digest)
            if first != call.digest:
                yield Violation("reused", f"key {call.key} was taken for two bodies")


def nothing_goes_back(history: History) -> Iterator[Violation]:
    """A session never runs again once it is ending, and never changes once it has ended."""
    for looks in history.looks.values():
        # The furthest among what had been told before a look began; ended_s orders what is known.
        by_end = iter(sorted(looks, key=lambda look: look.call.ended_s))
        known: Look | None = None
        coming = next(by_end, None)
        for look in looks:
            while coming is not None and coming.call.ended_s < look.call.began_s:
                if known is None or _STEP[coming.status] >= _STEP[known.status]:
                    known = coming
                coming = next(by_end, None)
            if known is None:
                continue
            history.exercised["nothing goes back"] += 1
            back = _STEP[look.status] < _STEP[known.status]
            changed = known.status in FINAL and look.status != known.status
            if back or changed:
                told = f"{known.status} in {known.call.n}, {look.status} in {look.call.n}"
                yield Violation("went back", f"{look.session}: {told}")


def an_end_sticks(history: History) -> Iterator[Violation]:
    """Once an end was acknowledged, nobody sees the session run."""
    ended: dict[str, Call] = {}
    for call in history.calls:
        if call.op in _ENDS and call.outcome == "ok":
            known = ended.get(call.session)
            if known is None or call.ended_s < known.ended_s:
                ended[call.session] = call
    for session, end in ended.items():
        for look in history.looks.get(session, []):
            if look.call.began_s <= end.ended_s:
                continue
            history.exercised["an end sticks"] += 1
            if look.status not in ENDING:
                yield Violation(
                    "end forgotten", f"{session}: ended in {end.n}, {look.status} in {look.call.n}"
                )


def running_is_usable(history: History) -> Iterator[Violation]:
    """What is shown as running has an address, and a moment since when."""
    for call in history.calls:
        if call.op == "get" and call.status == "running":
            history.exercised["running is usable"] += 1
            if not call.usable:
                yield Violation(
                    "not usable", f"{call.session}: running in {call.n}, without address"
                )


def every_answer_makes_sense(history: History) -> Iterator[Violation]:
    """Whatever comes back is an answer of this server: no cut body, no page of somebody else."""
    for call in history.calls:
        history.exercised["every answer makes sense"] += 1
        if call.outcome == "garbled" or (call.outcome == "refused" and not call.code):
            yield Violation("garbled", f"{call.op} {call.n} of {call.session or call.key}")


def nobody_sees_anothers(history: History) -> Iterator[Violation]:
    """A consumer's listing holds nothing of another's."""
    for call in history.calls:
        if call.op != "list":
            continue
        for session in call.seen:
            made = history.made.get(session)
            if made is None:
                continue
            history.exercised["nobody sees another's"] += 1
            if made.consumer != call.consumer:
                yield Violation("shown", f"{session} of {made.consumer} to {call.consumer}")


def _creates(history: History) -> Iterator[Call]:
    return (call for call in history.calls if call.op == "create" and call.outcome == "ok")


CHECKS: tuple[Check, ...] = (
    acknowledged_is_known,
    listed_is_complete,
    one_key_one_session,
    another_body_is_refused,
    nothing_goes_back,
    an_end_sticks,
    running_is_usable,
    every_answer_makes_sense,
    nobody_sees_anothers,
)
