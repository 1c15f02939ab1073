"""The start-up script: small, built from data, and nothing in the data can reach the lines around it."""

import base64
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_shopper.agent.boot_script import OWN_SIZE_LIMIT_BYTES, boot_script
from gpu_shopper.agent.config import AgentConfig, EndByRequest
from gpu_shopper.agent.pack import main as pack_main
from gpu_shopper.agent.pack import stripped, zipapp_bytes
from gpu_shopper.wire.agent import BodyError
from gpu_shopper.wire.visits import NO_AGENT, REPORT_COMMAND, delivered

KEY = "ssh-ed25519 " + "A" * 68 + " probe@control"
CONFIG = AgentConfig(
    label="gs-" + "a" * 57,
    token="gsa_" + "x" * 43,
    stop_in_seconds=46_800.0,
    control_urls=("https://shopper.some-company.example/api/v1/agent/heartbeat",),
    end=EndByRequest(
        "DELETE",
        "https://console.cloud.example/api/v0/instances/${CONTAINER_ID}/",
        {"Authorization": "Bearer ${CONTAINER_API_KEY}", "Accept": "application/json"},
    ),
)


def script(user_script: str | None = None, config: AgentConfig = CONFIG) -> str:
    return boot_script(
        config, zipapp=zipapp_bytes(), user_script=user_script, authorized_probe_key=KEY
    )


def lines_around(text: str) -> list[str]:
    """All lines of a script but those between the workload's own marks."""
    lines = text.split("\n")
    start = lines.index("  decode >workload.user <<'END_OF_WORKLOAD'")
    return lines[: start + 1] + lines[lines.index("END_OF_WORKLOAD") :]


def test_the_zipapp_is_small_and_the_same_each_time() -> None:
    first = zipapp_bytes()
    zipapp_bytes.cache_clear()

    assert first == zipapp_bytes()
    assert len(first) <= 22 * 1024


def test_the_zipapp_holds_the_agent_and_nothing_of_the_house() -> None:
    with zipfile.ZipFile(io.BytesIO(zipapp_bytes())) as archive:
        names = set(archive.namelist())

    assert "gpu_shopper/agent/deadman.py" in names
    assert "gpu_shopper/wire/agent.py" in names
    assert "gpu_shopper/agent/boot_script.py" not in names
    assert all(
        name.startswith(("gpu_shopper/agent/", "gpu_shopper/wire/"))
        or name in {"__main__.py", "gpu_shopper/__init__.py"}
        for name in names
    )


def test_what_is_stripped_keeps_its_statements_and_their_lines() -> None:
    source = (
        '"""Prose."""\n\ndef f(a: int, *b: str) -> dict[str, int]:\n    """More."""\n'
        '    text = "# no comment"  # a comment\n    return {text: a}\n'
        'class Empty(Exception):\n    """Nothing else."""\n'
    )

    lines = stripped(source).split("\n")
    assert lines[0] == ""
    assert lines[3] == ""
    assert lines[4] == '    text = "# no comment"'
    assert lines[7] == '    """Nothing else."""'
    assert not set("->") <= set(lines[2])
    compile(stripped(source), "x", "exec")


def test_packing_from_the_command_line_writes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["pack", str(tmp_path / "agent.pyz")])
    pack_main()

    assert (tmp_path / "agent.pyz").read_bytes() == zipapp_bytes()


def test_the_script_fits_into_what_clouds_accept() -> None:
    assert len(script("")) <= OWN_SIZE_LIMIT_BYTES


def test_a_script_that_outgrew_its_limit_is_refused() -> None:
    config = replace(CONFIG, end=EndByRequest("POST", "https://x", {}, "y" * 4_000))

    with pytest.raises(ValueError, match=CONFIG.label):
        script(None, config)


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("user_script", [None, "echo hi\n"])
def test_shells_find_the_script_well_formed(shell: str, user_script: str | None) -> None:
    checked = subprocess.run(
        [shell, "-n"], input=script(user_script), text=True, capture_output=True, check=False
    )

    assert (checked.returncode, checked.stderr) == (0, "")


@given(st.text())
def test_no_text_of_the_consumer_changes_a_line_of_ours(text: str) -> None:
    assert lines_around(script(text)) == lines_around(script("echo"))


@given(st.text())
def test_the_consumers_text_arrives_as_it_was(text: str) -> None:
    lines = script(text).split("\n")
    start = lines.index("  decode >workload.user <<'END_OF_WORKLOAD'")
    carried = "".join(lines[start + 1 : lines.index("END_OF_WORKLOAD")])

    assert base64.b64decode(carried, validate=True).decode() == text


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=60))
def test_no_header_of_the_end_can_leave_its_place(value: str) -> None:
    end = EndByRequest("POST", "https://x", {"A": value})
    try:
        text = script(None, replace(CONFIG, end=end))
    except BodyError:
        return
    lines = text.split("\n")
    start = lines.index("  decode >config.json.new <<'END_OF_CONFIG'")
    carried = json.loads(base64.b64decode(lines[start + 1]))

    assert carried["end"]["headers"] == {"A": value}


