"""DigitalOcean's own Python client against our simulator of it, and beside our adapter: both ways round."""

import json
from pathlib import Path
from typing import Any

import pytest

from gpu_shopper.domain.money import rate
from gpu_shopper.providers.digitalocean import MANIFEST
from gpu_shopper.providers.digitalocean.mapping import first_boot_script
from gpu_shopper.testing.vendors.digitalocean import build
from gpu_shopper.testing.vendors.vendor import VendorRequest
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

SIZE, REGION, IMAGE = "gpu-h100x1-80gb", "tor1", "gpu-h100x1-base"
# Each line of its answers is one call's: nothing is made of them on the way.
_PRELUDE = """
import json, sys
from pydo import Client
url, key, given = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
there = Client(key, endpoint=url)
plain = {"enforce_https": False}
def tell(name, answer):
    print(json.dumps({name: answer}))
    return answer
"""


class Pydo:
    """The vendor's Python client, aimed at the simulator."""

    def __init__(self, url: str, home: Path, *, key: str = KEY) -> None:
        self._python = client_folder("pydo") / "bin" / "python"
        self._home = home
        self._url, self._key = url, key

    def __call__(self, script: str, **given: Any) -> dict[str, Any]:
        """Run calls; return what was told, by name."""
        words = [self._python, "-c", _PRELUDE + script, self._url, self._key, json.dumps(given)]
        said = run(words, home=self._home, env={})
        assert said.returncode == 0, said.stderr
        told: dict[str, Any] = {}
        for line in said.stdout.splitlines():
            told.update(json.loads(line))
        return told


def order(**changes: Any) -> dict[str, Any]:
    return {
        "name": LABEL,
        "region": REGION,
        "size": SIZE,
        "image": IMAGE,
        "ssh_keys": [],
        "tags": [LABEL],
        "user_data": first_boot_script(
            keys=(SSH_KEY,), env={"GREETING": "hello"}, on_start="echo hi"
        ),
        **changes,
    }


