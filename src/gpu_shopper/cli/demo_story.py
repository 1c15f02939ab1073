"""The story that the demo tells, chapter by chapter, through the same client that everybody uses."""

import asyncio
from pathlib import Path
from typing import Protocol

import click

from gpu_shopper.bootstrap.embedded import read_ledger
from gpu_shopper.client import Shopper, remote
from gpu_shopper.client.login import KeyFolder, Login, login_of
from gpu_shopper.wire.offers import OfferBody
from gpu_shopper.wire.sessions import SessionBody

_FINAL = frozenset({"stopped", "failed"})


class Say(Protocol):
    """Prints one line of the story."""

    def __call__(self, text: str, *, title: bool = False) -> None:
        """Print it."""
        ...


def tell(url: str, folder: Path, *, gpu: str, say: Say) -> None:
    """Tell the whole story; raises if any part of it is not true."""
    shopper = Shopper(url, consumer="demo")
    offer = choose(shopper, gpu=gpu, say=say)
    say("2. Rent it: an intent on disk first, then one call to the cloud", title=True)
    created = shopper.create_session(offer=offer.id, hours=1)
    say(f"session {created.session.id}, its private key shown once")
    keys = KeyFolder()
    try:
        assert created.ssh_private_key is not None, created.session.id
        key_file = keys.keep(created.ssh_private_key)
        running = watch(shopper, created.session.id, until="running", say=say)
        log_in(login_of(running, folder=keys.path, key_file=key_file), say=say)
        count_cost(shopper, running, say=say)
    finally:
        end(shopper, created.session.id, say=say)
        keys.remove()
    prove(shopper, created.session.id, folder, say=say)


def choose(shopper: Shopper, *, gpu: str, say: Say) -> OfferBody:
    """Show what is on sale and take the cheapest offer that is not taken back at will."""
    say("1. What is on sale", title=True)
    page = shopper.inventory(gpu_type=gpu, gpu_count=1, interruptible=False, limit=5)
    if not page.offers:
        message = f"no offer of one {gpu}"
        raise click.ClickException(message)
    sources = ", ".join(f"{source.name} ({source.offers} offers)" for source in page.providers)
    say(f"{page.total} offers of one {gpu} at {sources}; the cheapest:")
    for offer in page.offers:
        say(
            f"  {offer.gpu_type:<10} {offer.vram_gb:>3} GB  {offer.price_per_hour:>7.4f} USD/h"
            f"  reliability {offer.reliability:.2f}  {offer.location}"
        )
    return page.offers[0]


def watch(shopper: Shopper, session_id: str, *, until: str, say: Say) -> SessionBody:
    """Say each phase as it comes; return the session when it has got there."""
    said = ""
    for seen in shopper.watch(session_id):
        if seen.phase != said:
            said = seen.phase
            say(f"{seen.status:<13} {seen.phase}")
        if seen.status == until:
            return seen
        if seen.status in _FINAL:
            message = (
                f"session {session_id} ended as {seen.status}: {seen.error or seen.stop_reason}"
            )
            raise click.ClickException(message)
    raise click.ClickException(f"session {session_id} never came to {until}")


def log_in(login: Login, *, say: Say) -> None:
    """Log in over SSH with the pinned host key, and see the GPU."""
    say("3. The keys: an SSH login with the host's key pinned", title=True)
    say(login.ssh_line)
    done = remote.run(login, "nvidia-smi -L; echo its private home: ~", timeout_s=60)
    if done.exit_code != 0:
        raise click.ClickException(f"the login failed: {done.stderr}")
    for line in done.stdout.splitlines():
        say(f"  > {line}")


def count_cost(shopper: Shopper, session: SessionBody, *, say: Say) -> None:
    """Show the agent's last sign of life and the cost as it grows."""
    say("4. The meter", title=True)
    seen = shopper.get(session.id)
    say(f"last heartbeat of its agent: {seen.last_heartbeat_at:%H:%M:%S} UTC")
    say(f"it ends by itself at {seen.expires_at:%H:%M:%S} UTC, whatever happens to us")
    say(f"price {seen.price_per_hour:.4f} USD/h, cost so far {seen.cost_so_far:.6f} USD")


def end(shopper: Shopper, session_id: str, *, say: Say) -> None:
    """Say done, and wait until the absence is proved."""
    say("5. Done: destroyed, and its absence proved", title=True)
    if shopper.get(session_id).status in _FINAL:
        return
    shopper.delete(session_id)
    watch(shopper, session_id, until="stopped", say=say)


def prove(shopper: Shopper, session_id: str, folder: Path, *, say: Say) -> None:
    """Put our bill beside the cloud's own meter, and the cloud's own list of what is alive."""
    say("6. The bill beside the cloud's own meter", title=True)
    cost = shopper.cost(session_id)
    theirs = asyncio.run(read_ledger(folder))
    # The label of an instance holds the whole id of its session.
    mine = [entry for entry in theirs if session_id.removeprefix("ses_") in entry.name]
    assert mine, "the cloud's ledger must know the instance"
    metered = sum(entry.billed_micros for entry in mine) / 1e6
    say(f"our ledger   {cost.total_cost:.6f} USD")
    say(f"their meter  {metered:.6f} USD")
    if abs(cost.total_cost - metered) > max(0.01, metered / 100):
        raise click.ClickException("the two differ by more than 1 % and one cent")
    alive = [entry for entry in theirs if entry.alive]
    say(f"instances alive at the cloud: {len(alive)}")
    if alive:
        raise click.ClickException("an instance is still alive")
