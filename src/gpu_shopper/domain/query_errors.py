"""What is wrong with a query, where, and what to write instead: read by people who have never seen the language."""

from collections.abc import Iterable
from difflib import get_close_matches

from gpu_shopper.domain.errors import Invalid

_LONGEST_SHOWN = 40
# What difflib does grows with the square of the word, and no name is this long.
_LONGEST_COMPARED = 30


class QueryError(Invalid):
    """A query cannot be understood.

    `message` says what and where, `hint` what to do. `position` is the column of `word`, counted from 1, in characters;
    it is one behind the text where something is missing at its end.
    """

    code = "bad_query"

    def __init__(self, message: str, *, position: int, word: str = "", hint: str = "") -> None:
        super().__init__(message, path="q", hint=hint)
        self.position = position
        self.word = word

    @property
    def sentence(self) -> str:
        """The message and the hint in one line."""
        return f"{self.message}: {self.hint}" if self.hint else self.message


class Fault(Exception):
    """What a reader found wrong at a token; where that stands is found out for the one fault that is told."""

    def __init__(
        self, index: int, before: str, after: str = "", *, hint: str = "", within: int = 0
    ) -> None:
        """Say `before`, the place and `after` of token `index`, or of what stands `within` characters into it."""
        super().__init__(before)
        self.index = index
        self.before = before
        self.after = after
        self.hint = hint
        self.within = within


def shown(word: str) -> str:
    """Return a word of the query as a message can carry it: short, and without what can't be seen."""
    if len(word) > _LONGEST_SHOWN:
        word = f"{word[:_LONGEST_SHOWN]}…"
    plain = "".join(char if char.isprintable() else "\ufffd" for char in word)
    return plain if plain[:1].isalnum() else f"'{plain}'"


def no_need(index: int, field: str) -> Fault:
    """Return what is wrong where something is asked that depends on a need, and nobody told one."""
    after = " is the price of what you need, and that was not said"
    return Fault(index, field, after, hint="give hours, disk_gb or traffic_gb beside the query")


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> tuple[str, ...]:
    """Return at most three of the `known` words that look most like `word`, the closest first."""
    if len(word) > _LONGEST_COMPARED:
        return ()
    return tuple(get_close_matches(word, tuple(known), n=3, cutoff=cutoff))


def did_you_mean(names: Iterable[str]) -> str:
    """Return the question, nothing without names."""
    *rest, last = (*names,) or ("",)
    choice = f"{', '.join(rest)} or {last}" if rest else last
    return f"did you mean {choice}?" if choice else ""
