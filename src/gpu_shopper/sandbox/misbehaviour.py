"""The ways in which the cloud can be told to misbehave, and when each of them strikes.

A rule has a kind, a rate (how often it strikes when it could), perhaps a count (how many times at
most) and parameters. A rule strikes only at the operations that it names; each kind has its usual
ones. What a kind does is told in `docs/reference/sandbox.md`.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from gpu_shopper.sandbox.gpu_models import GPU_MODELS, MIG_SLICES
from gpu_shopper.sandbox.hosts import HOSTS
from gpu_shopper.sandbox.messages import Json, Row

OFFERS = "offers"
CREATE = "create"
LIST = "list"
GET = "get"
DESTROY = "destroy"
SELF = "self"
ACCOUNT = "account"
# The first, empty, leaves the choice to the cloud.
GPU_NAMES = (
    "",
    *(spelling for model in (*GPU_MODELS, *MIG_SLICES) for spelling in model.spellings),
)
# The first, empty, means each of them.
REGIONS = ("", *sorted({region.name for host in HOSTS for region in host.regions}))
OPERATIONS = (OFFERS, CREATE, LIST, GET, DESTROY, SELF, ACCOUNT)


class RuleRefusedError(Exception):
    """The rule is not one that the cloud knows."""


@dataclass(frozen=True, slots=True)
class Number:
    """A parameter that is a number within limits."""

    default: float
    least: float
    most: float = 86_400.0 * 365

    def check(self, value: Json, where: str) -> Json:
        """Return the value if it fits."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.least <= value <= self.most
        ):
            raise RuleRefusedError(f"{where} must be a number from {self.least:g} to {self.most:g}")
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """A parameter that is one of a few values; the first is the default."""

    values: tuple[Json, ...]

    @property
    def default(self) -> Json:
        """The value where the rule says nothing."""
        return self.values[0]

    def check(self, value: Json, where: str) -> Json:
        """Return the value if it fits."""
        if not any(
            value is known or (isinstance(known, str) and value == known) for known in self.values
        ):
            raise RuleRefusedError(f"{where} must be one of {list(self.values)}")
        return value


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of misbehaviour strikes at, by default and at all, and what it takes."""

    usual: tuple[str, ...]
    params: Mapping[str, Number | Choice]
    possible: tuple[str, ...] = ()

    def allows(self, operation: str) -> bool:
        """Tell whether the kind makes sense at this operation."""
        return operation in (self.possible or self.usual)


def _seconds(default: float) -> Mapping[str, Number]:
    return {"seconds": Number(default, 0.0)}


_ENDS = (DESTROY, SELF)

KINDS: Mapping[str, Kind] = {
    "lose_request": Kind(OPERATIONS, {}, OPERATIONS),
    "answer_late": Kind(OPERATIONS, _seconds(30.0), OPERATIONS),
    "rate_limited": Kind(
        OPERATIONS,
        {"retry_after": Number(5.0, 0.0), "tells": Choice((True, False))},
        OPERATIONS,
    ),
    "unauthorized": Kind(OPERATIONS, {}, OPERATIONS),
    "down": Kind(OPERATIONS, {}, OPERATIONS),
    "html_error": Kind(OPERATIONS, {}, OPERATIONS),
    "region_down": Kind((CREATE, GET, DESTROY), {"region": Choice(REGIONS)}),
    "no_capacity": Kind((CREATE,), {}),
    "no_balance": Kind((CREATE,), {}),
    "lose_create_reply": Kind((CREATE,), {}),
    "create_then_500": Kind((CREATE,), {}),
    "create_late": Kind((CREATE,), {**_seconds(30.0), "answer": Choice(("504", "cut"))}),
    "create_garbled": Kind((CREATE,), {"body": Choice(("no_id", "not_json", "empty"))}),
    "create_error_with_id": Kind((CREATE,), {}),
    "bought_twice": Kind((CREATE,), {}),
    "label_lost": Kind((CREATE,), {"keep": Number(0, 0, 100)}),
    "wrong_gpu": Kind(
        (CREATE,),
        {
            "gpu_name": Choice(GPU_NAMES),
            "gpu_count": Number(0, 0, 16),
            "admits": Choice((False, True)),
        },
    ),
    "wrong_price": Kind(
        (CREATE,), {"factor": Number(2.0, 0.0, 1000.0), "admits": Choice((True, False))}
    ),
    "never_boot": Kind((CREATE,), {}),
    "boot_fails": Kind((CREATE,), {}),
    "slow_boot": Kind((CREATE,), _seconds(600.0)),
    "starts_stopped": Kind((CREATE,), {}),
    "reserved": Kind((CREATE,), _seconds(3600.0)),
    "preempt": Kind((CREATE,), _seconds(60.0)),
    "offers_garbled": Kind(
        (OFFERS,), {"body": Choice(("not_json", "rows", "empty")), "share": Number(1.0, 0.0, 1.0)}
    ),
    "list_lag": Kind((LIST,), _seconds(30.0)),
    "list_cut": Kind((LIST,), {"share": Number(0.5, 0.0, 1.0)}),
    "list_empty": Kind((LIST,), {}),
    "list_twice": Kind((LIST,), {}),
    "list_flaps": Kind((LIST,), {"share": Number(0.3, 0.0, 1.0)}),
    "list_foreign": Kind((LIST,), {}),
    "stale_status": Kind((LIST, GET), {}),
    "new_status": Kind((LIST, GET), {}),
    "new_schema": Kind((LIST, GET), {}),
    "get_false_404": Kind((GET,), {}),
    "destroy_false_404": Kind((DESTROY,), {}),
    "ignore_destroy": Kind((DESTROY,), {}, _ENDS),
    "stop_instead_of_destroy": Kind((DESTROY,), {}, _ENDS),
    "slow_destroy": Kind((DESTROY,), _seconds(30.0), _ENDS),
    "lose_destroy_reply": Kind((DESTROY,), {}, _ENDS),
    "resurrected": Kind((DESTROY,), _seconds(600.0), _ENDS),
}


class Rule(msgspec.Struct, kw_only=True):
    """One rule in force; `count` goes down as it strikes, `struck` goes up."""

    kind: str
    rate: float
    count: int | None
    params: dict[str, Json]
    operations: tuple[str, ...]
    struck: int = 0

    def number(self, name: str) -> float:
        """Return a numeric parameter."""
        value = self.params[name]
        assert isinstance(value, int | float), (self.kind, name, value)
        return value

    def as_row(self) -> Row:
        """Return the rule as the control API shows it."""
        return {
            "kind": self.kind, "rate": self.rate, "count": self.count, "params": dict(self.params),
            "operations": list(self.operations), "struck": self.struck,
        }  # fmt: skip


class Misbehaviour:
    """The rules in force."""

    def __init__(self, chance: random.Random, rules: Iterable[Rule] = ()) -> None:
        self._chance = chance
        self.rules: list[Rule] = list(rules)
        self.strikes_so_far = 0

    def replace(self, rows: Sequence[Json]) -> None:
        """Put these rules into force instead of all others; all of them or, if one is wrong, none."""
        self.rules = [parse_rule(row, where=f"rules[{index}]") for index, row in enumerate(rows)]

    def strikes(self, kind: str, operation: str) -> Rule | None:
        """Draw whether a rule of this kind strikes at this operation now, and use it up if so."""
        for rule in self.rules:
            if rule.kind == kind and self._draw(rule, operation):
                return rule
        return None

    def first_of(self, kinds: Sequence[str], operation: str) -> Rule | None:
        """Draw in the order of the rules; return the first of these kinds that strikes."""
        for rule in self.rules:
            if rule.kind in kinds and self._draw(rule, operation):
                return rule
        return None

    def is_down(self, region: str, operation: str) -> bool:
        """Draw whether what stands in this region can't be asked for just now."""
        return any(
            rule.kind == "region_down"
            and rule.params["region"] in {"", region}
            and self._draw(rule, operation)
            for rule in self.rules
        )

    def _draw(self, rule: Rule, operation: str) -> bool:
        if operation not in rule.operations or rule.count == 0:
            return False
        if rule.rate < 1 and self._chance.random() >= rule.rate:
            return False
        rule.struck += 1
        self.strikes_so_far += 1
        if rule.count is not None:
            rule.count -= 1
        return True


