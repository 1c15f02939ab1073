"""Outages that last: a cloud's API, its key or one of its regions for up to a day, the way to nodes for hours, a host.

A cloud that cannot be asked, or refuses us, is down in the oracle's eyes: what it owes is excused until it is back, and
asked for right after. A node that cannot be reached is no outage of ours: it has its lease, and we have our patience.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.nodes import Node, Nodes
from gpu_shopper.testing.oracle import Oracle
from gpu_shopper.testing.sim_door import Way

_DAY_S: Final = 86_400.0
# One API outage in so many lasts for up to a day; the others end within the hour.
_LONG_ONES: Final = 12
_API_WAYS: Final = (Way.SAYS_503, Way.HANGS)


class LongOutages:
    """Takes clouds and nodes away and gives them back; `heal` gives all of them back."""

    def __init__(self, oracle: Oracle, nodes: Nodes, *, chance: SeededChance) -> None:
        self._oracle = oracle
        self._nodes = nodes
        self._chance = chance

    @property
    def acts(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What can strike, by name; rates are per hour."""
        return {
            "network_cut": lambda: self._take("network_cut", Way.CUT, 30 + 2400 * self._short()),
            "api_down": lambda: self._take(
                "api_down", _API_WAYS[self._chance.below(len(_API_WAYS))], self._api_outage_s()
            ),
            "key_revoked": lambda: self._take(
                "key_revoked", Way.KEY_REFUSED, 120 + 4 * 3600 * self._short()
            ),
            "region_out": self._lose_region,
            "nodes_cut": self._cut_nodes,
            "host_away": self._take_host,
            "host_key_changes": self._change_host_key,
            "address_reused": self._give_address_away,
        }

    def heal(self) -> None:
        """Give back everything that was taken."""
        for cloud in self._oracle.clouds.values():
            self._give_back(cloud)
        for node in self._nodes.all():
            node.power_up()
            node.new_host_key = ""
        self._nodes.cuts.clear()
        self._nodes.tenants.clear()

    async def _take(self, fault: str, way: Way, seconds: float) -> None:
        cloud = self._any_cloud()
        if cloud.network.way is not Way.OPEN:
            return
        self._oracle.struck(fault)
        cloud.take(way)
        self._oracle.down(cloud.name)
        await asyncio.sleep(seconds)
        self._give_back(cloud)

    def _give_back(self, cloud: SimCloud) -> None:
        if cloud.network.way is not Way.OPEN:
            cloud.take(Way.OPEN)
            self._oracle.up(cloud.name)

    async def _lose_region(self) -> None:
        """Lose one region of a cloud: its machines answer to nobody, and the API knows nothing of them for now."""
        cloud = self._any_cloud()
        regions = sorted({held.region for held in cloud.held()})
        if not regions or cloud.network.way is not Way.OPEN:
            return
        self._oracle.struck("region_out")
        region = regions[self._chance.below(len(regions))]
        cloud.lose_region(region)
        self._oracle.tell(cloud.name, f"region {region} is out")
        self._oracle.down(cloud.name)
        lost = {held.id for held in cloud.held() if held.region == region}
        await self._cut(lambda node: node.instance_id in lost, 300 + 3 * 3600 * self._short())
        self._give_back(cloud)

    async def _cut_nodes(self) -> None:
        """Cut house and nodes off from each other: all of them, those of one cloud, or one."""
        draw, cloud = self._chance.below(3), self._any_cloud()
        alive = self._nodes.alive()
        if not alive:
            return
        self._oracle.struck("nodes_cut")
        one = alive[self._chance.below(len(alive))]
        reach: Callable[[Node], bool] = (
            lambda node: True,
            lambda node: node.cloud is cloud,
            lambda node: node is one,
        )[draw]
        await self._cut(reach, 60 + 4 * 3600 * self._short())

    async def _cut(self, reach: Callable[[Node], bool], seconds: float) -> None:
        self._nodes.cuts.append(reach)
        await asyncio.sleep(seconds)
        if reach in self._nodes.cuts:
            self._nodes.cuts.remove(reach)

    async def _take_host(self) -> None:
        """Let a host lose power and come back; its cloud goes on showing, and billing, the machine as if it ran."""
        alive = self._nodes.alive()
        if not alive:
            return
        self._oracle.struck("host_away")
        node = alive[self._chance.below(len(alive))]
        self._oracle.tell(node.cloud.name, f"host of {node.instance_id} away")
        node.lose_power()
        await asyncio.sleep(30 + 3 * 3600 * self._short())
        node.power_up()

    async def _change_host_key(self) -> None:
        """Let a host show another key than before, and for good, as one does that was set up anew."""
        alive = self._nodes.alive()
        if alive:
            self._oracle.struck("host_key_changes")
            node = alive[self._chance.below(len(alive))]
            node.new_host_key = f"ssh-ed25519 AAAAAnew{self._chance.below(10**6)}"
            self._oracle.tell(node.cloud.name, f"host key of {node.instance_id} changes")

    async def _give_address_away(self) -> None:
        """Let another tenant's machine answer at the address of one of ours, for a while."""
        alive = self._nodes.alive()
        if len(alive) < 2:
            return
        self._oracle.struck("address_reused")
        first = self._chance.below(len(alive))
        other = (first + 1 + self._chance.below(len(alive) - 1)) % len(alive)
        ours, theirs = alive[first], alive[other]
        self._nodes.tenants[ours.instance_id] = theirs
        self._oracle.tell(ours.cloud.name, f"{theirs.instance_id} answers for {ours.instance_id}")
        await asyncio.sleep(60 + 3600 * self._short())
        self._nodes.tenants.pop(ours.instance_id, None)

    def _api_outage_s(self) -> float:
        if self._chance.below(_LONG_ONES) == 0:
            return _DAY_S * self._chance.uniform()
        return 60 + 3600 * self._short()

    def _any_cloud(self) -> SimCloud:
        clouds = list(self._oracle.clouds.values())
        return clouds[self._chance.below(len(clouds))]

    def _short(self) -> float:
        return self._chance.uniform() ** 2
