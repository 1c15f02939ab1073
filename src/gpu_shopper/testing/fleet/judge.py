"""The verdict on a fleet: by the clouds' own ledgers, the book in its file, and the kernel's table of processes. Pure.

Each check yields what is wrong, in words, and nothing where all is well.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gpu_shopper.testing.fleet.bills import Account, Bill, account, bills_of

PLANTED: Final = "somebody-elses"
# What is asked of all bills together.
MOST_ERROR: Final = 0.01
# What no bill may be off by, in seconds of its price: where nobody says when a bill ends, it is booked until the end was
# seen, with a server that is killed meanwhile.
MOST_OFF_S: Final = 30.0
# What is left beside instances and costs nothing; it is dropped when nothing can need it any more.
_FREE: Final = frozenset(
    {"ssh_keys", "scripts", "keypairs", "key_pairs", "security_groups", "tags", "environments"}
)
_ENDED: Final = frozenset({"stopped", "failed"})
_ANSWERED: Final = frozenset({"rejected", "closed", "bound", "closing"})

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the verdict is made of.

    `ledgers` is what each cloud says of every instance that ever was; `before` and `beside` how much of each kind somebody
    keeps there beside instances, before the first session and now. `acknowledged` are the sessions that the server said
    yes to, `wished` how many were to be asked for. `states` are the sessions in the book; `attempts` its rows about
    launches, by label; `booked` is in micro-dollars, by label. `running` are the instances that still have processes.
    `ends_with_order` are the clouds that bill until they are told to destroy, and say so; `steps_s` has the steps, in
    seconds, of those that bill steps whole.
    """

    ledgers: Mapping[str, Sequence[Entry]]
    before: Mapping[str, Mapping[str, int]]
    beside: Mapping[str, Mapping[str, int]]
    wished: int
    acknowledged: Sequence[str]
    states: Mapping[str, str]
    attempts: Mapping[str, Entry]
    booked: Mapping[str, int]
    running: frozenset[str] = frozenset()
    ends_with_order: frozenset[str] = frozenset()
    steps_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def unanswered(self) -> frozenset[str]:
        """The sessions with an order that was never answered: what it may have bought is looked for long after."""
        return frozenset(
            row["session_id"]
            for row in self.attempts.values()
            if row["state"] in {"sent", "unknown"}
        )

    def ours(self) -> dict[str, list[Entry]]:
        """Return the clouds' ledgers without what was planted."""
        return {
            cloud: [entry for entry in entries if entry["name"] != PLANTED]
            for cloud, entries in self.ledgers.items()
        }


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    asked: int = 0
    kills: int = 0
    seed: int = 0
    sessions: Counter[str] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    beside: Counter[str] = field(default_factory=Counter)
    accounts: list[Account] = field(default_factory=list)
    sums: list[Account] = field(default_factory=list)
    ends_with_order: frozenset[str] = frozenset()
    rest_s: float = 0.0
    took_s: float = 0.0
    owed: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> Account:
        """All bills together."""
        return self.sums[-1]


def left_over(found: Evidence) -> Iterator[str]:
    """Yield what is not at rest yet: what the clouds hold, and sessions that go on."""
    for cloud, entries in found.ours().items():
        for entry in entries:
            if entry["alive"]:
                yield f"{cloud} holds {entry['id']} ({entry['name']}), {entry['status']}"
    waiting = found.unanswered
    for session, state in found.states.items():
        if state not in _ENDED and session not in waiting:
            yield f"session {session} is {state}"
    for label, row in found.attempts.items():
        if row["state"] in {"bound", "closing"}:
            yield f"{label} is {row['state']}"


