"""What strangers type, and the sentence that each of them reads."""

import pytest

from gpu_shopper.domain.errors import Refusal
from gpu_shopper.domain.query_caret import caret_lines
from gpu_shopper.domain.query_errors import QueryError
from gpu_shopper.domain.query_language import DEEPEST, LONGEST, MOST_CONDITIONS, parse

CLOUDS = ("cloud-a", "cloud-b", "sandy")
SENTENCES = (
    # Words that nobody knows, and what our word for it is.
    ("price<3 and vrm>=80", "vrm is unknown at 13: did you mean vram?"),
    ("prce<3", "prce is unknown at 1: did you mean price?"),
    ("vrma", "vrma is unknown at 1: did you mean vram?"),
    ("memory>=80", "memory is unknown at 1: did you mean vram?"),
    ("cost<3", "cost is unknown at 1: did you mean price?"),
    ("gpu_ram>=80", "gpu_ram is unknown at 1: did you mean vram?"),
    ("flurb", "flurb is unknown at 1: write conditions such as price<3, or the name of a GPU"),
    ("flurb<3", "flurb is unknown at 1: fields are price, vram, gpu, count, country and others"),
    ("select * from offers", "select is unknown at 1: leave it out, conditions need no such word"),
    ("H100 where price<3", "where is unknown at 6: leave it out, conditions need no such word"),
    ("price under 3", "under at 7 is no comparison: write price<3"),
    ("H100 under $3", "under is unknown at 6: to stay below, write price<3"),
    ("cheapest H100", "cheapest is unknown at 1: for the lowest price first, end with sort price"),
    ("H100 order by price", "order is unknown at 6: end with sort price"),
    ("price is 3", "is at 7 is no comparison: write price<3"),
    ("price between 1 and 3", "between at 7 is no comparison: write price 1..3"),
    ("gpu like RTX", "like at 5 is no comparison: write gpu~RTX"),
    ("H100 <3$", "H100 at 1 is a GPU and no field: write a field before '<', as in H100 price<3"),
    ("4x4090", "4x4090 is unknown at 1: write count=4 gpu=4090"),
    ("4090s", "4090s is unknown at 1: did you mean RTX 4090, RTX 4090 D or RTX 4080 Super?"),
    ("H100/H200", "H100/H200 is unknown at 1: did you mean H200, H100 or GH200?"),
    ("all", "all is unknown at 1: leave it out, an empty query is everything"),
    ("H100 memory", "memory is unknown at 6: did you mean vram>=80?"),
    ("+price H100", "'+price' is unknown at 1: write it behind sort"),
    ("price expensive", "price is compared with nothing at 1: write price<3"),
    ("%A10", "'%A10' is unknown at 1: did you mean A10?"),
    ("[H100]", "'[' at 1 means nothing here: use round brackets"),
    ("H100 vendor_name", "vendor_name is unknown at 6: did you mean vendor=nvidia?"),
    ("nvidia", "nvidia is unknown at 1: did you mean vendor=nvidia?"),
    ("hopper price<3", "hopper is unknown at 1: did you mean architecture=hopper?"),
    ("sandy price<3", "sandy is unknown at 1: did you mean provider=sandy?"),
    ("DE H100", "DE is unknown at 1: did you mean country=DE?"),
    ("H100 on-demand", "on-demand is unknown at 6: write !spot"),
    ("-spot", "'-spot' is unknown at 1: write !spot"),
    ("any of (H100, A100)", "any is unknown at 1: write gpu in (H100, A100)"),
    ("price<3 one of RTX 4090, H100", "one is unknown at 9: write gpu in (RTX 4090, H100)"),
    ("gpu any of (H100,A100)", "any at 5 is no comparison: write gpu in (H100, A100)"),
    ("gpu in H100,A100", "a list in round brackets is missing at 8: write gpu in (H100, A100)"),
    ("country=(de, fr)", "'(' at 9 opens no list here: write country in (de, fr)"),
    ("gpu in (H100 A100)", "A100 at 14 follows a value: put a comma between them"),
    ("gpu like '%H100%'", "like at 5 is no comparison: write gpu~H100"),
    ("price<3 usd per hour", "per is unknown at 13: leave it out, price is in USD/h already"),
    ("price<1.000,50", "',' at 12 splits a number: write 1000.50"),
    ("price<1,000.50", "',' at 8 splits a number: write 1000.50"),
    ("gpu=H1OO", "H1OO at 5 is no known GPU: did you mean H100?"),
    ("sort=price", "'=' at 5 belongs to conditions: write sort price"),
    ("sort price offset 2", "offset at 12 stands behind sort: leave it out, the next page is asked for by the cursor"),
    ("H100 eu", "eu is unknown at 6: places go by country, write country in (DE, FR)"),
    ("group by gpu", "group is unknown at 1: leave it out, and ask for counts beside the query: --count-by gpu, or facets=gpu"),
    # Names of GPUs.
    ("gpu=H1000", "H1000 at 5 is no known GPU: did you mean H100, RTX A1000 or V100?"),
    ("H1000 price<3", "H1000 is unknown at 1: did you mean H100, RTX A1000 or V100?"),
    ("gpu=RTX 4091 price<1", "RTX 4091 at 5 is no known GPU: did you mean RTX 4090, RTX 4090 D or RTX 5090?"),
    ("gpu in (H100, RTX 4091)", "RTX 4091 at 15 is no known GPU: did you mean RTX 4090, RTX 4090 D or RTX 5090?"),
    ("RTX", "RTX is unknown at 1: write gpu~rtx for every GPU with that in its name"),
    ("gpu=RTX*", "RTX* at 5 is no GPU: there are no wildcards, write gpu~RTX for every GPU with that in its name"),
    ("gpu=RTX", "RTX at 5 is no known GPU: write gpu~RTX for every GPU with that in its name"),
    ("8xH100", "8xH100 is unknown at 1: write count=8 gpu=H100"),
    ("H100 x8", "x8 is unknown at 6: write count=8"),
    ("a100 80gb 8", "8 at 11 is a number without a field: write a field first, as in count=8"),
    ("H100 A100", "A100 at 6 is a second GPU, and no offer has two models: join them with or, or write gpu in (…, A100)"),
    ("gpu=H100, A100", "',' at 9 stands outside of a list: write gpu in (H100, A100)"),
    ("H100, A100", "',' at 5 stands outside of a list: write gpu in (H100, A100)"),
    ("gpu=(H100, A100)", "'(' at 5 opens no list here: write gpu in (H100, A100)"),
    ("gpu in H100, A100", "a list in round brackets is missing at 8: write gpu in (H100, A100)"),
    ("gpu in [H100, A100]", "a list in round brackets is missing at 8: write gpu in (H100, A100)"),
    ("gpu in {H100}", "a list in round brackets is missing at 8: write gpu in (H100, H200)"),
    ("gpu in (H100, A100", "the list at 8 is never closed: add ')' where it ends"),
    ("gpu in (H100 or A100)", "or at 14 does not belong in a list: put commas between the values"),
    ("gpu in ()", "the list that ends at 9 is empty: name what it may be, or leave it out"),
    ("gpu in (H100,,A100)", "a value is missing at 14 before ',': take one comma out"),
    ("gpu in (H100; A100)", "';' at 13 does not belong in a list: close the list with ')' first"),
    # Comparisons.
    ("gpu:H100", "':' at 4 is no comparison: write gpu=H100"),
    ("gpu H100", "gpu is compared with nothing at 1: write gpu=H100"),
    ("gpu>H100", "'>' at 4 compares numbers, and gpu is a text: write gpu=H100"),
    ("H100=gpu", "H100 at 1 stands before its field: write gpu=H100"),
    ("H100>80", "H100 at 1 is a GPU and no field: write a field before '>', as in H100 price<3"),
    ("price 3", "price is compared with nothing at 1: write price<3 or price=3"),
    ("vram 80", "vram is compared with nothing at 1: write vram>=80 or vram=80"),
    ("price", "price is compared with nothing at 1: write price<3"),
    ("price<", "a value for price is missing at 7: write price<3"),
    ("price=", "a value for price is missing at 7: write price<3"),
    ("price = = 3", "a value for price is missing at 9 before '=': write price<3"),
    ("price<3<4", "'<' at 8 is a second comparison of one field: name it twice, price>1 price<3, or put it between, 1<price<3"),
    ("3<4", "3 at 1 is a number without a field: write a field first, as in count=8"),
    ("<3", "'<' at 1 has no field before it: write a field first, as in price<3"),
    ("price!3", "'!' at 6 is no comparison: write price<3"),
    # Amounts and their units.
    ("price<free", "free at 7 is no number: write price<3"),
    ("price<-1", "'-1' at 7 is below 0, and price never is: write price<3"),
    ("price<1,000", "',' at 8 splits a number: write 1000"),
    ("reliability>0,98", "',' at 14 splits a number: write 0.98"),
    ("reliability>98", "98 at 13 is above 1: reliability goes from 0 to 1, write 98% or 0.98"),
    ("reliability>100", "100 at 13 is above 1: reliability goes from 0 to 1, write 100% or 1"),
    ("price<3€", "'€' at 8 does not belong to price: price is in USD/h, write price<3"),
    ("price<€3", "'€3' at 7 is no price in US dollars: write price<3"),
    ("price<3/day", "'/day' at 8 does not belong to price: price is in USD/h, write price<3"),
    ("vram>=$80", "'$80' is money at 7, vram is in GB: write vram>=80"),
    ("H100 24GB", "24GB at 6 is a number without a field: write a field first, as in vram>=24GB"),
    ("98%", "98% at 1 is a number without a field: write a field first, as in reliability>=98%"),
    ("vram 24+", "vram is compared with nothing at 1: write vram>=80"),
    ("price/hr<3", "price/hr is unknown at 1: did you mean price?"),
    ("reliability>=$1", "'$1' is money at 14, reliability goes from 0 to 1: write reliability>=0.98"),
    ("reliability>98days", "the unit days at 15 does not belong to reliability: reliability goes from 0 to 1, write reliability>=0.98"),
    ("vram>=80mbps", "the unit mbps at 9 does not belong to vram: vram is in GB, write vram>=80"),
    ("vram>=80 mbps", "mbps is unknown at 10: vram is in GB, write vram>=80"),
    ("down>=1gb", "the unit gb at 8 does not belong to down: down is in Mbps, write down>=500"),
    ("count=8x", "the unit x at 8 does not belong to count: count has no unit, write count>=8"),
    ("count=8 gpus", "gpus is compared with nothing at 9: write count>=8"),
    ("count in (1 2)", "2 at 13 follows a value: put a comma between them"),
    ("count in (1, two)", "two at 14 is no number: write count>=8"),
    ("price 3..1", "the range 3..1 at 7 has nothing in it: the lower end comes first"),
    ("price 1..", "a value for price is missing at 10: write price<3"),
    ("price 1..3..5", "'..' at 11 makes no range: a range has two ends and no sign but =, as in price 1..3"),
    ("price<1..3", "'..' at 8 makes no range: a range has two ends and no sign but =, as in price 1..3"),
    ("vram~80", "'~' at 5 looks into texts, and vram is a number: write vram>=80"),
    ("cuda>=newest", "newest at 7 is no version: write cuda>=12.4"),
    ("cuda>=12.x", "12.x at 7 is no version: write cuda>=12.4"),
    ("capability>=sm_90", "sm_90 at 13 is no version: write capability>=8.9"),
    ("$3", "'$3' at 1 is a number without a field: write a field first, as in price<$3"),
    ("3", "3 at 1 is a number without a field: write a field first, as in count=8"),
    # Texts.
    ("country=Germany", "Germany at 9 is no code of a country: did you mean country=DE?"),
    ("country in (DE FR)", "DE FR at 13 is no code of a country: countries go by their code of two letters, write country=DE or country in (DE, FR)"),
    ("country>DE", "'>' at 8 compares numbers, and country is a text: write country=DE"),
    ("country DE", "country is compared with nothing at 1: write country=DE"),
    ("H100 in DE", "in at 6 has no field before it: did you mean country=DE?"),
    ("city=New York", 'York is unknown at 10: a text of several words needs quotes, city="New York"'),
    ('city=""', "an empty text at 6 is nothing to look for: write city=Paris"),
    ("city~''", 'an empty text at 6 is in every other: write city~"…"'),
    ("region=eu*", "eu* at 8 is no whole text: there are no wildcards, write region~eu"),
    ("city in ('New Y*')", 'New Y* at 10 is no whole text: there are no wildcards, write city~"new y"'),
    ("city~", "a value for city is missing at 6: write city=Paris"),
    ("city~(Paris)", "'(' at 6 opens no list here: write city in (A, B)"),
    ("provider=sandi", "sandi at 10 is no cloud that is connected: did you mean sandy?"),
    ("provider=amazon", "amazon at 10 is no cloud that is connected: there is cloud-a, cloud-b, sandy"),
    # Flags.
    ("spot=maybe", "maybe at 6 is neither yes nor no: write spot or !spot"),
    ("spot>3", "'>' at 5 is no question to spot, which is yes or no: write spot or !spot"),
    ("spot=", "a value for spot is missing at 6: write spot or !spot"),
    # What joins conditions.
    ("price<3, vram>=80", "',' at 8 stands outside of a list: separate conditions by spaces"),
    ("price<3; vram>=80", "';' at 8 means nothing here: conditions are separated by spaces"),
    ('gpu="RTX 4090', 'the quote that opens at 5 is never closed: add " where the text ends'),
    ("gpu='RTX 4090", "the quote that opens at 5 is never closed: add ' where the text ends"),
    ("gpu=“RTX 4090”", '“ at 5 is no plain quote: write " or \''),
    ("price<3)", "')' at 8 closes nothing: take it out, or add '(' before"),
    ("(price<3", "the bracket at 1 is never closed: add ')' where it ends"),
    ("(price<3 sort price)", "sort at 10 stands within brackets: close them before sort"),
    ("()", "a condition is missing at 2 after '(': write one, such as price<3"),
    ("!", "a condition is missing at 2 after '!': write one, such as price<3"),
    ("H100 and", "a condition is missing at 9 after and: write one, such as price<3"),
    ("or price<3", "a condition is missing at 1 before or: write one, such as price<3"),
    ("H100 and or spot", "a condition is missing at 10 after and: write one, such as price<3"),
    ("H100 or sort price", "a condition is missing at 9 after or: write one, such as price<3"),
    # What people would say to a person.
    ("H100 in germany", "in at 6 has no field before it: did you mean country=DE?"),
    ("germany", "germany is unknown at 1: did you mean country=DE?"),
    ("united states H100", "united is unknown at 1: did you mean country=US?"),
    ("H100 usa", "usa is unknown at 6: did you mean country=US?"),
    ("H100 in the netherlands", "in at 6 has no field before it: write a field first, as in country in (DE, FR)"),
    ("2 gpus", "2 at 1 stands before its field: write count=2"),
    ("8 H100", "8 at 1 is a number without a field: write count=8 H100"),
    ("8 x H100", "8 at 1 is a number without a field: write count=8 H100"),
    ("64gb ram", "64gb at 1 stands before its field: write ram>=64gb"),
    ("a lot of memory", "a is unknown at 1: leave it out, conditions need no such word"),
    ("H100 available now", "now is unknown at 16: leave it out, conditions need no such word"),
    ("at least 80gb", "at is unknown at 1: to have at least so much, write vram>=80"),
    ("price<3 per hour", "per is unknown at 9: leave it out, price is in USD/h already"),
    ("price<3 eur", "eur is unknown at 9: prices are in US dollars, write price<3"),
    ("sort by price low to high", "low at 15 is no direction: write asc for the lowest first, desc for the highest"),
    ("country=EU", "EU at 9 is no code of a country: countries go by their code of two letters, write country=DE or country in (DE, FR)"),
    ("country=UK", "UK at 9 is no code of a country: did you mean country=GB?"),
    ("country in (germany, FR)", "germany at 13 is no code of a country: did you mean country=DE?"),
    ("location=Paris, France", '\',\' at 15 ends the text: a text with a comma needs quotes, location="Paris, France"'),
    ("vram>80gb<100", "'<' at 10 is a second comparison of one field: name it twice, vram>1 vram<3, or put it between, 1<vram<3"),
    ("without spot", "without is unknown at 1: write ! before what it must not be, as in !spot"),
    ("nospot", "nospot is unknown at 1: write !spot"),
    ("non-interruptible", "non-interruptible is unknown at 1: write !interruptible"),
    ("verified", "verified is unknown at 1: write reliability>0.98"),
    ("nvlink", "nvlink is unknown at 1: write interconnect~nvlink"),
    ("interconnect", "interconnect is compared with nothing at 1: write interconnect~nvlink"),
    ("price between 1 and 3", "between at 7 is no comparison: write price 1..3"),
    ("price between 0.5 and $2", "between at 7 is no comparison: write price 0.5..$2"),
    ("price 1-3", "price is compared with nothing at 1: write price 1..3"),
    ("price from 1 to 3", "from at 7 is no comparison: write price 1..3"),
    ("price 1 to 3", "price is compared with nothing at 1: write price 1..3"),
    ("gpus=4-8", "4-8 at 6 is no number: a range has two points, write count 4..8"),
    ("gpu=4090 ti", "ti is unknown at 10: did you mean RTX 4070 Ti, RTX 3090 Ti or RTX 4090?"),
    ("RTX 4090 super", "super is unknown at 10: did you mean RTX 4080 Super, RTX 4070 Super or RTX 4070 Ti Super?"),
    ("gpu=foo", "foo at 5 is no known GPU: write one such as H100 or RTX 4090, the page of GPU models has every name"),
    ("arch=hopper", "arch is unknown at 1: did you mean architecture?"),
    # The end: order and limit.
    ("sort", "a field to sort by is missing at 5: write sort price or sort vram desc, price"),
    ("sort by", "a field to sort by is missing at 8: write sort price or sort vram desc, price"),
    ("sort cheapest", "cheapest is no field to sort by at 6: did you mean price?"),
    ("sort country", "country at 6 is no number: sort by a number, such as price or vram"),
    ("sort prise", "prise is no field to sort by at 6: did you mean price?"),
    ("sort price,", "a field to sort by is missing at 12: write sort price or sort vram desc, price"),
    ("sort price vram", "vram at 12 stands behind sort without a comma: put a comma before vram"),
    ("sort price, price", "price is sorted by twice at 13: once is enough"),
    ("sort price gpu=H100", "gpu at 12 stands behind sort: conditions come first, then sort, then limit"),
    ("sort price sort vram", "a second sort at 12: name all fields in one, sort vram desc, price"),
    ("sort price )", "')' at 12 closes nothing: take it out, or add '(' before"),
    ("limit", "a number after limit is missing at 6: write a number from 1 to 1,000, such as limit 10"),
    ("limit 0", "0 is no limit at 7: write a number from 1 to 1,000, such as limit 10"),
    ("limit ten", "ten is no limit at 7: write a number from 1 to 1,000, such as limit 10"),
    ("limit 5000", "5000 is no limit at 7: write a number from 1 to 1,000, such as limit 10"),
    ("limit 10 H100", "H100 at 10 stands behind limit: conditions come first, then sort, then limit"),
    ("limit 5 limit 6", "a second limit at 9: one is enough"),
)  # fmt: skip


