"""Looks at pages as a browser does: what is on them, and where their links and forms lead."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from gpu_shopper.bootstrap.front import front_of
from tests.api.asgi import Answer, Browser
from tests.api.house import House

INVENTORY = "/dashboard/inventory"
FORM = "application/x-www-form-urlencoded"
_VOID = {"input", "link", "meta", "path"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(each if isinstance(each, str) else each.text for each in self.children)

    def all(self, tag: str, **wanted: str) -> list["Element"]:
        """Return all elements within this one of a tag, with these attributes."""
        found = []
        for each in self.children:
            if isinstance(each, Element):
                names = {
                    name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()
                }
                if each.tag == tag and names.items() <= each.attributes.items():
                    found.append(each)
                found += each.all(tag, **wanted)
        return found

    def one(self, tag: str, **wanted: str) -> "Element":
        (found,) = self.all(tag, **wanted)
        return found

    def __getitem__(self, name: str) -> str:
        value = self.attributes[name]
        assert value is not None, name
        return value


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("document", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        closed = self._open.pop()
        assert closed.tag == tag, (closed.tag, tag)

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read(body: bytes) -> Element:
    reader = _Reader()
    reader.feed(body.decode())
    reader.close()
    assert [reader.root] == reader._open
    return reader.root


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser, which keeps its cookie."""

    browser: Browser
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, address: str, **headers: str) -> Answer:
        return self._kept(self.browser.get(address, **self._cookie(), **headers))

    def page(self, address: str, status: int = 200) -> Element:
        answer = self.get(address)
        assert status == answer.status, (address, answer.status, answer.headers)
        return read(answer.body)

    def post(self, address: str, fields: dict[str, str], **headers: str) -> Answer:
        sent = {"Content-Type": FORM, "Sec-Fetch-Site": "same-origin", **self._cookie(), **headers}
        body = urlencode(fields).encode()
        return self._kept(self.browser.ask("POST", address, body=body, headers=sent))

    def _cookie(self) -> dict[str, str]:
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": pairs} if pairs else {}

    def _kept(self, answer: Answer) -> Answer:
        if given := answer.headers.get("set-cookie"):
            name, _, value = given.partition(";")[0].partition("=")
            self.cookies.pop(name, None)
            if "Max-Age=0" not in given:
                self.cookies[name] = value
        return answer


def visitor(house: House, *, peer: str = "127.0.0.1", token: str | None = None) -> Visitor:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return Visitor(Browser(front_of(house.rooms), headers=headers, peer=peer))


def listed(page: Element) -> list[str]:
    """Return the ids of the offers in the page's table, in its order."""
    names = [
        cell
        for table in page.all("table", class_="offers")
        for cell in table.all("td", class_="name")
    ]
    return [
        unquote(cell.one("a")["href"].partition("?")[0].removeprefix(f"{INVENTORY}/"))
        for cell in names
    ]


def column(page: Element, title: str) -> list[str]:
    return [cell.text for cell in page.all("td", data_label=title)]


def asked(address: str) -> dict[str, str]:
    """Return the parameters of an address."""
    return dict(parse_qsl(address.partition("?")[2]))


def answer_of(house: House, path: str) -> Any:
    answer = house.browser().get(f"/api/v1{path}")
    assert 200 == answer.status, answer.body
    return answer.json
