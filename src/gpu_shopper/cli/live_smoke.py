"""`gpu-shopper live-smoke`: rent the cheapest GPU of a real cloud for some minutes, and see that all of it is true.

The one check that no simulator can replace, for people with an account. It spends money: never more than it is told,
and never without having asked.
"""

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpu_shopper.cli.phases import progress
from gpu_shopper.cli.render import output_option, say, show_json
from gpu_shopper.cli.situation import Situation
from gpu_shopper.wire.figures import printable

if TYPE_CHECKING:
    from gpu_shopper.cli.smoke_check import Charged, Found, Plan, Smoke
    from gpu_shopper.settings import Settings
    from gpu_shopper.wire.offers import ProviderBody

NOT_VERIFIED = 7
NOT_GONE = 8
RESUMED = 9
INTERRUPTED = 130
LEASE_MINUTES = 10.0
MOST_USD = 100.0
_FOLDER = "live-smoke"
_CONSUMER = "live-smoke"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What programs read."""

    provider: str
    outcome: str
    offer_id: str | None
    gpu: str | None
    at_worst_usd: float | None
    max_usd: float
    session_id: str
    as_sold: bool
    gpus: list[str]
    error: str
    gone: bool
    proof: str
    charged: "list[Charged]"
    balance_before: float | None
    balance_after: float | None


def _amount(_ctx: click.Context, _param: click.Parameter, value: float | None) -> float | None:
    # Written so that NaN, which compares false with all, is refused too.
    if value is not None and not (math.isfinite(value) and 0 < value <= MOST_USD):
        raise click.BadParameter(f"must be more than 0 and at most {MOST_USD:g} USD")
    return value


@click.command("live-smoke")
@click.argument("provider")
@click.option(
    "--max-usd", type=float, callback=_amount, metavar="USD", help="The most that it may cost, all in all."
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before it is rented.")
@click.option(
    "--bill", "only_bill", is_flag=True, help="Rent nothing: show what earlier runs were charged."
)
@output_option
@click.pass_obj
def live_smoke(
    situation: Situation, /, *, provider: str, max_usd: float | None, yes: bool, only_bill: bool,
    output: str,
) -> int:  # fmt: skip
    """Rent the cheapest GPU of a real cloud for some minutes, check it, end it, and compare the bills.

    It spends real money, never more than --max-usd. It needs the cloud's key, and no server: it runs a service of its
    own. If it is cut off, by whatever, run it again: it ends first what the last run left, and rents nothing then.

    \b
    Examples:
      gpu-shopper live-smoke CLOUD --max-usd 0.50
      gpu-shopper live-smoke CLOUD --max-usd 0.50 --yes -o json
      gpu-shopper live-smoke CLOUD --bill
    """
    if max_usd is None and not only_bill:
        raise click.UsageError("say what it may cost: --max-usd 0.50")
    from gpu_shopper.bootstrap.own_service import own_service
    from gpu_shopper.cli.keys import KeyRing
    from gpu_shopper.cli.smoke_check import Smoke
    from gpu_shopper.client import Shopper

    settings = _settings(situation, provider)
    _check_key(settings, provider)
    _hear_of_signals()
    with _alone(provider), own_service(settings) as service, progress(situation) as tell:
        shopper = Shopper(service.url, consumer=_CONSUMER)
        ring = KeyRing(settings.data_dir / "keys")
        smoke = Smoke(shopper, service, ring, say=say, tell=tell)
        desk = _Desk(smoke, provider=provider, cap=max_usd or 0.0, folder=settings.data_dir)
        if only_bill:
            return desk.show_bills(output)
        return desk.go(output, asks=not yes)


def _settings(situation: Situation, provider: str) -> "Settings":
    """Return the settings of a service that knows this cloud alone, over a folder of its own."""
    from gpu_shopper.bootstrap.clouds import configured, with_vendors_variables

    settings = with_vendors_variables(situation.settings, situation.environ)
    given = {provider: dict(settings.providers.get(provider, {}))}
    configured(given)
    folder = settings.data_dir / _FOLDER / provider
    return replace(
        settings, data_dir=folder, database=folder / "shopper.db", providers=given,
        public_url="none", lease_minutes=min(settings.lease_minutes, LEASE_MINUTES),
    )  # fmt: skip


def _check_key(settings: "Settings", provider: str) -> None:
    """Ask the account whether the key works, before a book is opened."""
    import asyncio

    from gpu_shopper.bootstrap.checking import check_accounts
    from gpu_shopper.cli.smoke_check import SmokeRefused

    (check,) = asyncio.run(check_accounts(settings))
    if not check.accepted:
        raise SmokeRefused(f"{provider}: {printable(check.found)}", hint=check.advice)
    say(f"{provider}: {printable(check.found)}")


@contextmanager
def _alone(provider: str) -> Iterator[None]:
    """Say it in this command's words where another run of it has the book."""
    from gpu_shopper.cli.smoke_check import SmokeRefused
    from gpu_shopper.domain.errors import StorageRefused

    try:
        yield
    except StorageRefused as error:
        if "holder" not in error.fields:
            raise
        message = f"another run at {provider} is under way (process {error.fields['holder']})"
        raise SmokeRefused(message, hint="wait for it, or stop it and run this again") from error


