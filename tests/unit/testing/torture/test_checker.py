"""Histories that keep every promise, and for each promise one that breaks it."""

from itertools import count
from typing import Any

import pytest

from gpu_shopper.testing.torture.checker import CHECKS, check_history
from gpu_shopper.testing.torture.history import Call, Journal, read_history

SESSION, OTHER = "ses_one", "ses_other"


class Story:
    """Calls one after the other, each a second long; `overlapping` puts one beside the last."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._numbers = count(1)

    def add(self, op: Any, **more: Any) -> "Story":
        n = next(self._numbers)
        given = {
            "consumer": "c",
            "began_s": n * 2.0,
            "ended_s": n * 2.0 + 1,
            "outcome": "ok",
            **more,
        }
        self.calls.append(Call(n=n, op=op, **given))
        return self

    def overlapping(self, op: Any, **more: Any) -> "Story":
        last = self.calls[-1]
        return self.add(op, began_s=last.began_s, ended_s=last.ended_s, **more)

    def made(self, session: str = SESSION, **more: Any) -> "Story":
        given = {"key": f"key of {session}", "digest": "d", "status": "pending", **more}
        return self.add("create", session=session, **given)

    def broken(self) -> list[str]:
        return sorted({violation.check for violation in check_history(self.calls)[0]})


def a_good_life() -> Story:
    return (
        Story()
        .made()
        .made()
        .made(outcome="refused", session="", status="", digest="e", code="idempotency_key_reused")
        .add("get", session=SESSION, status="provisioning")
        .add("get", session=SESSION, status="pending")
        .add("get", session=SESSION, outcome="unknown")
        .add("get", session=SESSION, status="running", usable=True)
        .add("list", seen={SESSION: "running"})
        .add("extend", session=SESSION)
        .add("done", session=SESSION, outcome="unknown")
        .add("get", session=SESSION, status="running", usable=True)
        .add("done", session=SESSION, status="stopping")
        .add("get", session=SESSION, status="stopping")
        .add("get", session=SESSION, status="stopped")
        .add("list", seen={SESSION: "stopped"})
        .add("list", consumer="another", seen={})
    )


def test_a_history_that_keeps_every_promise_exercises_every_check() -> None:
    violations, exercised = check_history(a_good_life().calls)

    assert [] == violations
    assert len(CHECKS) == len(exercised)


BROKEN = {
    "a session is not known any more": (
        "lost", Story().made().add("get", session=SESSION, outcome="refused", code="not_found")),
    "an end does not know its session": (
        "lost", Story().made().add("delete", session=SESSION, outcome="refused", code="not_found")),
    "a listing lacks a session": ("lost", Story().made().made(OTHER).add("list", seen={OTHER: "pending"})),
    "one key makes two sessions": ("double", Story().made(key="k").made(OTHER, key="k")),
    "two keys make one session": ("shared", Story().made(key="k").made(key="l")),
    "two consumers' keys make one session": ("shared", Story().made().made(consumer="another")),
    "another body is taken": ("reused", Story().made(key="k").made(key="k", digest="e")),
    "a session that has stopped runs": (
        "went back", Story().made().add("get", session=SESSION, status="stopped")
        .add("get", session=SESSION, status="running", usable=True)),
    "a session that has stopped has failed": (
        "went back", Story().made().add("get", session=SESSION, status="stopped")
        .add("list", seen={SESSION: "failed"})),
    "a listing shows what was before": (
        "went back", Story().made().add("get", session=SESSION, status="stopping")
        .add("list", seen={SESSION: "pending"})),
    "a session that ran is pending": (
        "went back", Story().made().add("get", session=SESSION, status="running", usable=True)
        .add("get", session=SESSION, status="pending")),
    "an end is forgotten": (
        "end forgotten", Story().made().add("done", session=SESSION, status="")
        .add("get", session=SESSION, status="pending")),
    "what runs has no address": ("not usable", Story().made().add("get", session=SESSION, status="running")),
    "an answer is cut": ("garbled", Story().made().add("get", session=SESSION, outcome="garbled")),
    "a refusal does not say why": ("garbled", Story().made().add("get", session=SESSION, outcome="refused")),
    "another's session is shown": (
        "shown", Story().made().add("list", consumer="another", seen={SESSION: "pending"})),
}  # fmt: skip


@pytest.mark.parametrize(("check", "story"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_promise_is_seen(check: str, story: Story) -> None:
    assert [check] == story.broken()


def test_calls_that_overlap_may_have_been_served_in_either_order() -> None:
    story = Story().made().add("done", session=SESSION, status="stopping")
    story.overlapping("get", session=SESSION, status="running", usable=True)
    story.overlapping("list", seen={SESSION: "pending"})

    assert [] == story.broken()


def test_a_creation_that_was_never_acknowledged_promises_nothing() -> None:
    story = Story().made(outcome="unknown", session="", status="").add("list", seen={})

    assert [] == story.broken()


def test_a_repetition_counts_from_the_first_acknowledgement() -> None:
    story = Story().made().add("list", seen={}).made()

    assert ["lost"] == story.broken()


def test_a_journal_is_read_back_with_what_was_in_flight(tmp_path: Any) -> None:
    journal = Journal(tmp_path / "history.jsonl")
    made = journal.begin("create", consumer="c", key="k", digest="d")
    journal.begin("list", consumer="c")
    journal.end(Call(**{**_fields(made), "outcome": "ok", "session": SESSION, "ended_s": 2.0}))
    journal.close()

    calls = read_history((tmp_path / "history.jsonl").read_bytes().splitlines())

    assert [("create", "ok"), ("list", "begun")] == [(call.op, call.outcome) for call in calls]
    assert SESSION == calls[0].session


def _fields(call: Call) -> dict[str, Any]:
    return {name: getattr(call, name) for name in call.__struct_fields__}
