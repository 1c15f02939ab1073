"""What a rented session knows of itself, whichever way it is talked to: what was ordered, its keys, how it was seen."""

from datetime import datetime
from pathlib import Path

from gpu_shopper.client.errors import (
    ServerFailed,
    ServerUnreachable,
    SessionNotEnded,
    ShopperError,
    UnexpectedAnswer,
)
from gpu_shopper.client.login import KeyFolder, Login, login_of
from gpu_shopper.wire.sessions import SessionBody, SessionCreated, SessionOrder

# On top of the pauses of each request: a minute in all, then a person must know.
END_PAUSES_S = (1.0, 3.0, 8.0, 15.0)
# After these a session may exist whose id nobody was told.
UNCERTAIN = (ServerUnreachable, UnexpectedAnswer, ServerFailed)


class Rental:
    """One session and the keys to it."""

    def __init__(self, order: SessionOrder, *, wait_s: float, key_file: str | None) -> None:
        self._order = order
        self._wait_s = wait_s
        self._key_file = None if key_file is None else Path(key_file).absolute()
        self._keys: KeyFolder | None = None
        self._body: SessionBody | None = None

    @property
    def body(self) -> SessionBody:
        """The session as it was last seen; `refresh` looks again."""
        if self._body is None:
            raise ShopperError("the session is rented when its `with` block is entered")
        return self._body

    @property
    def id(self) -> str:
        """The session's id."""
        return self.body.id

    @property
    def expires_at(self) -> datetime:
        """When the session ends by itself."""
        return self.body.expires_at

    @property
    def login(self) -> Login:
        """How to log in; holds while the block lasts."""
        assert self._keys is not None, "outside of its block a session has no keys"
        return login_of(self.body, folder=self._keys.path, key_file=self._key_file)

    @property
    def ssh_command(self) -> str:
        """A line for a shell that logs in; works while the block lasts."""
        return self.login.ssh_line

    def _open(self) -> None:
        assert self._keys is None, "a session is entered once"
        self._keys = KeyFolder()

    def _take(self, created: SessionCreated) -> None:
        assert self._keys is not None, "a session is made after its folder"
        self._body = created.session
        if created.ssh_private_key is not None:
            self._key_file = self._keys.keep(created.ssh_private_key)

    def _forget_keys(self) -> None:
        if self._keys is not None:
            self._keys.remove()


def not_ended(session: SessionBody, error: ShopperError) -> SessionNotEnded:
    """Return the error for an end that could not be asked for."""
    return SessionNotEnded(
        f"session {session.id} could not be ended: {error.message}; unless somebody ends it, it runs, and bills, until {session.expires_at:%Y-%m-%d %H:%M} UTC",
        session_id=session.id,
        hint=f"end it with `gpu-shopper sessions delete {session.id}` as soon as the server answers",
    )


def is_certain(error: ShopperError) -> bool:
    """Return whether it is known that a create was not heard."""
    return isinstance(error, ServerUnreachable) and not error.sent


def may_be_running(error: ShopperError, key: str) -> ServerUnreachable:
    """Return the error for a create whose outcome is not known."""
    return ServerUnreachable(
        f"{error.message}; the session may have been made all the same",
        sent=True,
        hint=f"see `gpu-shopper sessions list`; the same order with Idempotency-Key {key} returns it",
    )
