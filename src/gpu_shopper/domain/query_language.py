"""The query language: `gpu in (H100, H200) vram>=80 count=8 price<3 !spot sort price/tflops limit 10`.

Conditions that stand side by side must all hold; `or`, `not` and brackets are understood, and each error says what is
wrong, where, and what to write instead. docs/reference/query-language.md has the grammar. However a query is written, it
is read in a time that is linear in its length, which is limited.
"""

from collections.abc import Collection
from dataclasses import dataclass

from gpu_shopper.domain.conditions import EVERYTHING, All, AnyOf, Condition, Not, OneOf
from gpu_shopper.domain.gpu import known_gpus
from gpu_shopper.domain.offer_fields import WORDS, Order
from gpu_shopper.domain.query_comparisons import ComparisonReader
from gpu_shopper.domain.query_errors import Fault, QueryError, shown
from gpu_shopper.domain.query_strays import stray
from gpu_shopper.domain.query_tail import read_tail
from gpu_shopper.domain.query_tokens import (
    AND,
    COMPARATORS,
    ENDS,
    KEYWORDS,
    NOT,
    OPERATORS,
    OR,
    column_of,
    is_quoted,
    is_value,
    tokens_of,
    unquoted,
)

LONGEST = 2_000
DEEPEST = 50
MOST_CONDITIONS = 200


@dataclass(frozen=True, slots=True)
class Query:
    """What an offer must fulfil, in which order the offers come, and how many of them; None is as many as usual."""

    condition: Condition = EVERYTHING
    orders: tuple[Order, ...] = ()
    limit: int | None = None


def parse(text: str, *, providers: Collection[str] = (), need_told: bool = True) -> Query:
    """Return what `text` asks for; an empty one asks for everything.

    Where `providers` are given, a cloud that is none of them is refused; where no need was told, so is what follows from
    one.

    Raises:
        QueryError: it is not understood, or too long.
    """
    if len(text) > LONGEST:
        raise QueryError(
            f"the query has {len(text):,} characters",
            position=LONGEST + 1,
            hint=f"{LONGEST:,} are the most",
        )
    try:
        return _Reader(text, providers, need_told=need_told).query()
    except Fault as fault:
        raise _located(text, fault) from None


def _located(text: str, fault: Fault) -> QueryError:
    position = column_of(text, fault.index) + fault.within
    tokens = tokens_of(text)
    word = tokens[fault.index][fault.within :] if fault.index < len(tokens) else ""
    return QueryError(
        f"{fault.before} at {position}{fault.after}", position=position, word=word, hint=fault.hint
    )


class _Reader(ComparisonReader):
    """Reads the whole: a method stands for a rule of the grammar."""

    __slots__ = ()

    def query(self) -> Query:
        condition: Condition = EVERYTHING
        if self._low[0] not in ("", "sort", "limit"):
            condition = self._any_of()
        orders, limit = read_tail(self._tokens, self._low, self._at, need_told=self._need_told)
        return Query(condition, orders, limit)

    def _any_of(self) -> Condition:
        parts = [self._all_of()]
        if self._low[self._at] not in OR:
            return parts[0]
        while self._low[self._at] in OR:
            self._at += 1
            parts.append(self._all_of())
        choices: list[Condition] = []
        for part in parts:
            choices += part.conditions if isinstance(part, AnyOf) else (part,)
        return AnyOf(tuple(choices))

    def _all_of(self) -> Condition:
        parts: list[Condition] = []
        while True:
            start = self._at
            part = self._term()
            if isinstance(part, All):
                parts += part.conditions
            else:
                if isinstance(part, OneOf) and part.field == "gpu":
                    self._refuse_second_gpu(start, parts)
                parts.append(part)
            low = self._low[self._at]
            if low in ENDS:
                return parts[0] if len(parts) == 1 else All(tuple(parts))
            if low in AND:
                self._at += 1

    def _refuse_second_gpu(self, start: int, before: list[Condition]) -> None:
        """A name by itself after another one surely means either: an offer has one model of GPU."""
        named = any(isinstance(part, OneOf) and part.field == "gpu" for part in before)
        if named and self._low[start] not in WORDS and self._low[start] != "(":
            name = shown(self._words(start, self._at))
            hint = f"join them with or, or write gpu in (…, {name})"
            raise Fault(start, name, " is a second GPU, and no offer has two models", hint=hint)

    def _term(self) -> Condition:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise Fault(
                self._at, "there are too many conditions", hint=f"{MOST_CONDITIONS} are the most"
            )
        low = self._low[self._at]
        field = WORDS.get(low)
        if field is not None:
            self._at += 1
            return self._about(field)
        if low in NOT:
            return self._negated()
        return self._grouped() if low == "(" else self._stray()

    def _deeper(self) -> None:
        self._conditions -= 1
        self._depth += 1
        if self._depth > DEEPEST:
            raise Fault(
                self._at, "the query is nested too deeply", hint=f"{DEEPEST} levels are the most"
            )
        self._at += 1

    def _negated(self) -> Condition:
        self._deeper()
        condition = self._term()
        self._depth -= 1
        return condition.condition if isinstance(condition, Not) else Not(condition)

    def _grouped(self) -> Condition:
        opened = self._at
        self._deeper()
        condition = self._any_of()
        if self._low[self._at] != ")":
            if self._tokens[self._at]:
                word = self._low[self._at]
                raise Fault(
                    self._at, word, " stands within brackets", hint=f"close them before {word}"
                )
            raise Fault(opened, "the bracket", " is never closed", hint="add ')' where it ends")
        self._at += 1
        self._depth -= 1
        return condition

    def _stray(self) -> Condition:
        """Words without a field: a number before its field, a GPU, or what nobody understands."""
        token, sign = self._tokens[self._at], self._tokens[self._at + 1 :][:1]
        if is_value(token):
            if sign and sign[0] in COMPARATORS and self._low[self._at + 2] in WORDS:
                return self._mirrored()
            found = frozenset[str]()
            if is_quoted(token):
                found = frozenset(map(str.lower, known_gpus(unquoted(token))))
                self._at += bool(found)
            elif (
                sign[0] not in OPERATORS
                and token[0].isalnum()
                and self._low[self._at] not in KEYWORDS
            ):
                found = self._gpu_of_words()
            if found:
                return OneOf("gpu", found)
        raise stray(self._place())
