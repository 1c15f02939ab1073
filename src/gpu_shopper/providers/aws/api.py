"""The EC2 Query API of one region, typed, in its own words; nothing of ours.

Forms go out and XML comes back (see `speech`), in which every value is a text and an empty list is nothing at all.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from gpu_shopper.ports.http import HttpReply
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    QuotaReached,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.aws.speech import NO_CAPACITY, NO_SUCH_INSTANCE, THROTTLED
from gpu_shopper.transport.answers import (
    Dialect,
    judge_read,
    says_gone,
)
from gpu_shopper.transport.calling import Call, Caller
from gpu_shopper.transport.decoding import decode, object_in

VERSION = "2016-11-15"
DIALECT = Dialect(
    codes={
        **dict.fromkeys(THROTTLED, RateLimited),
        **dict.fromkeys(NO_CAPACITY, NoCapacity),
        "AuthFailure": Unauthorized,
        "UnauthorizedOperation": Unauthorized,
        "InvalidClientTokenId": Unauthorized,
        "SignatureDoesNotMatch": Unauthorized,
        "IncompleteSignature": Unauthorized,
        "MissingAuthenticationToken": Unauthorized,
        "RequestExpired": Unauthorized,
        "OptInRequired": Unauthorized,
        "Blocked": Unauthorized,
        "VcpuLimitExceeded": QuotaReached,
        "InstanceLimitExceeded": QuotaReached,
        "MaxSpotInstanceCountExceeded": QuotaReached,
        "VolumeLimitExceeded": QuotaReached,
        "PendingVerification": QuotaReached,
        "InvalidInstanceType": OfferGone,
        "Unsupported": OfferGone,
        "SpotMaxPriceTooLow": OfferGone,
        "InvalidParameterCombination": BadOrder,
        # The same token was used before, so something may have been bought with it.
        "IdempotentParameterMismatch": Ambiguous,
        "IdempotentInstanceTerminated": Ambiguous,
        "ClientTokenInUse": Ambiguous,
    },
    # "Invalid value 'x.large' for InstanceType." is how a type that a region does not have is told.
    phrases={"for instancetype": OfferGone},
    gone_codes=NO_SUCH_INSTANCE,
    code_fields=("code",),
    text_fields=("code", "message"),
    id_fields=("instancesSet.0.instanceId",),
)
# A page of types is at most 100, one of the others may be as large as 1000.
_TYPES_PAGE = "100"
_PAGE = "1000"
# Only these families have GPUs that can be computed with.
_FAMILIES = ("g*", "p*")

_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Whole = Annotated[str, msgspec.Meta(pattern=r"^\d{1,9}$")]
_Share = Annotated[str, msgspec.Meta(pattern=r"^[01](\.\d{1,9})?$")]
_Dollars = Annotated[str, msgspec.Meta(pattern=r"^\d{1,6}(\.\d{1,12})?$")]
_Id = Annotated[str, msgspec.Meta(pattern=r"^i-[0-9a-f]{8,32}$")]


class Memory(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An amount of memory."""

    size_in_mib: _Whole = msgspec.field(name="sizeInMiB")


