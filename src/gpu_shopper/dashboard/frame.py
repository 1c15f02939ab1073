"""What every page has: its head, the way to the others, and how a refusal of the API is told."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from gpu_shopper.dashboard.asking import Asker
from gpu_shopper.dashboard.links import FIT, INVENTORY, SIGN_OUT, Pairs
from gpu_shopper.dashboard.markup import Content, Html, document, el, trusted
from gpu_shopper.dashboard.style import STYLE
from gpu_shopper.domain.query_caret import caret_lines
from gpu_shopper.wire.problems import Problem

# Where a browser finds no icon it asks for one, so it is given an empty one.
_HEAD = (
    el("meta", charset="utf-8"),
    el("meta", name="viewport", content="width=device-width, initial-scale=1"),
    el("link", rel="icon", href="data:,"),
    el("style", trusted(STYLE)),
)
_ROOMS = (("Inventory", INVENTORY), ("What fits my model", FIT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One look at a page: who asks the API for it, where it is, and with which parameters.

    `give_way` lets others in for a moment.
    """

    ask: Asker
    path: str
    pairs: Pairs
    now: datetime
    signed_in: bool
    give_way: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is shown. `headers` are those beyond what every page has."""

    title: str
    content: Content
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def written(page: Page, *, path: str, signed_in: bool) -> bytes:
    """Return a page as it is sent."""
    title = f"{page.title} · Cloud GPU Shopper"
    return document(
        head=[*_HEAD, el("title", title)],
        body=[
            el("a", "To the content", href="#content", class_="skip"),
            el("header", el("nav", _ways(path, signed_in=signed_in), aria_label="Dashboard")),
            el("main", el("h1", page.title), page.content, id="content"),
        ],
    )


def _ways(path: str, *, signed_in: bool) -> Iterator[Content]:
    yield el("strong", "Cloud GPU Shopper")
    for name, target in _ROOMS:
        here = path == target or path.startswith(f"{target}/")
        yield el("a", name, href=target, aria_current="page" if here else None)
    yield el("a", "API", href="/docs")
    if signed_in:
        leave = el("button", "Sign out", class_="quiet")
        yield el("form", leave, method="post", action=SIGN_OUT)


def problem_page(problem: Problem, *, retry_after: str = "") -> Page:
    """Return a page that says only what went wrong."""
    return Page(
        title=problem.title,
        content=refusal(problem),
        status=problem.status,
        headers=again(problem, retry_after),
    )


def again(problem: Problem, retry_after: str) -> dict[str, str]:
    """Return the headers with which a browser asks again by itself, where that is worth while."""
    soon = problem.status == HTTPStatus.SERVICE_UNAVAILABLE and retry_after.isdigit()
    return {"Retry-After": retry_after, "Refresh": retry_after} if soon else {}


def refusal(problem: Problem, *, query: str = "") -> Html:
    """Return the API's own words, and under the query the place that they mean."""
    sentence = f"{problem.detail}: {problem.hint}" if problem.hint else problem.detail
    marked = [
        caret_lines(query, position=fault.position, word=fault.word)
        for fault in problem.errors
        if fault.position is not None
    ]
    lines = [el("pre", part, trusted("\n"), mark) for part, mark in marked]
    known = el("small", f"Request {problem.request_id}", class_="soft")
    faulty = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return el(
        "div", el("strong", sentence), lines, [trusted(" "), known] if faulty else None,
        class_="problem", role="alert",
    )  # fmt: skip
