"""Hyperstack's own Python client against our simulator of it, and beside our adapter: both ways round."""

import json
import subprocess
from pathlib import Path

import pytest

from gpu_shopper.domain.label import Label
from gpu_shopper.providers.hyperstack import MANIFEST
from gpu_shopper.testing.vendors.hyperstack import build
from gpu_shopper.testing.vendors.listening import ListeningVendor
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

# A name can be had once: ours is another, and its number is hidden.
OURS = LABEL[:-1] + "2"
IMAGE = "Ubuntu Server 24.04 LTS R570 CUDA 12.8"
# What every script begins with: the client, aimed at the simulator, and what it is to make.
PROLOGUE = """
import json, sys
from hyperstack import ApiClient, Configuration
from hyperstack.api.credit_api import CreditApi
from hyperstack.api.environment_api import EnvironmentApi
from hyperstack.api.flavor_api import FlavorApi
from hyperstack.api.image_api import ImageApi
from hyperstack.api.keypair_api import KeypairApi
from hyperstack.api.pricebook_api import PricebookApi
from hyperstack.api.region_api import RegionApi
from hyperstack.api.stock_api import StockApi
from hyperstack.api.virtual_machine_api import VirtualMachineApi
from hyperstack.exceptions import ApiException, NotFoundException
from hyperstack.models import CreateInstancesPayload, CreateSecurityRulePayload, ImportKeypairPayload
given = json.loads(sys.argv[1])
client = ApiClient(Configuration(host=given["url"] + "/v1", api_key={"apiKey": given["key"]}))
machines, keys = VirtualMachineApi(client), KeypairApi(client)
flavors = [one for group in FlavorApi(client).list_flavors().data for one in group.flavors
           if one.gpu_count and one.stock_available and one.region_name == given["region"]]
flavor = min(flavors, key=lambda one: (one.gpu_count, one.name))
environment = "default-" + given["region"]
def import_key():
    return keys.import_key_pair(ImportKeypairPayload(name=given["label"][:50], environment_name=environment, public_key=given["ssh_key"])).keypair
def create(**more):
    rule = CreateSecurityRulePayload(direction="ingress", ethertype="IPv4", protocol="tcp", remote_ip_prefix="0.0.0.0/0",
                                     port_range_min=22, port_range_max=22)
    return machines.create_vms(CreateInstancesPayload(
        name=given["label"][:50], environment_name=environment, image_name=given["image"], flavor_name=flavor.name,
        key_name=given["label"][:50], count=1, assign_floating_ip=True, labels=[given["label"]], security_rules=[rule],
        user_data="#!/bin/sh\\necho hi", **more)).instances[0]
"""
LIFE = """
told = {
    "prices": {one.name: one.value for one in PricebookApi(client).get_pricebook()},
    "stock": [stock.region for stock in StockApi(client).get_gpu_stock().stocks],
    "regions": [one.name for one in RegionApi(client).list_regions().regions],
    "images": [one.name for group in ImageApi(client).list_images().images for one in group.images],
    "environments": [one.name for one in EnvironmentApi(client).list_environments().environments],
    "credit": CreditApi(client).get_user_credit().data.credit,
}
key = import_key()
try:
    create(callback_url="x" * 251)
except ValueError as error:
    told["checks"] = type(error).__name__
made = create(enable_port_randomization=False)
told["created"] = made.status
(found,) = machines.list_vms(search=given["label"][:50]).instances
told["found"] = found.labels
shown = machines.get_vm(made.id).instance
told |= {"status": shown.status, "address": shown.floating_ip_status, "region": shown.environment.region}
told["keys"] = [one.name for one in keys.list_key_pairs().keypairs]
machines.delete_vm(made.id)
told["deleting"] = machines.get_vm(made.id).instance.status
keys.delete_key_pair(key.id)
for what, call in (("gone", lambda: machines.delete_vm(2)), ("no key", lambda: keys.delete_key_pair(key.id))):
    try:
        call()
    except NotFoundException as error:
        told[what] = json.loads(error.body)["error_reason"]
try:
    VirtualMachineApi(ApiClient(Configuration(host=given["url"] + "/v1", api_key={"apiKey": "another"}))).list_vms()
except ApiException as error:
    told["another key"] = error.status
print(json.dumps(told))
"""
SAME_INTENT = """
key = import_key()
made = create()
machines.list_vms(search=given["label"][:50])
machines.get_vm(made.id)
machines.delete_vm(made.id)
keys.delete_key_pair(key.id)
print(json.dumps({"flavor": flavor.name}))
"""


