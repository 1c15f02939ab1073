"""The way to one region's Query API: what goes out is signed, and what comes back, XML, is read into plain JSON.

So that all that the house knows of answers holds here too. The cloud answers some plain refusals with a 5xx, as if nobody
could know what became of the request, and an id that it never gave with a 400: such answers get the status that says
what they mean. All else keeps its own.
"""

from collections.abc import Mapping
from xml.etree import ElementTree as ET

import msgspec

from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpDoor, HttpReply, HttpRequest
from gpu_shopper.providers.aws.signing import Credentials, signed

SERVICE = "ec2"
_DEEPEST = 30
THROTTLED = frozenset({
    "RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled", "RequestThrottledException",
    "EC2ThrottledException",
})  # fmt: skip
NO_CAPACITY = frozenset({
    "InsufficientInstanceCapacity", "InsufficientCapacity", "InsufficientHostCapacity",
    "InsufficientReservedInstanceCapacity", "InsufficientAddressCapacity", "InsufficientFreeAddressesInSubnet",
})  # fmt: skip
NO_SUCH_INSTANCE = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})
_MEANT: Mapping[str, int] = {
    **dict.fromkeys(THROTTLED, 429),
    **dict.fromkeys(NO_CAPACITY, 409),
    **dict.fromkeys(NO_SUCH_INSTANCE, 404),
}


class RegionDoor:
    """The door to the API of one region. The inner one is lent."""

    def __init__(
        self, door: HttpDoor, clock: Clock, *, credentials: Credentials, region: str
    ) -> None:
        self._door = door
        self._clock = clock
        self._credentials = credentials
        self._region = region

    async def request(self, request: HttpRequest) -> HttpReply:
        """Sign, send, and return the answer as JSON; see `HttpDoor` for what is raised."""
        asked = signed(
            request,
            self._credentials,
            region=self._region,
            service=SERVICE,
            now=self._clock.now(),
        )
        return as_json(await self._door.request(asked))

    async def aclose(self) -> None:
        """Nothing to close: the door is not ours."""


def as_json(reply: HttpReply) -> HttpReply:
    """Return an answer in XML as one in JSON; what is no answer of the API stays as it is."""
    root = _parsed(reply.body)
    if root is None:
        return reply
    name = _name(root)
    if name == "Response":
        said: object = _error_in(root)
    elif name.endswith("Response"):
        said = _value(root)
    else:
        return reply
    code = said.get("code") if isinstance(said, dict) and name == "Response" else None
    return HttpReply(
        status=_MEANT.get(str(code), reply.status),
        headers={**reply.headers, "content-type": "application/json"},
        body=msgspec.json.encode(said if isinstance(said, dict) else {}),
    )


def _parsed(body: bytes) -> ET.Element | None:
    """Return the root; None for what is no XML, or declares types and entities, which no answer of the API does."""
    try:
        text = body.decode()
        if "<!" in text:
            return None
        root = ET.fromstring(text)  # noqa: S314  nothing is expanded: declarations were turned away
    except (ET.ParseError, ValueError):
        return None
    return root if _depth(root) <= _DEEPEST else None


def _depth(root: ET.Element) -> int:
    level, depth = [root], 0
    while level and depth <= _DEEPEST:
        level, depth = [child for one in level for child in one], depth + 1
    return depth


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _error_in(root: ET.Element) -> dict[str, object]:
    found = {_name(each): (each.text or "").strip() for each in root.iter() if not len(each)}
    return {"code": found.get("Code", ""), "message": found.get("Message", "")}


def _value(element: ET.Element) -> object:
    """Return a text, a list (of `item`s), an object, or None for what is empty."""
    children = list(element)
    if not children:
        return element.text if element.text and element.text.strip() else None
    if all(_name(child) == "item" for child in children):
        return [_value(child) for child in children]
    return {_name(child): _value(child) for child in children}
