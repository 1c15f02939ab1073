import asyncio
import json
from datetime import UTC, datetime

import pytest

from gpu_shopper.ports.books import Notice
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.ports.notifier import NotDelivered
from gpu_shopper.runtime.notifying import LogAndWebhookNotifier

NOTICE = Notice(
    id="destroy-att_a", at=datetime(2026, 1, 1, tzinfo=UTC), kind="destroy_fails", text="It still bills.",
    details={"provider": "x", "text": "a name of ours"}, tries=2,
)  # fmt: skip
URL = "https://hooks.test/secret-path"


class Alarms:
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def alarm(self, name: str, **fields: object) -> None:
        self.said.append((name, fields))


class Door:
    def __init__(self, answer: int | Exception) -> None:
        self.sent: list[HttpRequest] = []
        self._answer = answer

    async def request(self, request: HttpRequest) -> HttpReply:
        self.sent.append(request)
        if isinstance(self._answer, Exception):
            raise self._answer
        return HttpReply(status=self._answer, headers={}, body=b"")


def deliver(answer: int | Exception, url: str | None = URL) -> tuple[Alarms, Door]:
    alarms, door = Alarms(), Door(answer)
    asyncio.run(LogAndWebhookNotifier(alarms, door, webhook_url=url).deliver(NOTICE))
    return alarms, door


def test_without_a_webhook_the_log_is_enough() -> None:
    alarms, door = deliver(500, url=None)

    assert ["notice"] == [name for name, _ in alarms.said]
    assert [] == door.sent


def test_a_notice_is_logged_and_sent_whole() -> None:
    alarms, door = deliver(204)

    (name, fields) = alarms.said[0]
    assert ("notice", "It still bills.", 2) == (name, fields["text"], fields["tries"])
    assert {
        "id": "destroy-att_a", "at": "2026-01-01T00:00:00Z", "kind": "destroy_fails",
        "text": "It still bills.", "details": {"provider": "x", "text": "a name of ours"},
    } == json.loads(door.sent[0].body)  # fmt: skip
    assert ("POST", URL, "destroy-att_a") == (
        door.sent[0].method, door.sent[0].url, door.sent[0].headers["webhook-id"],
    )  # fmt: skip


@pytest.mark.parametrize("answer", [302, 400, 404, 500, NotSent("x"), NoAnswer("x")])
def test_what_did_not_arrive_is_told_without_the_address(answer: int | Exception) -> None:
    with pytest.raises(NotDelivered) as caught:
        deliver(answer)

    assert "secret-path" not in str(caught.value)
    assert "destroy-att_a" in str(caught.value)
