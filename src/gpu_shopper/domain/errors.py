"""Refusals: what the house will not do, one class per reason, each with a stable code.

A refusal is no fault anywhere. It carries values, so that the API can shape a problem body and the CLI can print a
message with a hint; nobody parses its prose.
"""

from collections.abc import Mapping


class Refusal(Exception):
    """The house will not do this; `code` says why for programs, the message for people."""

    code = "refused"
    retryable = False

    def __init__(self, message: str, *, hint: str = "", **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields: Mapping[str, object] = fields


class Invalid(Refusal):
    """A value is malformed or out of its range; `path` names it."""

    code = "invalid"

    def __init__(self, message: str, *, path: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path


class UnknownGpu(Invalid):
    """No GPU model goes by that name."""

    code = "unknown_gpu"

    def __init__(self, name: str, *, nearest: tuple[str, ...] = ()) -> None:
        hint = f"did you mean {', '.join(nearest)}?" if nearest else ""
        super().__init__(f"unknown GPU {name!r}", path="gpu_type", hint=hint)
        self.name = name
        self.nearest = nearest


class UnknownModel(Invalid):
    """No language model that the house knows goes by that name."""

    code = "unknown_model"

    def __init__(self, name: str, *, nearest: tuple[str, ...] = ()) -> None:
        ask = f"did you mean {', '.join(nearest)}? " if nearest else ""
        by_hand = "otherwise give its shape: params, layers, kv_heads, head_dim"
        super().__init__(f"unknown model {name!r}", path="model", hint=ask + by_hand)
        self.name = name
        self.nearest = nearest


class NotFound(Refusal):
    """There is no such thing, or it is another consumer's."""

    code = "not_found"


class IllegalMove(Refusal):
    """The state does not allow it."""

    code = "illegal_move"


class AlreadyEnded(Refusal):
    """The session has ended, or is ending."""

    code = "already_ended"


class PastHardMax(Refusal):
    """The extension would go beyond the hard maximum."""

    code = "past_hard_max"


class KeyReused(Refusal):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_key_reused"


class OfferUnavailable(Refusal):
    """The chosen offer is not (or no longer) on the market."""

    code = "offer_unavailable"
    retryable = True


class NothingMatches(Refusal):
    """No offer on the market matches the request now."""

    code = "no_offer"
    retryable = True


class MarketNotReady(Refusal):
    """No cloud has answered yet since the start."""

    code = "inventory_not_ready"
    retryable = True


class Unsupported(Refusal):
    """The cloud of the chosen offer cannot do what was asked."""

    code = "unsupported"


class PriceAboveCap(Refusal):
    """The offer costs more than the request allows."""

    code = "price_above_cap"


class Unauthenticated(Refusal):
    """No valid token came with the request."""

    code = "unauthenticated"


class Forbidden(Refusal):
    """The token does not allow this."""

    code = "forbidden"


class Replayed(Refusal):
    """A heartbeat that was seen before, or older than the newest one."""

    code = "replayed"


class Frozen(Refusal):
    """Buying at this account is stopped until its trouble is cleared."""

    code = "frozen"
    retryable = True


class StorageRefused(Refusal):
    """The database cannot be used: it is locked, newer, corrupt, read-only or full."""

    code = "storage"
