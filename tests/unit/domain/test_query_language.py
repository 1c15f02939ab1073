"""What each way to write a query means."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    fits,
    holds,
)
from gpu_shopper.domain.gpu import MODELS, match_gpus
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer_fields import FIELDS, WORDS, Direction, Kind, Order
from gpu_shopper.domain.query_canonical import canonical
from gpu_shopper.domain.query_language import DEEPEST, LONGEST, Query, parse
from gpu_shopper.domain.query_values import sample, sample_list
from gpu_shopper.testing.builders import an_offer

H100 = frozenset({"h100 pcie", "h100 sxm", "h100 nvl"})
A100 = frozenset({"a100 40gb", "a100 80gb"})
AT_LEAST, AT_MOST, EQUAL = Comparator.AT_LEAST, Comparator.AT_MOST, Comparator.EQUAL
LESS, MORE = Comparator.LESS, Comparator.MORE


def price(comparator: Comparator, dollars: float) -> Compare:
    return Compare("price", comparator, dollars * 1_000_000)


def gpu(*names: str) -> OneOf:
    return OneOf("gpu", frozenset(names))


CONDITIONS: tuple[tuple[str, Condition], ...] = (
    ("", EVERYTHING),
    ("  \t\n ", EVERYTHING),
    # Amounts, however they are compared.
    ("price<3", price(LESS, 3)),
    ("PRICE < 3", price(LESS, 3)),
    ("price_per_hour<=3", price(AT_MOST, 3)),
    ("price =< 3", price(AT_MOST, 3)),
    ("price≤3", price(AT_MOST, 3)),
    ("price==3", price(EQUAL, 3)),
    ("price!=3", Not(price(EQUAL, 3))),
    ("price<>3", Not(price(EQUAL, 3))),
    ("3>price", price(LESS, 3)),
    ("1<=price<3", All((price(AT_LEAST, 1), price(LESS, 3)))),
    ("3>=price>1", All((price(AT_MOST, 3), price(MORE, 1)))),
    ("price 1..3", All((price(AT_LEAST, 1), price(AT_MOST, 3)))),
    ("price=1 .. 3", All((price(AT_LEAST, 1), price(AT_MOST, 3)))),
    ("price in 1..3", All((price(AT_LEAST, 1), price(AT_MOST, 3)))),
    ("price $0.5..$.75", All((price(AT_LEAST, 0.5), price(AT_MOST, 0.75)))),
    ("!price 1..3", Not(All((price(AT_LEAST, 1), price(AT_MOST, 3))))),
    ("count in (1, 2, 2)", AnyOf((Compare("count", EQUAL, 1), Compare("count", EQUAL, 2)))),
    ("count in (4,)", Compare("count", EQUAL, 4)),
    ("count not in (1)", Not(Compare("count", EQUAL, 1))),
    # Units.
    ("price<$3", price(LESS, 3)),
    ("price<3usd", price(LESS, 3)),
    ("price<$3/h", price(LESS, 3)),
    ("price<3 USD", price(LESS, 3)),
    ("price<50cents", price(LESS, 0.5)),
    ("price<0.1", Compare("price", LESS, 100_000.0)),
    ("vram>=80GB", Compare("vram", AT_LEAST, 80)),
    ("vram >= 80 gb spot", All((Compare("vram", AT_LEAST, 80), Flag("interruptible")))),
    ("disk>1.5TB", Compare("disk", MORE, 1500)),
    ("ram>=64gib", Compare("ram", AT_LEAST, 64)),
    ("vram>=81920MiB", Compare("vram", AT_LEAST, 80)),
    ("vram>=80000mb", Compare("vram", AT_LEAST, 80)),
    ("down>=500mbps", Compare("down", AT_LEAST, 500)),
    ("up>=10Gbps", Compare("up", AT_LEAST, 10_000)),
    ("bandwidth>=3.35TB/s", Compare("bandwidth", AT_LEAST, 3350)),
    ("reliability>98%", Compare("reliability", MORE, 0.98)),
    ("reliability>0.98", Compare("reliability", MORE, 0.98)),
    ("max_hours>=2d", Compare("max_hours", AT_LEAST, 48)),
    ("max_hours>=12h", Compare("max_hours", AT_LEAST, 12)),
    ("cuda>=12.4", Compare("cuda", AT_LEAST, 12_004_000)),
    ("cuda=12.4.1", Compare("cuda", EQUAL, 12_004_001)),
    ("capability in (8.9, 9.0)", AnyOf((Compare("capability", EQUAL, 8_009_000), Compare("capability", EQUAL, 9_000_000)))),
    # Flags.
    ("spot", Flag("interruptible")),
    ("!spot", Not(Flag("interruptible"))),
    ("not interruptible", Not(Flag("interruptible"))),
    ("interruptible=false", Not(Flag("interruptible"))),
    ("fp8=yes", Flag("fp8")),
    ("fp8!=yes", Not(Flag("fp8"))),
    # Texts.
    ("country=DE", OneOf("country", frozenset({"de"}))),
    ("country=IN", OneOf("country", frozenset({"in"}))),
    ("country in (DE,FR)", OneOf("country", frozenset({"de", "fr"}))),
    ("country not in (DE)", Not(OneOf("country", frozenset({"de"})))),
    ("city='New York'", OneOf("city", frozenset({"new york"}))),
    ("city in (New York, \"L'Aquila\")", OneOf("city", frozenset({"new york", "l'aquila"}))),
    ('city="a ""quoted"" one"', OneOf("city", frozenset({'a "quoted" one'}))),
    ("region!=eu-west-1", Not(OneOf("region", frozenset({"eu-west-1"})))),
    ("location~Frankfurt", Contains("location", "frankfurt")),
    ("location!~'New York'", Not(Contains("location", "new york"))),
    # GPUs.
    ("gpu=H100", OneOf("gpu", H100)),
    ("gpu=RTX4090", gpu("rtx 4090")),
    ('gpu="RTX 4090"', gpu("rtx 4090")),
    ("gpu=RTX 4090 price<1", All((gpu("rtx 4090"), price(LESS, 1)))),
    ("gpu=RTX 4000 SFF Ada spot", All((gpu("rtx 4000 sff ada"), Flag("interruptible")))),
    ("gpu!=RTX 4090", Not(gpu("rtx 4090"))),
    ("gpu in (RTX 4090, H100 SXM)", gpu("rtx 4090", "h100 sxm")),
    ("gpu not in (H100, A100)", Not(OneOf("gpu", H100 | A100))),
    ("gpu~'rtx 40'", Contains("gpu", "rtx 40")),
    ("H100", OneOf("gpu", H100)),
    ("H100 price<3", All((OneOf("gpu", H100), price(LESS, 3)))),
    ("4090 24gb", gpu("rtx 4090")),
    ("A100 80GB 40<=vram<=80", All((gpu("a100 80gb"), Compare("vram", AT_LEAST, 40), Compare("vram", AT_MOST, 80)))),
    ("A100 40<=vram", All((OneOf("gpu", A100), Compare("vram", AT_LEAST, 40)))),
    ("H100 | A100", AnyOf((OneOf("gpu", H100), OneOf("gpu", A100)))),
    ("!H100", Not(OneOf("gpu", H100))),
    ("'RTX 4090' spot", All((gpu("rtx 4090"), Flag("interruptible")))),
    # What joins them.
    ("spot fp8", All((Flag("interruptible"), Flag("fp8")))),
    ("spot and fp8", All((Flag("interruptible"), Flag("fp8")))),
    ("spot&fp8 && odd", All((Flag("interruptible"), Flag("fp8"), Flag("odd")))),
    ("spot or fp8 odd", AnyOf((Flag("interruptible"), All((Flag("fp8"), Flag("odd")))))),
    ("(spot || fp8) odd", All((AnyOf((Flag("interruptible"), Flag("fp8"))), Flag("odd")))),
    ("(spot fp8) odd", All((Flag("interruptible"), Flag("fp8"), Flag("odd")))),
    ("spot or (fp8 or odd)", AnyOf((Flag("interruptible"), Flag("fp8"), Flag("odd")))),
    ("!!spot", Flag("interruptible")),
    ("!(spot or fp8)", Not(AnyOf((Flag("interruptible"), Flag("fp8"))))),
    ("not spot fp8", All((Not(Flag("interruptible")), Flag("fp8")))),
)  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), CONDITIONS, ids=[text for text, _ in CONDITIONS])
def test_a_condition_means_what_it_says(text: str, meant: Condition) -> None:
    assert Query(meant) == parse(text)


def test_the_example_of_the_front_page_is_understood() -> None:
    text = (
        "gpu in (H100, H200) vram>=80 count=8 price<3 country in (DE,FR) "
        "reliability>0.98 !spot sort price/tflops"
    )

    expected = Query(
        All(
            (
                OneOf("gpu", H100 | {"h200"}),
                Compare("vram", AT_LEAST, 80),
                Compare("count", EQUAL, 8),
                price(LESS, 3),
                OneOf("country", frozenset({"de", "fr"})),
                Compare("reliability", MORE, 0.98),
                Not(Flag("interruptible")),
            )
        ),
        (Order("price_per_tflops", Direction.LOWEST),),
    )

    assert expected == parse(text)


@pytest.mark.parametrize(
    ("text", "orders", "limit"),
    [
        ("sort price", (("price", "asc"),), None),
        ("sort by vram", (("vram", "desc"),), None),
        ("SORT vram ASC, -price", (("vram", "asc"), ("price", "desc")), None),
        ("sort +vram descending", (("vram", "desc"),), None),
        ("sort price/tflops desc, cuda limit 5", (("price_per_tflops", "desc"), ("cuda", "desc")), 5),
        ("limit 10", (), 10),
        ("limit = 1000 sort price", (("price", "asc"),), 1000),
    ],
)  # fmt: skip
def test_a_query_ends_with_its_order_and_its_limit(text, orders, limit) -> None:
    expected = tuple(Order(field, Direction(direction)) for field, direction in orders)

    assert Query(EVERYTHING, expected, limit) == parse(text)
    assert Query(Flag("interruptible"), expected, limit) == parse(f"spot {text}")


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_the_table_of_fields_can_be_asked(word: str) -> None:
    field = WORDS[word]
    asked = [sample(field).replace(field.name, word, 1)]
    asked += [] if field.kind is Kind.FLAG else [sample_list(field)]
    asked += [f"sort {word}"] if field.sortable else []

    for text in asked:
        query = parse(text)
        assert fits(query.condition), text
        assert query == parse(canonical(query)), text


@pytest.mark.parametrize("name", MODELS)
def test_every_gpu_goes_by_its_own_name(name: str) -> None:
    meant = OneOf("gpu", frozenset(map(str.lower, match_gpus(name))))

    assert name.lower() in meant.values
    for text in (f"gpu={name} price<3", f"gpu in ({name}) price<3", f"{name} price<3"):
        assert Query(All((meant, price(LESS, 3)))) == parse(text), text


def test_a_query_finds_what_it_describes_and_nothing_else() -> None:
    wanted = an_offer(
        gpu_type="H100 SXM", gpu_count=8, vram_gb=80, price=HourlyRate(2_500_000), country="DE"
    )
    query = parse("H100 count=8 price<3 country in (DE, FR) !spot")

    assert holds(wanted, query.condition)
    for changed in (
        {"gpu_type": "A100 80GB"}, {"gpu_count": 4}, {"price": HourlyRate(3_000_000)},
        {"country": "US"}, {"interruptible": True},
    ):  # fmt: skip
        fields = {"gpu_type": "H100 SXM", "gpu_count": 8, "vram_gb": 80, "price": wanted.price, "country": "DE"}  # fmt: skip
        assert not holds(an_offer(**{**fields, **changed}), query.condition), changed


def test_clouds_are_known_where_they_are_told() -> None:
    assert Query(OneOf("provider", frozenset({"cloud-a"}))) == parse(
        "cloud=Cloud-A", providers=[ProviderName("cloud-a")]
    )


def test_money_is_read_to_the_last_digit() -> None:
    # In binary, 0.07 × 1,000,000 is a little more than 70,000.
    for cents in range(1_000):
        (compared,) = [parse(f"price<{cents / 100:.2f}").condition]
        assert Compare("price", LESS, cents * 10_000) == compared


def test_every_scale_is_a_power_of_ten_so_that_no_digit_is_lost() -> None:
    assert [] == [f.name for f in FIELDS.values() if f.scale not in (1, 1_000, 1_000_000)]


# ── the one form ─────────────────────────────────────────────────────────────────────────────────

CANONICAL = (
    ("", ""),
    ("PRICE  <$3/h", "price<3"),
    ("price<0.0712345 sort -price limit 7", "price<0.0712345 sort price desc limit 7"),
    ("H100 sxm or 4090", 'gpu="h100 sxm" or gpu="rtx 4090"'),
    ("gpu=A100", 'gpu in ("a100 40gb", "a100 80gb")'),
    ("1.5<=price<3 cuda>=12", "price>=1.5 price<3 cuda>=12.0"),
    ("cuda=12.4.1 max_hours>2d", "cuda=12.4.1 max_hours>48"),
    ("!(spot or fp8) (odd or partial)", "!(interruptible or fp8) (odd or partial)"),
    ("interruptible=no", "!interruptible"),
    ("city='say \"hi\"'", 'city="say ""hi"""'),
    ("country in (FR, de)", "country in (de, fr)"),
    ("count in (1,2) spot", "(count=1 or count=2) interruptible"),
    ("!price 1..3", "!(price>=1 price<=3)"),
)


