"""What a live smoke test does with a service of its own: choose, rent, look at the GPU, end, prove, put the bills side by side.

Whatever happens after the order, `end_all` is the one way out. It is also how a run that was cut off is finished by the
next one: what was rented stands in the book.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gpu_shopper.agent.gpus import QUERY, read_query, read_slices
from gpu_shopper.bootstrap.own_service import TheirBill
from gpu_shopper.cli.keys import KeyRing
from gpu_shopper.cli.sessions import LIVE
from gpu_shopper.client import Shopper, remote
from gpu_shopper.client.errors import LoginFailed, SessionFailed, ShopperError
from gpu_shopper.client.login import Login
from gpu_shopper.client.orders import order_of
from gpu_shopper.domain.errors import Refusal
from gpu_shopper.domain.hearing import GpuSeen, Verdict
from gpu_shopper.wire.offers import OfferBody, ProviderBody
from gpu_shopper.wire.sessions import SessionBody

STARTUP_MINUTES = 20
# To look at the GPU, to end it, and until the cloud has shown often enough that it is gone.
AFTERWARDS_MINUTES = 10
# An image may have to be pulled, where traffic is billed.
TRAFFIC_GB = 10
LOOK_S = 1.0
MENU_LIMIT_S = 600.0
END_LIMIT_S = 3600.0
LOGIN_TRIES, LOGIN_PAUSE_S, LOGIN_LIMIT_S = 6, 10.0, 60.0
BILL_TRIES, BILL_PAUSE_S = 3, 10.0
MOST_OFFERS = 200
MOST_TRIES = 3
_PLACES = "PATH=$PATH:/usr/bin:/usr/local/bin:/usr/local/nvidia/bin:/opt/bin:/usr/lib/wsl/lib"
_ASK = f"{_PLACES} nvidia-smi --query-gpu={QUERY} --format=csv,noheader,nounits"
_ASK_SLICES = f"{_PLACES} nvidia-smi -L"


class SmokeRefused(Refusal):
    """The live smoke test will not begin; nothing was rented."""

    code = "live_smoke_refused"


class NotProvedGone(ShopperError):
    """Something was rented and is not proved to be gone; running the command again goes on with it."""


class House(Protocol):
    """What the service that does the work knows, beside its API."""

    def verdict(self, session_id: str, gpus: tuple[GpuSeen, ...]) -> Verdict:
        """Return whether these GPUs are those that the session was sold."""
        ...

    def their_bill(self, provider: str, instance_id: str, *, since: datetime) -> TheirBill:
        """Return what the cloud has charged for an instance so far."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """What one instance cost by our ledger and by the cloud's own record; `theirs` is None while it tells nothing."""

    session_id: str
    instance_id: str
    ours: float
    theirs: float | None
    lines: tuple[str, ...]
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be rented, and what it costs at worst."""

    offer: OfferBody
    at_worst: float


@dataclass(slots=True, kw_only=True)
class Found:
    """What came of it, as it grows."""

    plan: Plan | None = None
    session_id: str = ""
    ran: bool = False
    as_sold: bool = False
    gpus: list[str] = field(default_factory=list)
    error: str = ""
    gone: bool = False
    proof: str = ""


def choose(offers: Sequence[OfferBody], *, cap: float) -> list[Plan]:
    """Return the offers that suit and cost no more than `cap` at worst, the cheapest first.

    Raises:
        SmokeRefused: there is none, or even that one would cost more than `cap`.
    """
    priced = [
        Plan(offer=offer, at_worst=offer.effective_price.total)
        for offer in offers
        if offer.effective_price is not None and offer.available and not offer.marks
    ]
    if not priced:
        raise SmokeRefused(
            "this cloud has no offer now that suits", hint="`gpu-shopper inventory` lists them"
        )
    priced.sort(key=lambda plan: plan.at_worst)
    best = priced[0]
    if best.at_worst > cap:
        raise SmokeRefused(
            f"the cheapest offer there, {best.offer.id}, may cost up to {best.at_worst:.4f} USD, which is above {cap:g}",
            hint=f"--max-usd {best.at_worst + 0.005:.2f} would do",
        )
    return [plan for plan in priced if plan.at_worst <= cap]


class Smoke:
    """One run at one cloud, through a service that knows no other."""

    def __init__(
        self,
        shopper: Shopper,
        house: House,
        ring: KeyRing,
        *,
        say: Callable[[str], None],
        tell: Callable[[SessionBody], None],
        run: Callable[..., remote.CompletedRun] = remote.run,
    ) -> None:
        self._shopper = shopper
        self._house = house
        self._ring = ring
        self._say = say
        self._tell = tell
        self._run = run

    # Before.

    def cloud(self) -> ProviderBody:
        """Return the cloud as the service sees it."""
        (cloud,) = self._shopper.providers()
        return cloud

    def unfinished(self) -> bool:
        """Return whether an earlier run has left something that is not proved gone."""
        return bool(self._live()) or self.cloud().open_obligations > 0

    def plans(self, *, cap: float) -> list[Plan]:
        """Wait for the cloud's menu, and choose: the best first, and what would do in its place.

        Raises:
            SmokeRefused: nothing suits, or the menu does not come.
        """
        self._await_menu()
        page = self._shopper.inventory(
            interruptible=False,
            hours=(STARTUP_MINUTES + AFTERWARDS_MINUTES) / 60,
            traffic_gb=TRAFFIC_GB,
            sort="effective_price",
            limit=MOST_OFFERS,
        )
        return choose(page.offers, cap=cap)

    def _await_menu(self) -> None:
        """Wait until it was read and the account was swept once: nothing is bought before that."""
        clock = self._shopper.surroundings
        give_up_at = clock.monotonic() + MENU_LIMIT_S
        trouble = ""
        while clock.monotonic() < give_up_at:
            cloud = self.cloud()
            if cloud.unauthorized_since is not None:
                raise SmokeRefused(
                    "the cloud refuses our key", hint="`gpu-shopper doctor` says more"
                )
            if cloud.market_age_s is not None and cloud.last_complete_sweep_at is not None:
                return
            if cloud.last_error and cloud.last_error != trouble:
                trouble = cloud.last_error
                self._say(f"not read yet: {trouble}")
            clock.sleep(LOOK_S)
        raise SmokeRefused(
            f"its offers could not be read: {trouble or 'no answer'}",
            hint="nothing was rented; try again later",
        )

    # The run.

    def rent(self, plans: Sequence[Plan], found: Found) -> None:
        """Rent the first, wait until it runs, and look at its GPU; what is learned stands in `found`.

        An offer may be gone by now. Where nothing was bought for certain, the next one is tried.
        """
        for plan in plans[:MOST_TRIES]:
            found.plan = plan
            try:
                running = self._buy(plan, found)
            except SessionFailed as error:
                found.error = error.message
                if any(
                    one.instance_id or one.state != "rejected" for one in error.session.attempts
                ):
                    return
                self._say(f"nothing was bought: {error.message}")
            else:
                found.ran, found.error = True, ""
                self._verify(running, found)
                return

    def _buy(self, plan: Plan, found: Found) -> SessionBody:
        order = order_of(
            {
                "offer": plan.offer.id,
                "max_price": plan.offer.price_per_hour,
                "hours": 1,
                "auto_retry": False,
                "startup_minutes": STARTUP_MINUTES,
            },
            consumer=self._shopper.consumer,
        )
        created = self._shopper.create_session(order)
        found.session_id = created.session.id
        assert created.ssh_private_key is not None, found.session_id
        self._ring.keep(found.session_id, created.ssh_private_key)
        return self._wait(found.session_id)

    def _wait(self, session_id: str) -> SessionBody:
        for seen in self._shopper.watch(session_id):
            self._tell(seen)
            if seen.status == "running":
                return seen
            if seen.status not in LIVE:
                raise SessionFailed(seen.error or seen.stop_reason or seen.status, session=seen)
        raise AssertionError(f"the watch over session {session_id} ended before it did")

    def _verify(self, session: SessionBody, found: Found) -> None:
        """Log in and hold the GPUs that are there against those that were sold; a driver may take a while."""
        for tries in range(LOGIN_TRIES):
            if tries:
                self._shopper.surroundings.sleep(LOGIN_PAUSE_S)
            try:
                login = self._ring.login(self._shopper.get(session.id))
                gpus = self._gpus(login)
            except (LoginFailed, TimeoutError) as error:
                found.error = str(error)
                continue
            found.gpus = [f"{gpu.name}, {gpu.memory_mib} MiB" for gpu in gpus]
            verdict = self._house.verdict(session.id, gpus)
            found.as_sold = verdict is Verdict.AS_SOLD
            found.error = "" if found.as_sold else _against(session, found)
            if verdict is not Verdict.NOT_READABLE:
                return

    def _gpus(self, login: Login) -> tuple[GpuSeen, ...]:
        asked = self._run(login, _ASK, timeout_s=LOGIN_LIMIT_S)
        if asked.exit_code != 0:
            return ()
        readings = read_query(asked.stdout).gpus
        if any(one.memory_mib is None for one in readings):
            listed = self._run(login, _ASK_SLICES, timeout_s=LOGIN_LIMIT_S)
            readings = read_slices(listed.stdout, readings)
        return tuple(GpuSeen(one.name, one.memory_mib or 0) for one in readings)

    # The end.

    def end_all(self) -> None:
        """End whatever is there, and wait until the cloud has shown often enough that it is gone.

        Ctrl-C does not keep it from that at once; a second one leaves it to the next run.

        Raises:
            NotProvedGone: it took too long, or was interrupted again.
        """
        try:
            self._end_all()
        except KeyboardInterrupt:
            self._say(
                "it is being ended, and bills until then; Ctrl-C once more leaves it to the next run"
            )
            try:
                self._end_all()
            except KeyboardInterrupt as error:
                raise _not_gone("interrupted") from error

    def _end_all(self) -> None:
        clock = self._shopper.surroundings
        give_up_at = clock.monotonic() + END_LIMIT_S
        for session in self._live():
            self._shopper.delete(session.id)
            phase = ""
            for seen in self._shopper.watch(session.id, every_look=True):
                if seen.phase != phase:
                    phase = seen.phase
                    self._tell(seen)
                if clock.monotonic() > give_up_at:
                    raise _not_gone(f"session {session.id} is still {seen.status} ({seen.phase})")
        while self.cloud().open_obligations:
            if clock.monotonic() > give_up_at:
                raise _not_gone("the book still holds something open")
            clock.sleep(LOOK_S)
        for session in self._shopper.sessions():
            self._ring.forget_if_ended(session)

    def prove(self, found: Found) -> None:
        """Note how sure it is that it is gone: by the book, whose sessions end on proof alone."""
        session = self._shopper.get(found.session_id)
        found.gone = session.status not in LIVE and self.cloud().open_obligations == 0
        proofs = {one.proof or f"never bought ({one.state})" for one in session.attempts}
        found.proof = ", ".join(sorted(proofs)) or "nothing was ordered"

    # The bill.

    def charged(self, *, session_id: str = "", patient: bool) -> list[Charged]:
        """Return what instances cost, ours beside theirs: of one session, or of all that ever were rented so.

        Where it is `patient`, a cloud that has nothing written down yet is asked again for a while.
        """
        one = [self._shopper.get(session_id)] if session_id else None
        sessions = one or list(self._shopper.sessions())
        return [
            self._charge(session, attempt.provider, attempt.instance_id, patient=patient)
            for session in sessions
            for attempt in session.attempts
            if attempt.instance_id is not None
        ]

    def _charge(
        self, session: SessionBody, provider: str, instance_id: str, *, patient: bool
    ) -> Charged:
        bill = self._house.their_bill(provider, instance_id, since=session.created_at)
        for _ in range(BILL_TRIES if patient else 0):
            if not bill.told or bill.lines:
                break
            self._shopper.surroundings.sleep(BILL_PAUSE_S)
            bill = self._house.their_bill(provider, instance_id, since=session.created_at)
        return Charged(
            session_id=session.id,
            instance_id=instance_id,
            ours=self._shopper.cost(session.id).total_cost,
            theirs=round(sum(line.amount.dollars for line in bill.lines), 6)
            if bill.lines
            else None,
            lines=tuple(f"{line.amount.dollars:.6f} USD  {line.words}" for line in bill.lines),
            remark=_remark(bill),
        )

    def _live(self) -> list[SessionBody]:
        return list(self._shopper.sessions(status=list(LIVE)))


def _remark(bill: TheirBill) -> str:
    place = f"; in its console: {bill.where}" if bill.where else ""
    if not bill.told:
        return f"its API tells no charges{place}"
    if bill.trouble:
        return f"it could not be asked: {bill.trouble}{place}"
    return "" if bill.lines else f"it has written down nothing yet{place}"


def _against(session: SessionBody, found: Found) -> str:
    seen = "; ".join(found.gpus) or "no GPU"
    return f"sold was {session.gpu_count} × {session.gpu_type}; there is {seen}"


def _not_gone(why: str) -> NotProvedGone:
    return NotProvedGone(
        f"it is not proved gone: {why}", hint="run the same command again: it goes on with it"
    )
