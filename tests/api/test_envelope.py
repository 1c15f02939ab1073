"""What holds for every request: ids, headers, HEAD, and errors that give nothing away."""

import asyncio
import re
from base64 import b64encode
from hashlib import sha256

import msgspec
import pytest

from gpu_shopper.api.problems import STATUS
from gpu_shopper.domain.errors import NotFound
from gpu_shopper.ports.books import BookUnavailable
from tests.api.house import ORDER, a_house
from tests.tidy.source import ROOT


class BrokenBooks:
    """A book that fails in one way, whoever asks."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def read(self, work):
        raise self.error

    async def write(self, work):
        raise self.error


def broken(error: Exception):
    house = a_house()
    house.rooms.queries.sessions._books = BrokenBooks(error)
    return house


def test_a_well_formed_request_id_is_echoed_and_another_is_replaced() -> None:
    browser = a_house().browser()

    assert "abc.1-2_3" == browser.get("/health", X_Request_ID="abc.1-2_3").headers["x-request-id"]
    for bad in ("", "a b", "a" * 65, "\xe9t\xe9", "<x>"):
        made = browser.get("/health", X_Request_ID=bad).headers["x-request-id"]
        assert re.fullmatch(r"req_[a-z2-7]{16}", made)


def test_every_reply_keeps_browsers_careful() -> None:
    browser = a_house().browser()

    for path in ("/health", "/nope", "/api/v1/sessions", "/api/v1/sessions/x", "/docs"):
        headers = browser.get(path).headers
        assert ("nosniff", "DENY", "no-referrer", "no-store") == (
            headers["x-content-type-options"], headers["x-frame-options"],
            headers["referrer-policy"], headers["cache-control"],
        )  # fmt: skip
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", ["/health", "/api/v1/inventory", "/docs", "/nope"])
def test_head_is_get_without_a_body(path: str) -> None:
    browser = a_house().browser()
    got, headed = browser.get(path), browser.ask("HEAD", path)

    assert (got.status, b"") == (headed.status, headed.body)
    assert got.headers["content-length"] == headed.headers["content-length"]


def test_an_unknown_path_is_a_problem_too() -> None:
    answer = a_house().browser().get("/api/v1/budget")

    assert (404, "no_route", "/api/v1/budget") == (
        answer.status, answer.json["code"], answer.json["instance"],
    )  # fmt: skip


@pytest.mark.parametrize("method", ["PUT", "PATCH", "FOO"])
def test_a_method_that_a_path_does_not_take_is_a_problem_that_names_those_it_does(
    method: str,
) -> None:
    answer = a_house().browser().ask(method, "/api/v1/sessions")

    assert (405, "method_not_allowed") == (answer.status, answer.json["code"])
    assert {"GET", "HEAD", "POST", "OPTIONS"} == set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/sessions", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/sessions/x", "DELETE, GET, HEAD, OPTIONS"),
        ("/api/v1/sessions/x/done", "OPTIONS, POST"),
    ],
)
def test_options_tell_what_a_path_takes(path: str, allowed: str) -> None:
    answer = a_house().browser().ask("OPTIONS", path)

    assert (204, allowed) == (answer.status, answer.headers["allow"])


def test_a_fault_of_ours_gives_nothing_away_and_is_logged_under_the_same_id() -> None:
    house = broken(RuntimeError("the password is hunter2"))

    answer = house.browser().get("/api/v1/sessions")

    ((name, fields),) = house.meter.alarms
    assert (500, "internal", True) == (answer.status, answer.json["code"], answer.json["retryable"])
    assert b"hunter2" not in answer.body
    assert "hunter2" not in str(fields)
    assert ("request_failed", answer.json["request_id"], "RuntimeError") == (
        name, fields["request_id"], fields["error"],
    )  # fmt: skip


def test_a_book_that_cannot_be_used_is_a_reason_to_try_again() -> None:
    answer = broken(BookUnavailable("disk full")).browser().get("/api/v1/sessions")

    assert (503, "book_unavailable", True) == (
        answer.status, answer.json["code"], answer.json["retryable"],
    )  # fmt: skip
    assert "retry-after" in answer.headers


def hang_up_at_the_write(house, *, then) -> None:
    """Ask for a session, go away where it is about to be written, and let the house go on with `then`."""
    pauses: list[int] = []

    async def leave() -> None:
        waiting, gate = asyncio.Event(), asyncio.Event()

        async def pause() -> None:
            pauses.append(1)
            # The first is of the look for tokens; the second comes before the write.
            if len(pauses) == 2:
                waiting.set()
                await gate.wait()
                then()

        house.books.hooks.pause = pause
        call = house.browser().call(
            "POST",
            "/api/v1/sessions",
            body=msgspec.json.encode(ORDER),
            headers={"Content-Type": "application/json"},
        )
        asked = asyncio.ensure_future(call)
        await waiting.wait()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        gate.set()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*left, return_exceptions=True)

    asyncio.run(leave())


def test_what_was_begun_is_finished_though_its_caller_has_gone() -> None:
    house = a_house()

    hang_up_at_the_write(house, then=lambda: None)

    assert 1 == house.browser().get("/api/v1/sessions").json["count"]


@pytest.mark.parametrize(
    ("error", "alarms"), [(RuntimeError("a fault"), ["request_failed"]), (NotFound("no"), [])]
)
def test_a_fault_of_ours_is_logged_though_its_caller_has_gone(
    error: Exception, alarms: list[str]
) -> None:
    house = a_house()

    def fail() -> None:
        raise error

    hang_up_at_the_write(house, then=fail)

    assert alarms == [name for name, _ in house.meter.alarms]


def test_the_interactive_page_loads_nothing_from_elsewhere() -> None:
    answer = a_house().browser().get("/docs")
    page, policy = answer.body.decode(), answer.headers["content-security-policy"]
    script, style = (
        re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1] for tag in ("script", "style")
    )

    assert "http://" not in page
    assert "https://" not in page
    for name, text in (("script", script), ("style", style)):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "innerHTML" not in page


def test_each_code_stands_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "problems.md").read_text()

    assert [] == [kind.code for kind in STATUS if f"`{kind.code}`" not in page]
