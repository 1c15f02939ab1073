"""What the simulated EC2 keeps beside instances: key pairs, security groups and disks."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.vendors.aws_words import Form, answer, error
from gpu_shopper.testing.vendors.vendor import VendorError, VendorReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The disk of one instance; one that `keeps` does not go with it."""

    id: str
    instance: str
    keeps: bool
    tags: Mapping[str, str]


class Furniture:
    """All of one account."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        # By region and name: the group's id, and its open ports.
        self.groups: dict[tuple[str, str], tuple[str, set[str]]] = {}
        self.disks: dict[str, Disk] = {}
        self._dropped: set[str] = set()
        self._noted: dict[str, tuple[bool, Mapping[str, str]]] = {}

    def perform(self, action: str, form: Form, region: str) -> VendorReply | None:
        """Do what has to do with keys or groups; None for an action that has not."""
        actions = {
            "ImportKeyPair": self._import_key,
            "DescribeKeyPairs": self._keys,
            "DeleteKeyPair": self._delete_key,
            "DescribeSecurityGroups": self._groups,
            "CreateSecurityGroup": self._create_group,
            "AuthorizeSecurityGroupIngress": self._open,
            "DeleteSecurityGroup": self._delete_group,
        }
        return actions[action](form, region) if action in actions else None

    def note_disks(self, name: str, *, keeps: bool, tags: Mapping[str, str]) -> None:
        """Note what the disk of an instance of that name will be like."""
        self._noted[name] = (keeps, tags)

    def disks_of(self, ledger: Iterable[LedgerEntry]) -> Iterator[Disk]:
        """Return the disks of all instances that ever were, but for those that were deleted."""
        for entry in ledger:
            keeps, tags = self._noted.get(entry.name, (False, {}))
            disk = Disk(id=f"vol-{entry.id[2:]}", instance=entry.id, keeps=keeps, tags=tags)
            if disk.id not in self._dropped:
                if keeps:
                    self.disks[disk.id] = disk
                yield disk

    def drop_disk(self, disk_id: str) -> None:
        """Delete a disk."""
        self._dropped.add(disk_id)
        del self.disks[disk_id]

    def _import_key(self, form: Form, region: str) -> VendorReply:
        name = form.text("KeyName")
        if name in self.keys:
            raise VendorError(error(400, "InvalidKeyPair.Duplicate", f"{name} already exists."))
        self.keys[name] = form.text("PublicKeyMaterial")
        said = {"keyName": name, "keyPairId": _id("key", name), "keyFingerprint": "00:11"}
        return answer("ImportKeyPair", said)

    def _keys(self, form: Form, region: str) -> VendorReply:
        rows = [{"keyName": name, "keyPairId": _id("key", name)} for name in self.keys]
        return answer("DescribeKeyPairs", {"keySet": rows})

    def _delete_key(self, form: Form, region: str) -> VendorReply:
        self.keys.pop(form.text("KeyName"), None)
        return answer("DeleteKeyPair", {"return": True})

    def _groups(self, form: Form, region: str) -> VendorReply:
        wanted = form.filters().get("group-name")
        rows = [
            {
                "groupId": group_id,
                "groupName": name,
                "ipPermissions": [
                    {"ipProtocol": "tcp", "fromPort": port, "toPort": port}
                    for port in sorted(ports)
                ],
            }
            for (where, name), (group_id, ports) in self.groups.items()
            if where == region and (wanted is None or name in wanted)
        ]
        return answer("DescribeSecurityGroups", {"securityGroupInfo": rows})

    def _create_group(self, form: Form, region: str) -> VendorReply:
        name = form.text("GroupName")
        if (region, name) in self.groups:
            text = f"The security group '{name}' already exists"
            raise VendorError(error(400, "InvalidGroup.Duplicate", text))
        group_id = _id("sg", f"{region} {name}")
        self.groups[region, name] = (group_id, set())
        return answer("CreateSecurityGroup", {"return": True, "groupId": group_id})

    def _open(self, form: Form, region: str) -> VendorReply:
        group = next(
            (ports for own, ports in self.groups.values() if own == form.text("GroupId")), None
        )
        if group is None:
            raise VendorError(error(400, "InvalidGroup.NotFound", "There is no such group"))
        wanted = {each.text("FromPort") for each in form.groups("IpPermissions")}
        if wanted <= group:
            raise VendorError(error(400, "InvalidPermission.Duplicate", "The rule already exists"))
        group |= wanted
        return answer("AuthorizeSecurityGroupIngress", {"return": True})

    def _delete_group(self, form: Form, region: str) -> VendorReply:
        for where, (own, _) in list(self.groups.items()):
            if own == form.text("GroupId"):
                del self.groups[where]
        return answer("DeleteSecurityGroup", {"return": True})


def _id(kind: str, text: str) -> str:
    return f"{kind}-{zlib.crc32(text.encode()):017x}"
