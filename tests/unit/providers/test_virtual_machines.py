"""The script that a virtual machine runs at first boot, run for real; and addresses as clouds write them."""

import os
import subprocess
from pathlib import Path

import pytest

from gpu_shopper.domain.instance import Endpoint
from gpu_shopper.providers.virtual_machines import first_boot_script, read_address

KEYS = ("ssh-ed25519 AAAAfirst somebody", "ssh-ed25519 AAAAsecond ours\n")
SPEAKS = """#!/bin/sh
echo "$GREETING" >said
id -un >>said
umask >>said
printf '%s\n' "$HOME" '$kept' >>said
"""


def run(script: str, home: Path, *, user: str, path: str = "") -> str:
    """Run it as cloud-init would, with nothing in the environment but this."""
    file = home / "part-001"
    file.write_text(script, encoding="utf-8")
    env = {"PATH": f"{path}:{os.environ['PATH']}", "HOME": str(home)} | (
        {"USER": user} if user else {}
    )
    done = subprocess.run(
        ["sh", str(file)], env=env, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    return (home / "said").read_text(encoding="utf-8") if (home / "said").exists() else ""


def script_of(on_start: str = SPEAKS, **env: str) -> str:
    return first_boot_script(user="ubuntu", keys=KEYS, env=env, on_start=on_start)


def test_all_keys_are_admitted_beside_those_that_are_there(tmp_path: Path) -> None:
    known = tmp_path / ".ssh" / "authorized_keys"
    known.parent.mkdir()
    known.write_text("ssh-ed25519 AAAAtheirs", encoding="utf-8")

    run(script_of(), tmp_path, user="ubuntu")

    lines = [line for line in known.read_text(encoding="utf-8").splitlines() if line]
    assert lines == ["ssh-ed25519 AAAAtheirs", KEYS[0], KEYS[1].strip()]


def test_the_start_script_is_run_with_its_variables_and_the_usual_mask(tmp_path: Path) -> None:
    said = run(script_of(GREETING="it's $HOME"), tmp_path, user="ubuntu").splitlines()

    assert said[0] == "it's $HOME"
    assert said[2:] == ["0022", str(tmp_path), "$kept"]
    assert (tmp_path / ".ssh" / "authorized_keys").stat().st_mode & 0o077 == 0


def test_root_goes_over_to_the_user(tmp_path: Path) -> None:
    tools, home = tmp_path / "bin", tmp_path / "home"
    tools.mkdir()
    home.mkdir()
    for name, text in {
        "getent": f'#!/bin/sh\n[ "$*" = "passwd ubuntu" ] && echo "ubuntu:x:1000:1000::{home}:/bin/bash"\n',
        "runuser": f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\nshift 3\nexec "$@"\n',
    }.items():
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    file = tmp_path / "part-001"
    file.write_text(script_of(GREETING="hello"), encoding="utf-8")
    env = {"PATH": f"{tools}:{os.environ['PATH']}"}

    subprocess.run(["sh", str(file)], env=env, timeout=20, check=True)

    assert (home / "said").read_text(encoding="utf-8").startswith("hello\n")
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert len(asked) == 3
    assert all(
        line.startswith(f"-u ubuntu -- env HOME={home} USER=ubuntu LOGNAME=ubuntu ")
        for line in asked
    )


def test_without_a_start_script_only_the_keys_are_brought(tmp_path: Path) -> None:
    assert run(script_of(""), tmp_path, user="ubuntu") == ""
    assert (tmp_path / ".ssh" / "authorized_keys").exists()
    assert not (tmp_path / ".first-boot.sh").exists()


def test_a_script_that_holds_the_words_which_end_it_is_brought_whole(tmp_path: Path) -> None:
    wild = "cat >said <<'END_OF_START'\nmine\nEND_OF_START\necho after >>said\n"

    assert run(script_of(wild), tmp_path, user="ubuntu") == "mine\nafter\n"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("198.51.100.2", "198.51.100.2", 22),
        (" 198.51.100.2/32 ", "198.51.100.2", 22),
        ("127.0.0.1:40022", "127.0.0.1", 40022),
        ("node.example", "node.example", 22),
        ("2001:db8::1", "2001:db8::1", 22),
        ("[2001:db8::1]", "2001:db8::1", 22),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int) -> None:
    assert read_address(text, user="ubuntu") == Endpoint(host=host, port=port, user="ubuntu")


@pytest.mark.parametrize("text", [None, "", "0.0.0.0", "0.0.0.0/0", "::", "null", "a b", "1.2.3.4:99999", "-oProxyCommand=x", "-v", "-v:22"])  # fmt: skip
def test_no_address_is_made_up(text: str | None) -> None:
    assert read_address(text, user="ubuntu") is None
