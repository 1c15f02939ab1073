"""Where the keys of sessions lie that were rented from here: private to their owner, gone when the session is.

`<data_dir>/keys/<session>.key` is the private key, or a link to the caller's own; beside it stands the pinned host key.
"""

import re
from pathlib import Path

import click

from gpu_shopper.client.login import Login, login_of, write_private
from gpu_shopper.client.watching import FINAL
from gpu_shopper.wire.sessions import SessionBody

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


class KeyRing:
    """The folder of keys."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, session_id: str, private_key: str) -> Path:
        """Write a private key that was made for a session."""
        path = self._path(session_id, "key")
        path.unlink(missing_ok=True)
        write_private(path, private_key)
        return path

    def point_to(self, session_id: str, own_key: Path) -> None:
        """Remember which of the caller's own keys opens a session."""
        path = self._path(session_id, "key")
        path.unlink(missing_ok=True)
        path.symlink_to(own_key.absolute())

    def login(self, session: SessionBody, *, identity: Path | None = None) -> Login:
        """Return how to log into a session: with the key given, else the one kept, else what `ssh` finds itself."""
        kept = self._path(session.id, "key")
        key = identity or (kept if kept.exists() else None)
        return login_of(session, folder=self._folder, key_file=key)

    def forget(self, session_id: str) -> None:
        """Remove what is kept for a session."""
        for suffix in ("key", "known_hosts"):
            self._path(session_id, suffix).unlink(missing_ok=True)

    def forget_if_ended(self, session: SessionBody) -> None:
        """Remove what is kept for a session that is over."""
        if session.status in FINAL:
            self.forget(session.id)

    def _path(self, session_id: str, suffix: str) -> Path:
        if not _ID.fullmatch(session_id):
            raise click.UsageError(f"{session_id!r} is not the id of a session")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder / f"{session_id}.{suffix}"


def own_public_key(path: Path) -> tuple[str, Path | None]:
    """Return a caller's public key, and the private key beside it where there is one.

    Either of the two may be named: `id_ed25519` stands for `id_ed25519.pub`.
    """
    public = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    private = public.with_suffix("")
    try:
        text = public.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise click.UsageError(f"cannot read the public key {public}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{public} is not a public key") from error
    if "PRIVATE KEY" in text:
        raise click.UsageError(f"{public} is a private key; a public one is needed")
    return text, private if private.is_file() else None


def save_private(path: Path, private_key: str) -> None:
    """Write a private key where the caller wants it; what is there is never replaced."""
    try:
        write_private(path, private_key)
    except FileExistsError as error:
        raise click.UsageError(f"{path} exists; nothing was overwritten") from error
