"""What clouds told the house, and whether it was true: the difference between being fooled and being careless.

A cloud that lies to every question fools anybody, and no invariant can forbid that. But an answer is a lie only at the
moment at which it was given, to the one who asked; so it is noted here, for each instance that was alive and was not
shown, beside the last answer that did show it, and the ids that were handed out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.providers.sandbox.api import InstanceRow
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.model_door import target_of

_INSTANCES = "/v1/instances"


@dataclass(slots=True)
class Told:
    """What was said of one instance. Times are true ones; a listing counts from its beginning.

    `reads` are all direct reads that said, legibly, whether it is there, `listed` the whole listings that show it legibly, `destroys` the
    orders to end it, each with whether any answer to it was heard; what is called false was said while it was alive.
    """

    reads: list[tuple[float, bool]] = field(default_factory=list)
    false_listings: list[float] = field(default_factory=list)
    listed: list[float] = field(default_factory=list)
    destroys: list[tuple[float, bool]] = field(default_factory=list)
    shown_at: float = -1.0
    destroy_sent_at: float = -1.0

    def fooled(self, *, reads: int, listings: int, heard: Iterable[float]) -> bool:
        """Tell whether so many reads and whole listings did not show it since the last order to destroy it was sent.

        `heard` are the beginnings of all whole listings of its cloud. What was true counts as well: the instance may
        have come back after it.
        """
        since = self.destroy_sent_at
        lacked = sum(at >= since and not there for at, there in self.reads)
        omitted = sum(at >= since for at in heard) - sum(at >= since for at in self.listed)
        return lacked >= reads and omitted >= listings


@dataclass(slots=True)
class _Pages:
    began_at: float
    shown: set[str] = field(default_factory=set)
    legible: set[str] = field(default_factory=set)


class Witness:
    """Hears every answer that reached a living house."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], Told] = defaultdict(Told)
        self._pages: dict[tuple[str, str], _Pages] = {}
        self._whole: dict[str, list[float]] = defaultdict(list)
        self.ids_told: dict[str, float] = {}

    def of(self, cloud: str, instance_id: str) -> Told:
        """Return what was said of one instance."""
        return self._told[cloud, instance_id]

    def listings_of(self, cloud: str) -> Sequence[float]:
        """Return when each whole listing of a cloud's account that the house has heard began."""
        return self._whole[cloud]

    def hear(
        self, cloud: SimCloud, request: HttpRequest, reply: HttpReply | None, *, sent_at: float
    ) -> None:
        """Note an answer, or that none came (None), at the moment at which the house has it."""
        target = target_of(request.url)
        now = cloud.true_time()
        if request.method == "DELETE":
            _, _, instance_id = target.path.rpartition("/")
            ordered = self.of(cloud.name, instance_id)
            ordered.destroy_sent_at = sent_at
            ordered.destroys.append((sent_at, reply is not None))
        elif reply is None:
            return
        elif request.method == "POST" and target.path == _INSTANCES:
            # Also in an error: who reads the id knows what was bought.
            if isinstance(_object(reply.body).get("id"), str):
                self.ids_told.setdefault(str(_object(request.body).get("name")), now)
        elif request.method == "GET" and target.path == _INSTANCES:
            self._hear_page(cloud, target.query, reply, sent_at=sent_at)
        elif request.method == "GET" and target.path.startswith(_INSTANCES + "/"):
            self._hear_read(cloud, target.path.rpartition("/")[2], reply, now=now)

    def _hear_read(
        self, cloud: SimCloud, instance_id: str, reply: HttpReply, *, now: float
    ) -> None:
        held, told = cloud.instance(instance_id), self.of(cloud.name, instance_id)
        if reply.status in {404, 410} or (reply.status == 200 and _legible(_object(reply.body))):
            told.reads.append((now, reply.status == 200))
        if held is None or not held.alive:
            return
        if reply.status == 200:
            told.shown_at = now

    def _hear_page(
        self, cloud: SimCloud, query: Mapping[str, str], reply: HttpReply, *, sent_at: float
    ) -> None:
        key = (str(cloud.name), query.get("name", ""))
        if "cursor" not in query:
            self._pages[key] = _Pages(began_at=sent_at)
        pages, body = self._pages.get(key), _object(reply.body)
        if pages is None or reply.status != 200 or "instances" not in body:
            self._pages.pop(key, None)
            return
        shown = [row for row in body["instances"] if isinstance(row, dict)]
        pages.shown |= {str(row.get("id")) for row in shown}
        for row in shown:
            self.of(cloud.name, str(row.get("id"))).shown_at = cloud.true_time()
            if _legible(row):
                pages.legible.add(str(row.get("id")))
        if body.get("next_cursor") is None:
            del self._pages[key]
            if body.get("total") in {None, len(pages.shown)}:
                self._hear_listing(cloud, query.get("name"), pages)

    def _hear_listing(self, cloud: SimCloud, name: str | None, pages: _Pages) -> None:
        if name is None:
            self._whole[cloud.name].append(pages.began_at)
            for shown in pages.legible:
                self.of(cloud.name, shown).listed.append(pages.began_at)
        for entry in cloud.those_alive(
            lambda held: held.id not in pages.shown and (name is None or held.name == name)
        ):
            self.of(cloud.name, entry.id).false_listings.append(pages.began_at)


def _legible(row: Mapping[str, Any]) -> bool:
    """Tell whether the house can make anything of a row."""
    try:
        msgspec.convert(row, InstanceRow)
    except msgspec.ValidationError:
        return False
    return True


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
