"""What a caller sends, on its way into a command: bytes, signals, the size of the terminal.

The bytes are written by hand and not through a pipe transport, because asyncio's drops what is
written while it tells its owner to resume and the end of the stream follows at once.
"""

import asyncio
import fcntl
import os
import signal
import struct
import termios
from typing import IO

import asyncssh

from gpu_shopper.sandbox.children import Child

_CHUNK_BYTES = 65536


class Entrance:
    """The writing end of a command's input."""

    def __init__(self, pipe: IO[bytes], *, is_terminal: bool) -> None:
        self._pipe = pipe
        self._is_terminal = is_terminal
        os.set_blocking(pipe.fileno(), False)

    async def write(self, data: bytes) -> None:
        """Write all of it, as fast as the command reads."""
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._pipe.fileno(), left) :]
            except BlockingIOError:
                await self._writable()

    def resize(self, size: tuple[int, int, int, int]) -> None:
        """Tell the terminal its size: columns, rows, and both in pixels."""
        if self._is_terminal:
            columns, rows, width, height = size
            packed = struct.pack("HHHH", rows, columns, width, height)
            fcntl.ioctl(self._pipe.fileno(), termios.TIOCSWINSZ, packed)

    def close(self) -> None:
        """Let the command read the end of its input."""
        self._pipe.close()

    async def _writable(self) -> None:
        loop, number = asyncio.get_running_loop(), self._pipe.fileno()
        ready = asyncio.Event()
        loop.add_writer(number, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(number)


async def feed(
    process: "asyncssh.SSHServerProcess[bytes]", child: Child, entrance: Entrance
) -> None:
    """Pass on what the caller sends until there is no more or nobody reads it."""
    try:
        while await _pass_on(process, child, entrance):
            pass
    except (OSError, asyncssh.Error):
        # The command reads no more, or the caller is gone; who waits for either knows it already.
        return
    finally:
        entrance.close()


async def _pass_on(
    process: "asyncssh.SSHServerProcess[bytes]", child: Child, entrance: Entrance
) -> bool:
    try:
        data = await process.stdin.read(_CHUNK_BYTES)
    except asyncssh.TerminalSizeChanged as change:
        entrance.resize(change.term_size)
        return True
    except asyncssh.BreakReceived:
        child.signal_group(signal.SIGINT)
        return True
    except asyncssh.SignalReceived as received:
        number = getattr(signal.Signals, f"SIG{received.signal}", None)
        if number is not None:
            child.signal_group(number)
        return True
    await entrance.write(data)
    return bool(data)