def theirs(there: ListeningVendor, home: Path, script: str, *, label: str = LABEL) -> dict:
    python = client_folder("hyperstack") / "bin" / "python"
    given = {
        "url": there.url, "key": KEY, "region": "CANADA-1", "label": label, "ssh_key": SSH_KEY, "image": IMAGE,
    }  # fmt: skip
    done: subprocess.CompletedProcess[str] = run(
        [python, "-c", PROLOGUE + script, json.dumps(given)], home=home, env={}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_its_client_goes_through_a_whole_life_at_the_simulator(tmp_path: Path) -> None:
    client_folder("hyperstack")
    label = "gs1-" + "x" * 54
    vendor = simulated(build)
    vendor.vendor.address_late_s = 0.0
    with vendor as there:
        told = theirs(there, tmp_path, LIFE, label=label)
        assert there.vendor.leftovers() == {"keypairs": 0, "environments": 0}

    assert told["prices"]["H100-80G-PCIe"] == 2.5
    assert set(told["stock"]) == set(told["regions"]) >= {"CANADA-1", "NORWAY-1"}
    assert IMAGE in told["images"]
    assert "default-CANADA-1" in told["environments"]
    assert told["credit"] > 0
    assert told["checks"] == "ValidationError"
    assert told["created"] in {"CREATING", "BUILD", "ACTIVE"}
    assert told["found"] == [label], "found by the beginning of its label, and shown with the whole"
    assert (told["status"], told["address"], told["region"]) == ("ACTIVE", "ATTACHED", "CANADA-1")
    assert told["keys"] == [label[:50]]
    assert told["deleting"] == "DELETING"
    assert (told["gone"], told["no key"], told["another key"]) == ("not_found", "not_found", 401)


STEPS = (
    ("flavors", "GET", "/v1/core/flavors"),
    ("key", "POST", "/v1/core/keypairs"),
    ("create", "POST", "/v1/core/virtual-machines"),
    ("find", "GET", "/v1/core/virtual-machines"),
    ("show", "GET", "/v1/core/virtual-machines/"),
    ("destroy", "DELETE", "/v1/core/virtual-machines/"),
    ("drop key", "DELETE", "/v1/core/keypair/"),
)


@pytest.fixture
def compared(tmp_path: Path) -> list[str]:
    client_folder("hyperstack")
    # Ours goes over to the user that people log in as, and admits all keys: more than two words.
    script = "(?s)#!/bin/sh.*"
    hide = (r"(?<=/virtual-machines/)\d+", r"(?<=/keypair/)\d+", r"(?<=conformance-)\d", script)
    # Theirs is still shown as being deleted while ours is bought.
    with simulated(build, stock=2) as there:
        flavor = theirs(there, tmp_path, SAME_INTENT)["flavor"]
        told = [flat(asked(there, 0, *step[1:]), hide=hide) for step in STEPS]
        since = len(there.heard)

        async def ours(cloud) -> None:
            listing = await cloud.list_offers()
            offer = next(one for one in listing.offers if one.provider_id == f"{flavor}.CANADA-1")
            order = order_of(offer, image=IMAGE, disk_gb=None, env={}, label=Label(OURS))
            bought = await cloud.launch(order)
            await cloud.find(Label(OURS))
            await cloud.observe(bought.id)
            await cloud.destroy(bought.id)

        with_ours(MANIFEST, there.url, ours)
        mine = [flat(asked(there, since, *step[1:]), hide=hide) for step in STEPS]
    return differences_by_step(STEPS, told, mine)


def test_what_our_adapter_asks_differently_is_explained_line_by_line(compared: list[str]) -> None:
    assert sorted(compared) == sorted(explained("hyperstack"))
