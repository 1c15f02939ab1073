"""Hyperstack's HTTP API, typed, in its own words; nothing of ours.

The key goes into a header of its own. Errors are `{status: false, message, error_reason}`, in which the reason is no more
than the status in words: what is meant stands in the message. What starts, stops and hibernates machines is a GET there;
none of those is called.
"""

from collections.abc import Mapping
from urllib.parse import quote

from gpu_shopper.ports.http import HttpReply
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    QuotaReached,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.hyperstack.rows import (
    Account,
    Environment,
    Environments,
    Flavors,
    Images,
    KeyPair,
    KeyPairs,
    MadeEnvironment,
    MadeKeyPair,
    NewVm,
    Price,
    Regions,
    Shown,
    Stocks,
    VmRow,
    VmsPage,
)
from gpu_shopper.transport.answers import (
    Dialect,
    instance_in,
    judge_error_body,
    judge_launch,
    judge_read,
)
from gpu_shopper.transport.calling import Call, Caller
from gpu_shopper.transport.decoding import decode, object_in

PAGE = 25
MOST_PAGES = 400
DIALECT = Dialect(
    codes={"unauthorized": Unauthorized, "forbidden": Unauthorized},
    # In their order: money first, since "not enough credit" is no lack of machines.
    phrases={
        "balance": QuotaReached,
        "credit": QuotaReached,
        "quota": QuotaReached,
        "limit exceeded": QuotaReached,
        "capacity": NoCapacity,
        "stock": NoCapacity,
        "not enough": NoCapacity,
        "image": BadOrder,
        "keypair": BadOrder,
        "key pair": BadOrder,
        # One of ours may have been cleared away a moment ago.
        "environment": OfferGone,
        "flavor": OfferGone,
    },
    # A 409 is left out: that a machine of this name exists already means that it was bought.
    statuses={404: OfferGone},
    code_fields=("error_reason",),
    text_fields=("message", "error_reason"),
    id_fields=("instances.0.id", "instance.id", "id"),
)
_NOT_MADE = frozenset({400, 404, 405, 406, 409, 422})


