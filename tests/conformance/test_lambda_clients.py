"""A client of Lambda Cloud's that was made from its OpenAPI document, against our simulator and beside our adapter; and the document itself.

There is no client of the vendor's own. This one reads every answer strictly: a word that its document lacks is an error.
"""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from gpu_shopper.providers.lambda_cloud import MANIFEST
from gpu_shopper.testing.vendors.lambda_cloud import LambdaCloud, build
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

START = "#!/bin/sh\necho hi\n"
# Its command line has no word for keys that are made or dropped; its library has.
KEYS = """
import sys
from lambda_ai_cloud_api_client.client import AuthenticatedClient
from lambda_ai_cloud_api_client.api.ssh_keys import add_ssh_key, delete_ssh_key, list_ssh_keys
from lambda_ai_cloud_api_client.models import AddSSHKeyRequest
url, token, what, name, *key = sys.argv[1:]
there = AuthenticatedClient(base_url=url, token=token)
if what == "add":
    done = add_ssh_key.sync_detailed(client=there, body=AddSSHKeyRequest(name=name, public_key=key[0]))
else:
    listed = list_ssh_keys.sync_detailed(client=there).parsed.data
    (number,) = [key.id for key in listed if key.name == name]
    done = delete_ssh_key.sync_detailed(number, client=there)
assert done.status_code == 200 and done.parsed is not None, done
"""


class Lai:
    """The command line, aimed at the simulator."""

    def __init__(self, url: str, home: Path) -> None:
        self._folder = client_folder("lai") / "bin"
        self._home = home
        self._url = url
        self._env = {"LAMBDA_CLOUD_BASE_URL": url, "LAMBDA_CLOUD_TOKEN": KEY, "COLUMNS": "10000"}

    def __call__(self, *words: str) -> CompletedProcess[str]:
        return run([self._folder / "lai", *words], home=self._home, env=self._env)

    def json(self, *words: str) -> object:
        said = self(*words, "--json")
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)

    def key(self, *words: str) -> None:
        said = run(
            [self._folder / "python", "-c", KEYS, self._url, KEY, *words], home=self._home, env={}
        )
        assert said.returncode == 0, said.stderr


def account() -> ListeningVendor:
    """Return an account whose addresses come at once, and which bears launches as they come."""
    there = simulated(build)
    assert isinstance(there.vendor, LambdaCloud)
    there.vendor.address_late_s = 0.0
    there.vendor.launch_spacing_s = 0.0
    return there


def start(cli: Lai, home: Path, kind: dict, *words: str) -> dict:
    file = home / "user-data"
    file.write_text(START, encoding="utf-8")
    region = kind["regions_with_capacity_available"][0]["name"]
    return cli.json(
        "start", "--instance-type", kind["instance_type"]["name"], "--region", region, "--ssh-key", LABEL,
        "--name", LABEL, "--tag", f"gpu-shopper={LABEL}", "--user-data-file", str(file),
        "--image-family", "lambda-stack-24-04", *words,
    )  # fmt: skip


def gpu_kind(cli: Lai) -> dict:
    kinds = cli.json("types", "--available", "--min-gpus", "1")
    return min(kinds, key=lambda kind: kind["instance_type"]["price_cents_per_hour"])


def test_it_goes_through_a_whole_life_at_the_simulator(tmp_path: Path) -> None:
    client_folder("lai")
    with account() as there:
        cli = Lai(there.url, tmp_path)
        kind = gpu_kind(cli)
        assert kind["instance_type"]["specs"]["gpus"] >= 1
        images = cli.json("images")
        assert len({row["family"] for row in images}) == 4
        assert len({row["region"]["name"] for row in images}) == 17
        cli.key("add", LABEL, SSH_KEY)
        assert [key["name"] for key in cli.json("keys")] == [LABEL]
        made = start(cli, tmp_path, kind)

        assert (made["name"], made["status"]) == (LABEL, "active")
        assert made["tags"] == [{"key": "gpu-shopper", "value": LABEL}]
        assert made["ip"].endswith(".sandbox.invalid")
        assert there.vendor.model.instance(made["id"]).spec.on_start == START
        assert [row["id"] for row in cli.json("ls")] == [made["id"]]
        assert json.loads(cli("get", made["id"]).stdout)["name"] == LABEL
        assert json.loads(cli("rename", made["id"], "another").stdout)["name"] == "another"
        (ended,) = json.loads(cli("stop", made["id"]).stdout)
        assert ended["status"] == "terminating"
        assert cli.json("ls")[0]["status"] == "terminating"
        there.vendor.model.kill(made["id"], now=10e9)

        assert cli.json("ls") == []
        assert "No instance found" in cli("stop", made["id"]).stderr
        cli.key("drop", LABEL)
        assert there.vendor.leftovers() == {"ssh_keys": 0}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("no_capacity", "insufficient-capacity"),
        ("unauthorized", "global/invalid-api-key"),
        ("no_balance", "global/quota-exceeded"),
    ],
)
def test_it_understands_every_no_of_the_simulator(tmp_path: Path, rule: str, words: str) -> None:
    client_folder("lai")
    with account() as there:
        cli = Lai(there.url, tmp_path)
        kind = gpu_kind(cli)
        cli.key("add", LABEL, SSH_KEY)
        there.vendor.model.misbehave([{"kind": rule, "operations": ["create"]}])
        region = kind["regions_with_capacity_available"][0]["name"]
        name = kind["instance_type"]["name"]

        said = cli("start", "--instance-type", name, "--region", region, "--ssh-key", LABEL)

        assert said.returncode != 0
        assert words in said.stderr
        assert "Traceback" not in said.stderr


STEPS = (
    ("offers", "GET", "/api/v1/instance-types"),
    ("add key", "POST", "/api/v1/ssh-keys"),
    ("create", "POST", "/api/v1/instance-operations/launch"),
    ("find", "GET", "/api/v1/instances"),
    ("show", "GET", "/api/v1/instances/"),
    ("destroy", "POST", "/api/v1/instance-operations/terminate"),
    ("keys", "GET", "/api/v1/ssh-keys"),
    ("drop key", "DELETE", "/api/v1/ssh-keys/"),
)


@pytest.fixture
def compared(tmp_path: Path) -> list[str]:
    client_folder("lai")
    hide = (r"[0-9a-f]{32}",)
    with account() as there:
        cli = Lai(there.url, tmp_path)
        kind = gpu_kind(cli)
        cli.key("add", LABEL, SSH_KEY)
        made = start(cli, tmp_path, kind)
        cli("get", made["id"])
        cli("stop", made["id"])
        cli.key("drop", LABEL)
        theirs = [flat(asked(there, 0, *step[1:]), hide=hide) for step in STEPS]
        there.vendor.model.kill(made["id"], now=10e9)
        since = len(there.heard)
        name = f"{kind['instance_type']['name']}.{made['region']['name']}"

        async def ours(cloud) -> None:
            listing = await cloud.list_offers()
            offer = next(one for one in listing.offers if one.provider_id == name)
            bought = await cloud.launch(
                order_of(offer, image="lambda-stack-24-04", disk_gb=None, env={}, on_start=START)
            )
            await cloud.find(LABEL)
            await cloud.observe(bought.id)
            await cloud.destroy(bought.id)

        with_ours(MANIFEST, there.url, ours)
        mine = [flat(asked(there, since, *step[1:]), hide=hide) for step in STEPS]
    return differences_by_step(STEPS, theirs, mine)


def test_what_our_adapter_asks_differently_is_explained_line_by_line(compared: list[str]) -> None:
    assert sorted(compared) == sorted(explained("lambda"))
