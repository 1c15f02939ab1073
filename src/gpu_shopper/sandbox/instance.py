"""The process of one instance: its home, its SSH server, its start-up script.

Runs as `python -m gpu_shopper.sandbox.instance --spec FILE` in a session of its own and needs nobody
afterwards: it outlives the sandbox program, which finds it again by its `ready.json`. Everything that
it starts carries a mark in the environment, so that all of it can be found and ended.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import asyncssh

from gpu_shopper.sandbox.children import Children
from gpu_shopper.sandbox.doors import Doorkeeper
from gpu_shopper.sandbox.nvidia_smi import write_driver_files, write_tool
from gpu_shopper.sandbox.processes import GRACE_S, MARK, belonging_to, find, send
from gpu_shopper.sandbox.shells import Files, Shells

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LOGIN_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one instance lives on disk."""

    root: Path

    @property
    def home(self) -> Path:
        """The instance's private home."""
        return self.root / "home"

    @property
    def tools(self) -> Path:
        """What the instance finds first on its PATH."""
        return self.root / "bin"

    @property
    def host_key_pub(self) -> Path:
        """The public half of its host key."""
        return self.root / "host_key.pub"

    @property
    def ready(self) -> Path:
        """What tells that it is up, and how to reach it."""
        return self.root / "ready.json"


def main() -> None:
    """Be one instance until told to end."""
    parser = argparse.ArgumentParser(prog="gpu_shopper.sandbox.instance")
    parser.add_argument("--spec", type=Path, required=True)
    spec_file: Path = parser.parse_args().spec
    order = json.loads(spec_file.read_text(encoding="utf-8"))
    os.umask(0o077)
    place = Place(root=spec_file.resolve().parent)
    furnish(place, order["spec"])
    os.chdir(place.home)
    asyncio.run(live(place, order["spec"], api=order["api"]))


def furnish(place: Place, spec: dict[str, Any]) -> None:
    """Make the home and the tools of an instance."""
    for folder in (place.home, place.home / ".ssh", place.tools):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authorized_keys = place.home / ".ssh" / "authorized_keys"
    authorized_keys.write_text("".join(f"{key}\n" for key in spec["ssh_keys"]), encoding="utf-8")
    gpus, instance_id = spec["gpus"], spec["instance_id"]
    ready_at = time.time() + spec["driver_s"] if spec["driver_s"] else 0.0
    write_tool(
        place.tools / "nvidia-smi",
        gpus,
        instance_id=instance_id,
        home=place.home,
        ready_at=ready_at,
    )
    write_driver_files(place.root / "proc", gpus, instance_id=instance_id)
    if shutil.which("python3", path=_SYSTEM_PATH) is None:
        # Rented machines have a Python; where this one has none of its own, lend it ours.
        lent = place.tools / "python3"
        lent.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        lent.chmod(0o755)


def environment(place: Place, spec: dict[str, Any], *, api: str, shell: str) -> dict[str, str]:
    """Return what everything in the instance finds in its environment, and nothing of ours."""
    return {
        "LANG": "C.UTF-8",
        **spec["env"],
        "HOME": str(place.home),
        "USER": spec["ssh_user"],
        "LOGNAME": spec["ssh_user"],
        "SHELL": shell,
        "PATH": f"{place.tools}:{_SYSTEM_PATH}",
        "SSH_HOST_KEY_PUB": str(place.host_key_pub),
        "SANDBOX_API": api,
        "SANDBOX_INSTANCE_ID": spec["instance_id"],
        "SANDBOX_INSTANCE_KEY": spec["instance_key"],
        "SANDBOX_PROC": str(place.root / "proc"),
        MARK: spec["instance_id"],
    }


async def live(place: Place, spec: dict[str, Any], *, api: str) -> None:
    """Serve SSH and run the start-up script until told to end."""
    told_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_end.set)
    children = Children(home=place.home)
    children.watch()
    shell = shutil.which("bash", path=_SYSTEM_PATH) or "/bin/sh"
    env = environment(place, spec, api=api, shell=shell)
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    public = host_key.export_public_key().decode().strip()
    place.host_key_pub.write_text(f"{public}\n", encoding="utf-8")
    authorized_keys = place.home / ".ssh" / "authorized_keys"
    door = partial(Doorkeeper, user=spec["ssh_user"], authorized_keys=authorized_keys)
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=door, server_host_keys=[host_key], encoding=None,
        process_factory=Shells(children, shell=shell, env=env).serve,
        sftp_factory=Files, line_editor=False, agent_forwarding=False,
        login_timeout=_LOGIN_TIMEOUT_S, keepalive_interval=60, reuse_address=False,
    )  # fmt: skip
    announce(place, port=server.get_port(), host_key=public)
    if spec["on_start"]:
        run_start_script(children, place, spec["on_start"], shell=shell, env=env)
    await told_to_end.wait()
    server.close()
    await end_descendants(spec["instance_id"])


def announce(place: Place, *, port: int, host_key: str) -> None:
    """Say that the instance is up, so that a reader sees all of it or nothing."""
    me = find(os.getpid())
    assert me is not None, "a process finds itself"
    facts = {
        "pid": me.pid, "process_started": me.started, "port": port, "host_key": host_key,
        "started_at": time.time(),
    }  # fmt: skip
    draft = place.ready.with_suffix(".draft")
    draft.write_text(json.dumps(facts), encoding="utf-8")
    draft.replace(place.ready)


def run_start_script(
    children: Children, place: Place, script: str, *, shell: str, env: dict[str, str]
) -> None:
    """Start the start-up script; its output goes to a file in the home."""
    path = place.root / "on_start"
    path.write_text(script, encoding="utf-8")
    with (place.home / ".on_start.log").open("ab") as log:
        children.start(
            [shell, str(path)], env=env, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )


async def end_descendants(instance_id: str) -> None:
    """End all that runs in this instance, politely first."""
    me = find(os.getpid())
    for number in (signal.SIGTERM, signal.SIGKILL):
        give_up_at = time.monotonic() + GRACE_S
        while (left := belonging_to(instance_id, me)) and time.monotonic() < give_up_at:
            for process in left:
                send(process, number)
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
