"""The market over all clouds at once, by their own adapters and simulators, while of some the menu goes wrong.

Each cloud is fine in some rounds, and in others it hangs, sends garbage, half of a menu or none, or asks for patience. Whoever
asks is told of each, and sees what each sold last; who is fine is as fresh as ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle, islice

from gpu_shopper.domain.conditions import EVERYTHING, OneOf
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.engine.shopping import TOO_OLD, Shopping
from gpu_shopper.market.snapshot import Listing, OfferQuery
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer
from gpu_shopper.testing.model_door import Faults, NoFaults
from tests.contract.evidence import kinds
from tests.contract.vendor_rig import StillClock, VendorUnderTest
from tests.unit.engine.house import House, housed

_PAGE = b"<html><body>We will be back soon</body></html>"


class Hanging(NoFaults):
    """Nothing is ever answered."""

    def __init__(self, clock: StillClock) -> None:
        self._clock = clock

    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        await self._clock.sleep(request.timeout)
        raise NoAnswer("there is no answer")


class Answering(NoFaults):
    """Whatever is asked is answered with this."""

    def __init__(self, body: bytes, *, status: int = 200) -> None:
        self._reply = HttpReply(status=status, headers={"retry-after": "120"}, body=body)

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        return self._reply


class Cutting(NoFaults):
    """Of each answer the first half arrives."""

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        half = reply.body[: len(reply.body) // 2]
        return HttpReply(status=reply.status, headers=reply.headers, body=half)


class Emptying(NoFaults):
    """Every list that is told is empty."""

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        return HttpReply(status=reply.status, headers=reply.headers, body=b"{}")


def troubles(cloud: VendorUnderTest) -> Mapping[str, Faults]:
    return {
        "fine": NoFaults(),
        "hangs": Hanging(cloud.clock),
        "garbage": Answering(_PAGE),
        "fine again": NoFaults(),
        "half": Cutting(),
        "nothing": Emptying(),
        "patience": Answering(b"{}", status=429),
    }


def of(house: House, name: ProviderName) -> Listing:
    return next(one for one in house.market.snapshot.providers if one.provider == name)


def on_sale(house: House, name: ProviderName) -> int:
    asked = OfferQuery(condition=OneOf("provider", frozenset({name})), limit=1)
    return house.market.snapshot.query(asked).total


@dataclass(frozen=True)
class Street:
    """All clouds side by side, a house that shops at them, and how much each sells."""

    house: House
    clouds: Mapping[str, VendorUnderTest]
    sold: dict[str, int] = field(default_factory=dict)

    async def open(self) -> Shopping:
        for name, cloud in self.clouds.items():
            self.house.desk.clouds[ProviderName(name)] = Cloud(
                cloud.provider, clock=self.house.clock, meter=self.house.meter, label_key=b"k" * 32
            )
        shopping = Shopping(self.house.desk)
        for name in self.clouds:
            await shopping.refresh(ProviderName(name))
        self.sold.update({name: on_sale(self.house, ProviderName(name)) for name in self.clouds})
        assert all(self.sold.values())
        return shopping

    async def ask(self, shopping: Shopping, ways: Mapping[str, str]) -> None:
        """Ask each cloud in its way; then each tells how old its part is, and what is wrong, and shows what it showed."""
        asked_at = self.house.now
        for name, way in ways.items():
            self.clouds[name].door.faults = troubles(self.clouds[name])[way]
            pause = await shopping.refresh(ProviderName(name))
            assert way != "patience" or pause >= 120, name
        for name, way in ways.items():
            listing, fine = of(self.house, ProviderName(name)), way.startswith("fine")
            told = (listing.ok, listing.error is None, listing.fetched_at >= asked_at)
            assert (fine, fine, fine) == told, (name, way, listing.error)
            assert self.sold[name] == on_sale(self.house, ProviderName(name)), (name, way)


def test_whatever_goes_wrong_at_some_clouds_the_market_has_them_all() -> None:
    clouds = {kind.manifest.name: kind() for kind in kinds()}
    ways = list(troubles(next(iter(clouds.values()))))

    @housed(names=tuple(map(ProviderName, clouds)))
    async def story(house: House) -> None:
        street = Street(house, clouds)
        shopping = await street.open()
        for first in range(len(ways)):
            await house.clock.sleep(200)
            await street.ask(
                shopping, dict(zip(clouds, islice(cycle(ways), first, None), strict=False))
            )
            every = house.market.snapshot.query(OfferQuery(condition=EVERYTHING, limit=1))
            assert sum(street.sold.values()) == every.total

    story()


def test_what_stays_broken_is_believed_no_longer_and_takes_nobody_elses_offers_with_it() -> None:
    clouds = {kind.manifest.name: kind() for kind in kinds()}
    lost, *others = clouds

    @housed(names=tuple(map(ProviderName, clouds)))
    async def story(house: House) -> None:
        street = Street(house, clouds)
        shopping = await street.open()
        clouds[lost].door.faults = Hanging(clouds[lost].clock)
        await house.clock.sleep((TOO_OLD + timedelta(seconds=1)).total_seconds())
        for name in clouds:
            await shopping.refresh(ProviderName(name))

        assert street.sold | {lost: 0} == {
            name: on_sale(house, ProviderName(name)) for name in (lost, *others)
        }

    story()
