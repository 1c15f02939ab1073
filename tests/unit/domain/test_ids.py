"""Ids: fixed width, one kind each, read back as they were drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain import ids

MAKERS = {
    "dep": ids.deployment_id,
    "ses": ids.session_id,
    "att": ids.attempt_id,
    "tok": ids.token_id,
    "evt": ids.event_id,
}
BITS = st.integers(0, (1 << ids.BITS) - 1)


@given(BITS)
def test_an_id_holds_every_bit_that_was_drawn(bits: int) -> None:
    for make in MAKERS.values():
        assert bits == ids.from_base32(ids.body_of(make(bits)))


@given(BITS)
def test_an_id_is_of_its_own_kind_only(bits: int) -> None:
    for prefix, make in MAKERS.items():
        kinds = {other for other in MAKERS if ids.is_id(make(bits), prefix=other)}

        assert {prefix} == kinds


@pytest.mark.parametrize(
    "text",
    ["", "ses", "ses_", "ses_short", "ses_" + "a" * 17, "ses_" + "A" * 16, "ses_" + "1" * 16],
)
def test_what_only_looks_like_an_id_is_none(text: str) -> None:
    assert not ids.is_id(text, prefix="ses")


def test_a_draw_that_does_not_fit_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        ids.session_id(1 << ids.BITS)


def test_a_letter_outside_the_alphabet_is_no_number() -> None:
    with pytest.raises(ValueError):
        ids.from_base32("a1")


@pytest.mark.parametrize("length", [1, 2, 3, 6, 15, 16])
def test_a_number_is_printed_as_wide_as_asked_and_reads_back(length: int) -> None:
    most = (1 << 5 * length) - 1

    for value in (0, 1, most // 3, most - 1, most):
        text = ids.base32(value, length=length)
        assert (length, value) == (len(text), ids.from_base32(text))
