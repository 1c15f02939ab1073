"""The door of an instance: who may log in over SSH, and what each key may do.

Keys are read from the home's `authorized_keys` at every login, with OpenSSH's options: a forced
command, `restrict` and what it leaves. Without a key nobody gets in, whatever the name.
"""

from pathlib import Path

import asyncssh

_RESTRICTABLE = ("pty", "port-forwarding", "agent-forwarding", "X11-forwarding", "user-rc")


class AuthorizedKeys(asyncssh.SSHAuthorizedKeys):
    """OpenSSH's file of keys, with `restrict`, which the library does not know."""

    def validate(self, key, client_host, client_addr, cert_principals=None, ca=False):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, D102, PLR0917
        options = super().validate(key, client_host, client_addr, cert_principals, ca)
        if options is None or "restrict" not in options:
            return options
        withheld = {f"no-{what}": True for what in _RESTRICTABLE if what not in options}
        return {**options, **withheld}


def read_authorized_keys(path: Path) -> AuthorizedKeys:
    """Read the keys that may log in now; a line that is not understood lets nobody in."""
    keys = AuthorizedKeys()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return keys
    for line in lines:
        try:
            keys.load(line)
        except ValueError:
            continue
    return keys


class Doorkeeper(asyncssh.SSHServer):
    """Decides who may log in to one instance."""

    def __init__(self, *, user: str, authorized_keys: Path) -> None:
        self._user = user
        self._authorized_keys = authorized_keys
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Remember the connection that is being opened."""
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        """Read the keys afresh; nobody gets in without one."""
        assert self._connection is not None, "a login follows a connection"
        known = username == self._user
        keys = read_authorized_keys(self._authorized_keys) if known else AuthorizedKeys()
        self._connection.set_authorized_keys(keys)
        return True

    def password_auth_supported(self) -> bool:
        """Say no: keys only."""
        return False

    def kbdint_auth_supported(self) -> bool:
        """Say no: keys only."""
        return False

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        """Forward, where the key allows it."""
        del dest_host, dest_port, orig_host, orig_port
        return True

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        """Forward backwards, on this machine only, where the key allows it."""
        del listen_port
        return listen_host in {"", "localhost", "127.0.0.1", "::1"}
