"""What the simulated Hyperstack keeps beside machines: environments, one of which stands for a region, and the keys in them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.testing.vendors.hyperstack_menu import REGIONS, WITHOUT_ENVIRONMENT
from gpu_shopper.testing.vendors.vendor import Handler, VendorError, VendorReply, VendorRequest

MOST_ON_PAGE = 100
USUAL_ON_PAGE = 10
_PUBLIC_KEY = re.compile(r"(ssh-|ecdsa-|sk-)\S+ \S+( .*)?")
_BORN = "2026-01-01T00:00:00"


class House(Protocol):
    """What the rooms need of the vendor that they are in."""

    holds_keys: bool

    def refused(self, code: str, message: str = "") -> VendorError:
        """See there."""
        ...

    def object_in(self, request: VendorRequest) -> Mapping[str, Json]:
        """See there."""
        ...

    def name_in(self, body: Mapping[str, Json]) -> str:
        """See there."""
        ...

    def in_room(self, environment: str, now: float) -> list[Mapping[str, str]]:
        """See there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    name: str
    environment: str
    public_key: str


class Rooms:
    """All environments and keys of one account. Each region but one has an environment from the start."""

    def __init__(self, house: House) -> None:
        self._house = house
        regions = [region for region in REGIONS if region != WITHOUT_ENVIRONMENT]
        # By number: name and region.
        self._rooms = {
            number: (f"default-{region}", region) for number, region in enumerate(regions, start=1)
        }
        self._usual = set(self._rooms)
        self._keys: dict[int, _Key] = {}
        self._number = 100

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Return what answers which method and path."""
        return {
            ("GET", "/v1/core/environments"): self._list,
            ("POST", "/v1/core/environments"): self._add,
            ("DELETE", "/v1/core/environments/{id}"): self._drop,
            ("GET", "/v1/core/keypairs"): self._list_keys,
            ("POST", "/v1/core/keypairs"): self._add_key,
            ("DELETE", "/v1/core/keypair/{id}"): self._drop_key,
        }

    def leftovers(self) -> Mapping[str, int]:
        """Return how many of each somebody made."""
        made = len(self._rooms.keys() - self._usual)
        return {"keypairs": len(self._keys), "environments": made}

    def environment(self, name: str) -> str:
        """Return the name of an environment if there is one."""
        if all(name != known for known, _ in self._rooms.values()):
            raise self._house.refused("missing", f"Environment {name} not found")
        return name

    def region_of(self, environment: str) -> str:
        """Return where an environment is."""
        return next(region for name, region in self._rooms.values() if name == environment)

    def key_in(self, environment: str, name: str) -> str:
        """Return the public key of that name in an environment."""
        for key in self._keys.values():
            if (key.environment, key.name) == (environment, name):
                return key.public_key
        raise self._house.refused("missing", f"Keypair {name} not found")

    def shown(self, environment: str) -> Row | None:
        """Return an environment as machines and keys show it."""
        for number, (name, region) in self._rooms.items():
            if name == environment:
                return {"id": number, "name": name, "region": region, "org_id": 7}
        return None

    def _list(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        rows: list[Row] = [
            {"id": number, "name": name, "region": region, "created_at": _BORN, "features": {}}
            for number, (name, region) in self._rooms.items()
            if request.query.get("search", "") in name
        ]
        page = page_of(self._house, rows, request.query)
        return _good({"environments": page.pop("rows"), **page})

    def _add(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        body = self._house.object_in(request)
        name, region = self._house.name_in(body), body.get("region")
        if not isinstance(region, str) or region not in REGIONS:
            raise self._house.refused("missing", "Region not found")
        if any(name == known for known, _ in self._rooms.values()):
            raise self._house.refused("exists")
        self._number += 1
        self._rooms[self._number] = (name, region)
        row = {"id": self._number, "name": name, "region": region, "created_at": _BORN}
        return _good({"environment": row})

    def _drop(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        number = int(parts[0]) if parts[0].isdigit() else 0
        if number not in self._rooms:
            raise self._house.refused("missing", "Environment not found")
        name, _ = self._rooms[number]
        if self._house.in_room(name, now) or any(
            key.environment == name for key in self._keys.values()
        ):
            raise self._house.refused("in_use")
        del self._rooms[number]
        return _good({})

    def _list_keys(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        rows = [
            self._key_row(number, key)
            for number, key in self._keys.items()
            if request.query.get("search", "") in key.name
        ]
        page = page_of(self._house, rows, request.query)
        return _good({"keypairs": page.pop("rows"), **page})

    def _add_key(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        body = self._house.object_in(request)
        name, public_key = self._house.name_in(body), body.get("public_key")
        environment = self.environment(str(body.get("environment_name", "")))
        if not isinstance(public_key, str) or not _PUBLIC_KEY.fullmatch(public_key.strip()):
            raise self._house.refused("bad_request", "public_key is not valid")
        if any((key.environment, key.name) == (environment, name) for key in self._keys.values()):
            raise self._house.refused("exists")
        self._number += 1
        key = _Key(name=name, environment=environment, public_key=public_key.strip())
        self._keys[self._number] = key
        return _good({"keypair": self._key_row(self._number, key)})

    def _drop_key(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        number = int(parts[0]) if parts[0].isdigit() else 0
        key = self._keys.get(number)
        if key is None:
            raise self._house.refused("missing", "Keypair not found")
        used = [tags.get("keypair") for tags in self._house.in_room(key.environment, now)]
        if self._house.holds_keys and key.name in used:
            raise self._house.refused("in_use")
        del self._keys[number]
        return _good({})

    def _key_row(self, number: int, key: _Key) -> Row:
        return {
            "id": number,
            "name": key.name,
            "environment": self.shown(key.environment),
            "public_key": key.public_key,
            "fingerprint": f"{number:032x}",
            "created_at": _BORN,
        }


def page_of(house: House, rows: Sequence[Row], query: Mapping[str, str]) -> Row:
    """Return one page of rows with what stands beside them: the number of the page, its size, and how many there are in all."""
    page, size = query.get("page", "1"), query.get("pageSize", str(USUAL_ON_PAGE))
    if not page.isdigit() or not size.isdigit() or int(page) < 1 or int(size) < 1:
        raise house.refused("bad_request", "page and pageSize must be positive numbers")
    most = min(int(size), MOST_ON_PAGE)
    first = (int(page) - 1) * most
    shown = list(rows[first : first + most])
    return {"rows": shown, "page": int(page), "page_size": most, "count": len(rows)}


def _good(body: Row) -> VendorReply:
    return VendorReply(body={"status": True, "message": "Success", **body})