def refusal(text: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        parse(text, providers=CLOUDS)
    return caught.value


@pytest.mark.parametrize(("text", "sentence"), SENTENCES, ids=[text for text, _ in SENTENCES])
def test_a_stranger_reads_what_is_wrong_and_where_and_what_to_do(text: str, sentence: str) -> None:
    error = refusal(text)

    assert sentence == error.sentence
    assert error.hint
    assert f"at {error.position}" in error.message
    assert text.startswith(error.word, error.position - 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("H100 effective_price<3", "effective_price at 6 is the price of what you need, and that was not said: give hours, disk_gb or traffic_gb beside the query"),
        ("3>true_price", "effective_price at 3 is the price of what you need, and that was not said: give hours, disk_gb or traffic_gb beside the query"),
        ("sort price, effective_price/gpu", "effective_price_per_gpu at 13 is the price of what you need, and that was not said: give hours, disk_gb or traffic_gb beside the query"),
    ],
)  # fmt: skip
def test_what_depends_on_a_need_asks_for_one(text: str, sentence: str) -> None:
    parse(text)
    with pytest.raises(QueryError) as caught:
        parse(text, need_told=False)

    assert sentence == caught.value.sentence
    assert text.startswith(caught.value.word, caught.value.position - 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("odd " * 600, "the query has 2,400 characters: 2,000 are the most"),
        ("(" * 60, "the query is nested too deeply at 51: 50 levels are the most"),
        ("not " * 60 + "odd", "the query is nested too deeply at 201: 50 levels are the most"),
        ("odd " * 250, "there are too many conditions at 801: 200 are the most"),
        ("price<1" + "0" * 25, "the number 10000000000000000000000000 at 7 is too long: 20 digits are the most"),
    ],
)  # fmt: skip
def test_what_is_too_much_is_refused_plainly(text: str, sentence: str) -> None:
    assert sentence == refusal(text).sentence