def parse_rule(row: Json, *, where: str = "rule") -> Rule:
    """Read one rule.

    Raises:
        RuleRefusedError: the kind, a field, a parameter or an operation is unknown or out of range.
    """
    if not isinstance(row, Mapping):
        raise RuleRefusedError(f"{where} must be an object")
    unknown = sorted(set(row) - {"kind", "rate", "count", "params", "operations", "struck"})
    if unknown:
        raise RuleRefusedError(f"{where} has unknown fields: {', '.join(unknown)}")
    name = row.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None or not isinstance(name, str):
        raise RuleRefusedError(f"{where}.kind is not known: {name!r}; known are {', '.join(KINDS)}")
    rate = Number(1.0, 0.0, 1.0).check(row.get("rate", 1.0), f"{where}.rate")
    assert isinstance(rate, int | float), rate
    return Rule(
        kind=name,
        rate=float(rate),
        count=_count(row.get("count"), where),
        params=_params(kind, row.get("params", {}), where),
        operations=_operations(kind, row.get("operations"), where),
    )


def _count(value: Json, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RuleRefusedError(f"{where}.count must be a whole number, 0 or more")
    return value


def _params(kind: Kind, given: Json, where: str) -> dict[str, Json]:
    if not isinstance(given, Mapping):
        raise RuleRefusedError(f"{where}.params must be an object")
    unknown = sorted(set(given) - set(kind.params))
    if unknown:
        raise RuleRefusedError(f"{where}.params has unknown parameters: {', '.join(unknown)}")
    return {
        name: param.check(given[name], f"{where}.params.{name}") if name in given else param.default
        for name, param in kind.params.items()
    }


def _operations(kind: Kind, given: Json, where: str) -> tuple[str, ...]:
    if given is None:
        return kind.usual
    if not isinstance(given, list | tuple) or not given:
        raise RuleRefusedError(f"{where}.operations must be a list")
    for operation in given:
        if not isinstance(operation, str) or not kind.allows(operation):
            raise RuleRefusedError(
                f"{where}.operations: {operation!r} is not possible with this kind"
            )
    return tuple(given)
