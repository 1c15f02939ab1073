"""`gpu-shopper demo`: the whole story on this machine, without an account, in about a minute.

A real server, a real cloud program, a real instance with a real SSH login: nothing here is played. It works in a
folder of its own and leaves no process behind.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpu_shopper.cli.situation import Situation

if TYPE_CHECKING:
    from gpu_shopper.client import Surroundings

_READY_LIMIT_S = 30.0
_STOP_LIMIT_S = 40.0
_LOOK_S = 0.1


@click.command(
    short_help="Watch one session from offer to proof, no account needed.",
    epilog="Examples:\n\n  gpu-shopper demo\n\n  gpu-shopper demo --gpu 'H100' --keep",
)
@click.option("--gpu", default="RTX 4090", show_default=True, help="GPU to rent.")
@click.option("--keep", is_flag=True, help="Keep the folder with the database and the logs.")
@click.pass_obj
def demo(situation: Situation, gpu: str, *, keep: bool) -> None:
    """Rent a GPU on the sandbox cloud, log into it, end it, and see the proof that it is gone."""
    from gpu_shopper.cli.demo_story import tell

    with _folder(keep=keep) as folder, _server(situation, folder) as url:
        tell(url, folder, gpu=gpu, say=_say)
    left = _left_behind(folder)
    if left:
        message = f"{len(left)} processes were left behind: {', '.join(map(str, left))}"
        raise click.ClickException(message)
    _say("No process was left behind.")
    if keep:
        _say(f"Kept: {folder}")


def _say(text: str, *, title: bool = False) -> None:
    click.echo(click.style(f"\n{text}", bold=True) if title else f"  {text}")


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gpu-shopper-demo-"))
    try:
        yield folder
    finally:
        if not keep:
            _remove(folder)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(situation: Situation, folder: Path) -> Iterator[str]:
    """Run a real server beside this process; its log stands in the folder."""
    from gpu_shopper.client.surroundings import REAL

    log = folder / "server.log"
    environment = {
        name: value
        for name, value in situation.environ.items()
        if not name.startswith("GPU_SHOPPER_")
    }
    environment |= {"GPU_SHOPPER_DATA_DIR": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gpu_shopper", "serve", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    try:
        yield _await_url(process, log, REAL)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_url(process: "subprocess.Popen[bytes]", log: Path, surroundings: "Surroundings") -> str:
    give_up_at = surroundings.monotonic() + _READY_LIMIT_S
    while surroundings.monotonic() < give_up_at and process.poll() is None:
        found = re.search(r"serving (http://\S+)", log.read_text(errors="replace"))
        if found:
            return found.group(1)
        surroundings.sleep(_LOOK_S)
    message = f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}"
    raise click.ClickException(message)


def _left_behind(folder: Path) -> list[int]:
    """Return the processes whose command line or environment names our folder: whatever was started for us."""
    mark = str(folder).encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark in text and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found
