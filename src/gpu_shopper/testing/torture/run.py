"""One run: load and blows until enough programs were killed, then quiet, then the verdict."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from gpu_shopper.testing.torture.bench import Bench
from gpu_shopper.testing.torture.blows import Blows
from gpu_shopper.testing.torture.checker import Violation, check_history
from gpu_shopper.testing.torture.consumers import HASTY_S, Consumer, Witness
from gpu_shopper.testing.torture.history import Journal
from gpu_shopper.testing.torture.judge import Figures, Judge, unattended_s

_CHECK_EVERY = 5
_SAY_EVERY = 20
_POLL_S = 0.5
# After this, what still waits for its absence to be certain has passed every deadline of this cloud.
REST_WITHIN_S = 660.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do. `rest_within_s` is the bound for all to be at rest after the last blow.

    `wait_for_certainty` is whether orders that never arrived must be over too; that takes this cloud's five minutes.
    """

    cycles: int
    seed: int
    consumers: int = 6
    small_disk: bool = True
    wait_for_certainty: bool = True
    rest_within_s: float = REST_WITHIN_S


@dataclass(slots=True)
class Result:
    """What a run gave."""

    plan: Plan
    violations: list[Violation] = field(default_factory=list)
    blows: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    checked_after_restart: int = 0
    exercised: Counter[str] = field(default_factory=Counter)
    figures: Figures = field(default_factory=Figures)
    orphans: int = 0
    owed: int = 0
    lost: int = 0
    rest_s: float = 0.0
    blows_s: float = 0.0
    took_s: float = 0.0
    restart_s: list[float] = field(default_factory=list)
    disk: str = ""

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return not self.violations


