"""The words and signs of which a query is made."""

import re

from gpu_shopper.domain.conditions import Comparator

# A quote within quotes is doubled. A word holds one point, but no two: they make a range. No alternative can be tried
# twice at one place, so the time is linear in the text.
_TOKEN = re.compile(
    r""" "[^"]*(?:""[^"]*)*" | '[^']*(?:''[^']*)*'
    | [<>=!]= | =[<>] | <> | !~ | && | \|\| | \.\.
    | (?: [^\s.<>=!~()&|,:;"'\[\]{}≤≥≠\u201c\u201d\u2018\u2019\u201e]+ | \.(?!\.) )+
    | \S """,
    re.VERBOSE,
)

AND = frozenset({"and", "&", "&&"})
OR = frozenset({"or", "|", "||"})
NOT = frozenset({"not", "!"})
# With these a condition ends; the empty one stands behind the last.
ENDS = OR | {"", ")", "sort", "limit"}
KEYWORDS = ("and", "or", "not", "in", "sort", "limit")
SMART_QUOTES = frozenset("\u201c\u201d\u2018\u2019\u201e")
# All that is no word and no text in quotes; the empty one stands behind the last.
SIGNS = frozenset(
    [
        *SMART_QUOTES, *"<>=!~()&|,:;\"'[]{}≤≥≠",
        "<=", ">=", "==", "!=", "=<", "=>", "<>", "!~", "&&", "||", "..", "",
    ]
)  # fmt: skip
COMPARATORS = {
    "=": Comparator.EQUAL,
    "==": Comparator.EQUAL,
    "<": Comparator.LESS,
    "<=": Comparator.AT_MOST,
    "=<": Comparator.AT_MOST,
    "≤": Comparator.AT_MOST,
    ">": Comparator.MORE,
    ">=": Comparator.AT_LEAST,
    "=>": Comparator.AT_LEAST,
    "≥": Comparator.AT_LEAST,
}
UNEQUAL = frozenset({"!=", "<>", "≠"})
OPERATORS = frozenset({*COMPARATORS, *UNEQUAL, "~", "!~"})
# `3 > price` is `price < 3`.
MIRRORED = {
    Comparator.EQUAL: Comparator.EQUAL,
    Comparator.LESS: Comparator.MORE,
    Comparator.AT_MOST: Comparator.AT_LEAST,
    Comparator.MORE: Comparator.LESS,
    Comparator.AT_LEAST: Comparator.AT_MOST,
}


def tokens_of(text: str) -> list[str]:
    """Return the words and signs, in order; whatever is written, all of it but space is in one of them."""
    return _TOKEN.findall(text)


def column_of(text: str, index: int) -> int:
    """Return the column, counted from 1, of the token with that index, or the one behind the text.

    It is looked for where there is an error only: to read without positions takes half the time.
    """
    for number, match in enumerate(_TOKEN.finditer(text)):
        if number == index:
            return match.start() + 1
    return len(text.rstrip()) + 1


def is_value(token: str) -> bool:
    """Return whether the token can be what a field is compared with: a word, or a text in quotes."""
    return token not in SIGNS


def is_quoted(token: str) -> bool:
    """Return whether it is a text in quotes."""
    return token[0] in "\"'" and len(token) > 1


def unquoted(token: str) -> str:
    """Return the text of a token, quoted or not."""
    if not is_quoted(token):
        return token
    quote = token[0]
    return token[1:-1].replace(quote * 2, quote)
