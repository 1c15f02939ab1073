"""Whatever is written as a query, it is read or refused, soon."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gpu_shopper.domain.conditions import fits
from gpu_shopper.domain.offer_fields import WORDS
from gpu_shopper.domain.query_canonical import canonical
from gpu_shopper.domain.query_caret import caret_lines
from gpu_shopper.domain.query_errors import QueryError
from gpu_shopper.domain.query_language import LONGEST, Query, parse

PIECES = (
    *WORDS, *"<>=!~()&|,:;[]{}\"'$%€.-+*\\/\0“”≤≥≠\u200b\u2028İß",
    "<=", ">=", "==", "!=", "=<", "=>", "<>", "!~", "&&", "||", "..", "...", " ", " ", " ", "\n",
    "and", "or", "not", "in", "sort", "by", "asc", "desc", "limit", "yes", "false", "between",
    "H100", "A100 80GB", "RTX", "4090", "Ti", "D", "SXM", "nvidia", "8x", "x8", "hopper", "DE", "New York",
    "3", "80GB", "98%", "$3", "3usd", ".5", "5.", "12.4", "1,000", "1e9", "nan", "inf", "٣", "²", "-1",
    "9" * 30, "x" * 50, "cloud-a", "''", '""', "'x y'",
    "to", "from", "germany", "united", "states", "ti", "super", "per", "each", "non-", "nospot", "1-3", "gpus", "x", "eur", "at", "low",
)  # fmt: skip
VALID = (
    "gpu in (H100, H200) vram>=80 count=8 price<3 country in (DE,FR) reliability>0.98 !spot sort price/tflops",
    "1<=price<3 or RTX 4090 D sort vram desc, price limit 4",
    "city in (New York, 'x''y') !(spot or price 1..3) cuda>=12.4",
)  # fmt: skip

soups = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
spaced = st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(PIECES)) + text[at + draw(st.integers(0, 4)) :]
    return text


@settings(max_examples=500, deadline=None)
@given(text=st.one_of(st.text(), soups, spaced, mutated()))
@example(text="count<")
@example(text="'")
@example(text="price<3..")
@example(text="1<")
@example(text="gpu=")
@example(text="H100 not")
@example(text="\ud800<3")
def test_a_text_is_read_or_refused(text: str) -> None:
    text = text[:LONGEST]
    query = read(text)

    if isinstance(query, QueryError):
        part, caret = caret_lines(text, position=query.position, word=query.word)
        assert 1 <= query.position <= len(text) + 1
        assert len(caret) <= len(part) + 1
        assert query.hint
        assert len(query.sentence) < 300
    else:
        form = canonical(query)
        assert fits(query.condition)
        assert len(form) > LONGEST or query == parse(form)


def read(text: str) -> Query | QueryError:
    try:
        return parse(text, providers=["cloud-a"])
    except QueryError as error:
        return error


# What would take long if any step looked at the whole text for each of its parts.
HEAVY = (
    "(" * LONGEST, "!" * LONGEST, '"' * LONGEST, "'\"" * 1_000, "." * LONGEST, "x" * LONGEST,
    "9" * LONGEST, "<" * LONGEST, "gpu=" + "gpu" * 600, "gpu=" + "nvidia" * 330, "4090 " * 400,
    "or ".join(["4090 1 "] * 200), "gpu in (" + "H100," * 398, "gpu in (" + "x" * 1_900 + ")",
    " or ".join(f"gpu={n:02}090 {n}" for n in range(99)), "gpu=" + "4090graphics" * 8 + " q" * 800,
    "odd or (" * 240, "price 1..3 " * 180, '"x""' * 499, "gpu=a b c d e f g h " * 100, "\ud800" * LONGEST,
)  # fmt: skip


@pytest.mark.parametrize("text", HEAVY, ids=[text[:12] for text in HEAVY])
def test_no_text_takes_long(text: str) -> None:
    assert len(text) <= LONGEST
    took = min(_seconds(text) for _ in range(3))

    assert took < 0.05, took


def _seconds(text: str) -> float:
    # Of this thread alone: what else the machine does says nothing about the text.
    began = time.thread_time()
    read(text)
    return time.thread_time() - began
