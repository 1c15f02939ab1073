"""What a buyer may ask for: the strict reading of a create call's body."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec

from gpu_shopper.sandbox.messages import Json

# The instance sets these itself; an order that names them would be silently overruled.
RESERVED_ENV = frozenset({"HOME", "USER", "LOGNAME", "SHELL", "PATH", "SSH_HOST_KEY_PUB"})
RESERVED_ENV_PREFIXES = ("SANDBOX_", "GPU_SANDBOX_")

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_ENV = 100
_MOST_TAGS = 20

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Key = Annotated[str, msgspec.Meta(min_length=16, max_length=8192, pattern=r"^[^\x00\r\n]+$")]
_Text = Annotated[str, msgspec.Meta(max_length=65536, pattern=r"^[^\x00]*$")]
_Tags = Annotated[dict[_Name, _Name], msgspec.Meta(max_length=_MOST_TAGS)]


class BadOrderError(Exception):
    """The order says something that the cloud does not understand."""


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One wish for an instance, as it came in."""

    offer_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    name: _Name
    image: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    disk_gb: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    ssh_keys: Annotated[tuple[_Key, ...], msgspec.Meta(max_length=20)] = ()
    env: dict[str, _Text] = {}
    tags: _Tags = {}
    on_start: _Text = ""
    max_price_per_hour: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)] | None = None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    @property
    def expires_at_s(self) -> float | None:
        """The end that the buyer asks for, in unix seconds."""
        return None if self.expires_at is None else self.expires_at.timestamp()


def parse_order(body: Mapping[str, Json] | None) -> Order:
    """Read a create body; whatever is not understood is an error, never ignored.

    Raises:
        BadOrderError: saying which field is wrong and why.
    """
    if body is None:
        raise BadOrderError("a JSON object is required")
    try:
        order = msgspec.convert(body, Order)
    except msgspec.ValidationError as error:
        raise BadOrderError(str(error)) from error
    _check_env(order.env)
    return order


def _check_env(env: Mapping[str, str]) -> None:
    if len(env) > _MOST_ENV:
        raise BadOrderError(f"at most {_MOST_ENV} environment variables - at `$.env`")
    for name in env:
        if not _ENV_NAME.fullmatch(name):
            raise BadOrderError(f"{name!r} is not a name for an environment variable - at `$.env`")
        if name in RESERVED_ENV or name.startswith(RESERVED_ENV_PREFIXES):
            raise BadOrderError(f"{name} is set by the instance itself - at `$.env`")
