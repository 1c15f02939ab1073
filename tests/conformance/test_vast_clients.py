"""Vast.ai's own command line against our simulator of it, and beside our adapter: both ways round."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from gpu_shopper.providers.vast import MANIFEST
from gpu_shopper.testing.vendors.vast import build
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


class VastCli:
    """The vendor's command line, aimed at the simulator."""

    def __init__(self, url: str, home: Path) -> None:
        self._program = client_folder("vastai") / "bin" / "vastai"
        self._home = home
        self._env = {"VAST_URL": url, "VAST_API_KEY": KEY, "VASTAI_NO_UPDATE_CHECK": "1"}

    def __call__(self, *words: str) -> CompletedProcess[str]:
        return run([self._program, *words], home=self._home, env=self._env)

    def json(self, *words: str) -> object:
        # It ends with 0 whatever happened, so what it says is all there is.
        said = self(*words, "--raw")
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)


def lifecycle(cli: VastCli, ask: str) -> str:
    made = cli.json(
        "create", "instance", ask, "--image", "nvidia/cuda:12.4.1-devel-ubuntu22.04", "--disk", "40",
        "--label", LABEL, "--ssh", "--direct", "--env", "-e GREETING=hello", "--onstart-cmd", "echo hi",
        "--cancel-unavail",
    )  # fmt: skip
    return str(made["new_contract"])


def test_its_command_line_goes_through_a_whole_life_at_the_simulator(tmp_path: Path) -> None:
    client_folder("vastai")
    with simulated(build) as there:
        cli = VastCli(there.url, tmp_path)
        found = cli.json(
            "search", "offers", "num_gpus=1 gpu_ram>=10", "-o", "dph_total", "--limit", "3"
        )
        assert len(found) == 3
        assert [row["dph_total"] for row in found] == sorted(row["dph_total"] for row in found)
        number = lifecycle(cli, str(found[0]["id"]))

        shown = cli.json("show", "instances", "--label", LABEL)
        assert [str(row["id"]) for row in shown] == [number]
        assert shown[0]["actual_status"] == "running"
        assert cli.json("show", "instance", number)["label"] == LABEL
        assert cli("ssh-url", number).stdout.startswith("ssh://root@")
        cli("attach", "ssh", number, SSH_KEY)
        assert SSH_KEY in there.vendor.model.instance(number).spec.ssh_keys
        cli("create", "ssh-key", SSH_KEY, "-y")
        assert there.vendor.leftovers() == {"ssh_keys": 1}
        cli("destroy", "instance", number, "-y")

        assert cli.json("show", "instance", number) == {"instances": None}
        assert cli.json("show", "instances") == []
        assert "404" in cli("destroy", "instance", number, "-y").stderr
        gone = cli("create", "instance", "1", "--image", "x", "--disk", "10", "--raw")
        assert (
            "no_such_ask" in gone.stdout + gone.stderr
            or "not available" in gone.stdout + gone.stderr
        )


def test_its_python_client_goes_through_a_whole_life_at_the_simulator(tmp_path: Path) -> None:
    python = client_folder("vastai") / "bin" / "python"
    script = """
import json, sys
from vastai import VastAI
there = VastAI(api_key=sys.argv[2], server_url=sys.argv[1])
asks = there.search_offers(query="num_gpus=1 gpu_ram>=10", order="dph_total", limit=2)
made = there.create_instance(id=asks[0]["id"], image="nvidia/cuda:12.4.1-devel-ubuntu22.04", disk=20, label="by-hand")
number = made["new_contract"]
seen = there.show_instance(id=number)
there.destroy_instance(id=number)
print(json.dumps({"label": seen["label"], "left": len(there.show_instances())}))
"""
    with simulated(build) as there:
        said = run([python, "-c", script, there.url, KEY], home=tmp_path, env={})
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout.splitlines()[-1]) == {"label": "by-hand", "left": 0}


STEPS = (
    ("search", "POST", "/api/v0/bundles/"),
    ("create", "PUT", "/api/v0/asks/"),
    ("attach key", "POST", "/api/v0/instances/"),
    ("find", "GET", "/api/v1/instances/"),
    ("show", "GET", "/api/v0/instances/"),
    ("destroy", "DELETE", "/api/v0/instances/"),
)


@pytest.fixture
def compared(tmp_path: Path) -> list[str]:
    client_folder("vastai")
    hide = (r"(?<=/asks/)\d+", r"(?<=/instances/)\d+")
    with simulated(build) as there:
        cli = VastCli(there.url, tmp_path)
        found = cli.json(
            "search", "offers", "", "-o", "dph_total,id", "--limit", "64", "--storage", "20"
        )
        number = lifecycle(cli, str(found[0]["id"]))
        cli("attach", "ssh", number, SSH_KEY)
        cli.json("show", "instances", "--label", LABEL)
        cli.json("show", "instance", number)
        cli("destroy", "instance", number, "-y")
        theirs = [flat(asked(there, 0, *step[1:]), hide=hide) for step in STEPS]
        since = len(there.heard)

        async def ours(cloud) -> None:
            listing = await cloud.list_offers()
            offer = next(one for one in listing.offers if not one.interruptible)
            bought = await cloud.launch(order_of(offer))
            await cloud.find(LABEL)
            await cloud.observe(bought.id)
            await cloud.destroy(bought.id)

        with_ours(MANIFEST, there.url, ours)
        mine = [flat(asked(there, since, *step[1:]), hide=hide) for step in STEPS]
    return differences_by_step(STEPS, theirs, mine)


def test_what_our_adapter_asks_differently_is_explained_line_by_line(compared: list[str]) -> None:
    assert sorted(compared) == sorted(explained("vast"))