def test_its_client_goes_through_a_whole_life_at_the_simulator(tmp_path: Path) -> None:
    script = """
sizes, page = [], 1
while True:
    answer = there.sizes.list(page=page, **plain)
    sizes += answer["sizes"]
    if "next" not in answer["links"].get("pages", {}):
        break
    page += 1
tell("pages", page)
tell("sizes", sizes)
tell("account", there.account.get(**plain))
tell("balance", there.balance.get(**plain))
tell("key", there.ssh_keys.create(body={"name": "mine", "public_key": given["ssh_key"]}, **plain))
made = tell("made", there.droplets.create(body=given["order"], **plain))
number = made["droplet"]["id"]
tell("shown", there.droplets.get(number, **plain))
tell("gpus", there.droplets.list(type="gpus", **plain))
tell("named", there.droplets.list(type="gpus", name=given["order"]["name"].upper(), **plain))
tell("plain", there.droplets.list(**plain))
tell("tags", there.tags.list(**plain))
tell("keys", there.ssh_keys.list(**plain))
tell("destroyed", there.droplets.destroy(number, **plain))
tell("gone", there.droplets.get(number, **plain))
tell("again", there.droplets.destroy(number, **plain))
tell("left", there.droplets.list(type="gpus", **plain))
tell("untagged", there.tags.delete(given["order"]["name"], **plain))
tell("unkeyed", there.ssh_keys.delete(there.ssh_keys.list(**plain)["ssh_keys"][0]["id"], **plain))
"""
    client_folder("pydo")
    with simulated(build) as there:
        told = Pydo(there.url, tmp_path)(script, order=order(), ssh_key=SSH_KEY)

        assert told["pages"] == 2
        gpus = {row["slug"]: row["gpu_info"] for row in told["sizes"] if "gpu_info" in row}
        assert gpus[SIZE] == {
            "count": 1,
            "model": "nvidia_h100",
            "vram": {"amount": 80, "unit": "gib"},
        }
        assert float(told["balance"]["month_to_date_balance"]) < 0
        number = told["made"]["droplet"]["id"]
        assert told["made"]["droplet"]["status"] == "new"
        shown = told["shown"]["droplet"]
        assert (shown["id"], shown["name"], shown["tags"]) == (number, LABEL, [LABEL])
        assert (shown["status"], shown["size_slug"]) == ("active", SIZE)
        assert rate(shown["size"]["price_hourly"]) == rate("3.39")
        assert {one["type"] for one in shown["networks"]["v4"]} == {"private", "public"}
        assert [row["id"] for row in told["gpus"]["droplets"]] == [number]
        assert [row["id"] for row in told["named"]["droplets"]] == [number]
        assert [row["name"] for row in told["plain"]["droplets"]] == ["web-1"]
        assert [row["name"] for row in told["tags"]["tags"]] == [LABEL]
        assert [row["name"] for row in told["keys"]["ssh_keys"]] == ["mine"]
        assert told["destroyed"] is None
        assert told["gone"]["id"] == told["again"]["id"] == "not_found"
        assert told["left"]["droplets"] == []
        assert there.vendor.leftovers() == {"ssh_keys": 0, "tags": 0}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": "gpu-b300x8-2304gb"}, "not available"),
        ({"region": "mars1"}, "not available"),
        ({"ssh_keys": [4711]}, "invalid key identifiers"),
        ({"tags": ["has space"]}, "Tag names"),
        ({"name": "under_score"}, "hostname"),
        ({"image": "none-such"}, "invalid image"),
        ({"user_data": "x" * 65_537}, "65536"),
    ],
)
def test_its_client_hears_the_same_status_for_all_that_is_not_to_be(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    script = """
from azure.core.exceptions import HttpResponseError
try:
    answer = there.droplets.create(body=given["order"], **plain)
    tell("status", 202)
except HttpResponseError as error:
    tell("status", error.status_code)
    tell("message", error.response.json()["message"])
"""
    client_folder("pydo")
    with simulated(build) as there:
        told = Pydo(there.url, tmp_path)(script, order=order(**changes))

        assert told["status"] == 422
        assert said in told["message"]
        assert there.vendor.model.ledger(0.0) == []


def test_its_client_is_told_that_the_key_is_wrong(tmp_path: Path) -> None:
    script = """
from azure.core.exceptions import ClientAuthenticationError
try:
    there.sizes.list(**plain)
except ClientAuthenticationError as error:
    tell("status", error.status_code)
"""
    client_folder("pydo")
    with simulated(build) as there:
        assert Pydo(there.url, tmp_path, key="another")(script) == {"status": 401}


STEPS = (
    ("offers", "GET", "/v2/sizes"),
    ("create", "POST", "/v2/droplets"),
    ("list", "GET", "/v2/droplets"),
    ("show", "GET", "/v2/droplets/"),
    ("destroy", "DELETE", "/v2/droplets/"),
    ("untag", "DELETE", "/v2/tags/"),
    ("balance", "GET", "/v2/customers/my/balance"),
)
BOTH_BEAR = ("accept", "authorization", "content-type")


@pytest.fixture
def compared(tmp_path: Path) -> list[str]:
    client_folder("pydo")
    script = """
there.sizes.list(per_page=100, page=1, **plain)
number = there.droplets.create(body=given["order"], **plain)["droplet"]["id"]
there.droplets.list(type="gpus", per_page=100, page=1, **plain)
there.droplets.get(number, **plain)
there.droplets.destroy(number, **plain)
there.tags.delete(given["order"]["name"], **plain)
there.balance.get(**plain)
"""
    with simulated(build) as there:
        Pydo(there.url, tmp_path)(script, order=order())
        theirs = [told(asked(there, 0, *step[1:])) for step in STEPS]
        since = len(there.heard)

        async def ours(cloud) -> None:
            listing = await cloud.list_offers()
            offer = next(one for one in listing.offers if one.provider_id == f"{SIZE}.{REGION}")
            bought = await cloud.launch(order_of(offer, image=None, disk_gb=None))
            await cloud.find(LABEL)
            await cloud.observe(bought.id)
            await cloud.destroy(bought.id)
            await cloud.balance()

        with_ours(MANIFEST, there.url, ours)
        mine = [told(asked(there, since, *step[1:])) for step in STEPS]
    return differences_by_step(STEPS, theirs, mine)


def told(request: VendorRequest) -> dict[str, str]:
    """Return a request with those of its headers that mean something there."""
    headers = {f"header.{name}": request.headers.get(name, "(absent)") for name in BOTH_BEAR}
    return {**flat(request, hide=(r"(?<=/droplets/)\d+",)), **headers}


def test_what_our_adapter_asks_differently_is_explained_line_by_line(compared: list[str]) -> None:
    assert sorted(compared) == sorted(explained("digitalocean"))