class Gpu(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """GPUs of one kind; of a part of one there are 0, and `gpu_partition_size` says how large a part."""

    name: _Text
    manufacturer: _Text
    count: _Whole
    gpu_partition_size: _Share | None = None
    memory_info: Memory


class Gpus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All GPUs of a type."""

    gpus: list[Gpu] | None = None


class Processor(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What its CPUs are."""

    supported_architectures: list[str] | None = None


class Cores(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many."""

    default_v_cpus: _Whole


class TypeRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One instance type of a region."""

    instance_type: _Text
    gpu_info: Gpus | None = None
    processor_info: Processor = Processor()
    supported_usage_classes: list[str] | None = None
    v_cpu_info: Cores
    memory_info: Memory


class SpotRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a type costs just now in a zone, as a spot instance."""

    instance_type: _Text
    availability_zone: _Text
    spot_price: _Dollars


class Tag(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One tag."""

    key: str
    value: str | None = None


class State(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The name of a state."""

    name: _Text


class Where(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where it is."""

    availability_zone: str | None = None


class InstanceRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One instance; what is not known yet is left out."""

    instance_id: _Id
    instance_type: _Text = ""
    instance_state: State
    instance_lifecycle: str | None = None
    ip_address: str | None = None
    launch_time: _Text | None = None
    placement: Where | None = None
    tag_set: list[Tag] | None = None


class Reservation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was launched at once."""

    instances_set: list[msgspec.Raw] | None = None


class InstancesPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of instances."""

    reservation_set: list[Reservation] | None
    next_token: str | None = None

    @property
    def rows(self) -> list[msgspec.Raw]:
        """The instances; each is read by itself."""
        return [row for each in self.reservation_set or () for row in each.instances_set or ()]


class TypesPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of types."""

    instance_type_set: list[msgspec.Raw] | None
    next_token: str | None = None


class SpotPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of spot prices."""

    spot_price_history_set: list[msgspec.Raw] | None
    next_token: str | None = None


class Bought(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a launch is answered with."""

    instances_set: list[InstanceRow]


class Group(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A security group."""

    group_id: _Text


class Groups(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Those that were found."""

    security_group_info: list[Group] | None


class Volume(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A disk."""

    volume_id: _Text


class Volumes(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Those that were found."""

    volume_set: list[Volume] | None


class Ec2Api:
    """The calls to one region, each sent once."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def types(self, token: str | None) -> TypesPage:
        """Return a page of the types with GPUs that can be had here."""
        wanted = {"MaxResults": _TYPES_PAGE, "NextToken": token}
        found = await self._read(
            "DescribeInstanceTypes", {**wanted, **filters({"instance-type": _FAMILIES})}
        )
        return decode(found, TypesPage, what="instance types")

    async def spot_prices(self, kinds: Sequence[str], *, since: str, token: str | None) -> SpotPage:
        """Return a page of what these types cost as spot instances, zone by zone, from `since` on."""
        wanted: dict[str, str | None] = {
            "StartTime": since,
            "ProductDescription.1": "Linux/UNIX",
            "MaxResults": _PAGE,
            "NextToken": token,
            **{f"InstanceType.{number}": kind for number, kind in enumerate(kinds, start=1)},
        }
        return decode(
            await self._read("DescribeSpotPriceHistory", wanted), SpotPage, what="spot prices"
        )

    async def run(self, form: Mapping[str, str], *, what: str) -> InstanceRow:
        """Launch one instance.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        call = _call("RunInstances", form, what=what)
        bought = (await self._caller.buy(call, Bought)).instances_set
        if not bought:
            raise Ambiguous(f"{what}: the answer names no instance")
        return bought[0]

    async def instances(
        self, *, token: str | None, where: Mapping[str, Sequence[str]]
    ) -> InstancesPage:
        """Return a page of the instances that fit."""
        wanted = {"MaxResults": _PAGE, "NextToken": token, **filters(where)}
        return decode(
            await self._read("DescribeInstances", wanted), InstancesPage, what="instances"
        )

    async def instance(self, instance_id: str) -> InstanceRow | None:
        """Return one instance, None if the cloud says that there is none; one that has ended is shown for an hour yet."""
        what = f"instance {instance_id}"
        reply = await self._caller.ask(
            _call("DescribeInstances", {"InstanceId.1": instance_id}, what=what)
        )
        if says_gone(reply, DIALECT):
            return None
        judge_read(reply, what=what, dialect=DIALECT)
        rows = decode(reply, InstancesPage, what=what).rows
        if not rows:
            raise Unavailable(f"{what}: the answer is empty")
        try:
            row = msgspec.json.decode(rows[0], type=InstanceRow)
        except msgspec.DecodeError as error:
            raise Unavailable(f"{what}: the answer cannot be read") from error
        if row.instance_id != instance_id:
            raise Unavailable(f"{what}: the answer is about another one")
        return row

    async def terminate(self, instance_id: str) -> None:
        """Ask for the end of an instance; one that is not there is no error."""
        call = _call(
            "TerminateInstances",
            {"InstanceId.1": instance_id},
            what=f"destroy {instance_id}",
            urgent=True,
        )
        await self._caller.end(call)

    async def volumes(self, where: Mapping[str, Sequence[str]]) -> list[str]:
        """Return the ids of the disks that fit."""
        found = await self._read("DescribeVolumes", filters(where), urgent=True)
        return [each.volume_id for each in decode(found, Volumes, what="volumes").volume_set or ()]

    async def delete_volume(self, volume_id: str) -> None:
        """End a disk; one that is gone, or on its way, is no error."""
        await self._do(
            "DeleteVolume",
            {"VolumeId": volume_id},
            passes={"InvalidVolume.NotFound", "IncorrectState"},
        )

    async def group(self, name: str) -> str | None:
        """Return the id of the security group of that name, None if there is none."""
        found = await self._read("DescribeSecurityGroups", filters({"group-name": (name,)}))
        groups = decode(found, Groups, what="security groups").security_group_info or ()
        return groups[0].group_id if groups else None

    async def create_group(self, name: str, description: str) -> None:
        """Make a security group in the default network; one that exists is no error."""
        form = {"GroupName": name, "GroupDescription": description}
        await self._do("CreateSecurityGroup", form, passes={"InvalidGroup.Duplicate"})

    async def admit(self, group: str, port: int) -> None:
        """Let anybody reach a TCP port; if so already, that is no error."""
        form = {
            "GroupId": group,
            "IpPermissions.1.IpProtocol": "tcp",
            "IpPermissions.1.FromPort": str(port),
            "IpPermissions.1.ToPort": str(port),
            "IpPermissions.1.IpRanges.1.CidrIp": "0.0.0.0/0",
        }
        await self._do(
            "AuthorizeSecurityGroupIngress", form, passes={"InvalidPermission.Duplicate"}
        )

    async def _read(
        self, action: str, form: Mapping[str, str | None], *, urgent: bool = False
    ) -> HttpReply:
        return await self._caller.read(_call(action, form, what=action, urgent=urgent))

    async def _do(self, action: str, form: Mapping[str, str], *, passes: set[str]) -> None:
        reply = await self._caller.ask(_call(action, form, what=action))
        said = object_in(reply.body) or {}
        if reply.status >= 400 and said.get("code") in passes:
            return
        judge_read(reply, what=action, dialect=DIALECT)


def filters(where: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """Return conditions as the API numbers them."""
    form: dict[str, str | None] = {}
    for number, (name, values) in enumerate(where.items(), start=1):
        form[f"Filter.{number}.Name"] = name
        form.update(
            {f"Filter.{number}.Value.{place}": value for place, value in enumerate(values, start=1)}
        )
    return form


def _call(action: str, form: Mapping[str, str | None], *, what: str, urgent: bool = False) -> Call:
    whole = {"Action": action, "Version": VERSION, **form}
    return Call(
        method="POST",
        path="/",
        form={name: value for name, value in whole.items() if value is not None},
        what=what,
        urgent=urgent,
    )
