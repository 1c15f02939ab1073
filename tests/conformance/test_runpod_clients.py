"""RunPod's own MCP server against our simulator of it, and beside our adapter: both ways round."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpu_shopper.providers.runpod import MANIFEST
from gpu_shopper.testing.vendors.runpod import Runpod, build
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
    simulated,
    with_ours,
)
from tests.conformance.mcp import McpClient, ToolFailedError

IMAGE = "nvidia/cuda:12.4.1-devel-ubuntu22.04"


@contextmanager
def vendors_own(url: str, home: Path) -> Iterator[McpClient]:
    """The vendor's server, aimed at the simulator."""
    main = client_folder("runpod-mcp") / "node_modules/@runpod/mcp-server/dist/stdio.mjs"
    env = {"RUNPOD_API_KEY": KEY, "RUNPOD_API_BASE_URL": url}
    with McpClient("node", main, home=home, env=env) as client:
        yield client


def bought(client: McpClient, gpu: str, data_center: str) -> str:
    body = {
        "name": LABEL,
        "image": IMAGE,
        "gpu": {"id": gpu, "count": 1},
        "cloud": "SECURE",
        "disk": 40,
        "ports": ["22/tcp"],
        "env": {"GREETING": "hello", "PUBLIC_KEY": SSH_KEY},
        "startSsh": True,
        "dataCenterIds": [data_center],
    }
    return client.call("create-pod", body=body)["id"]


def in_stock(client: McpClient) -> tuple[str, str]:
    found = client.call(
        "list-gpu-types", include=["AVAILABILITY"], product=["POD"], count=1, cloud="SECURE"
    )
    row = next(row for row in found["gpus"] if row["availability"] != "NONE")
    return row["id"], row["dataCenters"][0]["id"]


def test_its_server_goes_through_a_whole_life_at_the_simulator(tmp_path: Path) -> None:
    client_folder("runpod-mcp")
    with simulated(build) as there, vendors_own(there.url, tmp_path) as client:
        gpu, data_center = in_stock(client)
        assert client.call("get-gpu-type", id=gpu)["price"]["secure"] > 0
        client.call("update-ssh-keys", body={"keys": [SSH_KEY]})
        assert client.call("get-ssh-keys") == {"keys": [SSH_KEY]}
        pod = bought(client, gpu, data_center)

        shown = client.call("get-pod", id=pod)
        assert (shown["name"], shown["status"], shown["disk"]) == (LABEL, "RUNNING", 40)
        assert (shown["gpu"], shown["dataCenterId"]) == ({"id": gpu, "count": 1}, data_center)
        assert shown["ssh"]["direct"]["port"] == 22
        assert [row["id"] for row in client.call("list-pods")["pods"]] == [pod]
        stopped = client.call("pod-action", id=pod, body={"action": "stop"})
        assert (stopped["status"], stopped["cost"]) == ("EXITED", 0)
        client.call("delete-pod", id=pod)

        assert client.call("list-pods")["pods"] == []
        with pytest.raises(ToolFailedError, match="pod not found"):
            client.call("get-pod", id=pod)
        assert not there.vendor.model.hosted()
        client.call("update-ssh-keys", body={"keys": []})
        assert there.vendor.leftovers() == {"ssh_keys": 0}


def test_its_server_tells_a_lack_of_machines_and_a_bad_body_as_it_should(tmp_path: Path) -> None:
    client_folder("runpod-mcp")
    with simulated(build) as there, vendors_own(there.url, tmp_path) as client:
        gpu, _ = in_stock(client)
        with pytest.raises(ToolFailedError, match="no longer any instances available"):
            bought(client, gpu, "NO-SUCH-1")
        with pytest.raises(ToolFailedError, match="Request validation failed"):
            client.call("create-pod", body={"name": LABEL, "imageName": IMAGE})
        vendor = there.vendor
        assert isinstance(vendor, Runpod)
        vendor.key = "another"
        with pytest.raises(ToolFailedError, match="missing bearer token"):
            client.call("list-pods")


STEPS = (
    ("search", "GET", "/v2/catalog/gpus"),
    ("create", "POST", "/v2/pods"),
    ("find", "GET", "/v2/pods"),
    ("show", "GET", "/v2/pods/"),
    ("destroy", "DELETE", "/v2/pods/"),
)


@pytest.fixture
def compared(tmp_path: Path) -> list[str]:
    client_folder("runpod-mcp")
    hide = (r"(?<=/pods/)\w+",)
    with simulated(build) as there, vendors_own(there.url, tmp_path) as client:
        gpu, data_center = in_stock(client)
        pod = bought(client, gpu, data_center)
        client.call("list-pods")
        client.call("get-pod", id=pod)
        client.call("delete-pod", id=pod)
        theirs = [flat(asked(there, 0, *step[1:]), hide=hide) for step in STEPS]
        since = len(there.heard)

        async def ours(cloud) -> None:
            listing = await cloud.list_offers()
            offer = next(
                one
                for one in listing.offers
                if one.gpu_count == 1 and one.location == data_center and "secure" in one.id
            )
            made = await cloud.launch(order_of(offer, on_start=""))
            await cloud.find(LABEL)
            await cloud.observe(made.id)
            await cloud.destroy(made.id)

        # Of both clouds the menu takes more requests than may go out at once.
        with_ours(MANIFEST, there.url, ours, community="false")
        mine = [flat(asked(there, since, *step[1:]), hide=hide) for step in STEPS]
    return differences_by_step(STEPS, theirs, mine)


def test_what_our_adapter_asks_differently_is_explained_line_by_line(compared: list[str]) -> None:
    assert sorted(compared) == sorted(explained("runpod"))
