"""`gpu-shopper cleanup-orphans`: what runs without anybody being entitled to it, and its end."""

from typing import TYPE_CHECKING

import click

from gpu_shopper.cli.failures import FAILED
from gpu_shopper.cli.render import Column, output_option, say, show, show_json
from gpu_shopper.cli.situation import Situation
from gpu_shopper.wire.figures import printable

if TYPE_CHECKING:
    from gpu_shopper.wire.operations import OrphanBody, OrphanReport

SWEEP_LIMIT_S = 120.0
LOOK_S = 1.0

_COLUMNS: tuple[Column["OrphanBody"], ...] = (
    Column("Cloud", lambda orphan: orphan.provider),
    Column("Instance", lambda orphan: orphan.instance_id),
    Column("Label", lambda orphan: orphan.label),
    Column("Why", lambda orphan: orphan.kind),
    Column("Now", lambda orphan: orphan.action),
)


@click.command("cleanup-orphans")
@click.option("--execute", is_flag=True, help="Act; without it nothing is changed.")
@click.option("--without-server", is_flag=True, help="Ask the clouds themselves, by labels alone.")
@click.option(
    "--deployment", metavar="ID",
    help="Without a server: all that bears this deployment's label, not only what is overdue.",
)  # fmt: skip
@output_option
@click.pass_obj
def cleanup_orphans(
    situation: Situation, /, *, execute: bool, without_server: bool, deployment: str | None,
    output: str,
) -> int:  # fmt: skip
    """Find instances that nobody is entitled to; with --execute, end them.

    A server ends orphans by itself, again and again, until each is proved gone. This shows what it still owes, and
    --execute makes it look at every account now. For the day on which server and database are gone there is
    --without-server: it needs the clouds' keys and the deployment's key only. Exit code 1: something is left.

    \b
    Examples:
      gpu-shopper cleanup-orphans
      gpu-shopper cleanup-orphans --execute
      gpu-shopper cleanup-orphans --without-server --execute
    """
    if deployment is not None and not without_server:
        raise click.UsageError("--deployment goes with --without-server")
    if without_server:
        report = _by_labels(situation, deployment, execute=execute)
    else:
        if execute:
            _sweep(situation)
        report = situation.shopper.orphans()
    _present(report, output, execute=execute)
    return FAILED if report.orphans or report.troubles else 0


def _by_labels(situation: Situation, deployment: str | None, *, execute: bool) -> "OrphanReport":
    import asyncio

    from gpu_shopper.bootstrap import sweep_without_server
    from gpu_shopper.bootstrap.clouds import with_vendors_variables

    settings = with_vendors_variables(situation.settings, situation.environ)
    if not settings.providers:
        raise click.UsageError("no cloud is set up: [providers.NAME] in the settings")
    return asyncio.run(sweep_without_server(settings, deployment=deployment, execute=execute))


def _sweep(situation: Situation) -> None:
    """Ask for a look at every account, and wait until each was looked at."""
    shopper, surroundings = situation.shopper, situation.surroundings
    before = {cloud.name: cloud.last_sweep_at for cloud in shopper.providers()}
    shopper.sweep()
    give_up_at = surroundings.monotonic() + SWEEP_LIMIT_S
    waiting = set(before)
    while waiting and surroundings.monotonic() < give_up_at:
        surroundings.sleep(LOOK_S)
        for cloud in shopper.providers():
            if cloud.last_sweep_at is not None and cloud.last_sweep_at != before.get(cloud.name):
                waiting.discard(cloud.name)
    for name in sorted(waiting):
        say(f"{name}: was not looked at within {SWEEP_LIMIT_S:g} s; see `gpu-shopper providers`")


def _present(report: "OrphanReport", output: str, *, execute: bool) -> None:
    if output == "json":
        show_json(report)
        return
    show(report.orphans, _COLUMNS, output, nothing="no orphan")
    for trouble in report.troubles:
        say(f"not looked at in full: {printable(trouble)}")
    say(f"{report.instances} instances of ours seen, {report.strays} that are not ours")
    if report.orphans and not execute:
        say("nothing was changed; --execute acts")
