"""What strangers write is text: it makes no element, no attribute and no address of its own, and turns nothing around."""

from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_shopper.dashboard.markup import Html, el, joined
from gpu_shopper.dashboard.style import POLICY
from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.money import rate
from tests.api.house import CLOUD, START, House, a_house, an_offer
from tests.api.test_history import kept
from tests.dashboard.pages import INVENTORY, Element, listed, read, visitor
from tests.tidy.source import PACKAGE

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;\u202etxt.exe\x1b[2J\n</td></table>"
SHOWN = HOSTILE.replace("\u202e", "·").replace("\x1b", "·").replace("\n", "·")
TAGS = {
    "a", "body", "button", "caption", "code", "datalist", "dd", "details", "div", "dl", "dt", "form", "h1", "h2", "head",
    "header", "html", "input", "label", "li", "link", "main", "meta", "nav", "option", "p", "path", "pre", "section",
    "select", "small", "span", "strong", "style", "summary", "svg", "table", "tbody", "td", "th", "thead", "title", "tr",
    "ul",
}  # fmt: skip


def a_hostile_house() -> House:
    strange = dict.fromkeys(("gpu_type", "region", "location", "city", "cuda_version"), HOSTILE)
    offers = [
        an_offer(1, id=OfferId(f"{CLOUD}:{HOSTILE}"), provider_id=HOSTILE, machine_id=HOSTILE, country="", **strange),
        an_offer(2, price=rate("0.41"), country="", **strange),
    ]  # fmt: skip
    house = kept(a_house(), [1.0] * 30, gpu_type=HOSTILE, country="")
    house.market.replace(CLOUD, offers, START)
    house.market.mark_failed(CLOUD, HOSTILE, START)
    return house


def every(page: Element) -> list[Element]:
    children = [each for each in page.children if isinstance(each, Element)]
    return [*children, *(inner for each in children for inner in every(each))]


def harmless(page: Element) -> None:
    elements = every(page)
    assert {each.tag for each in elements} <= TAGS
    for each in elements:
        for name, value in each.attributes.items():
            assert not name.startswith("on"), (each.tag, name)
            assert name not in {"style", "src", "srcdoc", "srcset"}, (each.tag, name)
            # Every address is of this server.
            if name in {"href", "action", "formaction"}:
                assert (value or "").startswith(("/dashboard", "/docs", "#content", "data:,")), (
                    value
                )


def test_hostile_offers_are_shown_as_they_are_and_do_nothing() -> None:
    there = visitor(a_hostile_house())
    page = there.page(INVENTORY)

    harmless(page)
    assert f"{CLOUD}:{HOSTILE}" == listed(page)[0]
    assert SHOWN == page.all("td", class_="name")[0].text
    assert SHOWN in page.one("ul", aria_label="Clouds").text


def test_the_page_of_a_hostile_offer_is_found_by_its_id_and_does_nothing() -> None:
    there = visitor(a_hostile_house())

    link = there.page(INVENTORY).all("td", class_="name")[0].one("a")["href"]
    page = there.page(link)

    harmless(page)
    assert f"{CLOUD}:{SHOWN}" == page.one("code").text
    assert f"1 × {SHOWN} at {CLOUD}" == page.one("h1").text


@pytest.mark.parametrize(
    "path", [INVENTORY, "/dashboard/fit", f"{INVENTORY}/x", "/dashboard/sign-in"]
)
def test_hostile_addresses_are_shown_as_they_are_and_do_nothing(path: str) -> None:
    written = "".join(f"%{byte:02x}" for byte in HOSTILE.encode())
    there = visitor(a_hostile_house())

    for name in ("q", "hours", "model", "params", "sort", "next", "quant", written):
        answer = there.get(f"{path}?{name}={written}")
        assert answer.status in {200, 400, 404}
        harmless(read(answer.body))
    harmless(read(there.get(f"{path}/{written}").body))


def test_every_answer_forbids_scripts_and_frames_and_is_not_kept() -> None:
    house = a_house()
    there = visitor(house)
    answers = [
        there.get(path)
        for path in (
            "/dashboard",
            INVENTORY,
            f"{INVENTORY}/no",
            "/dashboard/x",
            "/dashboard/sign-in",
        )
    ]
    answers.append(there.post("/dashboard/sign-in", {"token": house.token()}))

    for answer in answers:
        headers = answer.headers
        assert POLICY == headers["content-security-policy"]
        assert "no-store" == headers["cache-control"]
        assert ("nosniff", "DENY") == (
            headers["x-content-type-options"],
            headers["x-frame-options"],
        )
    # Nothing runs, nothing is loaded, nothing is sent elsewhere, and the one style is named by its hash.
    assert POLICY.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in POLICY
    assert "unsafe" not in POLICY


@settings(max_examples=40)
@given(st.text(), st.text())
def test_any_text_comes_back_as_it_was_but_for_what_cannot_be_printed(
    inside: str, value: str
) -> None:
    element = read(el("p", inside, " ", inside, title=value).encode()).one("p")

    expected = "".join(char if char.isprintable() else "·" for char in inside)
    assert f"{expected} {expected}" == element.text
    assert "".join(char if char.isprintable() else "·" for char in value) == element["title"]


def test_markup_that_was_put_together_as_text_is_text() -> None:
    name = el("b", "x")

    assert "&lt;b&gt;" in el("p", f"{name}")
    assert "&lt;b&gt;" in el("p", name + "y")
    assert unescape(el("p", name + "y")) == "<p><b>x</b>y</p>"
    assert joined([None, 3, [name]]) == Html("3<b>x</b>")


@pytest.mark.parametrize("name", ["onclick", "style", "on_load"])
def test_what_would_run_or_carry_a_style_is_refused(name: str) -> None:
    with pytest.raises(AssertionError):
        el("p", **{name: "x"})


def test_only_the_module_for_it_makes_markup() -> None:
    pages = [path for path in (PACKAGE / "dashboard").glob("*.py") if path.name != "markup.py"]
    makers = {path.name for path in pages if "Html(" in path.read_text()}
    trusting = {path.name for path in pages if "trusted(" in path.read_text()}

    assert len(pages) > 5
    assert set() == makers
    # The style and the ends of lines.
    assert {"frame.py"} == trusting
