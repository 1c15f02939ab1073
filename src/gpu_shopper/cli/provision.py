"""`gpu-shopper provision`: rent a GPU, see it come up, and get a line that logs in."""

from pathlib import Path
from typing import Any

import click

from gpu_shopper.cli.keys import KeyRing, own_public_key, save_private
from gpu_shopper.cli.phases import progress
from gpu_shopper.cli.render import output_option, say, show_json, show_one
from gpu_shopper.cli.session_columns import FIELDS
from gpu_shopper.cli.situation import Situation
from gpu_shopper.client.errors import ServerUnreachable, ShopperError
from gpu_shopper.client.orders import order_of
from gpu_shopper.client.watching import check_usable
from gpu_shopper.wire.sessions import SessionBody, SessionCreated

WORKLOADS = ("interactive", "llm", "training", "batch", "inference", "benchmark")
SCOPES = ("same_gpu", "same_vram", "any")
_MUST_CHOOSE = ("offer", "gpu", "min_vram", "max_price")


def _wish_options(command: Any) -> Any:
    """Give a command the options that say what to rent."""
    options = (
        click.option("--gpu", multiple=True, metavar="NAME", help="GPU model; any of those named."),
        click.option("--gpus", type=int, metavar="N", help="Number of GPUs."),
        click.option("--min-vram", type=int, metavar="GB", help="Memory of each GPU."),
        click.option("--max-price", type=float, metavar="USD", help="Most per hour with its disk, also when retried."),
        click.option("--offer", metavar="ID", help="Exactly this offer of the inventory."),
        click.option("--provider", multiple=True, metavar="NAME", help="Only at this cloud."),
        click.option("--region", multiple=True, metavar="NAME", help="Only in this region."),
        click.option("--min-reliability", type=float, metavar="SHARE", help="0 to 1."),
        click.option("--min-cuda", metavar="VERSION"),
        click.option("--min-ram", type=int, metavar="GB"),
        click.option("--min-vcpus", type=int, metavar="N"),
        click.option("--interruptible/--on-demand", default=None, help="Only the one or the other."),
        click.option("--hours", type=int, default=1, show_default=True, help="Reservation, 1 to 12."),
        click.option("--consumer", metavar="NAME", help="Whom it is for and billed to."),
        click.option("--workload", type=click.Choice(WORKLOADS), default="interactive", show_default=True),
        click.option("--idle-minutes", type=int, default=0, metavar="N", help="End it when idle so long; 0: never."),
        click.option("--disk", "disk_gb", type=int, metavar="GB", help="Size of the disk."),
        click.option("--image", metavar="NAME", help="Container image."),
        click.option("--on-start", metavar="COMMAND", help="Command to run when it is up."),
        click.option("--port", "ports", type=int, multiple=True, metavar="N", help="Port to open; may be repeated."),
        click.option("--retry/--no-retry", "auto_retry", default=True, help="Try other offers when one fails."),
        click.option("--max-retries", type=int, default=3, show_default=True),
        click.option("--retry-scope", type=click.Choice(SCOPES), default="same_gpu", show_default=True),
        click.option("--startup-minutes", type=int, metavar="N", help="Time to come up; else what the clouds need."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_wish_options
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it runs.")
@click.option("--save-key", type=click.Path(path_type=Path), help="Write the private key here.")
@click.option("--ssh-key", type=click.Path(path_type=Path), help="Use this key of yours.")
@click.option(
    "--idempotency-key", default="", metavar="KEY", help="The same key never rents twice."
)
@output_option
@click.pass_obj
def provision(
    situation: Situation, /, *, wait: bool, save_key: Path | None, ssh_key: Path | None,
    idempotency_key: str, output: str, **options: Any,
) -> None:  # fmt: skip
    """Rent a GPU and wait until you can log in.

    It ends at the end of its reservation, when you say so, or when it has been idle for too long, whatever comes first.

    \b
    Examples:
      gpu-shopper provision --gpu "RTX 4090" --hours 2
      gpu-shopper provision --min-vram 80 --gpus 2 --max-price 5 --idle-minutes 30
      gpu-shopper provision --offer OFFER --no-wait -o json
    """
    wish: Any = _given(options)
    if not any(wish.get(name) for name in _MUST_CHOOSE):
        raise click.UsageError("say what to rent: --gpu, --min-vram, --max-price or --offer")
    if save_key is not None and (ssh_key is not None or save_key.exists()):
        why = "no key is made with --ssh-key" if ssh_key else f"{save_key} exists"
        raise click.UsageError(f"cannot use --save-key: {why}")
    own: Path | None = None
    if ssh_key is not None:
        wish["ssh_public_key"], own = own_public_key(ssh_key)
    key = idempotency_key or situation.surroundings.draw_key()
    created = _create(situation, wish, key)
    session = created.session
    say(f"session {session.id} is asked for")
    _keep_keys(situation, created, own, save_key)
    if wait:
        session = _wait(situation, session.id)
    _present(situation, session, output)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    listed = {name: list(value) for name, value in options.items() if isinstance(value, tuple)}
    plain = {n: v for n, v in options.items() if not isinstance(v, tuple) and v is not None}
    return plain | {name: value for name, value in listed.items() if value}


def _create(situation: Situation, wish: Any, key: str) -> SessionCreated:
    order = order_of(wish, consumer=situation.consumer)
    try:
        return situation.shopper.create_session(order, idempotency_key=key)
    except ServerUnreachable as error:
        if error.sent:
            error.hint = f"it may have been rented: `gpu-shopper sessions list` shows it, or repeat this with --idempotency-key {key}"
        raise
    except KeyboardInterrupt:
        say(
            f"it may have been rented: `gpu-shopper sessions list` shows it (Idempotency-Key {key})"
        )
        raise


def _keep_keys(
    situation: Situation, created: SessionCreated, own: Path | None, save_key: Path | None
) -> None:
    session_id, private_key = created.session.id, created.ssh_private_key
    ring = KeyRing(situation.keys_folder)
    try:
        if private_key is not None:
            ring.keep(session_id, private_key)
            if save_key is not None:
                save_private(save_key, private_key)
        elif own is not None:
            ring.point_to(session_id, own)
    except (OSError, click.UsageError):
        # A session that nobody can log into only costs money.
        situation.shopper.delete(session_id)
        say(f"the key could not be written, so session {session_id} was ended")
        raise


def _wait(situation: Situation, session_id: str) -> SessionBody:
    try:
        with progress(situation) as tell:
            for session in situation.shopper.watch(session_id):
                tell(session)
                if check_usable(session):
                    return session
    except KeyboardInterrupt:
        say(f"session {session_id} keeps coming up, and will bill until it ends")
        say(f"follow it: gpu-shopper sessions watch {session_id}")
        say(f"end it:    gpu-shopper sessions delete {session_id}")
        raise
    except ShopperError as error:
        if isinstance(error, ServerUnreachable):
            error.hint = f"session {session_id} goes on without us; end it with `gpu-shopper sessions delete {session_id}`"
        else:
            KeyRing(situation.keys_folder).forget(session_id)
        raise
    raise AssertionError(f"the watch over session {session_id} ended before it did")


def _present(situation: Situation, session: SessionBody, output: str) -> None:
    login = None
    if session.status == "running" and session.host_key is not None:
        login = KeyRing(situation.keys_folder).login(session)
    if output == "json":
        show_json({"session": session, "ssh": None if login is None else login.ssh_line})
        return
    show_one(session, FIELDS, output)
    if output == "table" and login is not None:
        click.echo(login.ssh_line)
        say(f"or: gpu-shopper ssh {session.id}   end it: gpu-shopper sessions done {session.id}")
    elif output == "table":
        say(f"follow it: gpu-shopper sessions watch {session.id}")
