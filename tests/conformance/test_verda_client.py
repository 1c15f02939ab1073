"""Verda's own Python client against our simulator of it, and beside our adapter: both ways round."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpu_shopper.providers.verda import MANIFEST
from gpu_shopper.testing.vendors.listening import ListeningVendor
from gpu_shopper.testing.vendors.vendor import VendorCloud
from gpu_shopper.testing.vendors.verda import build
from tests.conformance.foreign import (
    KEY,
    LABEL,
    SSH_KEY,
    asked,
    client_folder,
    differences_by_step,
    explained,
    flat,
    order_of,
    run,
    simulated,
    with_ours,
)

CLIENT_ID = "account-id"
NOTHING = {"ssh_keys": 0, "scripts": 0, "volumes": 0, "volumes_in_trash": 0}
LIFE = """
import json, sys
from verda import VerdaClient
from verda.exceptions import APIException

url, secret, label, ssh_key = sys.argv[1:]
there = VerdaClient("account-id", secret, base_url=url + "/v1")
kinds = {kind.instance_type: kind for kind in there.instance_types.get()}
where = [(kind, place["location_code"]) for place in there.instances.get_availabilities(is_spot=False)
         for kind in place["availabilities"]]
there.instances.get_availabilities(is_spot=True)
prices = {kind.type: kind.price_per_month_per_gb for kind in there.volume_types.get()}
balance = there.balance.get()
name, location = min(where, key=lambda one: (kinds[one[0]].price_per_hour, one))
kind = kinds[name]
image = "ubuntu-24.04-cuda-12.8-open-docker"
image = image if image in kind.supported_os else kind.supported_os[-1]
key = there.ssh_keys.create(label + ".key1", ssh_key)
script = there.startup_scripts.create(label + ".sh", "#!/bin/sh\\nexport GREETING=hello\\necho hi")
made = there.instances.create(
    instance_type=name, image=image, hostname=label, description=label, ssh_key_ids=[key.id], location=location,
    startup_script_id=script.id, os_volume={"name": label, "size": 50}, pricing="FIXED_PRICE", wait_for_status=None,
)
seen = there.instances.get_by_id(made.id)
listed = [one.description for one in there.instances.get() if one.id == made.id]
volumes = [one.name for one in there.volumes.get() if one.id == seen.os_volume_id]
names = [one.name for one in there.ssh_keys.get()] + [one.name for one in there.startup_scripts.get()]
available = there.instances.is_available(name, location_code=location)
there.instances.action(made.id, "delete", volume_ids=[seen.os_volume_id], delete_permanently=True)
there.ssh_keys.delete([key.id])
there.startup_scripts.delete([script.id])
after = there.instances.get_by_id(made.id).status
try:
    there.instances.action(made.id, "delete")
except APIException as error:
    again = [error.code, error.message]
