"""The built-in SSH: this terminal, connected to a shell or a command on the instance."""

import asyncio
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from gpu_shopper.client.login import Login
from gpu_shopper.client.remote import connect

if TYPE_CHECKING:
    import asyncssh

    Process = asyncssh.SSHClientProcess[bytes]

_ENDED_BY_SIGNAL = 128
_PIECE = 65_536
# What every terminal of these days understands.
_TERMINAL = "xterm-256color"


def attach(login: Login, line: str) -> int:
    """Connect stdin, stdout and stderr until the other side ends; return its exit code."""
    with _raw_terminal(wanted=not line):
        return asyncio.run(_attach(login, line))


async def _attach(login: Login, line: str) -> int:
    on_terminal = not line and sys.stdin.isatty()
    kind = _TERMINAL if on_terminal else None
    async with await connect(login) as connection:
        process = await connection.create_process(
            line or None, encoding=None, term_type=kind, term_size=_size()
        )
        if on_terminal:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGWINCH, lambda: process.change_terminal_size(*_size()))
        _feed(process)
        await asyncio.gather(
            _pour(process.stdout, sys.stdout.buffer), _pour(process.stderr, sys.stderr.buffer)
        )
        done = await process.wait(check=False)
    status = done.exit_status
    return status if status is not None and status >= 0 else _ENDED_BY_SIGNAL


def _feed(process: "Process") -> None:
    """Pass our stdin on from a thread of its own: a file or /dev/null cannot be waited for otherwise."""
    loop = asyncio.get_running_loop()

    def feed() -> None:
        # The loop is gone as soon as the other side has ended; nobody wants the rest then.
        with suppress(RuntimeError, OSError):
            while piece := os.read(sys.stdin.fileno(), _PIECE):
                loop.call_soon_threadsafe(process.stdin.write, piece)
            loop.call_soon_threadsafe(process.stdin.write_eof)

    threading.Thread(target=feed, daemon=True).start()


async def _pour(source: "asyncssh.SSHReader[bytes]", target: BinaryIO) -> None:
    while piece := await source.read(_PIECE):
        target.write(piece)
        target.flush()


def _size() -> tuple[int, int]:
    size = shutil.get_terminal_size()
    return size.columns, size.lines


@contextmanager
def _raw_terminal(*, wanted: bool) -> Iterator[None]:
    """Pass each key on as it is pressed, and give the terminal back as it was."""
    if not wanted or not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setraw(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
