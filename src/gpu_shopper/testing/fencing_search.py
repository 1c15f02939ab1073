"""Every interleaving of the fencing model, breadth first: what can be reached, what is broken on the way, what has no way out.

python -m gpu_shopper.testing.fencing_search                  how many states, and what was broken
python -m gpu_shopper.testing.fencing_search --without fence  the shortest way to what a rule prevents
"""

import argparse
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gpu_shopper.domain.launch import AttemptState as A
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.testing.fencing_model import (
    ENDED,
    ENDING,
    NOTHING,
    OPEN,
    RULES,
    UNANSWERED,
    WRITES,
    Move,
    Replica,
    World,
    closing,
    decisions,
    found,
    stop,
)

ALL: frozenset[str] = frozenset(RULES)
# Nobody may count on it: what only this would bring to rest has no way out.
HOST_DIES = "the host dies"


# What a replica is about to do next, in this world.
Then = Callable[[str, World], World]


@dataclass(slots=True)
class Explored:
    """What was reached: each world with the move that led there first, and what was found."""

    came_by: dict[World, tuple[World | None, str]]
    transitions: int = 0
    broken: str = ""
    path: list[str] = field(default_factory=list)
    session_moves: set[tuple[State, State]] = field(default_factory=set)
    attempt_moves: set[tuple[str, str]] = field(default_factory=set)

    @property
    def states(self) -> int:
        """How many worlds can be."""
        return len(self.came_by)


def moves(w: World, rules: frozenset[str] = ALL) -> Iterator[Move]:
    """Yield everything that may happen next."""
    yield from _consumer_and_node(w)
    yield from _cloud(w)
    yield from _sweep(w, rules)
    for index in (0, 1):
        yield from _replica(w, index, rules)


def explore(rules: frozenset[str] = ALL, *, begin: World | None = None) -> Explored:
    """Try every order; end at the first thing that is broken, else look for worlds without a way to rest."""
    first = begin or World()
    done = Explored({first: (None, "")})
    before: dict[World, list[World]] = {}
    queue = deque([first])
    while queue:
        world = queue.popleft()
        for move in moves(world, rules):
            done.transitions += 1
            after = _canonical(move.world)
            broken = move.breaks or _broken(world, after)
            if broken:
                done.broken = broken
                done.path = [*_path(done, world), f"{move.name}  ✗ {broken}"]
                return done
            _note(done, world, after)
            if move.name != HOST_DIES:
                before.setdefault(after, []).append(world)
            if after not in done.came_by:
                done.came_by[after] = (world, move.name)
                queue.append(after)
    stuck = _without_way_out(done, before)
    if stuck is not None:
        done.broken = f"no way to rest from {_told(stuck)}"
        done.path = [*_path(done, stuck), f"✗ {done.broken}"]
    return done


def _without_way_out(done: Explored, before: dict[World, list[World]]) -> World | None:
    """Return the first world found from which nothing leads to rest."""
    good = {world for world in done.came_by if world.at_rest}
    queue = deque(good)
    while queue:
        for earlier in before.get(queue.popleft(), ()):
            if earlier not in good:
                good.add(earlier)
                queue.append(earlier)
    return next((world for world in done.came_by if world not in good), None)


def _canonical(w: World) -> World:
    # Which of the two replicas is which makes no difference.
    first, second = w.replicas
    return w if first <= second else w._replace(replicas=(second, first))


# ── what each may do ──────────────────────────────────────────────────────────────────────────────


def _consumer_and_node(w: World) -> Iterator[Move]:
    if w.session not in ENDING:
        yield Move("the consumer says that it is done", stop(w))
    if w.session is State.PROVISIONING and w.attempt == A.BOUND and w.live:
        yield Move("the node is heard", w._replace(session=State.RUNNING))


def _cloud(w: World) -> Iterator[Move]:
    if w.travelling:
        yield Move("the create takes effect late", w._replace(travelling=False, instance="hidden"))
    if w.instance == "hidden":
        yield Move("the instance shows in listings", w._replace(instance="shown"))
    if w.instance == "leaving":
        yield Move("the destroy takes effect late", w._replace(instance="gone"))
    if w.live:
        yield Move(HOST_DIES, w._replace(instance="gone"))


