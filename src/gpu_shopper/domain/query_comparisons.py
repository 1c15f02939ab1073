"""Reads one comparison of a query: a field with what it is compared with, whatever its kind."""

from collections.abc import Collection

from gpu_shopper.domain.conditions import (
    All,
    AnyOf,
    Comparator,
    Compare,
    Condition,
    Contains,
    Flag,
    Not,
    OneOf,
)
from gpu_shopper.domain.gpu import known_gpus
from gpu_shopper.domain.offer_fields import WORDS, Field, Kind
from gpu_shopper.domain.query_errors import Fault, no_need, shown
from gpu_shopper.domain.query_strays import Place, no_comparison, no_value
from gpu_shopper.domain.query_tokens import (
    COMPARATORS,
    KEYWORDS,
    MIRRORED,
    OPERATORS,
    UNEQUAL,
    is_quoted,
    is_value,
    tokens_of,
    unquoted,
)
from gpu_shopper.domain.query_values import (
    gpu_values,
    is_unit,
    list_of,
    number,
    text_value,
)

_LONGEST_GPU_NAME = 8
_YES = frozenset({"yes", "true", "1"})
_NO = frozenset({"no", "false", "0"})


class ComparisonReader:
    """Reads from left to right; `_at` is the token that comes next."""

    __slots__ = (
        "_at",
        "_conditions",
        "_depth",
        "_last",
        "_low",
        "_need_told",
        "_providers",
        "_tokens",
    )

    def __init__(self, text: str, providers: Collection[str], *, need_told: bool) -> None:
        self._need_told = need_told
        self._tokens = [*tokens_of(text), ""]
        self._low = [token.lower() for token in self._tokens]
        self._providers = providers
        self._at = self._conditions = self._depth = 0
        self._last: Field | None = None

    def _about(self, field: Field) -> Condition:
        self._last = field
        if field.only_of_need and not self._need_told:
            raise no_need(self._at - 1, field.name)
        match field.kind:
            case Kind.NUMBER | Kind.VERSION:
                return self._amount(field)
            case Kind.FLAG:
                return self._flag(field)
            case _:
                return self._name(field)

    def _amount(self, field: Field) -> Condition:
        sign = self._tokens[self._at]
        comparator = COMPARATORS.get(sign)
        if comparator is not None:
            self._at += 1
            if comparator is Comparator.EQUAL:
                return self._equal(field)
            return self._single(Compare(field.name, comparator, self._value(field)))
        if sign in UNEQUAL:
            self._at += 1
            return Not(self._equal(field))
        if (listed := self._membership()) is not None:
            choice = self._amounts(field)
            return choice if listed else Not(choice)
        if is_value(sign) and self._tokens[self._at + 1] == "..":
            return self._equal(field)
        raise no_comparison(self._place(), field)

    def _single(self, condition: Condition) -> Condition:
        sign = self._tokens[self._at]
        if sign == "..":
            hint = "a range has two ends and no sign but =, as in price 1..3"
            raise Fault(self._at, "'..'", " makes no range", hint=hint)
        if sign in OPERATORS:
            name = self._last.name if self._last is not None else "price"
            hint = f"name it twice, {name}>1 {name}<3, or put it between, 1<{name}<3"
            raise Fault(self._at, f"'{sign}'", " is a second comparison of one field", hint=hint)
        return condition

    def _equal(self, field: Field) -> Condition:
        """A number, or a range of them with both its ends."""
        start = self._at
        least = self._value(field)
        if self._tokens[self._at] != "..":
            return self._single(Compare(field.name, Comparator.EQUAL, least))
        self._at += 1
        most = self._value(field)
        if least > most:
            written = self._words(start, self._at).replace(" ", "")
            hint = "the lower end comes first"
            raise Fault(start, f"the range {shown(written)}", " has nothing in it", hint=hint)
        self._conditions += 1
        ends = (
            Compare(field.name, Comparator.AT_LEAST, least),
            Compare(field.name, Comparator.AT_MOST, most),
        )
        return self._single(All(ends))

    def _value(self, field: Field) -> float:
        """A number with its unit, which may be a word of its own."""
        at = self._at
        if not is_value(self._tokens[at]):
            raise no_value(self._place(), field)
        word, unit = unquoted(self._low[at]), self._low[at + 1]
        self._at += 1
        if (
            unit
            and word[-1:].isdigit()
            and is_unit(field, unit)
            and self._tokens[at + 2] not in OPERATORS
        ):
            self._at += 1
        else:
            unit = ""
        return number(field, word, at, unit=unit)

    def _flag(self, field: Field) -> Condition:
        sign = self._tokens[self._at]
        if sign not in OPERATORS:
            return Flag(field.name)
        word = self._low[self._at - 1]
        hint = f"write {word} or !{word}"
        if COMPARATORS.get(sign) is not Comparator.EQUAL and sign not in UNEQUAL:
            after = f" is no question to {word}, which is yes or no"
            raise Fault(self._at, f"'{sign}'", after, hint=hint)
        self._at += 1
        said = self._low[self._at]
        if not is_value(said):
            raise Fault(self._at, f"a value for {word} is missing", hint=hint)
        if said not in _YES | _NO:
            raise Fault(
                self._at, shown(self._tokens[self._at]), " is neither yes nor no", hint=hint
            )
        self._at += 1
        wanted = (said in _YES) is (sign not in UNEQUAL)
        return Flag(field.name) if wanted else Not(Flag(field.name))

    def _name(self, field: Field) -> Condition:
        sign = self._tokens[self._at]
        if sign in ("=", "==") or sign in UNEQUAL:
            self._at += 1
            choice = OneOf(field.name, self._one_name(field))
            return Not(choice) if sign in UNEQUAL else choice
        if sign in ("~", "!~"):
            self._at += 1
            part = Contains(field.name, self._part(field))
            return Not(part) if sign == "!~" else part
        if (listed := self._membership()) is not None:
            choice = OneOf(field.name, self._names(field))
            return choice if listed else Not(choice)
        raise no_comparison(self._place(), field)

    def _one_name(self, field: Field) -> frozenset[str]:
        at = self._at
        token = self._tokens[at]
        if not is_value(token):
            raise no_value(self._place(), field)
        if field.kind is Kind.GPU and not is_quoted(token):
            found = self._gpu_of_words()
            return found or gpu_values(self._likely_gpu(at), at)
        self._at += 1
        return self._meant(field, unquoted(token), at)

    def _meant(self, field: Field, text: str, index: int) -> frozenset[str]:
        if field.kind is Kind.GPU:
            return gpu_values(text, index)
        return frozenset({text_value(field, text, index, providers=self._providers)})

    def _part(self, field: Field) -> str:
        token = self._tokens[self._at]
        if not is_value(token):
            raise no_value(self._place(), field)
        self._at += 1
        part = unquoted(token).strip().lower()
        if not part:
            raise Fault(
                self._at - 1, "an empty text", " is in every other", hint=f'write {field.name}~"…"'
            )
        return part

    def _membership(self) -> bool | None:
        """Whether `in` or `not in` comes next, and is read; None if neither does."""
        low = self._low[self._at]
        if low == "in":
            self._at += 1
            return True
        if low == "not" and self._low[self._at + 1] == "in":
            self._at += 2
            return False
        return None

    def _amounts(self, field: Field) -> Condition:
        if is_value(self._tokens[self._at]) and self._tokens[self._at + 1] == "..":
            return self._equal(field)
        choices = []
        items = self._items(field)
        behind = self._at
        for start, end in items:
            self._at = start
            choices.append(Compare(field.name, Comparator.EQUAL, self._value(field)))
            if self._at < end:
                word = shown(self._tokens[self._at])
                raise Fault(self._at, word, " follows a value", hint="put a comma between them")
        self._at = behind
        self._conditions += len(choices)
        distinct = tuple(dict.fromkeys(choices))
        return distinct[0] if len(distinct) == 1 else AnyOf(distinct)

    def _names(self, field: Field) -> frozenset[str]:
        found: set[str] = set()
        for start, end in self._items(field):
            self._refuse_spaces(field, start, end)
            found |= self._meant(field, self._words(start, end), start)
        return frozenset(found)

    def _refuse_spaces(self, field: Field, start: int, end: int) -> None:
        """Two names side by side, each of a GPU, are two values; of other texts nobody can tell."""
        names = self._tokens[start:end]
        if field.kind is Kind.GPU and len(names) > 1 and not known_gpus(self._words(start, end)):
            for at, name in enumerate(names[1:], start + 1):
                if known_gpus(self._words(start, at)) and known_gpus(unquoted(name)):
                    hint = "put a comma between them"
                    raise Fault(at, shown(name), " follows a value", hint=hint)

    def _items(self, field: Field) -> list[tuple[int, int]]:
        """The values of a list: of each its first token, and the one behind its last; all of it is read."""
        opened = self._at
        if self._tokens[opened] != "(":
            hint = f"write {list_of(field, self._tokens, opened)}"
            raise Fault(opened, "a list in round brackets is missing", hint=hint)
        items = []
        self._at += 1
        while True:
            start = self._at
            while is_value(self._tokens[self._at]):
                self._at += 1
            sign = self._tokens[self._at]
            if sign == "":
                raise Fault(opened, "the list", " is never closed", hint="add ')' where it ends")
            if start < self._at:
                self._refuse_or(start)
                items.append((start, self._at))
            if sign == ")" and items:
                self._at += 1
                return items
            if sign != "," or start == self._at:
                raise self._no_item(sign, items)
            self._at += 1

    def _refuse_or(self, start: int) -> None:
        for at in range(start + 1, self._at):
            if self._low[at] in ("and", "or"):
                word = self._low[at]
                raise Fault(
                    at, word, " does not belong in a list", hint="put commas between the values"
                )

    def _no_item(self, sign: str, items: list[tuple[int, int]]) -> Fault:
        if sign == ")":
            return Fault(
                self._at,
                "the list that ends",
                " is empty",
                hint="name what it may be, or leave it out",
            )
        if sign == ",":
            return Fault(self._at, "a value is missing", " before ','", hint="take one comma out")
        hint = (
            "close the list with ')' first" if items else "name values, with a comma between them"
        )
        return Fault(self._at, f"'{sign}'", " does not belong in a list", hint=hint)

    def _words(self, start: int, end: int) -> str:
        return " ".join(map(unquoted, self._tokens[start:end]))

    def _gpu_of_words(self) -> frozenset[str]:
        """The GPU that the longest row of words from here names, which are then read; nothing if none does."""
        tokens, start = self._tokens, self._at
        name = tokens[start]
        found = known_gpus(name)
        end = start + 1
        if found:
            self._at = end
        while end < start + _LONGEST_GPU_NAME and self._may_go_on_name(end):
            name = f"{name} {tokens[end]}"
            end += 1
            longer = known_gpus(name)
            if longer:
                found, self._at = longer, end
        return frozenset(map(str.lower, found))

    def _may_go_on_name(self, at: int) -> bool:
        token, low = self._tokens[at], self._low[at]
        return not (
            token in OPERATORS
            or not is_value(token)
            or low in WORDS
            or low in KEYWORDS
            or is_quoted(token)
            or self._tokens[at + 1] in OPERATORS
        )

    def _likely_gpu(self, start: int) -> str:
        """The words that are most likely meant as a name, though none goes by it."""
        end = start + 1
        while self._may_go_on_name(end) and any(map(str.isdigit, self._tokens[end])):
            end += 1
        return self._words(start, end)

    def _mirrored(self) -> Condition:
        """`3 > price`, and between two numbers: `1 <= price < 3`."""
        at = self._at
        field = WORDS[self._low[at + 2]]
        if field.only_of_need and not self._need_told:
            raise no_need(at + 2, field.name)
        if field.kind not in (Kind.NUMBER, Kind.VERSION):
            word = shown(self._tokens[at])
            write = field.name if field.kind is Kind.FLAG else f"{field.name}={word}"
            raise Fault(at, word, " stands before its field", hint=f"write {write}")
        comparator = MIRRORED[COMPARATORS[self._tokens[at + 1]]]
        first = Compare(field.name, comparator, number(field, unquoted(self._low[at]), at))
        self._at = at + 3
        self._last = field
        second = COMPARATORS.get(self._tokens[self._at])
        if second is None:
            return first
        self._at += 1
        self._conditions += 1
        return self._single(All((first, Compare(field.name, second, self._value(field)))))

    def _place(self) -> Place:
        return Place(self._tokens, self._low, self._at, self._last, self._providers)
