"""The simulated Verda's side doors: its volumes, SSH keys and start-up scripts, by whoever asks for them."""

import random
from collections.abc import Mapping

from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.vendor import (
    Handler,
    VendorCloud,
    VendorError,
    VendorReply,
    VendorRequest,
)
from gpu_shopper.testing.vendors.verda_store import DELETE, KEEP, TRASH, Store, Volume

_FIELDS = {"sshkeys": ("key", "keys"), "scripts": ("script", "scripts")}


def told(status: int, code: str, message: str) -> VendorReply:
    """Return an error as the vendor writes it."""
    return VendorReply(status=status, body={"code": code, "message": message})


class WithThings(VendorCloud):
    """An account with things beside instances. `refuses_known_keys`: an SSH key that it has already is not taken once more."""

    def __init__(self, model: CloudModel, *, key: str, chance: random.Random) -> None:
        super().__init__(model, key=key, chance=chance)
        self.refuses_known_keys = False
        self.store = Store(chance)
        self._seen: set[str] = set()

    def routes_of_things(self) -> Mapping[tuple[str, str], Handler]:
        """Return what answers for volumes, keys and scripts."""
        return {
            ("GET", "/v1/volumes"): self._list_volumes,
            ("GET", "/v1/volumes/trash"): self._trash,
            ("GET", "/v1/volumes/{id}"): self._show_volume,
            ("PUT", "/v1/volumes"): self._act_on_volumes,
            ("GET", "/v1/{kind}"): self._list_things,
            ("POST", "/v1/{kind}"): self._add_thing,
            ("DELETE", "/v1/{kind}"): self._drop_things,
            ("GET", "/v1/{kind}/{id}"): self._show_thing,
            ("DELETE", "/v1/{kind}/{id}"): self._drop_thing,
        }

    def refused(self, message: str) -> VendorError:
        """Return the refusal of a request that makes no sense."""
        return VendorError(told(400, "invalid_request", message))

    def settle(self, now: float) -> None:
        """Let volumes follow what became of their instances."""
        found = {entry.id: self.model.instance(entry.id) for entry in self.model.ledger(now)}
        held = {name: one for name, one in found.items() if one is not None}
        self.store.settle(held, self._seen)

    def ids_in(self, body: Mapping[str, Json], name: str) -> list[str]:
        """Return ids that are given as one or as a list."""
        given = body.get(name)
        listed = [given] if isinstance(given, str) else given
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise self.refused(f"{name} must be an id or a list of them")
        return listed

    def _list_volumes(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del parts
        _, delay_s = self.instances(now)
        wanted = request.query.get("status")
        rows = [one.row() for one in self.store.volumes.values() if one.where == KEEP]
        kept = [row for row in rows if wanted is None or row["status"] == wanted]
        return VendorReply(body=kept, delay_s=delay_s)

    def _trash(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        rows = [one.row() for one in self.store.volumes.values() if one.where == TRASH]
        return VendorReply(body=rows)

    def _show_volume(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del request, now
        volume = self.store.volumes.get(parts[0])
        if volume is None or volume.where == DELETE:
            raise VendorError(told(404, "not_found", "Invalid volume id"))
        return VendorReply(body=volume.row())

    def _act_on_volumes(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del now, parts
        body = request.body if isinstance(request.body, dict) else {}
        if body.get("action") != "delete":
            raise self.refused("Invalid action")
        volumes = [self._held_volume(one) for one in self.ids_in(body, "id")]
        for volume in volumes:
            volume.where = DELETE if body.get("is_permanent") is True else TRASH
        return VendorReply(status=202)

    def _held_volume(self, volume_id: str) -> Volume:
        volume = self.store.volumes.get(volume_id)
        if volume is None or volume.where == DELETE:
            raise VendorError(told(404, "not_found", "Invalid volume id"))
        if volume.instance_id is not None:
            raise VendorError(told(403, "forbidden_action", "The volume is attached"))
        return volume

    def _things(self, kind: str) -> dict[str, Row]:
        if kind not in _FIELDS:
            raise VendorError(told(404, "not_found", f"no such path: /v1/{kind}"))
        return self.store.keys if kind == "sshkeys" else self.store.scripts

    def _list_things(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del request, now
        return VendorReply(body=list(self._things(parts[0]).values()))

    def _add_thing(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now
        things, body = self._things(parts[0]), request.body
        field = _FIELDS[parts[0]][0]
        if not isinstance(body, dict):
            raise self.refused("a JSON object is required")
        name, text = body.get("name"), body.get(field)
        if not isinstance(name, str) or not name or not isinstance(text, str) or not text:
            raise self.refused(f"name and {field} are required")
        if field == "key" and self.refuses_known_keys and text in {row["key"] for row in things.values()}:  # fmt: skip
            raise self.refused("SSH key already exists")
        made = self.store.new_id()
        things[made] = {"id": made, "name": name, field: text}
        return VendorReply(status=201, body=made.encode())

    def _show_thing(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del request, now
        row = self._things(parts[0]).get(parts[1])
        if row is None:
            raise VendorError(told(404, "not_found", "Invalid id"))
        return VendorReply(body=[row])

    def _drop_things(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del now
        things, body = self._things(parts[0]), request.body
        ids = self.ids_in(body if isinstance(body, dict) else {}, _FIELDS[parts[0]][1])
        if not all(one in things for one in ids):
            raise VendorError(told(404, "not_found", "Invalid id"))
        for one in ids:
            del things[one]
        return VendorReply(status=200)

    def _drop_thing(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del request, now
        if self._things(parts[0]).pop(parts[1], None) is None:
            raise VendorError(told(404, "not_found", "Invalid id"))
        return VendorReply(status=200)
