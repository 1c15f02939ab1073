"""A simulated AWS EC2 of two regions: signed forms, tokens that make a launch happen once, and the dead that stay listed.

A machine is called running before anybody can log in; that there is none free is told with a 500; a token that comes with
another order is an error. Its disk goes with it if the order says so, and else stays. `docs/clouds/aws.md` says what is
verified by what. A port stands behind an address, because many simulated machines share one.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import ModelReply, Row
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.aws_furniture import Furniture
from gpu_shopper.testing.vendors.aws_menu import REGIONS, goods, spot_price, type_rows
from gpu_shopper.testing.vendors.aws_rows import fits, reservation, told
from gpu_shopper.testing.vendors.aws_words import (
    ERRORS,
    Form,
    answer,
    error,
    is_signed,
    signed_region,
)
from gpu_shopper.testing.vendors.vendor import (
    Handler,
    VendorCloud,
    VendorError,
    VendorReply,
    VendorRequest,
    with_own,
)

PAGE = 20
_DEFAULT_DISK_GB = 60
# For so long an instance that has ended is shown.
_REMEMBERED_S = 3600.0
_ID_LETTERS = set("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call: its form, the region that it was signed for, and when it came."""

    form: Form
    region: str
    now: float


class Aws(VendorCloud):
    """One account there."""

    name: ClassVar[str] = "aws"

    def __init__(
        self, model: CloudModel, catalogue: Catalogue, *, key: str, chance: random.Random
    ) -> None:
        super().__init__(model, key=key, chance=chance)
        self._catalogue = catalogue
        self._furniture = Furniture()
        # Token: the order that it came with, and the name of what was bought with it.
        self._tokens: dict[str, tuple[Mapping[str, str], str]] = {}
        self._actions: Mapping[str, Callable[[Asked], VendorReply]] = {
            "DescribeRegions": self._regions,
            "DescribeInstanceTypes": self._types,
            "DescribeSpotPriceHistory": self._spot_prices,
            "RunInstances": self._run_instances,
            "DescribeInstances": self._describe,
            "TerminateInstances": self._terminate,
            "StopInstances": self._stop,
            "CreateTags": self._tag,
            "DescribeVolumes": self._volumes,
            "DeleteVolume": self._delete_volume,
        }

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """See there: there is one door, and a form says what is wanted."""
        return {("POST", "/"): self._perform}

    def admits(self, request: VendorRequest) -> bool:
        """See there: the secret is not in the request, but what was signed with it is."""
        return is_signed(request, self.key)

    def error(self, code: str, message: str) -> VendorReply:
        """See there."""
        status, name, text = ERRORS.get(code, ERRORS["bad_request"])
        return error(status, name, message if code == "bad_request" and message else text)

    def leftovers(self) -> Mapping[str, int]:
        """See there. Security groups cost nothing and are used again; they are no leftovers."""
        kept = [disk for disk in self._furniture.disks.values() if not self._holds(disk.instance)]
        return {"volumes": len(kept), "key_pairs": len(self._furniture.keys)}

    def forget_tokens(self) -> None:
        """Forget all tokens, as the real one does after some time."""
        self._tokens.clear()

    def _perform(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        asked = Asked(form=Form(request.raw), region=signed_region(request), now=now)
        action = asked.form.text("Action")
        handler = self._actions.get(action)
        if handler is None:
            said = self._furniture.perform(action, asked.form, asked.region)
            if said is not None:
                return said
            raise VendorError(error(400, "InvalidAction", f"The action {action} is not valid"))
        if asked.form.text("DryRun") == "true":
            raise VendorError(error(412, "DryRunOperation", "Request would have succeeded."))
        return handler(asked)

    # The menu.

    def _regions(self, asked: Asked) -> VendorReply:
        rows = [
            {"regionName": name, "regionEndpoint": f"ec2.{name}.amazonaws.com"} for name in REGIONS
        ]
        return answer("DescribeRegions", {"regionInfo": rows})

    def _types(self, asked: Asked) -> VendorReply:
        _, delay_s = self.offers(asked.now)
        wanted = [
            *asked.form.filters().get("instance-type", ["*"]),
            *asked.form.many("InstanceType"),
        ]
        named = asked.form.many("InstanceType")
        rows = [
            row
            for row in type_rows(asked.region)
            if any(fnmatchcase(str(row["instanceType"]), each) for each in named or wanted)
        ]
        page, token = self._page(asked, rows)
        said = {"instanceTypeSet": page, "nextToken": token}
        return answer("DescribeInstanceTypes", said, delay_s=delay_s)

    def _spot_prices(self, asked: Asked) -> VendorReply:
        rows, delay_s = self.offers(asked.now)
        kinds = asked.form.many("InstanceType")
        found: list[Row] = []
        for row in rows:
            kind, _, zone = str(row["id"]).partition("@")
            if row["region"] == asked.region != zone and (not kinds or kind in kinds):
                found.append(
                    {
                        "instanceType": kind,
                        "productDescription": "Linux/UNIX",
                        "spotPrice": f"{spot_price(kind, zone):.6f}",
                        "timestamp": "2026-01-01T00:00:00.000Z",
                        "availabilityZone": zone,
                    }
                )
        page, token = self._page(asked, found)
        said = {"spotPriceHistorySet": page, "nextToken": token}
        return answer("DescribeSpotPriceHistory", said, delay_s=delay_s)

    # Instances.

    def _run_instances(self, asked: Asked) -> VendorReply:
        form, token = asked.form, asked.form.text("ClientToken")
        order = self._order_of(asked)
        name = str(order["name"])
        if token in self._tokens:
            return self._again(asked, token)
        if token:
            self._tokens[token] = (dict(form.given), name)
        keeps = any(
            each.text("Ebs.DeleteOnTermination") == "false"
            for each in form.groups("BlockDeviceMapping")
        )
        self._furniture.note_disks(name, keeps=keeps, tags=form.tags("volume"))
        try:
            row, delay_s = self.sell(asked.now, order)
        except VendorError:
            if not any(entry.name == name for entry in self.model.ledger(asked.now)):
                self._tokens.pop(token, None)
            raise
        said = reservation(row)
        return answer("RunInstances", said, delay_s=delay_s)

    def _again(self, asked: Asked, token: str) -> VendorReply:
        """Answer an order whose token is known: nothing is bought."""
        before, name = self._tokens[token]
        if before != asked.form.given:
            text = "The same client token was used with other parameters"
            raise VendorError(error(400, "IdempotentParameterMismatch", text))
        known = [entry for entry in self.model.ledger(asked.now) if entry.name == name]
        if not known:
            raise VendorError(error(400, "ClientTokenInUse", "The token is being used"))
        row = self._row(known[0].id)
        return answer("RunInstances", reservation(row))

    def _row(self, instance_id: str) -> Row:
        instance = self.model.instance(instance_id)
        assert instance is not None, instance_id
        return instance.view() | ({} if instance.alive else {"status": "ended"})

    def _order_of(self, asked: Asked) -> Row:
        form = asked.form
        kind, market = form.text("InstanceType"), form.text("InstanceMarketOptions.MarketType")
        if kind not in {str(row["instanceType"]) for row in type_rows(REGIONS[0])}:
            raise self._refused(f"Invalid value '{kind[:80]}' for InstanceType.")
        if not form.text("ImageId").startswith(("ami-", "resolve:ssm:")):
            raise VendorError(error(400, "InvalidAMIID.Malformed", "Invalid id"))
        if form.text("MinCount") != "1" or form.text("MaxCount") != "1":
            raise self._refused("only one instance at a time here")
        where = self._zone(form, kind) if market == "spot" else asked.region
        offer_id = f"{kind}@{where}"
        if self._catalogue.index_of(offer_id) is None:
            raise VendorError(error(400, "Unsupported", f"{kind} is not supported in {where}."))
        tags = {key: value for key, value in form.tags("instance").items() if value}
        disks = [each.text("Ebs.VolumeSize") for each in form.groups("BlockDeviceMapping")]
        keys, script, env = told(form, self._furniture.keys)
        return {
            "offer_id": offer_id,
            "name": tags.pop("Name", "-"),
            "tags": tags,
            "image": form.text("ImageId")[:255],
            "disk_gb": int(disks[0]) if disks and disks[0].isdigit() else _DEFAULT_DISK_GB,
            "ssh_keys": keys,
            "on_start": script,
            "env": env,
        }

    def _zone(self, form: Form, kind: str) -> str:
        zone = form.text("Placement.AvailabilityZone") or f"{REGIONS[0]}a"
        most = form.text("InstanceMarketOptions.SpotOptions.MaxPrice")
        if zone[:-1] in REGIONS and most and float(most) < spot_price(kind, zone):
            raise VendorError(self.error("price_changed", ""))
        return zone

    def _describe(self, asked: Asked) -> VendorReply:
        ids = asked.form.many("InstanceId")
        if ids:
            found = [self._named(asked, each) for each in ids]
            rows, delay_s = [row for row, _ in found], found[0][1]
        else:
            rows, delay_s = self._all(asked)
        filters = asked.form.filters()
        shown = [row for row in rows if fits(row, filters)]
        page, token = self._page(asked, shown)
        said = {
            "reservationSet": [reservation(row) for row in page],
            "nextToken": token,
        }
        return answer("DescribeInstances", said, delay_s=delay_s)

    def _all(self, asked: Asked) -> tuple[list[Row], float]:
        rows, delay_s = self.instances(asked.now)
        listed = {row["id"] for row in rows}
        rows += [
            self._row(entry.id)
            for entry in self.model.ledger(asked.now)
            if entry.id not in listed
            and entry.ended_at is not None
            and asked.now - entry.ended_at < _REMEMBERED_S
        ]
        return [row for row in rows if row.get("region", asked.region) == asked.region], delay_s

    def _named(self, asked: Asked, instance_id: str) -> tuple[Row, float]:
        if not (instance_id.startswith("i-") and set(instance_id[2:]) <= _ID_LETTERS):
            text = f'Invalid id: "{instance_id[:80]}"'
            raise VendorError(error(400, "InvalidInstanceID.Malformed", text))
        row, delay_s = self.instance(asked.now, instance_id)
        known = self.model.instance(instance_id)
        ended = None if known is None else known.ended_at
        if row is None and ended is not None and asked.now - ended < _REMEMBERED_S:
            row = self._row(instance_id)
        if row is None or row["region"] != asked.region:
            raise VendorError(self.error("not_found", ""))
        return row, delay_s

    def _terminate(self, asked: Asked) -> VendorReply:
        ids = asked.form.many("InstanceId")
        delay_s = 0.0
        for each in ids:
            known = self.model.instance(each)
            if known is None or known.region != asked.region:
                self._named(asked, each)
            _, delay_s = self.end(asked.now, each)
        rows = [
            {"instanceId": each, "currentState": {"code": 32, "name": "shutting-down"}}
            for each in ids
        ]
        return answer("TerminateInstances", {"instancesSet": rows}, delay_s=delay_s)

    def _stop(self, asked: Asked) -> VendorReply:
        ids = asked.form.many("InstanceId")
        for each in ids:
            if not self.model.stop(each, now=asked.now):
                raise VendorError(self.error("not_found", ""))
        rows = [
            {"instanceId": each, "currentState": {"code": 64, "name": "stopping"}} for each in ids
        ]
        return answer("StopInstances", {"instancesSet": rows})

    def _tag(self, asked: Asked) -> VendorReply:
        for each in asked.form.many("ResourceId"):
            for tag in asked.form.groups("Tag"):
                if tag.text("Key") == "Name":
                    self.model.rename(each, tag.text("Value"), now=asked.now)
        return answer("CreateTags", {"return": True})

    # Disks.

    def _volumes(self, asked: Asked) -> VendorReply:
        filters = asked.form.filters()
        _, delay_s = self.instances(asked.now)
        rows = []
        for disk in self._furniture.disks_of(self.model.ledger(asked.now)):
            held = self._holds(disk.instance)
            if not held and not disk.keeps:
                continue
            row = {
                "volumeId": disk.id,
                "status": "in-use" if held else "available",
                "tagSet": [{"key": key, "value": value} for key, value in disk.tags.items()],
            }
            tagged = [name for name in filters if name.startswith("tag:")]
            fits = all(disk.tags.get(name[4:]) in filters[name] for name in tagged)
            if fits and row["status"] in filters.get("status", [row["status"]]):
                rows.append(row)
        return answer("DescribeVolumes", {"volumeSet": rows}, delay_s=delay_s)

    def _delete_volume(self, asked: Asked) -> VendorReply:
        gone = asked.form.text("VolumeId")
        disk = self._furniture.disks.get(gone)
        if disk is None or self._holds(disk.instance):
            code = "InvalidVolume.NotFound" if disk is None else "VolumeInUse"
            raise VendorError(error(400, code, f"The volume '{gone[:80]}' cannot be deleted."))
        self._furniture.drop_disk(gone)
        return answer("DeleteVolume", {"return": True})

    def _holds(self, instance_id: str) -> bool:
        known = self.model.instance(instance_id)
        return known is not None and known.alive

    def _page(self, asked: Asked, rows: list[Row]) -> tuple[list[Row], str | None]:
        token, most = asked.form.text("NextToken", "0"), asked.form.text("MaxResults", "1000")
        if not token.isdigit() or not most.isdigit():
            raise self._refused("NextToken or MaxResults")
        first, size = int(token), min(int(most), PAGE)
        rest = rows[first + size :]
        return rows[first : first + size], str(first + size) if rest else None

    def _worded(self, said: ModelReply, code: str) -> VendorReply:
        worded = super()._worded(said, code)
        # It never says for how long to wait.
        headers = {name: value for name, value in worded.headers.items() if name != "retry-after"}
        return VendorReply(
            status=worded.status, body=worded.body, headers=headers, delay_s=worded.delay_s
        )

    def _refused(self, message: str) -> VendorError:
        return VendorError(self.error("bad_request", message))


def build(*, key: str, seed: int, offers: int, config: ModelConfig, chance: random.Random) -> Aws:
    """Return a simulated account, whose access key has any id, and `key` for its secret; see `Vast` for the rest."""
    catalogue = Catalogue(seed=seed, goods=goods(size=offers), drifts=False)
    own = {
        "ssh_user": "ubuntu",
        "id_form": "i-{:017x}",
        "honours_expiry": False,
        "stock": 8,
        "bills_leaving": False,
    }
    model = CloudModel(catalogue, chance, with_own(config, own))
    return Aws(model, catalogue, key=key, chance=chance)
