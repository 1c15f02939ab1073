"""The commands and the client against a real server and the real sandbox cloud: rent, use, end, see it gone."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpu_shopper.client import Shopper

READY_S = 30


class House:
    """A real server in a folder of its own, and its commands."""

    def __init__(self, folder: Path) -> None:
        mine = {n: v for n, v in os.environ.items() if not n.startswith("GPU_SHOPPER_")}
        self.folder = folder
        self.environ = mine | {
            "HOME": str(folder), "USER": "me", "GPU_SHOPPER_DATA_DIR": str(folder / "data"),
            "GPU_SHOPPER_SANDBOX_BOOT_SECONDS": "0.2",
        }  # fmt: skip
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gpu_shopper", "serve", "--port", "0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environ,
            )  # fmt: skip
        self.url = self._url()
        self.environ["GPU_SHOPPER_URL"] = self.url

    def _url(self) -> str:
        give_up_at = time.monotonic() + READY_S
        while time.monotonic() < give_up_at and self.process.poll() is None:
            found = re.search(r"serving (http://\S+)", self.log.read_text())
            if found:
                return found.group(1)
            time.sleep(0.05)
        pytest.fail(self.log.read_text())

    def __call__(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gpu_shopper", *words], env=self.environ, input=text,
            capture_output=True, check=False, text=True, timeout=60,
        )  # fmt: skip

    def close(self) -> None:
        self("shutdown", "--yes", "--all")
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory):
    house = House(tmp_path_factory.mktemp("house"))
    try:
        yield house
    finally:
        house.close()


def rent(house: House) -> str:
    rented = house(
        "provision", "--gpu", "RTX 4090", "--gpus", "1", "--max-price", "1", "-o", "json"
    )
    assert 0 == rented.returncode, rented.stderr
    return json.loads(rented.stdout)["session"]["id"]


@pytest.fixture(scope="module")
def rented(house: House) -> str:
    return rent(house)


def test_what_is_rented_can_be_logged_into(house: House, rented: str) -> None:
    for extra in ([], ["--built-in"]):
        said = house("ssh", *extra, rented, "nvidia-smi -L; exit 7")

        assert 7 == said.returncode, said.stderr
        assert "RTX 4090" in said.stdout


@pytest.mark.skipif(not shutil.which("ssh"), reason="no ssh")
def test_the_printed_line_logs_in(house: House, rented: str) -> None:
    line = house("ssh", "--print", rented).stdout.strip()

    said = subprocess.run(
        ["/bin/sh", "-c", f"{line} hostname </dev/null"],
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )

    assert 0 == said.returncode, said.stderr


def test_files_travel_both_ways(house: House, rented: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.bin").write_bytes(b"x" * 100_000)

    up = house("transfer", "upload", rented, str(tmp_path / "in"), "--to", "work")
    down = house("transfer", "download", rented, "work/a.bin", "--to", str(tmp_path / "out.bin"))

    assert (0, 0) == (up.returncode, down.returncode), up.stderr + down.stderr
    assert 100_000 == (tmp_path / "out.bin").stat().st_size


def test_input_reaches_the_other_side(house: House, rented: str) -> None:
    assert "3" == house("ssh", "--built-in", rented, "wc -l", text="a\nb\nc\n").stdout.strip()


def test_it_is_ended_and_proved_gone_and_costs_something(house: House) -> None:
    rented = rent(house)
    ended = house("sessions", "done", rented, "--wait", "-o", "json")
    cost = json.loads(house("costs", "--session", rented, "-o", "json").stdout)
    again = house("sessions", "done", rented)

    assert 0 == ended.returncode, ended.stderr
    assert ("stopped", "proved absent") == (
        json.loads(ended.stdout)["status"],
        json.loads(ended.stdout)["phase"],
    )
    assert cost["settled"]
    assert 0 < cost["total_cost"] < 0.01
    assert 4 == again.returncode
    assert [] == list((house.folder / "data" / "keys").glob(f"{rented}*"))


def test_the_block_of_the_readme_works(house: House) -> None:
    shopper = Shopper(house.url, consumer="me")

    with shopper.session(gpu="RTX 4090", hours=2, max_price=1.0) as session:
        said = session.run("nvidia-smi -L").stdout

    assert "RTX 4090" in said
    assert "stopped" == shopper.wait_until_ended(session.id).status


def test_a_second_server_on_the_same_book_is_refused(house: House) -> None:
    second = house("serve", "--port", "0")

    assert 4 == second.returncode
    assert "in use by another server" in second.stderr


def test_the_doctor_and_the_orphans_find_nothing(house: House) -> None:
    checked = house("doctor", "-o", "json")
    orphans = house("cleanup-orphans", "--execute")

    assert (0, 0) == (checked.returncode, orphans.returncode), checked.stdout + orphans.stdout
    assert {"ok"} == {finding["verdict"] for finding in json.loads(checked.stdout)}
