"""HTML that escapes by default: whatever is put into an element is text, unless an element was made of it here.

Offers are strangers' words. So nothing outside this module makes `Html`, and what is not printable is shown as a dot:
no name can turn the letters beside it around.
"""

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from gpu_shopper.wire.figures import printable


class Html(str):
    """Markup. To add it to a text, or to format it into one, gives plain text again, which is escaped once more."""

    __slots__ = ()


Content: TypeAlias = "str | int | Iterable[Content] | None"
Attribute = str | int | bool | None

NOTHING = Html("")
_VOID = frozenset({"input", "link", "meta", "path", "circle", "line", "br"})


def el(name: str, /, *content: Content, **attributes: Attribute) -> Html:
    """Return an element.

    An attribute's name ends before its last `_`, and other `_` in it are `-`; one that is None or False is left out. What
    would run a script or carry a style is refused, as the pages' policy refuses it.
    """
    opened = f"<{name}{''.join(_attribute(*each) for each in attributes.items())}>"
    if name in _VOID:
        assert not content, name
        return Html(opened)
    return Html(f"{opened}{joined(content)}</{name}>")


def joined(content: Content) -> Html:
    """Return all of it, one after the other."""
    match content:
        case None:
            return NOTHING
        case Html():
            return content
        case str() | int():
            return Html(_text(str(content)))
        case _:
            return Html("".join(map(joined, content)))


def trusted(text: str) -> Html:
    """Return a constant of ours as markup; never what came from anywhere else."""
    return Html(text)


def document(*, head: Content, body: Content) -> bytes:
    """Return a whole page."""
    page = el("html", el("head", head), el("body", body), lang="en")
    return f"<!doctype html>\n{page}\n".encode()


def _attribute(name: str, value: Attribute) -> str:
    written = name.rstrip("_").replace("_", "-")
    assert not written.startswith("on"), name
    assert written != "style", name
    if value is None or value is False:
        return ""
    if value is True:
        return f" {written}"
    return f' {written}="{_text(str(value))}"'


def _text(text: str) -> str:
    """Return a text as it is written within markup; most are words and figures that need nothing done to them."""
    return text if text.isalnum() else escape(printable(text))
