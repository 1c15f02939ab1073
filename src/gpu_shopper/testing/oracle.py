"""The oracle: it sees the clouds' own ledgers and every commit, and asks the invariants of `checks.py`.

It keeps what is needed to judge (who was heard when, since when something is unwanted, when the house or the way to a
cloud was down) and what was exercised: every fault that struck, every check that had something to look at.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from math import inf
from typing import Any
from weakref import WeakKeyDictionary

from gpu_shopper.domain.ids import DeploymentId, ProviderName
from gpu_shopper.domain.label import Label, is_cut_of, read_label
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.sandbox.messages import Effect, ModelReply, ModelRequest, StartInstance
from gpu_shopper.stores.inline import Memory
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.clock import VirtualClock
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.downtimes import Outages
from gpu_shopper.testing.house import DEPLOYMENT_KEY
from gpu_shopper.testing.living import Held, Living
from gpu_shopper.testing.loop import VirtualLoop
from gpu_shopper.testing.nodes import Nodes
from gpu_shopper.testing.rows import AttemptRow, CommittedBook, Rewind, SessionRow
from gpu_shopper.testing.trace import Trace
from gpu_shopper.testing.witness import Witness

HOUSE = "house"
# What stands for a cloud that cannot be used just now.
_NO_ANSWERS = frozenset({401, 403, 429, *range(500, 600)})
BOOK = "book"
_STORY_LINES = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """An invariant that did not hold."""

    check: str
    at: float
    message: str


@dataclass(slots=True, kw_only=True)
class CloudFacts:
    """What is remembered of one cloud."""

    births: Counter[str] = field(default_factory=Counter)
    destroys: dict[str, list[float]] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    failed_destroys: dict[str, float] = field(default_factory=dict)
    strays: set[str] = field(default_factory=set)


class Oracle:
    """Sees everything; judged by nobody but its own tests."""

    def __init__(self, loop: VirtualLoop, memory: Memory, *, trace: Trace) -> None:
        self.loop, self.trace = loop, trace
        self.book, self.witness = CommittedBook(memory), Witness()
        self.deployment: DeploymentId | None = None
        self.label_key = DeploymentVault(DEPLOYMENT_KEY, SeededChance(0)).label_key
        self.clouds: Mapping[ProviderName, SimCloud] = {}
        self.nodes: Nodes | None = None
        self.facts: dict[str, CloudFacts] = defaultdict(CloudFacts)
        self.violations: list[Violation] = []
        self.faults: Counter[str] = Counter()
        self.exercised: Counter[str] = Counter()
        self.outages: dict[str, Outages] = defaultdict(Outages)
        self.attempts: dict[str, AttemptRow] = {}
        self.sessions: dict[str, SessionRow] = {}
        self.heard_at: dict[str, float] = {}
        self.unwanted_at: dict[str, float] = {}
        self.reopened_at, self.closed_at = dict[str, float](), dict[str, float]()
        # Every instance that an attempt ever held.
        self.held: set[str] = set()
        self.forgotten: set[str] = set()
        self.rewritten: set[str] = set()
        self.poisoned: set[str] = set()
        self.rewound_at = self.house_since = 0.0
        self.rewinds: list[Rewind] = []
        self.commit_faults_at: list[float] = []
        self.clock_wrong_until = -1.0
        # The house's.
        self.clock: VirtualClock | None = None
        self.clock_errors: list[tuple[float, float]] = []
        self.story: list[tuple[float, str, str]] = []
        self.claims: WeakKeyDictionary[asyncio.Task[Any], dict[str, int]] = WeakKeyDictionary()
        self.arrived: Container[str] = frozenset()
        self.living = Living(self, self._all_clouds)
        self.on_attempt: list[Callable[[Oracle, AttemptRow | None, AttemptRow], None]] = []
        self.on_session: list[Callable[[Oracle, SessionRow | None, SessionRow], None]] = []
        self.on_create: list[Callable[[Oracle, SimCloud, Mapping[str, object]], None]] = []
        self.on_destroy: list[Callable[[Oracle, SimCloud, str, str], None]] = []

    def _all_clouds(self) -> Iterable[SimCloud]:
        return self.clouds.values()

    # What it is told.

    @property
    def now(self) -> float:
        """True time, in seconds since the start."""
        return self.loop.time()

    def violate(self, check: str, message: str) -> None:
        """Note that an invariant did not hold."""
        self.violations.append(Violation(check=check, at=self.now, message=message))
        self.tell(check, f"VIOLATION {message}")

    def struck(self, fault: str) -> None:
        """Count a fault."""
        self.faults[fault] += 1

    def tell(self, subject: str, what: str) -> None:
        """Add a line to the story and to the trace."""
        self.trace.append(self.now, subject, what)
        if len(self.story) < _STORY_LINES:
            self.story.append((self.now, subject, what))

    def alarmed(self, name: str, fields: Mapping[str, object]) -> None:
        """Judge an alarm of the house: a task that failed is a bug, unless the book was made to fail."""
        error = str(fields.get("error", ""))
        if name != "task_failed":
            self.tell("alarm", name)
        elif error.startswith("BookUnavailable") and self.commit_faults_at:
            self.faults["task_met_commit_fault"] += 1
        elif any(session in str(fields.get("task")) for session in self.poisoned):
            self.faults["task_met_poison"] += 1
        elif error.startswith("MemoryError") and self.faults["out_of_memory"]:
            self.faults["task_out_of_memory"] += 1
        else:
            self.violate("alarm", f"task_failed {fields.get('task')}: {error}")

    def down(self, what: str) -> None:
        """Note that the house, its book, or the way to a cloud, is down."""
        self.outages[what].begin(self.now)
        self.tell(what, "down")

    def up(self, what: str) -> None:
        """Note that it is up again."""
        self.outages[what].end(self.now)
        self.tell(what, "up")

    def excused(self, provider: str, *, since: float, until: float | None = None) -> float:
        """Return for how many seconds since then nothing could have been done at this cloud."""
        end = self.now if until is None else until
        spans = [
            span
            for what in (HOUSE, BOOK, provider)
            for span in self.outages[what].within(since, end)
        ]
        total, reached = 0.0, since
        for begin, ending in sorted(spans):
            total += max(0.0, ending - max(begin, reached))
            reached = max(reached, ending)
        return total

    @property
    def book_failed_at(self) -> float:
        """When a commit was last made to fail; long before the start, if none ever was."""
        return self.commit_faults_at[-1] if self.commit_faults_at else -inf

    def clock_set(self, seconds: float) -> None:
        """Note that the house's wall clock was set."""
        self.clock_errors.append((self.now, abs(seconds)))
        # What was written by the wrong clock has passed once the longest deadline has.
        self.clock_wrong_until = self.now + 3600 + 2 * abs(seconds)
        self.tell(HOUSE, f"clock set by {seconds:.0f} s")

    def clock_error(self, begin: float, end: float) -> float:
        """Return by how much the house's clock was set, at most, in and shortly before that time, and how far it drifted."""
        set_by = max(
            (off for at, off in self.clock_errors if begin - 3600 <= at <= end), default=0.0
        )
        return set_by + (
            0.0 if self.clock is None else abs(self.clock.wrong_by - self.clock.set_by)
        )

    @property
    def clock_offset(self) -> float:
        """How far the house's wall clock is ahead of the true time, in seconds."""
        return 0.0 if self.clock is None else self.clock.wrong_by

    @property
    def clock_trusted(self) -> bool:
        """Whether the house's own times can be held against true ones; what its clock drifts by itself is known."""
        set_by = 0.0 if self.clock is None else self.clock.set_by
        return self.now > self.clock_wrong_until and abs(set_by) < 1.0

    # What it sees at clouds.

    def asked(self, cloud: SimCloud, request: ModelRequest) -> None:
        """See a request as it takes effect."""
        if request.method == "POST" and request.path.endswith("v1/instances"):
            for ask in self.on_create:
                ask(self, cloud, request.body or {})
        elif request.method == "DELETE" and "/instances/" in request.path:
            instance_id = request.path.rpartition("/")[2]
            held = cloud.instance(instance_id)
            if held is None:
                return
            self.tell(cloud.name, f"destroy {instance_id} {held.name}")
            for check in self.on_destroy:
                check(self, cloud, instance_id, held.name)

    def answered(self, cloud: SimCloud, request: ModelRequest, reply: ModelReply) -> None:
        """Note when the cloud heard an order to destroy, from the house or a node, whatever it did then.

        One that was lost was not heard, and neither was one that came too soon for the cloud's pace: both are ours.
        """
        if request.method != "DELETE":
            return
        heard = not reply.lost and reply.status != HTTPStatus.TOO_MANY_REQUESTS
        named = request.path.rpartition("/")[2] if heard else None
        for entry in cloud.alive():
            facts = self.facts[cloud.name]
            taken = entry.destroy_calls > facts.taken.get(entry.id, 0)
            facts.taken[entry.id] = entry.destroy_calls
            if taken or entry.id == named:
                facts.destroys.setdefault(entry.id, []).append(self.now)

    def told(
        self, cloud: SimCloud, request: HttpRequest, reply: HttpReply | None, *, sent_at: float
    ) -> None:
        """Let the witness hear what the house was told; note a destroy that the cloud gave no answer of its own to."""
        if request.method == "DELETE" and (reply is None or reply.status in _NO_ANSWERS):
            instance_id = request.url.rpartition("/")[2]
            self.facts[cloud.name].failed_destroys[instance_id] = self.now
        self.witness.hear(cloud, request, reply, sent_at=sent_at)

    def changed(self, cloud: SimCloud, effects: list[Effect]) -> None:
        """Let agents live and die with their machines."""
        assert self.nodes is not None, "the world is not complete"
        for effect in effects:
            self.tell(cloud.name, f"{type(effect).__name__} {effect.instance_id}")
            if isinstance(effect, StartInstance):
                self.nodes.start(cloud, effect.spec)
            else:
                self.nodes.stop(effect.instance_id)

    def is_ours(self, name: str) -> bool:
        """Return whether a label is genuine and of this deployment."""
        facts = read_label(name, key=self.label_key)
        return facts is not None and facts.deployment == self.deployment

    def ours_alive(self) -> list[Held]:
        """Return every instance of ours that is held and billed anywhere, but what nobody can trace."""
        return self.living.told_apart()[0]

    def untraceable_alive(self) -> list[Held]:
        """Return those that nobody can trace."""
        return self.living.told_apart()[1]

    def untraceable(self, cloud: SimCloud, entry: LedgerEntry) -> bool:
        """Return whether nobody can know whose an instance is: the cloud lost its name, shows no tags, and never told us its id.

        What it left of the name is enough where it is the beginning of one attempt's label, and of no other's. All that
        is left to end what is untraceable is its own agent, or the moment in the order.
        """
        held = cloud.instance(entry.id)
        if held is None or held.lost_name is None or held.lost_name == entry.name or held.tags:
            return False
        row = self.attempts.get(entry.name)
        if row is not None and row.instance_id == entry.id:
            return False
        if row is not None and self._is_named_by(held.lost_name, row):
            self.exercised["traced by what is left of its name"] += 1
            return False
        self.exercised["untraceable"] += 1
        return True

    def _is_named_by(self, left: str, row: AttemptRow) -> bool:
        if not is_cut_of(left, Label(row.label)):
            return False
        return not any(
            is_cut_of(left, Label(other.label)) and other.provider == row.provider
            for other in self.attempts.values()
            if other.label != row.label
        )

    def entry_of(self, attempt: AttemptRow) -> LedgerEntry | None:
        """Return the truth about the instance of an attempt, by its label."""
        cloud = self.clouds[ProviderName(attempt.provider)]
        named = [entry for entry in cloud.ledger() if entry.name == attempt.label]
        own = [entry for entry in named if entry.id == attempt.instance_id]
        return next(iter(own or named), None)

    def last_destroy(self, cloud: SimCloud, instance_id: str) -> float | None:
        """Return when the cloud was last told to destroy this, by us or by its node, whatever it answered; None if never."""
        times = self.facts[cloud.name].destroys.get(instance_id)
        return times[-1] if times else None

    def unentitled_since(self, entry: LedgerEntry) -> float | None:
        """Return since when nobody may have this instance; None while somebody may.

        A double, under a label whose attempt holds another instance, is nobody's from its birth.
        """
        row, held = self.attempts.get(entry.name), entry.id in self.held
        born = (entry.returned_at or entry.created_at) - self.loop.start.timestamp()
        if row is not None and row.instance_id not in {None, entry.id}:
            # Held once, and the other since: then it was somebody's until its attempt was unwanted.
            return max(born, self.unwanted_at.get(entry.name, born)) if held else born
        if row is not None and row.wanted and row.open:
            return None
        return max(born, self.unwanted_at.get(entry.name, born))

    # What it sees in the book.

    def committed(self) -> None:
        """Look at what a commit has changed, and ask every check that cares."""
        attempts, sessions = self.book.moved()
        for row in attempts:
            if (old := self.attempts.get(row.label)) != row:
                self._attempt_changed(old, row)
        for session in sessions:
            if (known := self.sessions.get(session.id)) != session:
                self._session_changed(known, session)

    def _attempt_changed(self, old: AttemptRow | None, new: AttemptRow) -> None:
        self.attempts[new.label] = new
        if new.instance_id is not None:
            self.held.add(new.instance_id)
        if new.heard != (old.heard if old else None):
            self.heard_at[new.label] = self.now
        if new.wanted and new.open and new.label in self.forgotten:
            # Taken in again.
            self.unwanted_at.pop(new.label, None)
        if old is not None and new.open != old.open:
            (self.reopened_at if new.open else self.closed_at)[new.label] = self.now
        if not new.wanted and (old is None or old.wanted):
            self.unwanted_at.setdefault(new.label, self.now)
        if old is None or (old.state, old.wanted) != (new.state, new.wanted):
            was = old.state if old else "-"
            self.tell(
                new.session_id,
                f"attempt {new.number} {was}>{new.state} wanted={new.wanted} {new.instance_id}",
            )
        for check in self.on_attempt:
            check(self, old, new)

    def _session_changed(self, old: SessionRow | None, new: SessionRow) -> None:
        self.sessions[new.id] = new
        if old is None or old.state != new.state:
            was = old.state if old else "-"
            self.tell(new.id, f"{was}>{new.state} {new.stop_reason or ''} {new.stop_actor or ''}")
        for check in self.on_session:
            check(self, old, new)

    def rewound(self, *, to: float = 0.0) -> None:
        """Forget what was known: the book was put back to its state of that moment, 0 being an empty book."""
        known = self.attempts
        self.attempts = {row.label: row for row in self.book.attempts()}
        self.sessions = {row.id: row for row in self.book.sessions()}
        forgotten = {label for label in known if label not in self.attempts}
        self.forgotten |= forgotten
        self.rewritten |= {label for label, row in known.items() if self.attempts.get(label) != row}
        for row in self.attempts.values():
            if row.wanted and row.open:
                # It is wanted again, and unattended only from when it is not.
                self.unwanted_at.pop(row.label, None)
            else:
                # What was wanted until now, having been taken in again, was somebody's until now.
                self.unwanted_at.setdefault(row.label, self.now)
        # Nobody can know of what was forgotten before the next sweep.
        self.unwanted_at |= dict.fromkeys(sorted(forgotten), self.now)
        self.rewound_at = self.now
        self.rewinds.append(Rewind(to=to, keys=frozenset(self.book.keys())))
        self.book.moved()  # What moved on the way back is known now.
        self.tell("book", f"rewound, {len(self.forgotten)} attempts forgotten")

    def heard_times(self, attempt: AttemptRow) -> Mapping[str, object]:
        """Return what the book holds of the last sign of life."""
        return json.loads(attempt.heard) if attempt.heard else {}