print(json.dumps({
    "kinds": len(kinds), "offer": [name, location], "status": seen.status, "ip": seen.ip, "listed": listed,
    "volumes": volumes, "names": names, "after": after, "again": again, "left": len(there.instances.get()),
    "left_volumes": len(there.volumes.get()), "storage": prices["NVMe"], "balance": balance.amount,
    "price": [kind.price_per_hour, kind.spot_price_per_hour, seen.price_per_hour], "available": available,
}))
"""
STEPS = (
    ("login", "POST", "/v1/oauth2/token"),
    ("kinds", "GET", "/v1/instance-types"),
    ("where", "GET", "/v1/instance-availability"),
    ("volume prices", "GET", "/v1/volume-types"),
    ("key", "POST", "/v1/sshkeys"),
    ("script", "POST", "/v1/scripts"),
    ("create", "POST", "/v1/instances"),
    ("show", "GET", "/v1/instances/"),
    ("list", "GET", "/v1/instances"),
    ("volumes", "GET", "/v1/volumes"),
    ("destroy", "PUT", "/v1/instances"),
    ("drop key", "DELETE", "/v1/sshkeys"),
    ("drop script", "DELETE", "/v1/scripts"),
    ("balance", "GET", "/v1/balance"),
)


def with_theirs(script: str, there: ListeningVendor, home: Path) -> dict[str, Any]:
    python = client_folder("verda") / "bin" / "python"
    said = run([python, "-c", script, there.url, KEY, LABEL, SSH_KEY], home=home, env={})
    assert said.returncode == 0, said.stderr
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def test_its_client_goes_through_a_whole_life_at_the_simulator(tmp_path: Path) -> None:
    client_folder("verda")
    with simulated(build) as there:
        told = with_theirs(LIFE, there, tmp_path)

        assert told["kinds"] > 10
        assert (told["status"], told["after"]) == ("running", "discontinued")
        assert told["ip"]
        assert told["listed"] == told["volumes"] == [LABEL]
        assert told["names"] == [f"{LABEL}.key1", f"{LABEL}.sh"]
        assert told["again"] == ["forbidden_action", "Can't discontinue a discontinued instance"]
        assert (told["left"], told["left_volumes"], told["storage"]) == (0, 0, 0.2)
        price, spot, paid = told["price"]
        assert 0 < spot < price
        assert paid == pytest.approx(price)
        assert told["available"] is True
        assert told["balance"] > 0
        assert there.vendor.leftovers() == NOTHING


TOO_SOON = """
import json, sys
from verda import VerdaClient
from verda.exceptions import APIException

url, secret, label, ssh_key = sys.argv[1:]
there = VerdaClient("account-id", secret, base_url=url + "/v1")
place = next(one for one in there.instances.get_availabilities(is_spot=True) if one["availabilities"])
name = place["availabilities"][0]
image = next(kind for kind in there.instance_types.get() if kind.instance_type == name).supported_os[-1]
made = there.instances.create(
    instance_type=name, image=image, hostname=label, description=label, location=place["location_code"], is_spot=True,
    wait_for_status=None,
)
try:
    there.instances.action(made.id, "delete")
except APIException as error:
    too_soon = error.message
try:
    there.instances.get_by_id("nothing-of-that-name")
except APIException as error:
    unknown = error.message
try:
    VerdaClient("account-id", "another", base_url=url + "/v1")
except APIException as error:
    refused = error.code
there._authentication._expires_at = 0
print(json.dumps({"too_soon": too_soon, "unknown": unknown, "refused": refused, "left": len(there.instances.get())}))
"""


def slowly(**given: Any) -> VendorCloud:
    """Return an account whose machines take longer than this test."""
    return build(**{**given, "config": replace(given["config"], boot_s=(600.0, 600.0))})


def test_its_client_is_refused_as_it_expects(tmp_path: Path) -> None:
    client_folder("verda")
    with simulated(slowly) as there:
        told = with_theirs(TOO_SOON, there, tmp_path)

    assert told == {
        "too_soon": "Can't discontinue a provisioning instance",
        "unknown": "Invalid instance id",
        "refused": "unauthorized_request",
        "left": 1,
    }


@pytest.fixture
def compared(tmp_path: Path) -> list[str]:
    client_folder("verda")
    hide = (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"\b[0-9a-f]{32}\b")
    with simulated(build) as there:
        told = with_theirs(LIFE, there, tmp_path)
        since = len(there.heard)

        async def ours(cloud: Any) -> None:
            listing = await cloud.list_offers()
            name = "@".join(told["offer"])
            offer = next(one for one in listing.offers if one.provider_id == name)
            bought = await cloud.launch(order_of(offer, image=None))
            await cloud.observe(bought.id)
            await cloud.list_all()
            await cloud.destroy(bought.id)
            await cloud.balance()

        with_ours(MANIFEST, there.url, ours, client_id=CLIENT_ID)
        mine = [flat(asked(there, since, *step[1:]), hide=hide) for step in STEPS]
        theirs = [flat(asked(there, 0, *step[1:]), hide=hide) for step in STEPS]
        assert there.vendor.leftovers() == NOTHING
    return differences_by_step(STEPS, theirs, mine)


def test_what_our_adapter_asks_differently_is_explained_line_by_line(compared: list[str]) -> None:
    assert sorted(compared) == sorted(explained("verda"))
