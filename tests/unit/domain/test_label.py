"""Labels: what they say is read back whole, and nothing but the whole is believed."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.ids import BITS, deployment_id, session_id
from gpu_shopper.domain.label import (
    MAX_LENGTH,
    Label,
    LabelFacts,
    is_cut_of,
    label_to_go_by,
    may_be_cut,
    names_another,
    read_label,
    unproved_facts,
    write_label,
)
from gpu_shopper.testing.builders import DEPLOYMENT, LABEL_KEY, NOON, a_label, a_session

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
DRAWS = st.integers(0, (1 << BITS) - 1)
MOMENTS = st.datetimes(
    min_value=datetime(2020, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2080, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
FACTS = st.builds(
    LabelFacts,
    deployment=DRAWS.map(deployment_id),
    session=DRAWS.map(session_id),
    number=st.integers(0, 1023),
    expires_at=MOMENTS,
)
KEYS = st.binary(min_size=32, max_size=32)


@given(FACTS, KEYS)
def test_a_label_says_what_was_written_into_it(facts: LabelFacts, key: bytes) -> None:
    read = read_label(write_label(facts, key=key), key=key)

    assert read is not None
    assert (facts.deployment, facts.session, facts.number) == (
        read.deployment, read.session, read.number,
    )  # fmt: skip


@given(FACTS, KEYS)
def test_the_expiry_is_never_read_as_earlier_than_it_is(facts: LabelFacts, key: bytes) -> None:
    read = read_label(write_label(facts, key=key), key=key)

    assert read is not None
    assert timedelta(0) <= read.expires_at - facts.expires_at < timedelta(minutes=1)


@given(FACTS, KEYS)
def test_a_label_fits_every_cloud(facts: LabelFacts, key: bytes) -> None:
    label = write_label(facts, key=key)

    assert len(label) <= MAX_LENGTH <= 60
    assert re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", label)


@given(FACTS, FACTS, KEYS)
def test_two_obligations_never_share_a_label(
    one: LabelFacts, other: LabelFacts, key: bytes
) -> None:
    same = read_label(write_label(one, key=key), key=key) == read_label(
        write_label(other, key=key), key=key
    )

    assert same == (write_label(one, key=key) == write_label(other, key=key))


def test_a_label_with_any_one_character_changed_is_nobodys() -> None:
    label = a_label()
    forged = {
        label[:place] + other + label[place + 1 :]
        for place in range(len(label))
        for other in CHARACTERS + "A_ é\ud800"
        if other != label[place]
    }

    assert [] == [text for text in forged if read_label(text, key=LABEL_KEY) is not None]


def test_a_label_cut_or_continued_is_nobodys() -> None:
    label = a_label()
    changed = [label[:length] for length in range(len(label))]
    changed += [label + more for more in ("a", "-", "-a", " ", "\n")]
    changed += [more + label for more in ("a", "-", " ", "gs1-")]

    assert [] == [text for text in changed if read_label(text, key=LABEL_KEY) is not None]


@given(KEYS.filter(lambda key: key != LABEL_KEY))
def test_another_deployments_key_does_not_read_our_label(key: bytes) -> None:
    assert read_label(a_label(), key=key) is None


@given(st.text(max_size=80))
def test_any_text_at_all_can_be_looked_at(text: str) -> None:
    assert read_label(text, key=LABEL_KEY) is None


@given(st.lists(st.text(alphabet=CHARACTERS, max_size=16), min_size=5, max_size=5))
def test_a_likeness_is_not_ours(parts: list[str]) -> None:
    assert read_label("-".join(["gs1", *parts]), key=LABEL_KEY) is None


@given(FACTS, KEYS)
def test_what_is_left_of_a_label_says_whose_it_is_down_to_its_number(
    facts: LabelFacts, key: bytes
) -> None:
    label = write_label(facts, key=key)
    enough = len(label.rpartition("-")[0].rpartition("-")[0])

    cuts = [label[:length] for length in range(len(label) + 1)]
    said = [is_cut_of(cut, label) for cut in cuts]
    assert [False] * enough + [True] * (len(label) - enough) + [False] == said
    assert said[:-1] == [may_be_cut(cut, deployment=facts.deployment) for cut in cuts][:-1]


def test_the_beginning_of_another_label_is_none_of_this_one() -> None:
    label = a_label()
    others = [a_label(attempt=2), a_label(a_session(number=2)), label[:45] + "x", "x" + label[1:]]

    assert [] == [other for other in others if is_cut_of(other[:50], label)]
    assert may_be_cut(a_label(attempt=2)[:50], deployment=DEPLOYMENT)
    assert not may_be_cut(label[:50], deployment=deployment_id(99))
    assert not may_be_cut(label + "ab", deployment=DEPLOYMENT)


@pytest.mark.parametrize(
    ("text", "another"),
    [
        (a_label(attempt=2), True),
        (a_label()[:30] + "x", True),
        ("gs1-" + "a" * 16, True),
        (a_label(), False),
        (a_label()[:30], False),
        ("gs1-", False),
        ("gs1", False),
        ("", False),
        ("web-1", False),
        ("gs12", False),
    ],
)
def test_a_name_speaks_against_a_label_if_it_is_the_beginning_of_another(
    text: str, another: bool
) -> None:
    assert another == names_another(text, a_label())


def test_a_label_needs_real_ids() -> None:
    facts = LabelFacts(
        deployment=deployment_id(1), session="", number=1, expires_at=NOON,  # type: ignore[arg-type]
    )  # fmt: skip

    with pytest.raises(AssertionError):
        write_label(facts, key=LABEL_KEY)


def test_the_same_facts_give_the_same_label_for_ever() -> None:
    # Instances out there bear it: a label that was written must be readable by every later version.
    facts = LabelFacts(
        deployment=deployment_id(1), session=session_id(2), number=3, expires_at=NOON
    )

    label = Label("gs1-aaaaaaaaaaaaaaab-aaaaaaaaaaaaaaac-ad-adc6fq-b2o7qzbylc")
    assert label == write_label(facts, key=LABEL_KEY)
    assert facts == read_label(label, key=LABEL_KEY)


@pytest.mark.parametrize("label", ["", "somebody-1", a_label()[:40], a_label(key=bytes(32))])
def test_a_genuine_second_mark_stands_for_a_label_that_is_none(label: str) -> None:
    assert a_label() == label_to_go_by(label, a_label(), key=LABEL_KEY)


@pytest.mark.parametrize("mark", ["", "somebody-1", a_label()[:40], a_label(key=bytes(32))])
def test_a_second_mark_that_is_none_changes_nothing(mark: str) -> None:
    assert "somebody-1" == label_to_go_by("somebody-1", mark, key=LABEL_KEY)
    assert a_label() == label_to_go_by(a_label(), mark, key=LABEL_KEY)


def test_of_two_genuine_marks_the_label_counts() -> None:
    assert a_label() == label_to_go_by(a_label(), a_label(attempt=2), key=LABEL_KEY)


def test_what_a_label_says_can_be_read_by_who_has_not_its_key() -> None:
    foreign = a_label(key=bytes(32))

    assert read_label(a_label(), key=LABEL_KEY) == unproved_facts(foreign)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gs1",
        "gs1-a-b",
        a_label() + "-a",
        "gs2" + a_label()[3:],
        a_label().replace("-a", "-é", 1),
    ],
    ids=["empty", "prefix", "too few", "too many", "other prefix", "other letter"],
)
def test_what_has_not_the_form_of_a_label_says_nothing(text: str) -> None:
    assert unproved_facts(text) is None
