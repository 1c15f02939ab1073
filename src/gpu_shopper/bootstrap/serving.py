"""Serving: the API and the dashboard on a socket, the engine beside it, until told to end. Sessions outlive it."""

import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Mapping

import uvicorn

from gpu_shopper.bootstrap.app import App, StartRefused, build
from gpu_shopper.bootstrap.embedded import EmbeddedSandbox, start_sandbox
from gpu_shopper.bootstrap.front import DASHBOARD, front_of
from gpu_shopper.bootstrap.memory import collect_seldom, keep_blocks_apart, use_small_pages
from gpu_shopper.runtime.chance import RealChance
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.runtime.logging import LogFormat, set_up_logging
from gpu_shopper.runtime.redaction import Redactor
from gpu_shopper.settings import Settings
from gpu_shopper.transport.door import AiohttpDoor

_BACKLOG = 1024
_GRACE_S = 10

Announce = Callable[[str], None]


async def serve(settings: Settings, *, say: Announce) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        Refusal: it must not or cannot start; nothing was changed.
    """
    redactor = Redactor()
    set_up_logging(redactor, form=LogFormat(settings.log_format), level=settings.log_level)
    listener = listen(settings.host, settings.port)
    door = AiohttpDoor()
    sandbox: EmbeddedSandbox | None = None
    served = False
    try:
        providers = dict(settings.providers)
        if wants_sandbox(settings):
            sandbox = await start_sandbox(
                settings, clock=RealClock(), chance=RealChance(), door=door
            )
            providers |= sandbox.settings
            say(f"sandbox cloud at {sandbox.url}")
        hide(providers, redactor)
        public_url = address_for_nodes(settings, listener, providers)
        app = await build(settings, providers=providers, public_url=public_url)
        try:
            await refuse_open_door(app, settings.host)
            served = True
            await run(app, listener, say=say)
        finally:
            await app.stop()
    finally:
        listener.close()
        if sandbox is not None:
            gone = await sandbox.stop_if_idle(door, RealClock())
            if served and not gone:
                say(
                    "the sandbox cloud goes on: it has instances, or another server's; serve again to go on"
                )
        await door.aclose()


async def run(app: App, listener: socket.socket, *, say: Announce) -> None:
    """Serve an app on a socket until a signal comes."""
    server = server_over(app)
    _be_patient()
    collect_seldom()
    keep_blocks_apart()
    use_small_pages()
    app.start()
    url = url_of(listener)
    say(f"serving {url} as deployment {app.deployment}")
    say(f"dashboard at {url}{DASHBOARD}")
    await server.serve(sockets=[listener])


def server_over(app: App) -> uvicorn.Server:
    """Return the HTTP server of an app; it does not serve yet."""
    config = uvicorn.Config(
        front_of(app.rooms),
        log_config=None,
        access_log=False,
        server_header=False,
        # Nothing here believes what a proxy says of the caller, and reading it costs every request.
        proxy_headers=False,
        date_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=75,
    )
    return uvicorn.Server(config)


def _be_patient() -> None:
    """Let the first signal end the serving and not the process: what is in flight is still to be written down.

    uvicorn raises the signal again when it has stopped, into whatever handler was there before: this one. Another one
    after that ends the process at once; nothing depends on a clean exit.
    """
    heard = 0

    def on_signal(number: int, _frame: object) -> None:
        nonlocal heard
        heard += 1
        if heard > 1:
            os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)


def hide(providers: Mapping[str, Mapping[str, str]], redactor: Redactor) -> None:
    """Keep what opens a cloud's door out of every line of the log, wherever it comes from."""
    for given in providers.values():
        for name, value in given.items():
            if name != "url":
                redactor.learn(value)


def wants_sandbox(settings: Settings) -> bool:
    """Return whether the embedded sandbox is to be started."""
    if settings.sandbox_autostart == "always":
        return "sandbox" not in settings.providers
    return settings.sandbox_autostart == "auto" and not settings.providers


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket before anything else is touched.

    Raises:
        StartRefused: the address is taken or not ours.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror or error}"
        hint = "is another server running? choose another port with GPU_SHOPPER_PORT"
        raise StartRefused(message, hint=hint) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL under which a listener is reached from this machine."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def address_for_nodes(
    settings: Settings, listener: socket.socket, providers: Mapping[str, object]
) -> str | None:
    """Return what nodes are told to report to; None if they are to be read over SSH.

    Nodes of the sandbox are on this machine: our own loopback address reaches us from there.
    """
    if settings.public_url == "none":
        return None
    if settings.public_url:
        return settings.public_url
    return url_of(listener) if set(providers) == {"sandbox"} else None


async def refuse_open_door(app: App, host: str) -> None:
    """Refuse to be reachable from elsewhere while anybody may do anything."""
    if is_loopback(host) or await app.rooms.commands.tokens.any_exist():
        return
    raise StartRefused(
        f"{host} can be reached from elsewhere, and no token exists",
        hint="make one first: gpu-shopper token create --admin",
    )


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