@pytest.mark.parametrize(
    "key",
    [
        "",
        "not a key",
        KEY + "\nssh-ed25519 " + "B" * 68,
        'command="sh" ' + KEY,
        "ssh-ed25519 $(reboot)AAAAAAAAAAAAAAAAAAAA",
    ],
)
def test_what_is_not_one_public_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="public key"):
        boot_script(CONFIG, zipapp=b"", user_script=None, authorized_probe_key=key)


def test_a_keys_comment_stays_one_word_of_the_shell() -> None:
    key = "ssh-ed25519 " + "A" * 68 + ' it\'s $(me) `and` "you"'
    text = boot_script(CONFIG, zipapp=zipapp_bytes(), user_script=None, authorized_probe_key=key)
    line = next(line for line in text.split("\n") if line.startswith("  key="))
    shown = subprocess.run(
        ["sh", "-c", line + '; printf %s "$key"'], text=True, capture_output=True, check=True
    )

    assert shown.stdout == key


def run_without_python(text: str, home: Path) -> None:
    """Run a script with the few tools that any image has."""
    tools = home / "bin"
    tools.mkdir(exist_ok=True)
    names = "sh mkdir chmod id cat rm mv base64 grep head tail setsid printf"
    for name in names.split():
        for place in ("/usr/bin", "/bin"):
            if Path(place, name).exists() and not (tools / name).exists():
                (tools / name).symlink_to(f"{place}/{name}")
    # A Python under a fixed path would be found on any machine.
    text = text.replace("/usr/", "/nowhere/").replace("/opt/", "/nowhere/")
    environ = {"HOME": str(home), "PATH": str(tools)}
    subprocess.run(["sh"], input=text, text=True, check=True, env=environ, timeout=20)


def test_it_lets_in_whom_it_is_told_to_and_says_so_once_however_often_it_runs(
    tmp_path: Path,
) -> None:
    keys = (
        "ssh-ed25519 " + "B" * 68 + " it's $(touch owned) `me` \\n",
        "ssh-rsa " + "C" * 300,
    )
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "authorized_keys").write_text("ssh-ed25519 first without-an-end")
    text = boot_script(
        CONFIG, zipapp=zipapp_bytes(), user_script=None, authorized_probe_key=KEY, login_keys=keys
    )

    run_without_python(text, tmp_path)
    run_without_python(text, tmp_path)

    lines = (tmp_path / ".ssh" / "authorized_keys").read_text().splitlines()
    assert ["ssh-ed25519 first without-an-end", *keys] == lines
    assert not [*tmp_path.rglob("owned")]


def test_without_a_fit_python_the_workload_runs_and_the_lack_is_written_down(
    tmp_path: Path,
) -> None:
    run_without_python(script("echo done >result\n"), tmp_path)
    for _ in range(200):
        if (tmp_path / ".gpu-shopper" / "workload.exit").exists():
            break
        subprocess.run(["sleep", "0.05"], check=True)

    assert (tmp_path / "result").read_text() == "done\n"
    assert "no agent" in (tmp_path / ".gpu-shopper" / "error").read_text()


def feed(shell: str, text: bytes, home: Path) -> subprocess.CompletedProcess[bytes]:
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "SSH_CONNECTION": "1 2 3 4"}
    return subprocess.run([shell, "-s"], input=text, capture_output=True, env=environ, check=False)


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.98])
def test_of_a_script_that_was_cut_off_on_its_way_nothing_is_run(
    tmp_path: Path, shell: str, share: float
) -> None:
    whole = delivered(script("touch began"))

    feed(shell, whole[: int(len(whole) * share)], tmp_path)

    assert [] == [*tmp_path.iterdir()]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_who_looks_before_and_after_the_agent_was_brought_is_told_which_it_is(
    tmp_path: Path, shell: str
) -> None:
    def report() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [shell, "-c", REPORT_COMMAND], input=b"", capture_output=True,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]}, check=False,
        )  # fmt: skip

    assert NO_AGENT == report().returncode
    folder = tmp_path / ".gpu-shopper"
    folder.mkdir()
    (folder / "agent.pyz").write_bytes(zipapp_bytes())
    assert NO_AGENT == report().returncode, "what stopped half-way is no agent"
    (folder / "python").write_text(f"{sys.executable}\n")
    assert (3, b"there is no heartbeat yet" in report().stderr) == (report().returncode, True)


def test_a_node_that_can_have_no_agent_says_why_and_is_not_brought_it_again(tmp_path: Path) -> None:
    folder = tmp_path / ".gpu-shopper"
    folder.mkdir()
    (folder / "error").write_text("no agent: there is no Python 3.8 or later\n")

    said = subprocess.run(
        ["sh", "-c", REPORT_COMMAND], input=b"", capture_output=True,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]}, check=False,
    )  # fmt: skip

    assert (1, b"no Python 3.8" in said.stderr) == (said.returncode, True)


def test_our_own_visits_are_known_by_their_words() -> None:
    assert re.search(r"agent\.pyz'? report", REPORT_COMMAND)
    assert REPORT_COMMAND.count("'") == 2, "any login shell reads it alike"
