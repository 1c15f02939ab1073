"""The children of one instance's process: started, waited for, and orphans of theirs reaped.

The process is a subreaper: the kernel hands it every orphan of its tree, so nothing that an instance
starts can slip away. It must reap them, and that is done here, with the children it started itself,
because only one place in a process can wait for its children without stealing from another.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One child, the leader of its own session, and the future of its exit code."""

    process: "subprocess.Popen[bytes]"
    exited: "asyncio.Future[int]"

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the child's whole process group, while the child itself is not reaped."""
        if self.process.returncode is None:
            os.killpg(self.process.pid, number)


class Children:
    """All children of this process."""

    def __init__(self, *, home: Path) -> None:
        self._home = home
        self._mine: dict[int, Child] = {}

    def watch(self) -> None:
        """Take orphans in and reap them from now on, in the running loop."""
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    def start(
        self, argv: Sequence[str], *, env: Mapping[str, str], stdin: Any, stdout: Any, stderr: Any
    ) -> Child:
        """Start a program in a session of its own, in the instance's home."""
        process = subprocess.Popen(
            list(argv), env=dict(env), stdin=stdin, stdout=stdout, stderr=stderr, bufsize=0,
            cwd=self._home, start_new_session=True, umask=0o022,
        )  # fmt: skip
        child = Child(process=process, exited=asyncio.get_running_loop().create_future())
        self._mine[process.pid] = child
        return child

    def _reap(self) -> None:
        while (pid := _next_exited()) is not None:
            child = self._mine.pop(pid, None)
            if child is None:
                os.waitpid(pid, 0)
                continue
            code = child.process.wait()
            if not child.exited.done():
                child.exited.set_result(code)


def pipe_of(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe that was asked for."""
    assert stream is not None, "the child was started with a pipe"
    return stream


def _next_exited() -> int | None:
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid
