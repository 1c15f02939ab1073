"""SSH into an instance: who may log in, and the shells and commands that run for them.

Keys are read from the home's `authorized_keys` at every login, with OpenSSH's options: a forced
command, `restrict` and what it leaves. A session runs in a session of its own; when the connection
ends while it runs, its whole process group is ended.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import asyncssh

from gpu_shopper.sandbox.children import Child, Children, pipe_of

_HANGUP_GRACE_S = 2.0
_TERMINAL_DRAIN_S = 1.0
_RESTRICTABLE = ("pty", "port-forwarding", "agent-forwarding", "X11-forwarding", "user-rc")
# The shell must open its terminal itself, as the leader of its session, for it to be in control.
_ON_TERMINAL = 'exec "$@" <"$0" >"$0" 2>&1'


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


class Shells:
    """Runs what people ask for over SSH."""

    def __init__(self, children: Children, *, shell: str, env: Mapping[str, str]) -> None:
        self._children = children
        self._shell = shell
        self._env = env

    async def serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        """Run one command or shell until it ends or the caller is gone."""
        argv = [self._shell] if process.command is None else [self._shell, "-c", process.command]
        env = {**self._env, **_taken_over(process.env)}
        if process.term_type is None:
            child = await self._on_pipes(process, argv, env)
        else:
            child = await self._on_terminal(process, argv, {**env, "TERM": process.term_type})
        closed = asyncio.ensure_future(process.wait_closed())
        exited = asyncio.ensure_future(_outcome(child))
        await asyncio.wait({exited, closed}, return_when=asyncio.FIRST_COMPLETED)
        if not exited.done():
            await _hang_up(child)
            return
        # The pipes may hold more than has been sent; who reads too slowly ends it by hanging up.
        # A terminal goes with its shell, even if something in the background still holds it.
        longest = None if process.term_type is None else _TERMINAL_DRAIN_S
        drained = asyncio.ensure_future(_drain(process))
        await asyncio.wait({drained, closed}, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        _report(process, exited.result())

    async def _on_pipes(
        self, process: "asyncssh.SSHServerProcess[bytes]", argv: list[str], env: Mapping[str, str]
    ) -> Child:
        pipe = subprocess.PIPE
        child = self._children.start(argv, env=env, stdin=pipe, stdout=pipe, stderr=pipe)
        await process.redirect(
            stdin=pipe_of(child.process.stdin),
            stdout=pipe_of(child.process.stdout),
            stderr=pipe_of(child.process.stderr),
        )
        return child

    async def _on_terminal(
        self, process: "asyncssh.SSHServerProcess[bytes]", argv: list[str], env: Mapping[str, str]
    ) -> Child:
        ours, theirs = os.openpty()
        name = os.ttyname(theirs)
        none = subprocess.DEVNULL
        child = self._children.start(
            ["/bin/sh", "-c", _ON_TERMINAL, name, *argv],
            env=env,
            stdin=none,
            stdout=none,
            stderr=none,
        )
        await process.redirect(stdin=os.dup(ours), stdout=ours)
        # Until the shell has opened it, the terminal would look hung up if we let go of it.
        child.exited.add_done_callback(lambda _: os.close(theirs))
        return child


async def _outcome(child: Child) -> int:
    return await child.exited


async def _drain(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    await process.stdout.drain()
    await process.stderr.drain()


async def _hang_up(child: Child) -> None:
    """End a session whose caller is gone."""
    child.signal_group(signal.SIGHUP)
    child.signal_group(signal.SIGTERM)
    await asyncio.wait({child.exited}, timeout=_HANGUP_GRACE_S)
    child.signal_group(signal.SIGKILL)


def _report(process: "asyncssh.SSHServerProcess[bytes]", code: int) -> None:
    if code >= 0:
        process.exit(code)
        return
    name = signal.Signals(-code).name.removeprefix("SIG")
    process.exit_with_signal(name, core_dumped=False, msg="", lang="en-US")


def _taken_over(env: Mapping[str, str]) -> dict[str, str]:
    """Return what a caller may set: the language, as OpenSSH's usual configuration has it."""
    return {name: value for name, value in env.items() if name == "LANG" or name.startswith("LC_")}
