"""What a condition means, part by part: the answer that every faster one is compared with."""

from datetime import timedelta

import pytest

from gpu_shopper.domain.conditions import (
    EVERYTHING,
    All,
    AnyOf,
    Comparator,
    Compare,
    Condition,
    Contains,
    Flag,
    Not,
    OneOf,
    fields_of,
    fits,
    fulfils,
    holds,
    joined,
    parts_of,
)
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer_fields import Value
from gpu_shopper.domain.true_price import BillingTerms, Costing, Need
from gpu_shopper.testing.builders import CUMULUS, an_offer

EIGHT = Compare("vcpus", Comparator.AT_LEAST, 8)
MANY = Compare("vcpus", Comparator.AT_LEAST, 99)
OSLO = Contains("location", "oslo")
PARIS = Contains("location", "paris")
SPOT = Flag("interruptible")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (EVERYTHING, True),
        (AnyOf(()), False),
        (EIGHT, True),
        (MANY, False),
        (Not(MANY), True),
        (Not(EIGHT), False),
        (All((EIGHT, OSLO)), True),
        (All((EIGHT, PARIS)), False),
        (AnyOf((PARIS, EIGHT)), True),
        (AnyOf((PARIS, MANY)), False),
        (AnyOf((All((EIGHT, PARIS)), Not(SPOT))), True),
    ],
)
def test_a_tree_holds_as_its_parts_do(condition: Condition, expected: bool) -> None:
    assert expected is holds(an_offer(vcpus=16, location="Oslo, NO"), condition)


@pytest.mark.parametrize(
    ("value", "part", "expected"),
    [
        ("Oslo, NO", OSLO, True),
        ("OSLO", OSLO, True),
        ("Paris", OSLO, False),
        (None, OSLO, False),
        (8, EIGHT, True),
        (7.9, EIGHT, False),
        (None, EIGHT, False),
        (True, Compare("count", Comparator.EQUAL, 1), False),
        ("NO", OneOf("country", frozenset({"no", "se"})), True),
        ("FR", OneOf("country", frozenset({"no", "se"})), False),
        (None, OneOf("country", frozenset({"no", "se"})), False),
        (True, SPOT, True),
        (1, SPOT, False),
        (None, SPOT, False),
    ],
)
def test_what_is_not_told_fulfils_nothing_and_case_means_nothing(
    value: Value, part: Compare | OneOf | Contains | Flag, expected: bool
) -> None:
    assert expected is fulfils(value, part)


def test_what_somebody_needs_is_asked_wherever_a_price_stands_in_the_tree() -> None:
    offer = an_offer(price=rate("0.40"))
    terms = ((CUMULUS, BillingTerms(increment=timedelta(hours=2))),)
    costing = Costing(Need(hours=1), terms=terms)
    price = Compare("effective_price", Comparator.EQUAL, 800_000)

    for condition in (price, All((price,)), AnyOf((price,)), Not(Not(price))):
        assert holds(offer, condition, costing)
        assert not holds(offer, condition)


def test_all_parts_of_a_tree_are_named_and_their_fields() -> None:
    tree = All((EIGHT, AnyOf((OSLO, Not(SPOT))), MANY))

    assert [EIGHT, OSLO, SPOT, MANY] == [*parts_of(tree)]
    assert {"vcpus", "location", "interruptible"} == fields_of(tree)


def test_joined_lists_are_one_list_and_one_condition_is_itself() -> None:
    assert EIGHT == joined(EIGHT)
    assert EIGHT == joined(EVERYTHING, All((EIGHT,)))
    assert All((EIGHT, OSLO)) == joined(EIGHT, OSLO)
    assert All((EIGHT, OSLO, SPOT)) == joined(All((EIGHT, OSLO)), SPOT)
    assert EVERYTHING == joined()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (EIGHT, True),
        (Compare("cuda", Comparator.MORE, 12), True),
        (Compare("country", Comparator.EQUAL, 1), False),
        (OneOf("gpu", frozenset({"t4"})), True),
        (Contains("vcpus", "8"), False),
        (SPOT, True),
        (Flag("price"), False),
        (Not(Flag("price")), False),
        (All((EIGHT, Flag("price"))), False),
        (AnyOf((EIGHT, OSLO)), True),
    ],
)
def test_a_field_is_asked_only_what_such_a_field_can_answer(
    condition: Condition, expected: bool
) -> None:
    assert expected is fits(condition)
