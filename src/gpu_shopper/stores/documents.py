"""What the book keeps as JSON text: values that are read whole and never searched.

Sets are written in a fixed order, so that the same value is the same text; fields unknown to this build are passed over
and missing ones take their defaults, so that a row may be older or a little newer than the code that reads it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import DecodeError, MsgspecError, json

from gpu_shopper.domain.instance import Endpoint
from gpu_shopper.domain.launch import Absence, Heard
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.session import SessionRequest

# What comes up where a row holds what this build does not know: of a newer build, of a hand, or of a broken disk.
UNREADABLE: Final = (MsgspecError, ArithmeticError, LookupError, TypeError, ValueError)

_encoder = json.Encoder(order="deterministic")
_request = json.Decoder(SessionRequest)
_offer = json.Decoder(Offer)
_endpoint = json.Decoder(Endpoint)
_heard = json.Decoder(Heard)
_absence = json.Decoder(Absence)
_details = json.Decoder(dict[str, str])

_NOTHING_SEEN = Absence()


def write(value: object) -> str:
    """Return the text that stands for `value`."""
    return _encoder.encode(value).decode()


def write_if(value: object | None) -> str | None:
    """Return the text that stands for `value`, where there is one."""
    return None if value is None else _encoder.encode(value).decode()


def write_absence(absence: Absence) -> str:
    """Return the text that stands for `absence`; nearly always nothing was seen yet."""
    return _NOTHING_WRITTEN if absence == _NOTHING_SEEN else write(absence)


# A request and an offer are frozen and never edited, while their rows are read at every pass.
@lru_cache(maxsize=4096)
def read_request(text: str) -> SessionRequest:
    """Read what a session asked for."""
    return _request.decode(text)


@lru_cache(maxsize=4096)
def read_offer(text: str) -> Offer:
    """Read what an attempt ordered."""
    return _offer.decode(text)


def read_endpoint(text: str | None) -> Endpoint | None:
    """Read where SSH answers."""
    return None if text is None else _endpoint.decode(text)


def read_heard(text: str | None) -> Heard | None:
    """Read the newest sign of life."""
    return None if text is None else _heard.decode(text)


def read_absence(text: str) -> Absence:
    """Read the evidence of absence."""
    return _NOTHING_SEEN if text == _NOTHING_WRITTEN else _absence.decode(text)


def read_details(text: str) -> Mapping[str, str]:
    """Read the details of an event or a notice: for people, so that what cannot be read is shown as it stands."""
    try:
        return _details.decode(text)
    except DecodeError:
        return {"unreadable": text}


_NOTHING_WRITTEN = write(_NOTHING_SEEN)
