"""dstack's own adapters rent and end a GPU at five simulated clouds, unpatched; what they ask is held beside what ours ask.

They know no address but the vendors' own, so they run in a pretended internet, without dstack's server. What ours ask
otherwise is explained line by line in `differences/<cloud>-dstack.txt`.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from gpu_shopper.domain.offer import Offer
from gpu_shopper.providers.digitalocean import MANIFEST as DIGITALOCEAN
from gpu_shopper.providers.lambda_cloud import MANIFEST as LAMBDA
from gpu_shopper.providers.manifest import Manifest
from gpu_shopper.providers.runpod import MANIFEST as RUNPOD
from gpu_shopper.providers.vast import MANIFEST as VAST
from gpu_shopper.providers.verda import MANIFEST as VERDA
from gpu_shopper.testing.vendors import digitalocean, lambda_cloud, runpod, vast, verda
from gpu_shopper.testing.vendors.listening import ListeningVendor
from gpu_shopper.testing.vendors.vendor import VendorCloud, VendorRequest
from tests.conformance.foreign import (
    KEY,
    LABEL,
    SSH_KEY,
    Hurried,
    client_folder,
    differences,
    explained,
    flat,
    order_of,
    simulated,
    with_ours,
)
from tests.conformance.pretended_internet import PretendedInternet

A_WHILE_S = 600.0
IMAGE = "nvidia/cuda:12.4.1-devel-ubuntu22.04"
# What it is given: the account's key, the kind of machine, its region, a public key, an image.
HEAD = """
import json, sys
key, kind, region, public, image = sys.argv[1:]
told = {}
def tell(**facts):
    told.update(facts)
"""
TAIL = "\nprint(json.dumps(told))\n"
MACHINE = """
from dstack._internal.core.backends.base.offers import catalog_item_to_offer
from dstack._internal.core.models.backends.base import BackendType
from dstack._internal.core.models.instances import InstanceConfiguration, SSHKey
from dstack._internal.core.models.resources import Memory, Range

ANY_DISK = Range[Memory](min=Memory(50), max=None)

def offered(backend, items):
    item = next(one for one in items if (one.instance_name, one.location, one.spot) == (kind, region, False))
    return catalog_item_to_offer(backend, item, None, ANY_DISK)

def ordered():
    keys = [SSHKey(public=public)]
    return InstanceConfiguration(project_name="main", instance_name="second", user="someone", ssh_keys=keys)
"""
OF_LAMBDA = """
from gpuhunt.providers.lambdalabs import LambdaLabsProvider
from dstack._internal.core.backends.lambdalabs import compute as module
from dstack._internal.core.backends.lambdalabs.models import LambdaAPIKeyCreds, LambdaConfig

there = module.LambdaCompute(LambdaConfig(creds=LambdaAPIKeyCreds(api_key=key)))
offer = offered(BackendType.LAMBDA, LambdaLabsProvider(key).get())
[offer] = there._get_offers_with_availability([offer])
made = there.create_instance(offer, ordered(), None)
seen = module._get_instance_info(there.api_client, made.instance_id)
tell(available=offer.availability.value, id=made.instance_id, name=seen["name"], host="ip" in seen or seen["status"] == "active")
there.terminate_instance(made.instance_id, region)
tell(left=len([one for one in there.api_client.list_instances() if one["status"] != "terminating"]))
"""
OF_VERDA = """
from gpuhunt.providers.verda import VerdaProvider
from dstack._internal.core.backends.verda import compute as module
from dstack._internal.core.backends.verda.models import VerdaAPIKeyCreds, VerdaConfig

creds = VerdaAPIKeyCreds(client_id="account-id", client_secret=key)
there = module.VerdaCompute(VerdaConfig(type="verda", creds=creds), BackendType.VERDA)
offer = offered(BackendType.VERDA, VerdaProvider("account-id", key).get())
[offer] = there._get_offers_with_availability([offer])
made = there.create_instance(offer, ordered(), None)
there.update_provisioning_data(made, public, "")
name = there.client.instances.get_by_id(made.instance_id).hostname
tell(available=offer.availability.value, id=made.instance_id, name=name, host=bool(made.hostname))
there.terminate_instance(made.instance_id, region, made.backend_data)
there.terminate_instance(made.instance_id, region)
tell(left=len(there.client.instances.get()))
"""
OF_DIGITALOCEAN = """
from dstack._internal.core.backends.digitalocean.compute import DigitalOceanCompute
from dstack._internal.core.backends.digitalocean_base.models import BaseDigitalOceanConfig

