"""The command `python -m gpu_shopper.sandbox`: a cloud of your own on this machine.

Prints one line with its URL on stdout, talks on stderr, and serves until told to end. SIGTERM leaves
the instances running; the next start on the same folder finds them again.
"""

import argparse
import asyncio
import errno
import logging
import random
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Json
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.sandbox.program import Program
from gpu_shopper.sandbox.server import Face
from gpu_shopper.sandbox.state import UnreadableSnapshotError
from gpu_shopper.sandbox.store import StateDir, StateDirBusyError, StateDirUnreadableError
from gpu_shopper.sandbox.supervisor import Supervisor

EXIT_USAGE = 2
EXIT_BUSY = 3
EXIT_UNREADABLE = 4
_END_LIMIT_S = 30.0
_GOODBYE_S = 2.0
_LEAST_KEY = 4
_BACKLOG = 128
_LONGEST_S = 31_536_000.0


class CannotStartError(Exception):
    """The sandbox can't start, and why."""


def main() -> None:
    """Run one sandbox."""
    options = parse(sys.argv[1:])
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="sandbox: %(message)s")
    try:
        store = StateDir(options.state_dir)
        asyncio.run(serve(options, store))
    except StateDirBusyError as error:
        leave(EXIT_BUSY, error)
    except StateDirUnreadableError as error:
        leave(EXIT_UNREADABLE, error)
    except (CannotStartError, OSError) as error:
        leave(EXIT_USAGE, error)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m gpu_shopper.sandbox",
        description="A cloud on this machine that rents out real processes with real SSH.",
    )
    add = parser.add_argument
    add("--state-dir", type=Path, required=True, help="folder of the cloud; one cloud per folder")
    add(
        "--port",
        type=whole(0, 65535),
        default=0,
        help="port on 127.0.0.1; 0 takes the last one again, or any",
    )
    key = parser.add_mutually_exclusive_group(required=True)
    key.add_argument("--key", help="the account's key")
    key.add_argument("--key-file", type=Path, help="file with the account's key; made if missing")
    add("--control-key", help="key of the control API (default: one that nobody knows)")
    add("--seed", type=int, default=1, help="seed of the market (default: 1)")
    add("--offers", type=whole(1, 100_000), default=3000, help="size of the market (default: 3000)")
    add(
        "--boot-seconds",
        type=seconds(0),
        default=1.0,
        help="time before a machine starts (default: 1)",
    )
    add(
        "--driver-seconds",
        type=seconds(0),
        default=0.0,
        help="time before a machine that has started can read its GPUs (default: 0)",
    )
    add(
        "--start-script-bytes",
        type=whole(0, 65_536),
        default=65_536,
        help="largest start-up script of an order; 0: none (default: 65536)",
    )
    add(
        "--drift-seconds",
        type=seconds(1),
        default=3600.0,
        help="how long prices stand (default: 3600)",
    )
    add("--port-file", type=Path, help="file to write the URL to when the cloud is up")
    add("--ephemeral", action="store_true", help="end every instance when this program is ended")
    return parser.parse_args(arguments)


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers within limits."""

    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least} to {most}")
        return value

    return number


def seconds(least: float) -> Callable[[str], float]:
    """Return a reader of durations that are not too short."""

    def duration(text: str) -> float:
        value = float(text)
        if not least <= value <= _LONGEST_S:
            raise argparse.ArgumentTypeError(f"{text} is not from {least:g} to {_LONGEST_S:g}")
        return value

    return duration


async def serve(options: argparse.Namespace, store: StateDir) -> None:
    """Serve until told to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    door = listen(options.port, store.root / "port")
    port = door.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    model = build_model(options, key=account_key(options))
    known = store.load()
    if known is not None:
        restore(model, known, store)
    program = Program(model, store, Supervisor(store.instances, api=url))
    control_key = options.control_key or secrets.token_hex(16)
    face = Face(program, control_key=control_key, stop=stop)
    runner = web.AppRunner(face.application(), access_log=None, shutdown_timeout=_GOODBYE_S)
    await program.open()
    await runner.setup()
    await web.SockSite(runner, door).start()
    write_whole(store.root / "port", f"{port}\n")
    if options.port_file is not None:
        write_whole(options.port_file, f"{url}\n")
    print(url, flush=True)  # noqa: T201  the one line that callers wait for
    await stop.wait()
    if options.ephemeral:
        await program.end_everything(within_s=_END_LIMIT_S)
    await runner.cleanup()
    await program.close()


def restore(model: CloudModel, known: Mapping[str, Json], store: StateDir) -> None:
    """Let the model go on where an earlier run ended.

    Raises:
        StateDirUnreadableError: what was written down is not understood; it stays as it is.
    """
    try:
        model.restore(known)
    except UnreadableSnapshotError as error:
        raise StateDirUnreadableError(f"{store.state_file}: {error}") from error


def build_model(options: argparse.Namespace, *, key: str) -> CloudModel:
    """Return the cloud as the options describe it."""
    boot = options.boot_seconds
    config = ModelConfig(
        account_key=key, boot_s=(boot * 0.8, boot * 1.2), drift_period_s=options.drift_seconds,
        driver_s=options.driver_seconds, start_script_bytes=options.start_script_bytes,
    )  # fmt: skip
    catalogue = Catalogue(seed=options.seed, size=options.offers)
    # Ids and keys of instances are drawn from this, so it is not the market's seed.
    return CloudModel(catalogue, random.Random(secrets.randbits(256)), config)


def listen(port: int, last: Path) -> socket.socket:
    """Return a socket on the asked port; on 0, on the port of the last run if it is free.

    Instances know the address of the cloud that made them, so it should stay the same.

    Raises:
        CannotStartError: the port is taken.
    """
    wishes = [port]
    if port == 0 and last.exists():
        wishes = [int(last.read_text(encoding="utf-8") or "0"), 0]
    for wish in wishes:
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", wish))
            door.listen(_BACKLOG)
        except OSError as error:
            door.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return door
    raise CannotStartError(f"port {port} on 127.0.0.1 is in use: choose another --port, or 0")


def account_key(options: argparse.Namespace) -> str:
    """Return the account's key; make one where the key file does not exist yet.

    Raises:
        CannotStartError: the key is too short to be one.
    """
    if options.key_file is None:
        key: str = options.key
    else:
        if not options.key_file.exists():
            write_whole(options.key_file, f"{secrets.token_hex(20)}\n")
        key = options.key_file.read_text(encoding="utf-8").strip()
    if len(key) < _LEAST_KEY:
        raise CannotStartError(f"the account's key needs at least {_LEAST_KEY} characters")
    return key


def write_whole(path: Path, text: str) -> None:
    """Write a private file so that a reader sees all of it or nothing."""
    draft = path.with_name(f"{path.name}.draft")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def leave(code: int, error: Exception) -> None:
    """Say why and end."""
    sys.stderr.write(f"sandbox: {error}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
