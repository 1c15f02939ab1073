"""An event loop without a way out: no socket, signal, subprocess, thread or name look-up.

Promises: whatever would reach the real world fails at the call, and says what to do instead; work
meant for a thread is done at once, in the caller's own turn, and answers in a later one.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final, NoReturn, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_SEALED: Final = (
    *("add_reader", "remove_reader", "add_writer", "remove_writer"),
    *("add_signal_handler", "remove_signal_handler"),
    *("sock_recv", "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into", "sock_sendall"),
    *("sock_sendto", "sock_connect", "sock_accept", "sock_sendfile"),
    *("create_connection", "create_server", "create_unix_connection", "create_unix_server"),
    *("create_datagram_endpoint", "connect_accepted_socket", "connect_read_pipe"),
    *("connect_write_pipe", "start_tls", "sendfile", "subprocess_shell", "subprocess_exec"),
    *("getaddrinfo", "getnameinfo", "set_default_executor"),
)


class SimulationError(Exception):
    """The simulation itself can't go on, or something in it failed unseen."""


class DeadlockError(SimulationError):
    """Nothing can run and no timer is set."""


class LivelockError(SimulationError):
    """Tasks keep running while time stands still."""


class EndlessError(SimulationError):
    """Virtual time went past the limit of this run."""


class UnhandledError(SimulationError):
    """A task or callback failed and nobody looked."""


class NotSimulatedError(SimulationError):
    """Something asked the loop for a socket, a signal, a subprocess or a thread."""


class PlainHandle(asyncio.Handle):
    """A handle of a loop that is never debugged, and so made without asking for it."""

    __slots__ = ()
    _context: Context
    _callback: Callable[..., object]

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context,
    ) -> None:
        self._context = context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None


class PlainTimer(asyncio.TimerHandle):
    """A timer of a loop that is never debugged."""

    __slots__ = ()
    _context: Context
    _callback: Callable[..., object]

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        *,
        context: Context,
    ) -> None:
        self._context = context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self._when = when
        self._scheduled = True


class SealedLoop(asyncio.BaseEventLoop):
    """The half of the virtual loop that says no."""

    _stopping: bool
    _closed: bool

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Queue a callback; there is only one thread."""
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(
        self, executor: Any, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run the function here and now; as with a thread, others may run before the answer."""
        answer: asyncio.Future[T] = self.create_future()
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001  # It belongs to whoever awaits the answer.
            self.call_soon(_fail, answer, error)
        else:
            self.call_soon(_resolve, answer, result)
        return answer


def _resolve(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _refusal(name: str) -> Callable[..., NoReturn]:
    def refuse(*_args: object, **_options: object) -> NoReturn:
        raise NotSimulatedError(f"{name}() reaches the real world: call a port and simulate that")

    return refuse


for _name in _SEALED:
    setattr(SealedLoop, _name, _refusal(_name))
