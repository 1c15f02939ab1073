"""Tells the operator: always in the log, and to a webhook where one is set."""

import msgspec

from gpu_shopper.ports.books import Notice
from gpu_shopper.ports.http import HttpDoor, HttpRequest, NoAnswer, NotSent
from gpu_shopper.ports.meter import Meter
from gpu_shopper.ports.notifier import NotDelivered

_TIMEOUT = 15.0


class LogAndWebhookNotifier:
    """Delivers notices. The log alone is enough where no webhook is set."""

    def __init__(self, meter: Meter, door: HttpDoor, *, webhook_url: str | None = None) -> None:
        self._meter = meter
        self._door = door
        self._webhook_url = webhook_url

    async def deliver(self, notice: Notice) -> None:
        """Deliver one notice: a JSON object with id, at, kind, text and details.

        The receiver may see it more than once and tells by the id, which is the header `webhook-id` too.

        Raises:
            NotDelivered: the webhook did not answer with a 2xx; a redirect is no 2xx.
        """
        # The names of the details are free: apart, so that none hides a name of ours.
        self._meter.alarm(
            "notice",
            notice=notice.id,
            kind=notice.kind,
            text=notice.text,
            details=dict(notice.details),
            tries=notice.tries,
        )
        if self._webhook_url is None:
            return
        try:
            reply = await self._door.request(_post(notice, self._webhook_url))
        except (NotSent, NoAnswer) as error:
            raise NotDelivered(f"notice {notice.id}: {error}") from error
        if reply.status // 100 != 2:
            raise NotDelivered(f"notice {notice.id}: the webhook answered {reply.status}")


def _post(notice: Notice, url: str) -> HttpRequest:
    body = {
        "id": notice.id,
        "at": notice.at,
        "kind": notice.kind,
        "text": notice.text,
        "details": dict(notice.details),
    }
    return HttpRequest(
        method="POST",
        url=url,
        headers={"content-type": "application/json", "webhook-id": notice.id},
        body=msgspec.json.encode(body),
        timeout=_TIMEOUT,
    )