class HyperstackApi:
    """The calls, each sent once."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def flavors(self) -> Flavors:
        """Return all kinds of machines, in every region."""
        return decode(await self._read("/core/flavors", what="offers"), Flavors, what="offers")

    async def stocks(self) -> Stocks:
        """Return how many are left of each."""
        return decode(await self._read("/core/stocks", what="stocks"), Stocks, what="stocks")

    async def regions(self) -> Regions:
        """Return all regions."""
        return decode(await self._read("/core/regions", what="regions"), Regions, what="regions")

    async def prices(self) -> list[Price]:
        """Return the whole price list."""
        return decode(await self._read("/pricebook", what="prices"), list[Price], what="prices")

    async def images(self, region: str) -> list[str]:
        """Return the names of all images in a region."""
        reply = await self._read("/core/images", what="images", region=region)
        groups = decode(reply, Images, what="images").images
        there = [group for group in groups if group.region_name in {None, region}]
        return [image.name for group in there for image in group.images if image.name]

    async def create(self, new: NewVm) -> str:
        """Buy; return the id of the machine.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        what = f"create {new.name}"
        call = Call(method="POST", path="/v1/core/virtual-machines", body=new, what=what)
        reply = await self._caller.order(call)
        judge_launch(reply, DIALECT, what=what)
        bought = instance_in(reply, DIALECT)
        if (object_in(reply.body) or {}).get("status") is False:
            judge_error_body(reply, DIALECT, what=what)
        if bought is None:
            raise Ambiguous(f"{what}: the answer names no machine")
        return bought

    async def vms(self, page: int) -> VmsPage:
        """Return a page of the account's machines, in all environments; the first is 1."""
        what = "machines"
        reply = await self._read("/core/virtual-machines", what=what, page=page, pageSize=PAGE)
        return decode(reply, VmsPage, what=what)

    async def vm(
        self, vm_id: str, *, urgent: bool = False, patience: float | None = None
    ) -> VmRow | None:
        """Return one machine, None if the cloud says that there is none."""
        call = Call(path=_vm(vm_id), what=f"machine {vm_id}", urgent=urgent, patience=patience)
        found = await self._caller.one(call, Shown, lambda said: str(said.instance.id) == vm_id)
        return None if found is None else found.instance

    async def delete(self, vm_id: str) -> None:
        """Ask for the end of a machine, disk and address included; one that is not there is no error."""
        await self._delete(_vm(vm_id), what=f"destroy {vm_id}")

    async def environments(self) -> list[Environment]:
        """Return all environments of the account."""
        found: list[Environment] = []
        for page in range(1, MOST_PAGES):
            reply = await self._paged("/core/environments", page)
            rows = decode(reply, Environments, what="environments").environments
            found += rows
            if not _goes_on(reply, len(rows)):
                return found
        raise Unavailable(f"environments: no end after {MOST_PAGES} pages")

    async def add_environment(self, *, name: str, region: str) -> Environment:
        """Make an environment.

        Raises:
            BadOrder: it is refused.
        """
        reply = await self._make("/core/environments", {"name": name, "region": region})
        return decode(reply, MadeEnvironment, what=f"environment {name}").environment

    async def delete_environment(self, environment_id: int) -> None:
        """Delete an environment in which nothing is left; one that is not there is no error.

        Raises:
            Unavailable: there is something left in it.
        """
        path = f"/v1/core/environments/{environment_id}"
        await self._delete(path, what=f"environment {environment_id}")

    async def keypairs(
        self, *, urgent: bool = False, patience: float | None = None
    ) -> list[KeyPair]:
        """Return all key pairs of the account, in all environments."""
        found: list[KeyPair] = []
        for page in range(1, MOST_PAGES):
            reply = await self._paged("/core/keypairs", page, urgent=urgent, patience=patience)
            rows = decode(reply, KeyPairs, what="keypairs").keypairs
            found += rows
            if not _goes_on(reply, len(rows)):
                return found
        raise Unavailable(f"keypairs: no end after {MOST_PAGES} pages")

    async def add_keypair(self, *, name: str, environment: str, public_key: str) -> KeyPair:
        """Import a public key into an environment.

        Raises:
            BadOrder: it is refused.
        """
        body = {"name": name, "environment_name": environment, "public_key": public_key}
        return decode(await self._make("/core/keypairs", body), MadeKeyPair, what=name).keypair

    async def delete_keypair(self, keypair_id: int, *, patience: float | None = None) -> None:
        """Delete a key pair; one that is not there is no error."""
        path = f"/v1/core/keypair/{keypair_id}"
        await self._delete(path, what=f"keypair {keypair_id}", patience=patience)

    async def credit(self) -> float | None:
        """Return the money left, in dollars, where it is told."""
        reply = await self._read("/billing/user-credit/credit", what="account")
        return decode(reply, Account, what="account").data.credit

    async def _read(self, path: str, *, what: str, **query: str | int) -> HttpReply:
        return await self._caller.read(Call(path=f"/v1{path}", query=query, what=what))

    async def _paged(
        self, path: str, page: int, *, urgent: bool = False, patience: float | None = None
    ) -> HttpReply:
        query = {"page": page, "pageSize": PAGE}
        call = Call(path=f"/v1{path}", query=query, what=path[6:], urgent=urgent, patience=patience)
        return await self._caller.read(call)

    async def _make(self, path: str, body: Mapping[str, str]) -> HttpReply:
        what = f"{path[6:]} {body['name']}"
        reply = await self._caller.ask(Call(method="POST", path=f"/v1{path}", body=body, what=what))
        if reply.status in _NOT_MADE and object_in(reply.body) is not None:
            raise BadOrder(f"{what}: refused ({reply.status})")
        judge_read(reply, what=what, dialect=DIALECT)
        return reply

    async def _delete(self, path: str, *, what: str, patience: float | None = None) -> None:
        call = Call(method="DELETE", path=path, what=what, urgent=True, patience=patience)
        await self._caller.end(call)


def _goes_on(reply: HttpReply, rows: int) -> bool:
    """Return whether another page may follow: whoever sends fewer rows than a page holds has sent the last."""
    size = (object_in(reply.body) or {}).get("page_size")
    return rows > 0 and rows >= min(PAGE, size if isinstance(size, int) and size > 0 else PAGE)


def _vm(vm_id: str) -> str:
    return f"/v1/core/virtual-machines/{quote(vm_id, safe='')}"