def judge(found: Evidence, outcome: Outcome) -> None:
    """Write the verdict down."""
    for check in (left_over, touched, left_beside, unknown, promised, open_bills, alive):
        outcome.wrong.extend(check(found))
    outcome.sessions = Counter(found.states.values())
    outcome.instances = Counter({cloud: len(all_of) for cloud, all_of in found.ours().items()})
    outcome.beside = Counter(dict(_more(found)))
    outcome.owed = len(found.unanswered)
    outcome.ends_with_order = found.ends_with_order
    bills = list(bills_of(found.ours(), found.booked))
    outcome.accounts = [
        account(cloud, (bill for bill in bills if bill.cloud == cloud))
        for cloud in sorted(found.ledgers)
    ]
    known = [bill for bill in bills if bill.cloud in found.ends_with_order]
    seen = [bill for bill in bills if bill.cloud not in found.ends_with_order]
    outcome.sums = [
        account("ends known", known),
        account("ends seen", seen),
        account("all", bills),
    ]
    outcome.wrong.extend(wrong_bills(bills, found.steps_s))


def touched(found: Evidence) -> Iterator[str]:
    """Yield where what is somebody else's is not as it was."""
    for cloud, entries in found.ledgers.items():
        planted = [entry for entry in entries if entry["name"] == PLANTED]
        if not planted:
            yield f"{cloud}: nothing was planted there, so nothing is shown"
        if any(not entry["alive"] or entry["destroy_calls"] for entry in planted):
            yield f"{cloud}: somebody else's instance was touched"
        for kind, count in found.before[cloud].items():
            if found.beside[cloud].get(kind, 0) < count:
                yield f"{cloud}: somebody else's {kind} were touched"


def left_beside(found: Evidence) -> Iterator[str]:
    """Yield what was left beside instances and is billed."""
    for name, count in _more(found):
        if name.rpartition(" ")[2] not in _FREE:
            yield f"{name}: {count} left behind, and billed"


def unknown(found: Evidence) -> Iterator[str]:
    """Yield instances that no row of the book accounts for."""
    for cloud, entries in found.ours().items():
        for entry in entries:
            if entry["name"] not in found.attempts:
                yield f"{cloud}: {entry['id']} ({entry['name']}) is in no attempt"


def promised(found: Evidence) -> Iterator[str]:
    """Yield sessions that were acknowledged and are not in the book, and those that nobody could ask for."""
    for session in found.acknowledged:
        if session not in found.states:
            yield f"session {session} was acknowledged, and is not in the book"
    if len(found.acknowledged) < found.wished:
        yield f"only {len(found.acknowledged)} of {found.wished} sessions were asked for"


def open_bills(found: Evidence) -> Iterator[str]:
    """Yield launches that were billed and whose bill was never closed."""
    for label, row in found.attempts.items():
        billed = row["accrued_to"] is not None
        if row["state"] in _ANSWERED and billed and row["billing_ended_at"] is None:
            yield f"the bill of {label} was never closed"


def alive(found: Evidence) -> Iterator[str]:
    """Yield instances of ours that still have processes."""
    ids = {entry["id"]: cloud for cloud, all_of in found.ours().items() for entry in all_of}
    for instance in sorted(found.running & ids.keys()):
        yield f"{ids[instance]}: {instance} still has processes"


def wrong_bills(bills: Sequence[Bill], steps_s: Mapping[str, float]) -> Iterator[str]:
    """Yield which bills are too far from the clouds' own.

    An end that is known to within some seconds may lie on either side of a step that is billed whole: that much is nobody's
    fault, once in each bill.
    """
    apart = sum(bill.apart_beyond(steps_s.get(bill.cloud, 0.0)) for bill in bills)
    due = sum(bill.due for bill in bills)
    if due and apart / due > MOST_ERROR:
        yield f"the bills are off by {apart / due:.2%}"
    for bill in bills:
        if abs(bill.off_s) > MOST_OFF_S + steps_s.get(bill.cloud, 0.0):
            yield f"{bill.cloud}: the bill of {bill.label} is off by {bill.off_s:+.0f} s of its price"


def _more(found: Evidence) -> Iterator[tuple[str, int]]:
    for cloud, kinds in found.beside.items():
        for kind, count in kinds.items():
            more = count - found.before[cloud].get(kind, 0)
            if more > 0:
                yield f"{cloud} {kind}", more