def test_the_most_that_is_allowed_is_read() -> None:
    parse("odd " * MOST_CONDITIONS)
    parse("!" * DEEPEST + "odd")
    parse("odd".ljust(LONGEST))


def test_a_number_in_a_list_counts_as_a_condition() -> None:
    numbers = ",".join(str(number) for number in range(190))

    assert "there are too many conditions" in refusal(f"count in ({numbers})" + " odd" * 20).message


def test_an_error_is_a_refusal_with_a_stable_code() -> None:
    error = refusal("price<3 vrm>=80")

    assert isinstance(error, Refusal)
    assert ("bad_query", "q", 9, "vrm") == (error.code, error.path, error.position, error.word)
    assert ("vrm is unknown at 9", "did you mean vram?") == (error.message, error.hint)


# ── the screen ───────────────────────────────────────────────────────────────────────────────────


def marked(text: str) -> str:
    error = refusal(text)
    return "\n".join(caret_lines(text, position=error.position, word=error.word))


def test_a_caret_stands_under_the_word() -> None:
    assert "price<3 vrm>=80\n        ^^^" == marked("price<3 vrm>=80")


def test_a_caret_stands_behind_the_text_where_something_is_missing() -> None:
    assert "price<3 and\n           ^" == marked("price<3 and")


def test_only_the_part_around_a_fault_is_shown() -> None:
    text = "odd or " * 30 + "vrm>3" + " or odd" * 30

    part, caret = marked(text).splitlines()
    assert f"…{text[160:235]}…" == part
    assert "vrm" == part[caret.index("^") : caret.rindex("^") + 1]


def test_what_cannot_be_seen_moves_no_caret() -> None:
    assert "odd  vrm>3\n     ^^^" == marked("odd\n\tvrm>3")


def test_a_word_of_any_length_makes_a_short_sentence() -> None:
    for word in ("x" * 1_900, "\0" * 1_900, "9" * 1_900, "'" + "x" * 1_900):
        for text in (
            word,
            f"gpu={word}",
            f"price<{word}",
            f"{word}<3",
            f"sort {word}",
            f"country={word}",
        ):
            assert len(refusal(text).sentence) < 300, text
