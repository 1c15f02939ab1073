"""The agent's commands, and the real clock, processes and network that everything else is handed."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import select
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Callable, Sequence

from gpu_shopper.agent import AGENT_VERSION
from gpu_shopper.agent.beating import Beat, Pulse
from gpu_shopper.agent.config import AgentConfig
from gpu_shopper.agent.daemon import Courier, Daemon
from gpu_shopper.agent.deadman import born, counted
from gpu_shopper.agent.machine import boot_of
from gpu_shopper.agent.notebook import HEARTBEAT, Notebook, StoredOrders
from gpu_shopper.agent.outside import Answer, Asking, Outside, Ran
from gpu_shopper.wire.agent import BODY_LIMIT_BYTES, BodyError, Orders

EXIT_NOTHING_YET = 3
EXIT_ALREADY_RUNS = 75
EXIT_BAD_CONFIG = 78

_SEND_TIMEOUT_SECONDS = 10.0
_ORDERS_WAIT_SECONDS = 3.0
_LOG_LIMIT_BYTES = 256 * 1024
_USAGE = "usage: agent.pyz run | report | once | version"


def main() -> None:
    """Run the command that was named."""
    commands: dict[str, Callable[[Outside], int]] = {
        "run": run,
        "report": report,
        "once": once,
        "version": version,
    }
    words = sys.argv[1:]
    if len(words) != 1 or words[0] not in commands:
        sys.stderr.write(_USAGE + "\n")
        sys.exit(2)
    sys.exit(commands[words[0]](real_outside()))


def version(_outside: Outside) -> int:
    """Print the agent's version."""
    print(AGENT_VERSION)
    return 0


def run(outside: Outside) -> int:
    """Be the daemon; returns only where it can't start."""
    notebook = Notebook(outside.place)
    outside.place.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (outside.place / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.stderr.write("agent: another one runs in %s\n" % outside.place)
        return EXIT_ALREADY_RUNS
    try:
        config = notebook.config()
    except BodyError as error:
        outside.log("config.json: %s" % error)
        return EXIT_BAD_CONFIG
    boot = boot_of(outside, notebook, lambda: str(uuid.uuid4()))
    daemon = Daemon(
        outside,
        config,
        boot,
        Courier(lambda make, deliver: _start_thread(make, deliver, outside.log)),
    )
    outside.log("agent %s runs for %s, age %.0f s" % (AGENT_VERSION, config.label, daemon.life.age))
    while True:
        time.sleep(daemon.step())


def report(outside: Outside) -> int:
    """Print the newest heartbeat, then take orders from standard input, if any come; an SSH key is bound to this."""
    notebook = Notebook(outside.place)
    text = notebook.read(HEARTBEAT)
    if text is not None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    body = _read_some(sys.stdin.fileno())
    if body.strip():
        try:
            config = notebook.config()
            orders = Orders.from_json(body)
        except BodyError as error:
            sys.stderr.write("agent: orders refused: %s\n" % error)
            return 2
        boot = boot_of(outside, notebook, lambda: str(uuid.uuid4()))
        trouble = notebook.save_orders(config.label, StoredOrders(orders, boot.boot_id, boot.clock))
        if trouble is not None:
            sys.stderr.write("agent: %s\n" % trouble)
            return 1
    if text is None:
        sys.stderr.write("agent: there is no heartbeat yet; is the agent running?\n")
        return EXIT_NOTHING_YET
    return 0


def once(outside: Outside) -> int:
    """Print one heartbeat for people to read; works without a config and leaves no trace."""
    notebook = Notebook(outside.place)
    try:
        config = notebook.config()
    except BodyError:
        config = AgentConfig(label="unconfigured", token="", stop_in_seconds=1.0)
    # The folder of a kept boot id must not come into being by looking.
    boot = boot_of(outside, Notebook(outside.place / "none"), lambda: str(uuid.uuid4()))
    life = notebook.life(config.label) or counted(born(config, boot))
    heartbeat, _busy = Pulse(outside, config).read(life)
    print(json.dumps(json.loads(heartbeat.to_json()), indent=2, sort_keys=True))
    return 0


def real_outside() -> Outside:
    """Wire the node as it is."""
    home = Path(os.environ.get("HOME") or os.path.expanduser("~"))
    place = home / ".gpu-shopper"
    return Outside(
        place=place,
        root=Path("/"),
        environ=dict(os.environ),
        clock=_clock,
        calendar=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        run=run_command,
        launch=_launch,
        send=send_request,
        signal_group=lambda group, how: _signalled(os.killpg, group, how),
        signal_one=lambda pid, how: _signalled(os.kill, pid, how),
        log=lambda text: _log(place / "agent.log", text),
    )


def _clock() -> float:
    # Counts while the machine is suspended too, where the kernel can.
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def run_command(words: Sequence[str], timeout_seconds: float) -> Ran:
    """Run a command to its end or its time limit; a process that can't even be killed is left behind."""
    try:
        process = subprocess.Popen(
            list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except (OSError, ValueError) as error:
        return Ran(-1, "", "can't run %s: %s" % (words[0], error))
    try:
        output, _ = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=1.0)
        return Ran(None, "", "%s did not answer within %g s" % (words[0], timeout_seconds))
    return Ran(process.returncode, output[:131_072].decode("utf-8", "replace"))


def _launch(words: Sequence[str]) -> None:
    try:
        subprocess.Popen(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        sys.stderr.write("agent: can't run %s: %s\n" % (words[0], error))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another host."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


def send_request(asking: Asking) -> Answer:
    """Send one request: verified TLS, no proxy, no redirect, a time limit, a bounded answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())
    headers = {"User-Agent": "gpu-shopper-agent/" + AGENT_VERSION, **asking.headers}
    try:
        request = urllib.request.Request(asking.url, asking.body, headers, method=asking.method)
        with opener.open(request, timeout=_SEND_TIMEOUT_SECONDS) as response:
            return Answer(response.status, response.read(BODY_LIMIT_BYTES))
    except urllib.error.HTTPError as error:
        error.close()
        return Answer(error.code)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answer(0, error="%s: %s" % (type(error).__name__, error))


def _signalled(call: Callable[[int, int], None], number: int, how: int) -> bool:
    try:
        call(number, how)
    except OSError:
        return False
    return True


def _start_thread(
    make: Callable[[], Beat], deliver: Callable[[Beat], None], log: Callable[[str], None]
) -> None:
    def outermost() -> None:
        try:
            beat = make()
        except Exception:  # noqa: BLE001 -- a bug in the gathering of facts costs a heartbeat, not the switch
            log(traceback.format_exc())
            beat = Beat(
                busy=True,
                orders=None,
                trouble=("the agent has a bug; see the lines before this one",),
            )
        deliver(beat)

    threading.Thread(target=outermost, daemon=True).start()


def _log(path: Path, text: str) -> None:
    try:
        if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("a", encoding="utf-8") as out:
            out.write("%s %s\n" % (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text))
    except OSError:
        pass


def _read_some(source: int) -> bytes:
    """Read until the end, the limit, or a short silence: who is asked for nothing must not wait for ever."""
    body = b""
    if os.isatty(source):
        return body
    while len(body) <= BODY_LIMIT_BYTES:
        ready, _, _ = select.select([source], [], [], _ORDERS_WAIT_SECONDS)
        chunk = os.read(source, 8_192) if ready else b""
        if not chunk:
            break
        body += chunk
        if chunk.rstrip().endswith(b"}"):
            break
    return body


if __name__ == "__main__":
    main()
