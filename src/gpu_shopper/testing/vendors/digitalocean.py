"""A simulated DigitalOcean: droplets, of which those with GPUs are left out of the list unless asked for.

The status 422 says everything that is not so: a mistake, a size that is sold out, a limit, another action under way. A key
is known only a while after it was made; tags outlive what they were made for; who makes a droplet without a key is mailed
a password. `docs/clouds/digitalocean.md` says what is verified by what.
"""

import base64
import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.digitalocean_menu import (
    ERRORS,
    IMAGES,
    PLAIN_DROPLET,
    REGIONS,
    droplet_row,
    goods,
    region_row,
    sizes,
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
MOST_ON_A_PAGE = 200
KEY_LAG_S = 45.0
STOCK = 8
_NAME = re.compile(r"[a-zA-Z0-9]?[a-z0-9A-Z.\-]*[a-z0-9A-Z]")
_TAG = re.compile(r"[a-zA-Z0-9_\-:]{1,255}")
_HOURLY_LIMIT = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    number: int
    name: str
    public: str
    fingerprint: str
    made_at: float


class DigitalOcean(VendorCloud):
    """One account there."""

    name: ClassVar[str] = "digitalocean"

    def __init__(
        self, model: CloudModel, catalogue: Catalogue, *, key: str, chance: random.Random
    ) -> None:
        super().__init__(model, key=key, chance=chance)
        self._catalogue = catalogue
        self._keys: dict[int, _Key] = {}
        self._tags: dict[str, None] = {}
        self._passwords_mailed = 0

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """See there."""
        return {
            ("GET", "/v2/account"): self._account,
            ("GET", "/v2/customers/my/balance"): self._balance,
            ("GET", "/v2/regions"): self._regions,
            ("GET", "/v2/sizes"): self._sizes,
            ("GET", "/v2/droplets"): self._list,
            ("POST", "/v2/droplets"): self._create,
            ("GET", "/v2/droplets/{id}"): self._show,
            ("DELETE", "/v2/droplets/{id}"): self._destroy,
            ("POST", "/v2/droplets/{id}/actions"): self._act,
            ("GET", "/v2/tags"): self._list_tags,
            ("DELETE", "/v2/tags/{name}"): self._drop_tag,
            ("GET", "/v2/account/keys"): self._list_keys,
            ("POST", "/v2/account/keys"): self._add_key,
            ("DELETE", "/v2/account/keys/{id}"): self._drop_key,
        }

    def hear(self, request: VendorRequest, *, now: float) -> VendorReply:
        """Answer one request; every answer tells the limit."""
        said = super().hear(request, now=now)
        reset = int(now) // 3600 * 3600 + 3600
        limit = {
            "ratelimit-limit": str(_HOURLY_LIMIT),
            "ratelimit-remaining": "0" if said.status == 429 else str(_HOURLY_LIMIT - 1),
            "ratelimit-reset": str(reset),
        }
        return replace(said, headers={**limit, **said.headers})

    def error(self, code: str, message: str) -> VendorReply:
        """See there."""
        status, name, text = ERRORS.get(code, (422, "unprocessable_entity", message))
        told = message if code == "bad_request" and message else text
        body = {"id": name, "message": told, "request_id": "4d9d8375-3c56-4925-a3e7-eb137fed17e9"}
        return VendorReply(status=status, body=body)

    def naming(self, instance_id: str) -> Row:
        """See there."""
        return {"droplet": {"id": int(instance_id)}}

    def leftovers(self) -> Mapping[str, int]:
        """See there: a tag that nothing bears was made for something that is gone."""
        borne = {tag for entry in self._living() for tag in entry}
        return {"ssh_keys": len(self._keys), "tags": len(self._tags.keys() - borne)}

    @property
    def passwords_mailed(self) -> int:
        """How many droplets were made without a key."""
        return self._passwords_mailed

    def _living(self) -> list[Mapping[str, str]]:
        held = [self.model.instance(entry.id) for entry in self.model.ledger(0.0)]
        return [one.tags for one in held if one is not None and one.alive]

    # The account and the menu.

    def _account(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        account = {
            "droplet_limit": 25, "floating_ip_limit": 3, "email": "shopper@example.invalid", "uuid": "b6fr89dbf6d9156c",
            "email_verified": True, "status": "active", "status_message": "",
        }  # fmt: skip
        return VendorReply(body={"account": account})

    def _balance(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        said = self.act(now, "GET", "/v1/account")
        left = said.body["balance"] if isinstance(said.body, dict) else None
        owed = f"{-left:.2f}" if isinstance(left, float) else None
        body = {
            "month_to_date_balance": owed,
            "account_balance": owed,
            "month_to_date_usage": "0.00",
            "generated_at": "2026-01-01T00:00:00Z",
        }
        return VendorReply(body=body, delay_s=said.delay_s)

    def _regions(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        rows = [region_row(slug) for slug in REGIONS]
        return self._paged(request, "regions", rows)

    def _sizes(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        rows, delay_s = self.offers(now)
        found = sizes(self._catalogue, rows)
        return self._paged(request, "sizes", found, delay_s=delay_s)

    # Droplets.

    def _list(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        kind, tag = request.query.get("type"), request.query.get("tag_name")
        if tag is not None and (kind is not None or "name" in request.query):
            raise self._refused("tag_name cannot be combined with type or name")
        rows, delay_s = self.instances(now)
        shown = [*map(self._row, rows)] if kind == "gpus" else [PLAIN_DROPLET]
        name = request.query.get("name", "").lower()
        shown = [
            row
            for row in shown
            if (not name or str(row["name"]).lower() == name)
            and (tag is None or tag in _list_of(row["tags"]))
        ]
        return self._paged(request, "droplets", shown, delay_s=delay_s)

    def _create(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        order = self._order_of(request.body, now)
        row, delay_s = self.sell(now, order)
        if not order["ssh_keys"]:
            self._passwords_mailed += 1
        self._tags.update(dict.fromkeys(_dict_of(order["tags"])))
        action = {
            "id": 7_515,
            "rel": "create",
            "href": "https://api.digitalocean.com/v2/actions/7515",
        }
        body: Row = {"links": {"actions": [action]}}
        if "id" in row:
            body["droplet"] = self._row(row)
        return VendorReply(status=202, body=body, delay_s=delay_s)

    def _order_of(self, body: Json, now: float) -> Row:
        given = _dict_of(body)
        name, size, image = given.get("name"), given.get("size"), given.get("image")
        tags, user_data = _list_of(given.get("tags")), given.get("user_data") or ""
        if not isinstance(name, str) or len(name) > 255 or not _NAME.fullmatch(name):
            raise self._refused(
                "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"
            )
        if not (isinstance(image, int) or image in IMAGES):
            raise self._refused("You specified an invalid image for Droplet creation.")
        if any(not isinstance(tag, str) or not _TAG.fullmatch(tag) for tag in tags):
            raise self._refused(
                "Tag names may hold letters, numbers, colons, dashes and underscores."
            )
        if not isinstance(user_data, str):
            raise self._refused("User data must be plain text.")
        offer_id = f"{size}.{given.get('region')}"
        index = self._catalogue.index_of(offer_id)
        if index is None:
            raise VendorError(self.error("offer_gone", ""))
        return {
            "offer_id": offer_id,
            "name": name,
            "image": str(image),
            "disk_gb": self._catalogue.offers[index].disk_gb,
            "ssh_keys": [self._key_of(one, now).public for one in _list_of(given.get("ssh_keys"))],
            "tags": {str(tag): "1" for tag in tags},
            "on_start": user_data,
        }

    def _key_of(self, given: Json, now: float) -> _Key:
        known = (key for key in self._keys.values() if given in (key.number, key.fingerprint))
        key = next(known, None)
        if key is None or now < key.made_at + KEY_LAG_S:
            raise self._refused(f"{given} are invalid key identifiers for Droplet creation.")
        return key

    def _show(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        row, delay_s = self.instance(now, parts[0])
        if row is None:
            raise VendorError(self.error("not_found", ""))
        return VendorReply(body={"droplet": self._row(row)}, delay_s=delay_s)

    def _destroy(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        there, delay_s = self.end(now, parts[0])
        if not there:
            raise VendorError(self.error("not_found", ""))
        return VendorReply(status=204, delay_s=delay_s)

    def _act(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        body = _dict_of(request.body)
        kind, name = body.get("type"), body.get("name")
        if kind == "power_off":
            done = self.model.stop(parts[0], now=now)
        elif kind == "rename" and isinstance(name, str):
            done = self.model.rename(parts[0], name, now=now)
        else:
            raise self._refused("no such action")
        if not done:
            raise VendorError(self.error("not_found", ""))
        action = {"id": 7_516, "status": "completed", "type": kind, "resource_type": "droplet"}
        return VendorReply(status=201, body={"action": action})

    def _row(self, row: Row) -> Row:
        sold = self.model.instance(str(row["id"]))
        image = "" if sold is None else sold.spec.image
        tags = [tag for tag in _dict_of(row.get("tags")) if tag in self._tags]
        return droplet_row(self._catalogue, row, image=image, tags=tags)

    # Tags and keys.

    def _list_tags(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        living = self._living()
        rows: list[Row] = []
        for tag in self._tags:
            count = sum(tag in one for one in living)
            rows.append({"name": tag, "resources": {"count": count, "droplets": {"count": count}}})
        return self._paged(request, "tags", rows)

    def _drop_tag(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now
        if parts[0] not in self._tags:
            raise VendorError(self.error("not_found", ""))
        del self._tags[parts[0]]
        return VendorReply(status=204)

    def _list_keys(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        return self._paged(request, "ssh_keys", [*map(_key_row, self._keys.values())])

    def _add_key(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        body = _dict_of(request.body)
        name, public = body.get("name"), body.get("public_key")
        blob = _blob_of(public) if isinstance(public, str) else None
        if not isinstance(name, str) or not isinstance(public, str) or not blob:
            raise self._refused("Key invalid, key should be of the format `type key [comment]`")
        number = max(self._keys, default=512_188) + 1
        digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
        fingerprint = ":".join(digest[at : at + 2] for at in range(0, 32, 2))
        key = _Key(
            number=number, name=name, public=public.strip(), fingerprint=fingerprint, made_at=now
        )
        if any(other.fingerprint == key.fingerprint for other in self._keys.values()):
            raise self._refused("SSH Key is already in use on your account")
        self._keys[number] = key
        return VendorReply(status=201, body={"ssh_key": _key_row(key)})

    def _drop_key(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now
        if not parts[0].isdigit() or self._keys.pop(int(parts[0]), None) is None:
            raise VendorError(self.error("not_found", ""))
        return VendorReply(status=204)

    def _paged(
        self, request: VendorRequest, key: str, rows: Sequence[Row], *, delay_s: float = 0.0
    ) -> VendorReply:
        """Return a page, and where the next one is."""
        most = _number(request.query.get("per_page", str(PAGE)))
        page = _number(request.query.get("page", "1"))
        if most < 1 or page < 1:
            raise self._refused("per_page and page must be 1 or more")
        # Clients that live on it ask for 500: they are given what a page holds at most.
        most = min(most, MOST_ON_A_PAGE)
        first = (page - 1) * most
        others = {name: value for name, value in request.query.items() if name != "page"}
        query = "&".join(f"{name}={value}" for name, value in others.items())
        link = f"https://api.digitalocean.com{request.path}?page={page + 1}&{query}".rstrip("&")
        pages: Row = {"next": link} if first + most < len(rows) else {}
        body: Row = {
            key: list(rows[first : first + most]),
            "links": {"pages": pages} if pages else {},
            "meta": {"total": len(rows)},
        }
        return VendorReply(body=body, delay_s=delay_s)

    def _refused(self, message: str) -> VendorError:
        return VendorError(self.error("bad_request", message))


def build(
    *, key: str, seed: int, offers: int, config: ModelConfig, chance: random.Random
) -> DigitalOcean:
    """Return a simulated account; `config` says how its model behaves beside what is this vendor's own."""
    catalogue = Catalogue(seed=seed, goods=goods(offers), drifts=False)
    own = {
        "ssh_user": "root",
        "id_form": "{:d}",
        "id_bits": 40,
        "honours_expiry": False,
        "stock": STOCK,
        "stopped_bill_percent": 100,
        "bills_leaving": False,
        "start_script_bytes": 65_536,
    }
    model = CloudModel(catalogue, chance, with_own(config, own))
    return DigitalOcean(model, catalogue, key=key, chance=chance)


def _blob_of(public: str) -> bytes | None:
    """Return the key itself, of a line that holds one; None of any other."""
    words = public.split()
    try:
        return base64.b64decode(words[1], validate=True) if len(words) > 1 else None
    except ValueError:
        return None


def _key_row(key: _Key) -> Row:
    return {
        "id": key.number, "fingerprint": key.fingerprint, "name": key.name, "public_key": key.public,
    }  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _list_of(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _dict_of(value: Json) -> Row:
    return value if isinstance(value, dict) else {}