config = BaseDigitalOceanConfig(type="digitalocean", creds={"type": "api_key", "api_key": key})
there = DigitalOceanCompute(config, "https://api.digitalocean.com", BackendType.DIGITALOCEAN)
offers = there.get_all_offers_with_availability(True)
[offer] = [one for one in offers if (one.instance.name, one.region) == (kind, region)]
made = there.create_instance(offer, ordered(), None)
there.update_provisioning_data(made, public, "")
name = there.api_client.get_droplet(made.instance_id)["name"]
tell(available=offer.availability.value, id=made.instance_id, name=name, host=bool(made.hostname))
there.terminate_instance(made.instance_id, region)
there.terminate_instance(made.instance_id, region)
tell(left=0 if there.api_client._make_request("GET", f"/v2/droplets/{made.instance_id}").status_code == 404 else 1)
"""
OF_VAST = """
from dstack._internal.core.backends.vastai.api_client import VastAIAPIClient

there = VastAIAPIClient(key)
assert there.auth_test()
made = there.create_instance("main-second", kind, image, "sleep infinity", 40)
seen = there.get_instance(made)
tell(available="available", id=str(made), name=seen["label"], host=bool(seen["public_ipaddr"].strip()))
there.destroy_instance(made)
there.destroy_instance(made)
tell(left=0 if there.get_instance(made) is None else 1)
"""
OF_RUNPOD = """
from dstack._internal.core.backends.runpod.api_client import RunpodApiClient

there = RunpodApiClient(key)
assert there.validate_api_key()
made = there.create_pod(
    name="main-second", cloud="SECURE", data_center_ids=[region], gpu_type_id=kind, gpu_count=1, image_name=image,
    min_cpu_count_per_gpu=1, min_memory_in_gb_per_gpu=1, container_disk_in_gb=40, entrypoint=["/bin/sh"],
    cmd=["-c", "sleep infinity"], ports=["22/tcp"], env={"GREETING": "hello"},
)
seen = there.get_pod(made["id"])
tell(available="available", id=made["id"], name=made["name"], host=seen["status"] == "RUNNING")
gone = [there.terminate_pod(made["id"]), there.terminate_pod(made["id"])]
assert gone == [True, False], gone
tell(left=0 if there.get_pod(made["id"]) is None else 1)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """How dstack is asked to rent at one cloud: of its `steps` the same are looked at of theirs and of ours.

    `before` is what was asked of the account a while ago.
    """

    manifest: Manifest
    build: Callable[..., VendorCloud]
    host: str
    script: str
    chosen: Callable[[Offer], Sequence[str]]
    steps: Sequence[tuple[str, str, str]]
    settings: Mapping[str, str] = field(default_factory=dict)
    order: Mapping[str, Any] = field(default_factory=dict)
    before: VendorRequest | None = None


CLOUDS = {
    "lambda": Cloud(
        manifest=LAMBDA,
        build=lambda_cloud.build,
        host="cloud.lambdalabs.com",
        script=MACHINE + OF_LAMBDA,
        chosen=lambda offer: offer.provider_id.rpartition(".")[::2],
        steps=(
            ("kinds", "GET", "/api/v1/instance-types"),
            ("key", "POST", "/api/v1/ssh-keys"),
            ("create", "POST", "/api/v1/instance-operations/launch"),
            ("find", "GET", "/api/v1/instances"),
            ("destroy", "POST", "/api/v1/instance-operations/terminate"),
        ),
        order={"image": None},
    ),
    "verda": Cloud(
        manifest=VERDA,
        build=verda.build,
        host="api.verda.com",
        script=MACHINE + OF_VERDA,
        chosen=lambda offer: offer.provider_id.partition("@")[::2],
        steps=(
            ("login", "POST", "/v1/oauth2/token"),
            ("where", "GET", "/v1/instance-availability"),
            ("key", "POST", "/v1/sshkeys"),
            ("script", "POST", "/v1/scripts"),
            ("create", "POST", "/v1/instances"),
            ("show", "GET", "/v1/instances/*"),
            ("destroy", "PUT", "/v1/instances"),
        ),
        settings={"client_id": "account-id"},
        order={"image": None, "disk_gb": 100},
    ),
    "digitalocean": Cloud(
        manifest=DIGITALOCEAN,
        build=digitalocean.build,
        host="api.digitalocean.com",
        script=MACHINE + OF_DIGITALOCEAN,
        chosen=lambda offer: offer.provider_id.rpartition(".")[::2],
        steps=(
            ("sizes", "GET", "/v2/sizes"),
            ("create", "POST", "/v2/droplets"),
            ("show", "GET", "/v2/droplets/*"),
            ("destroy", "DELETE", "/v2/droplets/*"),
        ),
        order={"image": None, "disk_gb": None},
        # A key that was made a moment ago is not known to a create: dstack calls that a lack of machines, and tries again.
        before=VendorRequest(
            method="POST",
            path="/v2/account/keys",
            headers={"authorization": f"Bearer {KEY}"},
            body={"name": "dstack-main", "public_key": SSH_KEY},
        ),
    ),
    "vast": Cloud(
        manifest=VAST,
        build=vast.build,
        host="console.vast.ai",
        script=OF_VAST,
        chosen=lambda offer: (offer.provider_id, ""),
        steps=(
            ("create", "PUT", "/api/v0/asks/*"),
            ("show", "GET", "/api/v0/instances/*"),
            ("destroy", "DELETE", "/api/v0/instances/*"),
        ),
        order={"image": IMAGE, "on_start": "sleep infinity"},
    ),
    "runpod": Cloud(
        manifest=RUNPOD,
        build=runpod.build,
        host="api.runpod.io",
        script=OF_RUNPOD,
        chosen=lambda offer: unquote_plus(offer.provider_id).split(":")[1::2],
        steps=(
            ("create", "POST", "/v2/pods"),
            ("show", "GET", "/v2/pods/*"),
            ("destroy", "DELETE", "/v2/pods/*"),
        ),
        order={"image": IMAGE, "on_start": ""},
    ),
}


