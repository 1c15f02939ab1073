"""Shells and commands in an instance, as they run for those who have logged in over SSH.

Each runs in a session of its own; when the connection ends while it runs, its whole process group is
ended. What it has left in the background by then, as a session of its own, stays.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping

import asyncssh

from gpu_shopper.sandbox.children import Child, Children, pipe_of
from gpu_shopper.sandbox.feeding import Entrance, feed

_HANGUP_GRACE_S = 2.0
_TERMINAL_DRAIN_S = 1.0
# The shell must open its terminal itself, as the leader of its session, for it to be in control.
_ON_TERMINAL = 'exec "$@" <"$0" >"$0" 2>&1'


class Files(asyncssh.SFTPServer):
    """The instance's files over SFTP, from its home on."""

    def exit(self) -> None:
        """End well, and say so: OpenSSH's scp takes a missing exit status for a failure."""
        self.channel.exit(0)


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
            child, entrance = await self._on_pipes(process, argv, env)
        else:
            env["TERM"] = process.term_type
            child, entrance = await self._on_terminal(process, argv, env)
        fed = asyncio.ensure_future(feed(process, child, entrance))
        try:
            await self._until_over(process, child)
        finally:
            fed.cancel()

    async def _until_over(self, process: "asyncssh.SSHServerProcess[bytes]", child: Child) -> None:
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
    ) -> tuple[Child, Entrance]:
        pipe = subprocess.PIPE
        child = self._children.start(argv, env=env, stdin=pipe, stdout=pipe, stderr=pipe)
        entrance = Entrance(pipe_of(child.process.stdin), is_terminal=False)
        # The end of one stream must not close the channel to the other: whoever exits says that all is over.
        await process.redirect(
            stdout=pipe_of(child.process.stdout),
            stderr=pipe_of(child.process.stderr),
            send_eof=False,
        )
        return child, entrance

    async def _on_terminal(
        self, process: "asyncssh.SSHServerProcess[bytes]", argv: list[str], env: Mapping[str, str]
    ) -> tuple[Child, Entrance]:
        ours, theirs = os.openpty()
        entrance = Entrance(os.fdopen(os.dup(ours), "wb", buffering=0), is_terminal=True)
        entrance.resize(process.term_size)
        none = subprocess.DEVNULL
        opened = ["/bin/sh", "-c", _ON_TERMINAL, os.ttyname(theirs), *argv]
        child = self._children.start(opened, env=env, stdin=none, stdout=none, stderr=none)
        # Until the shell has opened it, the terminal would look hung up if we let go of it.
        child.exited.add_done_callback(lambda _: os.close(theirs))
        await process.redirect(stdout=ours)
        return child, entrance


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