class Run:
    """One run over one bench. Whoever makes it closes the bench."""

    def __init__(self, bench: Bench, plan: Plan, *, say: Say) -> None:
        """Take the bench; nothing is started yet."""
        self._bench = bench
        self._plan = plan
        self._say = say
        self._journal = Journal(bench.folder / "history.jsonl")
        self._chance = random.Random(plan.seed)
        self._blows = Blows(bench, random.Random(self._chance.getrandbits(64)))
        self._judge = Judge(bench)
        self._stop = threading.Event()
        self._consumers: list[Consumer] = []
        self._pool = ThreadPoolExecutor(plan.consumers, thread_name_prefix="consumer")
        self._lives: list[Future[None]] = []
        self._asked_after: set[str] = set()
        self.result = Result(plan=plan)

    def go(self) -> Result:
        """Do all of it and return what it gave; what is broken stands in its violations."""
        began = time.monotonic()
        self._bench.open(small_disk=self._plan.small_disk)
        self.result.disk = self._bench.disk.kind or f"skipped: {self._bench.disk.why_not}"
        self._let_them_rent()
        try:
            self._strike_enough()
        finally:
            self._stop.set()
            wait(self._lives)
        self._raise_what_a_consumer_met()
        self.result.blows_s = time.monotonic() - began
        self._blows.end()
        self._end_all_sessions()
        self._come_to_rest()
        self._die_once_more()
        self._conclude()
        self.result.took_s = time.monotonic() - began
        return self.result

    def close(self) -> None:
        """Stop whoever still rents and close the journal; may be called at any moment."""
        self._stop.set()
        self._pool.shutdown()
        self._journal.close()

    def _let_them_rent(self) -> None:
        offers = self._bench.offers()
        for number in range(self._plan.consumers):
            url, name = self._bench.server.url, f"consumer-{number}"
            witness = Witness(url, name, self._journal)
            hasty = Witness(url, name, self._journal, timeout_s=HASTY_S)
            chance = random.Random(self._chance.getrandbits(64))
            consumer = Consumer(witness, hasty, chance, offers, self._stop)
            self._consumers.append(consumer)
            self._lives.append(self._pool.submit(consumer.live))

    def _strike_enough(self) -> None:
        strikes, said = 0, 0
        while self._blows.kills < self._plan.cycles:
            self._blows.strike()
            strikes += 1
            self._ask_for_what_was_acknowledged()
            if strikes % _CHECK_EVERY == 0:
                self.result.violations += self._judge.bought_only_what_is_written()
            if self._blows.kills >= said + _SAY_EVERY:
                said = self._blows.kills
                self._say(self._progress())
            self._raise_what_a_consumer_met()

    def _raise_what_a_consumer_met(self) -> None:
        for life in self._lives:
            if life.done():
                life.result()

    def _progress(self) -> str:
        made = sum(call.op == "create" and call.outcome == "ok" for call in self._journal.calls)
        return (
            f"{self._blows.kills} of {self._plan.cycles} kills, {made} creations acknowledged,"
            f" {len(self.result.violations)} violations"
        )

    def _ask_for_what_was_acknowledged(self) -> None:
        """Whatever was promised since the last time must be known to the server that came back."""
        made = {
            call.session: call.consumer
            for call in list(self._journal.calls)
            if call.op == "create" and call.outcome == "ok"
        }
        for session in sorted(made.keys() - self._asked_after):
            witness = Witness(self._bench.server.url, made[session], self._journal)
            seen = witness.get(session)
            if seen.outcome == "ok" or seen.code == "not_found":
                self._asked_after.add(session)
                self.result.checked_after_restart += 1

    def _end_all_sessions(self) -> None:
        for consumer in self._consumers:
            witness = consumer.witness
            listed = witness.list()
            assert listed.outcome == "ok", listed
            for session, status in listed.seen.items():
                if status not in {"stopped", "failed"}:
                    witness.delete(session)

    def _come_to_rest(self) -> None:
        began = time.monotonic()
        give_up_at = began + self._plan.rest_within_s
        while (left := self._judge.left_over()) and time.monotonic() < give_up_at:
            if not self._plan.wait_for_certainty and self._judge.owed_only():
                self.result.owed = len([each for each in left if each.startswith("attempt")])
                break
            time.sleep(_POLL_S)
        else:
            self.result.orphans = len([each for each in left if not each.startswith("session")])
            self.result.violations += [Violation("left over", each) for each in left]
        self.result.rest_s = time.monotonic() - began
        self._say(f"at rest after {self.result.rest_s:.0f} s")

    def _die_once_more(self) -> None:
        """Recovering from rest changes nothing; and everything that was ever promised is still known."""
        before = self._bench.truth.book("SELECT id, state FROM sessions ORDER BY id")
        self._bench.kill_server()
        self._bench.start_server(wait=True)
        if before != self._bench.truth.book("SELECT id, state FROM sessions ORDER BY id"):
            self.result.violations.append(
                Violation("restless", "a restart at rest changed a session")
            )
        for consumer in self._consumers:
            listed = consumer.witness.list()
            assert listed.outcome == "ok", listed

    def _conclude(self) -> None:
        result, calls = self.result, self._journal.calls
        result.violations += self._judge.verdict(calls)
        broken, result.exercised = check_history(calls)
        result.violations += broken
        result.exercised["bought only what is written"] = self._judge.looks
        result.lost = sum(violation.check == "lost" for violation in result.violations)
        result.blows, result.kills = self._blows.counts, self._blows.kills
        result.restart_s = self._blows.restart_s
        result.acknowledged = Counter(
            call.op for call in calls if call.outcome == "ok" and call.op not in {"get", "list"}
        )
        result.figures = self._judge.figures
        result.figures.unattended_s = unattended_s(
            calls, self._judge.ends(), offset_s=time.time() - time.monotonic()
        )


def run(folder: Path, plan: Plan, *, say: Say) -> Result:
    """Run in this folder; whatever was started is gone when this returns or raises."""
    bench = Bench(folder)
    rig = Run(bench, plan, say=say)
    try:
        return rig.go()
    finally:
        # The programs first, so that nobody waits for an answer.
        bench.close()
        rig.close()