def _hear_of_signals() -> None:
    """Let an end that the system asks for be as gentle as Ctrl-C, which must work in the background as well."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # Who starts it with nohup wants it to outlive the terminal.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.default_int_handler)


class _Desk:
    """Talks with whoever pays."""

    def __init__(self, smoke: "Smoke", *, provider: str, cap: float, folder: Path) -> None:
        from gpu_shopper.cli.smoke_check import Found

        self._smoke = smoke
        self._provider = provider
        self._cap = cap
        self._folder = folder
        self._before: float | None = None
        self._found = Found()

    def go(self, output: str, *, asks: bool) -> int:
        """Do it all; return the exit code."""
        if self._smoke.unfinished():
            return self._resume(output)
        plans = self._smoke.plans(cap=self._cap)
        cloud = self._smoke.cloud()
        self._before = cloud.balance
        for line in _offered(plans[0], cloud, cap=self._cap):
            say(line)
        if asks:
            click.confirm("rent it?", abort=True, err=True)
        interrupted = self._rent(plans)
        self._smoke.end_all()
        if self._found.session_id:
            self._smoke.prove(self._found)
        code, outcome = _outcome(self._found, interrupted=interrupted)
        self._present(outcome, output, patient=not interrupted)
        return code

    def show_bills(self, output: str) -> int:
        """Show what all earlier runs cost, by both."""
        charged = self._smoke.charged(patient=False)
        if output == "json":
            show_json(charged)
            return 0
        if not charged:
            say(f"nothing was ever rented by this command at {self._provider}")
        for line in _bills(charged):
            click.echo(line)
        return 0

    def _rent(self, plans: "list[Plan]") -> bool:
        """Rent and look; return whether it was interrupted. What it learned is in `_found`."""
        say(f"if this is cut off: run it again. Its book and its log are in {self._folder}")
        try:
            self._smoke.rent(plans, self._found)
        except KeyboardInterrupt:
            say("interrupted: what was rented is ended first")
            self._found.error = "interrupted"
            return True
        return False

    def _resume(self, output: str) -> int:
        say("an earlier run was cut off: what it rented is ended first, and nothing new is rented")
        self._smoke.end_all()
        self._found.gone = True
        self._present("an earlier run was finished; run it again for a new one", output)
        return RESUMED

    def _present(self, outcome: str, output: str, *, patient: bool = False) -> None:
        session_id = self._found.session_id
        charged = self._smoke.charged(session_id=session_id, patient=patient)
        after = self._smoke.cloud().balance
        if output == "json":
            plan = self._found.plan
            show_json(_Report(
                provider=self._provider, outcome=outcome, max_usd=self._cap,
                offer_id=plan.offer.id if plan else None, gpu=_gpu(plan) if plan else None,
                at_worst_usd=plan.at_worst if plan else None, session_id=self._found.session_id,
                as_sold=self._found.as_sold, gpus=self._found.gpus, error=self._found.error,
                gone=self._found.gone, proof=self._found.proof, charged=charged, balance_before=self._before, balance_after=after,
            ))  # fmt: skip
            return
        for line in (*_seen(self._found), *_bills(charged), *_balances(self._before, after)):
            click.echo(printable(line))
        click.echo(outcome)


def _offered(plan: "Plan", cloud: "ProviderBody", *, cap: float) -> list[str]:
    """Return what somebody must know before saying yes."""
    from gpu_shopper.cli.smoke_check import AFTERWARDS_MINUTES, STARTUP_MINUTES, TRAFFIC_GB

    offer = plan.offer
    place = f", {printable(offer.location)}" if offer.location else ""
    layers, lease = cloud.safety_layers, timedelta(minutes=LEASE_MINUTES) // timedelta(minutes=1)
    if layers.get("agent_ends_bill") or layers.get("native_ttl"):
        alone = f"once its agent is there, the machine ends itself after {lease} min without this program"
    else:
        alone = f"its agent stops the work after {lease} min, but THE BILL RUNS ON until you run this again"
    return [
        f"the cheapest offer that suits: {offer.id}, {_gpu(plan)}, {offer.price_per_hour:.4f} USD/h{place}",
        (
            f"at worst it costs {plan.at_worst:.4f} USD of {cap:g}: {STARTUP_MINUTES} min to come up,"
            f" {AFTERWARDS_MINUTES} min to look and to end, {TRAFFIC_GB} GB of traffic, as this cloud bills them"
        ),
        f"if this computer dies meanwhile: {alone}",
    ]


def _gpu(plan: "Plan") -> str:
    offer = plan.offer
    return f"{offer.gpu_count} × {printable(offer.gpu_type)} {offer.vram_gb} GB"


def _outcome(found: "Found", *, interrupted: bool) -> tuple[int, str]:
    from gpu_shopper.cli.failures import SESSION_FAILED

    if not found.gone and found.session_id:
        return NOT_GONE, "NOT PROVED GONE: run it again"
    if interrupted:
        return INTERRUPTED, "interrupted, and gone"
    if not found.ran:
        return SESSION_FAILED, "it never ran, and is gone"
    if not found.as_sold:
        return NOT_VERIFIED, "it is not shown to be what was sold, and is gone"
    return 0, "all of it is true"


def _seen(found: "Found") -> list[str]:
    lines = [f"session      {found.session_id}"] if found.session_id else []
    lines += [f"GPU there    {gpu}" for gpu in found.gpus]
    if found.ran:
        lines.append(f"as sold      {'yes' if found.as_sold else 'NO'}")
    if found.error:
        lines.append(f"trouble      {found.error}")
    if found.proof:
        lines.append(f"gone         {found.proof}")
    return lines


def _bills(charged: "list[Charged]") -> list[str]:
    lines = []
    for one in charged:
        lines.append(f"instance     {one.instance_id} of {one.session_id}")
        lines.append(f"our ledger   {one.ours:.6f} USD")
        told = one.remark if one.theirs is None else f"{one.theirs:.6f} USD"
        lines.append(f"their record {told}")
        lines += [f"             {line}" for line in one.lines]
    return lines


def _balances(before: float | None, after: float | None) -> list[str]:
    if before is None or after is None:
        return []
    return [f"balance      {before:.4f} USD before, {after:.4f} USD now (it may lag behind)"]
