"""A session as a `with` block: rented, waited for, used, and ended however the block is left."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

from gpu_shopper.client import remote
from gpu_shopper.client.errors import NotFound, ShopperError
from gpu_shopper.client.remote import CompletedRun, Progress
from gpu_shopper.client.rental import (
    END_PAUSES_S,
    UNCERTAIN,
    Rental,
    is_certain,
    may_be_running,
    not_ended,
)
from gpu_shopper.client.surroundings import Surroundings
from gpu_shopper.wire.sessions import (
    SessionBody,
    SessionCreated,
    SessionEnded,
    SessionExtended,
    SessionOrder,
)


class Renter(Protocol):
    """What a rented session needs of the client."""

    surroundings: Surroundings

    def create_session(
        self, order: SessionOrder | None = None, *, idempotency_key: str = ""
    ) -> SessionCreated:
        """Ask for a session."""
        ...

    def wait_until_running(self, session_id: str, *, wait_s: float = 3600.0) -> SessionBody:
        """Return the session once it runs."""
        ...

    def get(self, session_id: str) -> SessionBody:
        """Return one session."""
        ...

    def extend(self, session_id: str, hours: int) -> SessionExtended:
        """Prolong a session."""
        ...

    def delete(self, session_id: str) -> SessionEnded:
        """End a session."""
        ...


class RentedSession(Rental):
    """One session and the keys to it. Made by `Shopper.session`; entered once."""

    def __init__(
        self, shopper: Renter, order: SessionOrder, *, wait_s: float, key_file: str | None
    ) -> None:
        super().__init__(order, wait_s=wait_s, key_file=key_file)
        self._shopper = shopper

    def refresh(self) -> SessionBody:
        """Look at the session again."""
        self._body = self._shopper.get(self.id)
        return self._body

    def run(self, command: str | Sequence[str], *, timeout_s: float | None = None) -> CompletedRun:
        """Run a command on the instance and return what came of it, whatever its exit code."""
        return remote.run(self.login, command, timeout_s=timeout_s)

    def upload(
        self, *sources: str | Path, target: str = ".", progress: Progress | None = None
    ) -> None:
        """Copy files and folders to the instance."""
        paths = [Path(source) for source in sources]
        remote.in_a_loop(remote.upload(self.login, paths, target, progress))

    def download(
        self, *sources: str, target: str | Path = ".", progress: Progress | None = None
    ) -> None:
        """Copy files and folders from the instance."""
        remote.in_a_loop(remote.download(self.login, sources, Path(target), progress))

    def extend(self, hours: int) -> datetime:
        """Prolong the session and return its new end."""
        extended = self._shopper.extend(self.id, hours)
        self.refresh()
        return extended.new_expires_at

    def __enter__(self) -> Self:
        self._open()
        key = self._shopper.surroundings.draw_key()
        try:
            self._take(self._create(key))
            self._body = self._shopper.wait_until_running(self.id, wait_s=self._wait_s)
        # Whatever ends the waiting, Ctrl-C too, must not leave an instance behind.
        except BaseException as error:
            try:
                if self._body is None and not isinstance(error, ShopperError):
                    # The request may have been heard; the same key finds what it made, to be ended.
                    self._body = self._create(key).session
            finally:
                self._leave()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def _create(self, key: str) -> SessionCreated:
        try:
            return self._shopper.create_session(self._order, idempotency_key=key)
        except UNCERTAIN as error:
            if is_certain(error):
                raise
            raise may_be_running(error, key) from error

    def _leave(self) -> None:
        try:
            if self._body is not None:
                self._body = self._end(self._body)
        finally:
            self._forget_keys()

    def _end(self, body: SessionBody) -> SessionBody:
        tries = 0
        while True:
            try:
                return self._shopper.delete(body.id).session
            except NotFound:
                # Nothing that this server knows of; asking again would not change that.
                return body
            except ShopperError as error:
                if tries >= len(END_PAUSES_S):
                    raise not_ended(body, error) from error
            self._shopper.surroundings.sleep(END_PAUSES_S[tries])
            tries += 1
