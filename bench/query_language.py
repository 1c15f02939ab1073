"""The query language: how long a query takes to read, a usual one and the worst that chance and malice find.

Usual queries are all different, as those of many people are: numbers, GPUs and countries are drawn, with a fixed seed.
The time is the thread's own, so that what else runs on the machine does not count.
"""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from _table import Figure, options, percentile, show

from gpu_shopper.domain.gpu import MODELS
from gpu_shopper.domain.offer_fields import WORDS
from gpu_shopper.domain.query_canonical import canonical
from gpu_shopper.domain.query_errors import QueryError
from gpu_shopper.domain.query_language import LONGEST, parse

_QUERIES = 20_000
_EXAMPLE = (
    "gpu in (H100, H200) vram>=80 count=8 price<3 country in (DE,FR) reliability>0.98 !spot "
    "sort price/tflops"
)
_GPUS = ("H100", "H200", "A100 80GB", "RTX 4090", "L40S", "RTX 3090", "A6000", "RTX PRO 6000")
_COUNTRIES = ("DE", "FR", "US", "SE", "IS", "CA", "NL", "FI", "JP", "GB")
_PIECES = (
    *WORDS, *MODELS, *"<>=!~()&|,:;[]{}\"'$%€.-+*“” \n\0", "<=", ">=", "!=", "..", "and", "or", "not", "in",
    "sort", "limit", "3", "80GB", "98%", "$3", "12.4", "9" * 30, "x" * 50, "nvidia" * 10,
)  # fmt: skip
# Where work could be done anew for each part of the text.
_MALICE = (
    "(" * LONGEST, '"' * LONGEST, "'\"" * 1_000, "." * LONGEST, "x" * LONGEST, "9" * LONGEST,
    "gpu=" + "gpu" * 600, "4090 " * 400, "gpu in (" + "H100," * 398, "gpu=" + "a b c d e f g h " * 120,
    "odd or (" * 240, "price 1..3 " * 180, "odd " * 200, " or ".join(f"gpu={n}090 {n}" for n in range(99)),
)  # fmt: skip


def _usual(chance: random.Random) -> str:
    """The example, with what people change in it."""
    first, second = chance.sample(_GPUS, 2)
    return (
        f"gpu in ({first}, {second}) vram>={chance.randrange(8, 200)} count={chance.choice((1, 2, 4, 8))} "
        f"price<{chance.uniform(0.1, 20):.4f} country in ({','.join(chance.sample(_COUNTRIES, 2))}) "
        f"reliability>{chance.uniform(0.5, 1):.4f} !spot sort price/tflops"
    )


def _short(chance: random.Random) -> str:
    return f"{chance.choice(_GPUS)} price<{chance.uniform(0.1, 20):.4f}"


def _soup(chance: random.Random) -> str:
    join = chance.choice(("", " "))
    pieces = chance.choices(_PIECES, k=chance.choice((3, 10, 40, 400)))
    return join.join(pieces)[:LONGEST]


def _mutated(chance: random.Random) -> str:
    text = _usual(chance)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice(_PIECES) + text[at + chance.randint(0, 4) :]
    return text[:LONGEST]


def _took(texts: Sequence[str], *, scale: float) -> list[float]:
    took = []
    for text in texts:
        began = time.thread_time_ns()
        with suppress(QueryError):
            parse(text)
        took.append((time.thread_time_ns() - began) / scale)
    return took


def _figures(seconds: float) -> Iterator[Figure]:
    chance = random.Random(1)
    many = max(1_000, int(_QUERIES * seconds / 5))
    kinds = (
        ("the example", [_EXAMPLE] * many, 60.0),
        ("queries like it, no two the same", [_usual(chance) for _ in range(many)], 100.0),
        ("a GPU and a price", [_short(chance) for _ in range(many)], 100.0),
    )
    for what, texts, target in kinds:
        took = _took(texts, scale=1e3)
        yield Figure(what=f"{what}, p50", value=percentile(took, 0.5), unit="µs", target=target, how=f"{many:,} times")  # fmt: skip
        yield Figure(what="  p99", value=percentile(took, 0.99), unit="µs")
    queries = [parse(text) for text in kinds[1][1]]
    began = time.thread_time_ns()
    for query in queries:
        canonical(query)
    took_us = (time.thread_time_ns() - began) / 1e3 / many
    yield Figure(what="  their one form, mean", value=took_us, unit="µs")
    for what, draw in (("token soup", _soup), ("broken queries", _mutated)):
        took = _took([draw(chance) for _ in range(many)], scale=1e6)
        yield Figure(what=f"{what}, worst", value=max(took), unit="ms", target=50, how=f"{many:,} drawn")  # fmt: skip
        yield Figure(what="  p50", value=percentile(took, 0.5), unit="ms")
    worst = max(_took(_MALICE, scale=1e6))
    yield Figure(what="made to take long, worst", value=worst, unit="ms", target=50, how=f"{len(_MALICE)} texts of up to {LONGEST:,} characters")  # fmt: skip


def main() -> None:
    asked = options(__doc__)
    show(list(_figures(asked.seconds)), markdown=asked.markdown)


if __name__ == "__main__":
    main()