def _sweep(w: World, rules: frozenset[str]) -> Iterator[Move]:
    for seen in _listings(w):
        yield Move(f"a listing begins: {seen}", w._replace(listing=seen))
    if w.listing == NOTHING:
        return
    yield Move("the listing is lost", w._replace(listing=NOTHING))
    used = w._replace(listing=NOTHING)
    after = _seen_listed(used, rules) if w.listing == "with" else _not_listed(used, w, rules)
    yield Move(f"the sweep uses the listing: {w.listing}", after)


def _listings(w: World) -> Iterator[str]:
    without = "after" if w.answered else "without"
    if w.instance != NOTHING:
        yield "with"
    if not w.live or w.instance == "hidden":
        yield without


def _seen_listed(w: World, rules: frozenset[str]) -> World:
    if w.attempt in UNANSWERED:
        return found(w, rules)
    if w.attempt in {A.CLOSED, A.REJECTED}:
        return closing(w)._replace(known=True) if "watch" in rules else w
    return w._replace(missing=False) if w.attempt == A.BOUND else w


def _not_listed(used: World, w: World, rules: frozenset[str]) -> World:
    if w.attempt == A.BOUND:
        return used._replace(missing=True)
    counts = w.listing == "after" or "after" not in rules
    if w.attempt == A.CLOSING and w.gone_read and counts:
        return used._replace(gone_listing=True)
    return used


def _replica(w: World, index: int, rules: frozenset[str]) -> Iterator[Move]:
    me = w.replicas[index]
    if me.about == "idle":
        yield Move("a replica claims the session", _claimed(w, index))
    if me != Replica():
        yield Move(f"a replica dies ({me.about})", _with(w, index, Replica()))
    if me.claim == "none":
        return
    if me.about == "idle":
        for step in decisions(w, rules):
            about = "call" if step == "buy" and "intent" not in rules else step
            yield Move(
                f"{me.claim} claim decides: {step}", _with(w, index, me._replace(about=about))
            )
    elif me.about in WRITES:
        yield _write(w, index, me, rules)
    else:
        yield from _request(w, index, me)


def _write(w: World, index: int, me: Replica, rules: frozenset[str]) -> Move:
    write, then, _ = WRITES[me.about]
    name = f"{me.claim} claim writes: {me.about}"
    if me.claim == "old" and "fence" in rules:
        return Move(f"{name}, refused", _with(w, index, Replica()))
    after = write(w, rules)
    if me.about == "buy" and after == w:
        then = "idle"
    breaks = _broken_by_write(me, w, after)
    return Move(name, _with(after, index, me._replace(about=then)), breaks)


def _broken_by_write(me: Replica, w: World, after: World) -> str:
    if me.claim == "old" and after != w:
        return "a row was written under an old claim"
    bought = w.live or w.travelling
    if me.about == "answer nothing" and after.attempt == A.REJECTED and bought:
        return "what nobody had refused was taken for refused"
    if me.about == "close" and after.attempt == A.CLOSED != w.attempt and w.live:
        return "an attempt was closed as proved while its instance lives"
    if after.session in ENDED and w.session not in ENDED and w.attempt in OPEN:
        return "a session ended while something of it was open"
    return ""


def _request(w: World, index: int, me: Replica) -> Iterator[Move]:
    def then(about: str, world: World) -> World:
        return _with(world, index, me._replace(about=about))

    who = f"{me.claim} claim"
    requests = {"call": _create, "send": _destroy, "look": _look, "list": _list}
    if me.about in requests:
        yield from requests[me.about](w, who, then)
    else:
        yield from _read(w, who, "read" if me.about == "read" else "seen", then)


def _look(w: World, who: str, then: Then) -> Iterator[Move]:
    if w.live:
        yield Move(f"{who} looks for the label: found", then("found", w))
    if not w.live or w.instance == "hidden":
        yield Move(f"{who} looks for the label: nothing", then("not found", w))


def _list(w: World, who: str, then: Then) -> Iterator[Move]:
    for seen in sorted({"here" if one == "with" else "gone" for one in _listings(w)}):
        yield Move(f"{who} lists the account: {seen}", then(f"listed {seen}", w))