def rented_by_theirs(
    cloud: Cloud, there: ListeningVendor, offer: Offer, folder: Path
) -> dict[str, Any]:
    """Let dstack rent the same, look at it and end it; return what it told of that."""
    python = client_folder("dstack") / "bin" / "python"
    given = [KEY, *cloud.chosen(offer), SSH_KEY, IMAGE]
    with PretendedInternet({cloud.host: there.url}, folder) as internet:
        said = internet.run(
            [python, "-c", HEAD + cloud.script + TAIL, *given],
            home=folder,
            env={"DSTACK_VERSION": "0.22.5"},
        )
    assert said.returncode == 0, said.stderr
    told: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return told


def rented_by_ours(cloud: Cloud, there: ListeningVendor) -> tuple[str, Offer]:
    """Let our adapter rent the cheapest GPU, look at it and end it; return what it bought."""

    async def act(us: Any) -> tuple[str, Offer]:
        listing = await us.list_offers()
        single = (one for one in listing.offers if one.gpu_count == 1 and not one.interruptible)
        offer = min(single, key=lambda offer: (offer.price.micros, offer.provider_id))
        bought = await us.launch(order_of(offer, **cloud.order))
        await us.observe(bought.id)
        await us.list_all()
        await us.destroy(bought.id)
        return str(bought.id), offer

    return with_ours(cloud.manifest, there.url, act, clock=Hurried(), **cloud.settings)


def left_behind(there: ListeningVendor) -> dict[str, str]:
    return {name: str(count) for name, count in there.vendor.leftovers().items() if count}


def asked(heard: Sequence[VendorRequest], step: tuple[str, str, str]) -> VendorRequest:
    """Return the first request of a kind; a star is some one thing's id."""
    _, method, path = step
    return next(
        one
        for one in heard
        if one.method == method
        and (
            (one.path.startswith(path[:-1]) and len(one.path) > len(path[:-1]))
            if path.endswith("*")
            else one.path == path
        )
    )


def hidden(bought: str, name: str) -> tuple[str, ...]:
    """Return what of a purchase must differ: its number, its name, what else was made, and the script of each."""
    made = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b|(?<=/asks/)\d+"
    return (made, bought, name, r"(?s)^\".{200,}\"$")


@pytest.mark.parametrize("name", CLOUDS)
def test_it_rents_and_ends_and_ours_asks_the_same_but_for_what_is_explained(
    name: str, tmp_path: Path
) -> None:
    cloud = CLOUDS[name]
    client_folder("dstack")
    with simulated(cloud.build, drift_period_s=1e12) as there:
        ours_id, offer = rented_by_ours(cloud, there)
        ours = list(there.heard)
        assert [one.id for one in there.vendor.model.ledger(time.time())] == [ours_id]
        assert there.vendor.model.alive(time.time() + A_WHILE_S) == []
        ours_left = left_behind(there)
    # Another account, in which nothing was bought a moment ago.
    with simulated(cloud.build, drift_period_s=1e12) as there:
        if cloud.before is not None:
            there.vendor.hear(cloud.before, now=time.time() - A_WHILE_S)
        told = rented_by_theirs(cloud, there, offer, tmp_path)
        assert told | {"id": "", "name": ""} == {
            "id": "", "name": "", "available": "available", "host": True, "left": 0,
        }  # fmt: skip
        theirs = list(there.heard)
        [entry] = there.vendor.model.ledger(time.time())
        assert (entry.id, entry.name) == (told["id"], told["name"])
        assert there.vendor.model.alive(time.time() + A_WHILE_S) == []
        theirs_left = left_behind(there)
    found = differences("leaves behind", theirs_left, ours_left) + [
        line
        for step in cloud.steps
        for line in differences(
            step[0],
            flat(asked(theirs, step), hide=hidden(told["id"], told["name"])),
            flat(asked(ours, step), hide=hidden(ours_id, LABEL)),
        )
    ]
    assert sorted(found) == sorted(explained(f"{name}-dstack"))
