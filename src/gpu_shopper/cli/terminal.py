"""The built-in SSH: this terminal, connected to a shell or a command on the instance."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gpu_shopper.client.login import Login
from gpu_shopper.client.remote import connect, in_a_loop

_ENDED_BY_SIGNAL = 128


def attach(login: Login, line: str) -> int:
    """Connect stdin, stdout and stderr until the other side ends; return its exit code."""
    with _raw_terminal(wanted=not line):
        return in_a_loop(_attach(login, line))


async def _attach(login: Login, line: str) -> int:
    interactive = not line and sys.stdin.isatty()
    size = _size() if interactive else None
    async with await connect(login) as connection:
        done = await connection.run(
            line or None, check=False, encoding=None,
            term_type="xterm-256color" if interactive else None, term_size=size or (80, 24),
            stdin=sys.stdin.buffer, stdout=sys.stdout.buffer, stderr=sys.stderr.buffer,
        )  # fmt: skip
    status = done.exit_status
    return status if status is not None and status >= 0 else _ENDED_BY_SIGNAL


def _size() -> tuple[int, int]:
    import shutil

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
