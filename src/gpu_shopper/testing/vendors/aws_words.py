"""How the simulated EC2 hears and speaks: signed forms in, XML out."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, quote
from xml.sax.saxutils import escape

from gpu_shopper.sandbox.messages import Json
from gpu_shopper.testing.vendors.vendor import VendorReply, VendorRequest

_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_REQUEST_ID = "59dbff89-35bd-4eac-99ed-be587EXAMPLE"
_SIGNED_BY = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/ec2/aws4_request, ?"
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)

# How an error of the model's is worded: status, code, message. That there is no machine free is a fault of the server's.
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
    "rate_limited": (503, "RequestLimitExceeded", "Request limit exceeded."),
    "unavailable": (503, "Unavailable", "The server is overloaded and can't handle the request."),
    "region_unavailable": (503, "Unavailable", "The server is overloaded and can't handle the request."),
    "internal": (500, "InternalError", "An internal error has occurred"),
    "timeout": (504, "InternalError", "An internal error has occurred"),
    "not_found": (400, "InvalidInstanceID.NotFound", "The instance ID does not exist"),
    "reserved": (400, "OperationNotPermitted", "The instance may not be terminated"),
    "bad_request": (400, "InvalidParameterValue", "Invalid value"),
    "offer_gone": (500, "InsufficientInstanceCapacity", "We currently do not have sufficient capacity."),
    "no_capacity": (500, "InsufficientInstanceCapacity", "We currently do not have sufficient capacity."),
    "price_changed": (400, "SpotMaxPriceTooLow", "Your Spot request price is lower than the minimum required."),
    "insufficient_balance": (400, "VcpuLimitExceeded", "You have requested more vCPU capacity than your limit."),
}  # fmt: skip
# What a machine that starts calls itself before anybody can log in.
STATES: Mapping[str, tuple[str, str]] = {
    "creating": ("0", "pending"),
    "booting": ("16", "running"),
    "running": ("16", "running"),
    "error": ("16", "running"),
    "stopping": ("32", "shutting-down"),
    "stopped": ("80", "stopped"),
    "ended": ("48", "terminated"),
}


def error(status: int, code: str, message: str) -> VendorReply:
    """Return an error as the API writes it."""
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}'
        f"</Message></Error></Errors><RequestID>{_REQUEST_ID}</RequestID></Response>"
    )
    return _reply(status, text)


def answer(action: str, said: Mapping[str, Json], *, delay_s: float = 0.0) -> VendorReply:
    """Return an answer: an object becomes elements, a list `item`s, None an element with nothing in it."""
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{action}Response xmlns="{_NAMESPACE}">'
        f"<requestId>{_REQUEST_ID}</requestId>{_xml(said)}</{action}Response>"
    )
    return _reply(200, text, delay_s=delay_s)


def _reply(status: int, text: str, *, delay_s: float = 0.0) -> VendorReply:
    kind = {"content-type": "text/xml;charset=UTF-8"}
    return VendorReply(status=status, body=text.encode(), headers=kind, delay_s=delay_s)


def _xml(said: Json) -> str:
    if isinstance(said, Mapping):
        return "".join(f"<{name}>{_xml(value)}</{name}>" for name, value in said.items())
    if isinstance(said, list):
        return "".join(f"<item>{_xml(value)}</item>" for value in said)
    if isinstance(said, bool):
        return "true" if said else "false"
    return "" if said is None else escape(str(said))


class Form:
    """The parameters of a call, by the API's way to number them."""

    def __init__(self, raw: bytes) -> None:
        self.given = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))

    def text(self, name: str, default: str = "") -> str:
        """Return a parameter."""
        return self.given.get(name, default)

    def many(self, name: str) -> list[str]:
        """Return the values of `Name.1`, `Name.2` and so on."""
        return self._numbered(re.compile(re.escape(name) + r"\.(\d+)"))

    def groups(self, name: str) -> list["Form"]:
        """Return the parameters below `Name.1.`, `Name.2.` and so on, as forms of their own."""
        found: dict[int, Form] = {}
        for key, value in self.given.items():
            matched = re.fullmatch(re.escape(name) + r"\.(\d+)\.(.+)", key)
            if matched:
                found.setdefault(int(matched[1]), Form(b"")).given[matched[2]] = value
        return [found[number] for number in sorted(found)]

    def filters(self) -> dict[str, Sequence[str]]:
        """Return the conditions by name."""
        return {each.text("Name"): each.many("Value") for each in self.groups("Filter")}

    def tags(self, resource: str) -> dict[str, str]:
        """Return the tags that a new resource of that kind gets."""
        return {
            tag.text("Key"): tag.text("Value")
            for each in self.groups("TagSpecification")
            if each.text("ResourceType") == resource
            for tag in each.groups("Tag")
        }

    def _numbered(self, pattern: re.Pattern[str]) -> list[str]:
        found = {
            int(matched[1]): value
            for key, value in self.given.items()
            if (matched := pattern.fullmatch(key))
        }
        return [found[number] for number in sorted(found)]


def signed_region(request: VendorRequest) -> str:
    """Return the region that a request was signed for."""
    by = _SIGNED_BY.fullmatch(request.headers.get("authorization", ""))
    return by["region"] if by else ""


def is_signed(request: VendorRequest, secret: str) -> bool:
    """Return whether the request was signed with this secret, its body and all headers that it names included."""
    by = _SIGNED_BY.fullmatch(request.headers.get("authorization", ""))
    if by is None or not {"host", "x-amz-date"} <= set(by["names"].split(";")):
        return False
    at = request.headers.get("x-amz-date", "")
    lines = [request.method, quote(request.path, safe="/~"), _query(request)]
    signed = {name: request.headers.get(name, "") for name in by["names"].split(";")}
    lines += [f"{name}:{' '.join(text.split())}" for name, text in signed.items()]
    lines += ["", by["names"], hashlib.sha256(request.raw).hexdigest()]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    scope = f"{by['day']}/{by['region']}/ec2/aws4_request"
    key = b"AWS4" + secret.encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return at.startswith(by["day"]) and hmac.compare_digest(key.hex(), by["signature"])


def _query(request: VendorRequest) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.query.items()
    )
    return "&".join(f"{name}={value}" for name, value in pairs)