@pytest.mark.parametrize(("text", "form"), CANONICAL, ids=[text for text, _ in CANONICAL])
def test_a_query_has_one_form(text: str, form: str) -> None:
    assert form == canonical(parse(text))
    assert parse(text) == parse(form)


def test_what_was_made_by_hand_is_told_apart_too() -> None:
    spot = Flag("interruptible")
    made = (
        EVERYTHING,
        AnyOf(()),
        spot,
        Not(spot),
        AnyOf((spot, EVERYTHING)),
        All((spot, AnyOf(()))),
    )

    assert len(made) == len({canonical(Query(condition)) for condition in made})


numbers = st.floats(0, 1e6, allow_nan=False).map(lambda value: f"{value:.9f}")
texts = (
    st.text(max_size=12)
    .filter(lambda text: text.strip() and "*" not in text)
    .map(lambda text: '"{}"'.format(text.replace('"', '""')))
)
comparisons = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
AMOUNTS = [f.name for f in FIELDS.values() if f.kind is Kind.NUMBER and f.unit != "0 to 1"]
leaves = st.one_of(
    st.builds("{}{}{}".format, st.sampled_from(AMOUNTS), comparisons, numbers),
    st.builds("{} 0..{}".format, st.sampled_from(AMOUNTS), numbers),
    st.builds("reliability{}{}%".format, comparisons, st.integers(0, 100)),
    st.builds("cuda{}{}.{}".format, comparisons, st.integers(1, 20), st.integers(0, 9)),
    st.builds("max_hours>{}{}".format, st.integers(0, 500), st.sampled_from(["h", "d", "w", ""])),
    st.builds("count in ({},{})".format, st.integers(1, 9), st.integers(1, 9)),
    st.builds("city{}{}".format, st.sampled_from(["=", "!=", "~", "!~"]), texts),
    st.builds("region in ({}, {})".format, texts, texts),
    st.builds("gpu{}{}".format, st.sampled_from(["=", "!="]), st.sampled_from(sorted(MODELS))),
    st.builds("gpu in ({})".format, st.lists(st.sampled_from(sorted(MODELS)), min_size=1).map(", ".join)),
    st.sampled_from(["spot", "!fp8", "odd=no", "country not in (DE, FR)"]),
)  # fmt: skip
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({}) ({})".format, inner, inner),
        st.builds("({}) or {}".format, inner, inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=8,
)
tails = st.sampled_from(["", "sort price", "sort -vram, price desc limit 5", "limit 3"])


@settings(max_examples=500)
@given(text=st.builds("{} {}".format, trees, tails))
def test_the_one_form_is_read_as_the_query_that_it_was_made_of(text: str) -> None:
    query = parse(text[:LONGEST])
    form = canonical(query)

    assert fits(query.condition)
    if len(form) <= LONGEST:
        assert query == parse(form)
        assert form == canonical(parse(form))


def test_nesting_is_read_as_deep_as_is_allowed() -> None:
    assert Flag("odd") == parse("(" * DEEPEST + "odd" + ")" * DEEPEST).condition