def _read(w: World, who: str, kind: str, then: Then) -> Iterator[Move]:
    truth = "here" if w.live else "gone"
    yield Move(f"{who} reads the instance: {truth}", then(f"{kind} {truth}", w))
    if w.live and not w.lied:
        lied = w._replace(lied=True)
        yield Move(f"{who} reads the instance: a false gone", then(f"{kind} gone", lied))


def _create(w: World, who: str, then: Then) -> Iterator[Move]:
    sent = w._replace(creates=w.creates + 1)
    breaks = ""
    if w.attempt == NOTHING:
        breaks = "a create was sent without a committed attempt"
    elif w.creates:
        breaks = "a label was ordered twice"
    made = sent._replace(instance="hidden")
    name = f"{who} sends the create"
    yield Move(f"{name}: accepted", then("answer id", made), breaks)
    yield Move(f"{name}: accepted, no answer", then("answer nothing", made), breaks)
    yield Move(f"{name}: refused", then("answer no", sent), breaks)
    if not w.lied:
        yield Move(
            f"{name}: refused, but made", then("answer no", made._replace(lied=True)), breaks
        )
    yield Move(f"{name}: lost", then("answer nothing", sent), breaks)
    late = sent._replace(travelling=True)
    yield Move(f"{name}: late, no answer", then("answer nothing", late), breaks)


def _destroy(w: World, who: str, then: Then) -> Iterator[Move]:
    breaks = "a wanted instance was destroyed" if w.live and w.wanted else ""
    name = f"{who} sends the destroy"
    shown = w._replace(instance="shown") if w.instance == "hidden" else w
    yield Move(f"{name}: ignored", then("destroyed", shown), breaks)
    if w.live:
        yield Move(f"{name}: done", then("destroyed", w._replace(instance="gone")), breaks)
        yield Move(f"{name}: later", then("destroyed", w._replace(instance="leaving")), breaks)


def _claimed(w: World, index: int) -> World:
    other = w.replicas[1 - index]
    old = other._replace(claim="old") if other.claim == "newest" else other
    mine = Replica(claim="newest")
    return w._replace(replicas=(mine, old) if index == 0 else (old, mine))


def _with(w: World, index: int, me: Replica) -> World:
    other = w.replicas[1 - index]
    return w._replace(replicas=(me, other) if index == 0 else (other, me))


# ── what may never be ─────────────────────────────────────────────────────────────────────────────


def _broken(w: World, after: World) -> str:
    if after.wanted and not w.wanted and w.attempt != NOTHING:
        return "what was wanted no more is wanted again"
    if w.session in ENDING and after.session not in ENDING:
        return "a session that was to end goes on"
    if w.live and w.wanted and w.session is State.RUNNING and _ended_for_nothing(w, after):
        return "a running, heard, wanted session was ended as lost"
    return ""


def _ended_for_nothing(w: World, after: World) -> bool:
    by_engine = after.session is State.STOPPING and after.replicas != w.replicas
    return by_engine and any(one.about == "seen gone" for one in w.replicas)


def _note(done: Explored, w: World, after: World) -> None:
    if after.session is not w.session:
        done.session_moves.add((w.session, after.session))
    if w.attempt not in {after.attempt, NOTHING}:
        done.attempt_moves.add((w.attempt, after.attempt))


def _path(done: Explored, world: World) -> list[str]:
    names: list[str] = []
    at: World | None = world
    while at is not None:
        at, name = done.came_by[at]
        names.append(name)
    return [name for name in reversed(names) if name]


def _told(w: World) -> str:
    return f"session {w.session}, attempt {w.attempt}, instance {w.instance}"


def main() -> int:
    """Explore, and say what was found."""
    parser = argparse.ArgumentParser(prog="python -m gpu_shopper.testing.fencing_search")
    parser.add_argument("--without", choices=sorted(RULES), help="leave out one rule")
    left_out = parser.parse_args().without
    done = explore(ALL - {left_out})
    for number, line in enumerate(done.path, start=1):
        print(f"{number:3}  {line}")  # noqa: T201 - a command
    print(f"{done.states} states, {done.transitions} transitions: {done.broken or 'all well'}")  # noqa: T201
    return 1 if done.broken else 0


if __name__ == "__main__":
    sys.exit(main())
