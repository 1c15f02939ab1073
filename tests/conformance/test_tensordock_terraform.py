"""Somebody else's Terraform provider for TensorDock against our simulator, and beside our adapter.

The vendor has no client. This provider (`apartmentlines/tensordock`, version 0.1.0) was written from the same documents by
somebody who uses the cloud. It is not installed with the other clients: `docs/clouds/tensordock.md` says how it is built.
"""

import json
import shutil
import time
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.providers.tensordock import MANIFEST
from gpu_shopper.testing.vendors.listening import ListeningVendor
from gpu_shopper.testing.vendors.tensordock import Tensordock, build
from gpu_shopper.testing.vendors.vendor import VendorRequest
from tests.conformance.foreign import (
    CLIENTS,
    KEY,
    LABEL,
    SSH_KEY,
    differences,
    explained,
    flat,
    order_of,
    run,
    simulated,
    with_ours,
)

# `make clients` cannot install it; the table of evidence says so.
BUILT_BY_HAND = "the Terraform provider is not built: see docs/clouds/tensordock.md"
SOURCE = "apartmentlines/tensordock"
GPU = "geforcertx4090-pcie-24gb"
AUSTIN = "a4f1c7d2-0c3e-4b52-9d0e-5b1f6f6a1101"
OFFER = f"1x{GPU}.{AUSTIN}"
ONE = "tensordock_instance.one"


def account() -> ListeningVendor:
    """Return an account whose addresses come at once, and which gives the ports that were asked for: it wants both."""
    there = simulated(build, offers=200)
    assert isinstance(there.vendor, Tensordock)
    there.vendor.address_late_s = 0.0
    there.vendor.keeps_ports = True
    return there


class Terraform:
    """The provider, run by Terraform and aimed at the simulator."""

    def __init__(self, url: str, home: Path) -> None:
        folder = CLIENTS / "tensordock-terraform"
        if not (folder / "terraform-provider-tensordock").exists():
            pytest.skip(BUILT_BY_HAND)
        if shutil.which("terraform") is None:
            pytest.skip("terraform is not here")
        self._home = home
        overrides = f'dev_overrides {{ "{SOURCE}" = "{folder}" }}'
        (home / "rc").write_text(f"provider_installation {{\n  {overrides}\n  direct {{}}\n}}\n")
        self._env = {
            "TENSORDOCK_BASE_URL": url,
            "TENSORDOCK_API_TOKEN": KEY,
            "TF_CLI_CONFIG_FILE": str(home / "rc"),
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }

    def wants(self, **changes: object) -> None:
        """Write down what is to be there."""
        one = {
            "name": LABEL,
            "image": "ubuntu2404",
            "location_id": AUSTIN,
            "vcpu_count": 8,
            "ram_gb": 32,
            "storage_gb": 150,
            "gpu_type": GPU,
            "gpu_count": 1,
            "port_forwards": [{"internal_port": 22, "external_port": 20000}],
            "ssh_public_key": SSH_KEY,
            "cloud_init_json": json.dumps({"runcmd": ["echo hi"]}),
            **changes,
        }
        wanted = {
            "terraform": {"required_providers": {"tensordock": {"source": SOURCE}}},
            "data": {"tensordock_locations": {"all": {}}},
            "resource": {"tensordock_instance": {"one": one}},
        }
        (self._home / "main.tf.json").write_text(json.dumps(wanted))

    def __call__(self, *words: str) -> CompletedProcess[str]:
        return run(["terraform", *words], home=self._home, env=self._env)

    def good(self, *words: str) -> None:
        said = self(*words, "-no-color")
        assert said.returncode == 0, said.stdout + said.stderr

    def state(self) -> dict[str, dict[str, Any]]:
        """Return what it has seen, by its own names."""
        said = json.loads(self("show", "-json").stdout)
        resources = said["values"]["root_module"]["resources"]
        return {each["address"]: each["values"] for each in resources}


def test_it_goes_through_a_whole_life_at_the_simulator(tmp_path: Path) -> None:
    with account() as there:
        terraform = Terraform(there.url, tmp_path)
        terraform.wants()

        terraform.good("apply", "-auto-approve")
        seen = terraform.state()

        locations = seen["data.tensordock_locations.all"]["locations"]
        (gpu,) = [gpu for gpu in locations[0]["gpus"] if gpu["v0_name"] == GPU]
        assert locations[0]["id"] == AUSTIN
        assert gpu["price_per_hr"] == 0.34
        one = seen[ONE]
        assert [one["id"]] == [entry.id for entry in there.vendor.model.alive(time.time())]
        assert (one["status"], one["power_state"]) == ("running", "running")
        assert one["ip_address"]
        assert one["rate_hourly"] == pytest.approx(0.34 + 8 * 0.003 + 32 * 0.002 + 150 * 0.00005)
        # 0: what it reads is what it asked for, nothing is to be changed.
        terraform.good("plan", "-detailed-exitcode")

        terraform.good("destroy", "-auto-approve")
        assert not there.vendor.model.alive(time.time())


def test_it_hears_every_no_of_the_simulator(tmp_path: Path) -> None:
    with account() as there:
        terraform = Terraform(there.url, tmp_path)
        for changes, told in (
            # That is answered with a status of 200: whoever wrote it has met such answers.
            ({"location_id": "nowhere"}, "reported status 400: No available nodes found"),
            ({"image": "windows3"}, "HTTP 400"),
        ):
            terraform.wants(**changes)
            said = terraform("apply", "-auto-approve", "-no-color")
            assert said.returncode == 1
            assert told in said.stderr
        assert not there.vendor.model.alive(time.time())


def test_the_adapter_asks_as_it_does(tmp_path: Path) -> None:
    with account() as there:
        terraform = Terraform(there.url, tmp_path)
        terraform.wants()
        terraform.good("apply", "-auto-approve")
        terraform.good("destroy", "-auto-approve")
        theirs = _first_of_each(there.heard)
    with account() as there:
        with_ours(MANIFEST, there.url, _life)
        ours = _first_of_each(there.heard)

    known = explained("tensordock")
    found = [
        line
        for step in ("GET locations", "POST instances", "GET instance", "DELETE instance")
        for line in differences(step, theirs[step], ours[step])
    ]
    assert [] == [line for line in found if line not in known]
    assert [] == [line for line in known if line not in found]


async def _life(cloud: CloudProvider) -> None:
    listing = await cloud.list_offers()
    (offer,) = [each for each in listing.offers if each.provider_id == OFFER]  # type: ignore[union-attr]
    bought = await cloud.launch(order_of(offer, image=None, disk_gb=150))
    assert await cloud.observe(bought.id) is not None
    await cloud.destroy(bought.id)


def _first_of_each(heard: list[VendorRequest]) -> dict[str, dict[str, str]]:
    """Return the first request of each kind, without the id of the machine."""
    found: dict[str, dict[str, str]] = {}
    for request in heard:
        asked = flat(request, hide=["5c9f81a3-[0-9a-f-]{27}"])
        one = "instance" if asked["path"].endswith("*") else request.path.rpartition("/")[2]
        asked["authorization"] = request.headers["authorization"]
        found.setdefault(f"{request.method} {one}", asked)
    return found
