"""Prime Intellect's own command line against our simulator of it, and beside our adapter: both ways round."""

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from gpu_shopper.providers.prime import MANIFEST
from gpu_shopper.testing.vendors.listening import ListeningVendor
from gpu_shopper.testing.vendors.prime import build
from tests.conformance.foreign import (
    KEY,
    LABEL,
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


class PrimeCli:
    """The vendor's command line, aimed at the simulator."""

    def __init__(self, url: str, home: Path, *, key: str = KEY) -> None:
        self._program = client_folder("prime") / "bin" / "prime"
        self._home = home
        self._env = {
            "PRIME_API_BASE_URL": url,
            "PRIME_API_KEY": key,
            "COLUMNS": "200",
            "PRIME_DISABLE_VERSION_CHECK": "1",
        }

    def __call__(self, *words: str) -> CompletedProcess[str]:
        return run([self._program, *words], home=self._home, env=self._env)

    def json(self, *words: str) -> Any:
        said = self(*words, "--output", "json")
        assert said.returncode == 0, said.stdout + said.stderr
        return json.loads(said.stdout)

    def create(self, short_id: str, *, name: str = LABEL) -> CompletedProcess[str]:
        return self(
            "pods", "create", "--id", short_id, "--name", name, "--disk-size", "100",
            "--image", "ubuntu_22_cuda_12", "-y",
        )  # fmt: skip


def pods_of(cli: PrimeCli) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli.json("pods", "list")["pods"]
    return found


def with_any_disk(cli: PrimeCli) -> dict[str, Any]:
    """Return the first offer whose disk has a size to choose."""
    found = cli.json("availability", "list")["gpu_resources"]
    return next(one for one in found if str(one["disk_gb"]) == "80+")


def test_its_command_line_goes_through_a_whole_life_at_the_simulator(tmp_path: Path) -> None:
    client_folder("prime")
    with simulated(build, offers=230) as there:
        cli = PrimeCli(there.url, tmp_path)
        found = cli.json("availability", "list")
        # Beside what is sold by the hour its own client shows what has no GPU, is paid in advance, or is sold out.
        assert found["total_count"] > 200
        assert "H100_80GB" in cli("availability", "gpu-types").stdout
        assert cli.create(with_any_disk(cli)["id"]).returncode == 0

        (shown,) = pods_of(cli)
        assert (shown["name"], shown["status"]) == (LABEL, "ACTIVE")
        told = cli.json("pods", "status", shown["id"])
        assert told["ssh"].startswith("root@")
        assert (told["installation_status"], told["installation_progress"]) == ("FINISHED", 100)
        assert cli.json("wallet")["recent_billings"][0]["resource_id"] == shown["id"]
        assert cli("pods", "terminate", shown["id"], "-y").returncode == 0

        assert pods_of(cli) == []
        (over,) = cli.json("pods", "history")["history"]
        assert (over["id"], over["name"]) == (shown["id"], LABEL)
        assert 0 < over["total_cost"] < 0.01


def test_its_command_line_understands_the_errors(tmp_path: Path) -> None:
    client_folder("prime")
    with simulated(build) as there:
        cli = PrimeCli(there.url, tmp_path)
        offer = with_any_disk(cli)
        wrong = PrimeCli(there.url, tmp_path, key="wrong")("pods", "list")
        gone = cli("pods", "terminate", "nothing-of-that-name", "-y")
        unnamed = cli.create(offer["id"], name="not_a_name")
        there.vendor.model.misbehave([{"kind": "no_balance"}])
        unpaid = cli.create(offer["id"])
        there.vendor.model.behave()

        for said, words in (
            (wrong, "unauthorized"),
            (gone, "HTTP 404: Pod not found"),
            (unnamed, "letters, digits and dashes"),
            (unpaid, "Payment required"),
        ):
            assert said.returncode == 1, said.stdout
            assert words in said.stdout + said.stderr
        assert pods_of(cli) == []


STEPS = (
    ("offers", "GET", "/api/v1/availability/gpus"),
    ("create", "POST", "/api/v1/pods"),
    ("list", "GET", "/api/v1/pods"),
    ("show", "GET", "/api/v1/pods/*"),
    ("destroy", "DELETE", "/api/v1/pods/"),
    ("wallet", "GET", "/api/v1/billing/wallet"),
)
HIDE = (r"(?<=/pods/)[0-9a-f]{32}", r"key[0-9a-f]{16}")


def steps_of(there: ListeningVendor, since: int) -> list[dict[str, str]]:
    """Return one request of each kind, flat; which pod it is about does not matter."""
    heard = [flat(one, hide=HIDE) for one in there.heard[since:]]
    found = []
    for _, method, path in STEPS:
        exact = path if path.endswith("/*") else None
        found.append(
            next(
                one
                for one in heard
                if one["method"] == method
                and (one["path"] == exact if exact else one["path"].startswith(path))
            )
        )
    return found


@pytest.fixture
def compared(tmp_path: Path) -> list[str]:
    client_folder("prime")
    # Prices stand still, so that both choose the same.
    with simulated(build, drift_period_s=1e12) as there:
        cli = PrimeCli(there.url, tmp_path)
        offer = with_any_disk(cli)
        assert cli.create(offer["id"]).returncode == 0
        (pod,) = pods_of(cli)
        cli.json("pods", "status", pod["id"])
        cli("pods", "terminate", pod["id"], "-y")
        cli.json("wallet")
        theirs = steps_of(there, 0)
        bought = asked(there, 0, "POST", "/api/v1/pods").body
        since = len(there.heard)

        async def ours(cloud: Any) -> None:
            listing = await cloud.list_offers()
            mine = next(one for one in listing.offers if _is_same(one, bought))
            order = order_of(mine, image=None, disk_gb=None, env={}, on_start="")
            held = await cloud.launch(order)
            await cloud.find(LABEL)
            await cloud.observe(held.id)
            await cloud.destroy(held.id)
            await cloud.balance()

        with_ours(MANIFEST, there.url, ours)
        mine = steps_of(there, since)
    return differences_by_step(STEPS, theirs, mine)


def _is_same(offer: Any, bought: Any) -> bool:
    """Return whether the offer is what was bought: by its cloud, GPUs, cores and memory."""
    pod = bought["pod"]
    return (
        offer.location.startswith(bought["provider"]["type"])
        and offer.location.endswith(pod["dataCenterId"])
        and (offer.gpu_count, offer.vcpus, offer.ram_gb)
        == (pod["gpuCount"], pod["vcpus"], pod["memory"])
        and offer.provider_id.startswith(
            f"{bought['provider']['type']}-{pod['gpuType'].lower().replace('_', '-')}-"
        )
    )


def test_what_our_adapter_asks_differently_is_explained_line_by_line(compared: list[str]) -> None:
    assert sorted(compared) == sorted(explained("prime"))
