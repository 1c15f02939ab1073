import os
import stat
import subprocess
from pathlib import Path

import asyncssh
import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from gpu_shopper.domain.label import Label
from gpu_shopper.runtime.chance import RealChance
from gpu_shopper.runtime.key_file import KeyFileRefused, load_or_create_key
from gpu_shopper.runtime.tokens import token_is_wellformed
from gpu_shopper.runtime.vault import DeploymentVault, NotUnsealed
from gpu_shopper.testing.chance import SeededChance

LABEL = Label("gs1-aaaa-bbbb")


def a_vault(key: bytes = b"k" * 32, seed: int = 1) -> DeploymentVault:
    return DeploymentVault(key, SeededChance(seed))


def test_what_is_derived_survives_a_crash() -> None:
    first, second = a_vault(seed=1), a_vault(seed=2)

    assert first.label_key == second.label_key
    assert first.deployment == second.deployment
    assert first.agent_token(LABEL) == second.agent_token(LABEL)
    assert first.probe_key(LABEL) == second.probe_key(LABEL)
    assert first.hash_token("x") == second.hash_token("x")


def test_another_label_or_key_derives_other_secrets() -> None:
    vault, foreign = a_vault(), a_vault(b"q" * 32)

    assert vault.agent_token(LABEL) != vault.agent_token(Label("gs1-aaaa-cccc"))
    assert vault.probe_key(LABEL) != vault.probe_key(Label("gs1-aaaa-cccc"))
    assert vault.agent_token(LABEL) != foreign.agent_token(LABEL)
    assert vault.label_key != foreign.label_key
    assert vault.deployment != foreign.deployment
    assert vault.hash_token("x") != foreign.hash_token("x")


def test_what_is_given_away_comes_from_the_chance_that_was_handed_in() -> None:
    assert a_vault(seed=1).new_token(prefix="cgs_pat") == a_vault(seed=1).new_token(
        prefix="cgs_pat"
    )
    assert a_vault(seed=1).new_token(prefix="cgs_pat") != a_vault(seed=2).new_token(
        prefix="cgs_pat"
    )
    assert a_vault(seed=1).new_key_pair(comment="c") == a_vault(seed=1).new_key_pair(comment="c")
    assert a_vault(seed=1).new_key_pair(comment="c") != a_vault(seed=2).new_key_pair(comment="c")
    assert a_vault(seed=1).seal("s", context="c") == a_vault(seed=1).seal("s", context="c")


@pytest.mark.parametrize("prefix", ["cgs_adm", "cgs_pat"])
def test_a_token_carries_its_prefix_and_a_checksum(prefix: str) -> None:
    token = a_vault().new_token(prefix=prefix).text

    assert token.startswith(f"{prefix}_")
    assert token_is_wellformed(token)
    assert token_is_wellformed(a_vault().agent_token(LABEL).text)


def test_every_single_typing_error_is_noticed() -> None:
    token = a_vault().new_token(prefix="cgs_pat").text

    for place in range(len(token)):
        other = "b" if token[place] != "b" else "a"
        assert not token_is_wellformed(token[:place] + other + token[place + 1 :]), place
    for wrong in ("", token[:-1], token + "a", f" {token}", f"{token}\n", token.upper()):
        assert not token_is_wellformed(wrong), wrong


def test_secrets_do_not_print_themselves() -> None:
    vault = a_vault()
    pair = vault.new_key_pair(comment="c")

    shown = f"{pair} {pair!r} {vault.agent_token(LABEL)} {vault!r}"

    assert "PRIVATE" not in shown
    assert "cgs_agt" not in shown


@pytest.mark.parametrize("comment", ["", "c", "someone@somewhere", "seven77", "eight888"])
def test_a_pair_is_read_by_other_programs(comment: str, tmp_path: Path) -> None:
    pair = a_vault().new_key_pair(comment=comment)
    path = tmp_path / "key"
    path.write_text(pair.private.text)
    path.chmod(0o600)

    read = asyncssh.import_private_key(pair.private.text)
    assert read.convert_to_public() == asyncssh.import_public_key(pair.public)
    assert load_ssh_private_key(pair.private.text.encode(), None) is not None
    if any(os.access(f"{folder}/ssh-keygen", os.X_OK) for folder in os.get_exec_path()):
        shown = subprocess.run(
            ["ssh-keygen", "-y", "-f", str(path)], capture_output=True, text=True, check=True
        )
        assert pair.public.split()[:2] == shown.stdout.split()[:2]


def test_what_was_sealed_opens_for_the_same_purpose_only() -> None:
    vault = a_vault()
    sealed = vault.seal("secret ü", context="ses_a")

    assert vault.unseal(sealed, context="ses_a") == "secret ü"
    assert b"secret" not in sealed
    for wrong in (
        lambda: vault.unseal(sealed, context="ses_b"),
        lambda: a_vault(b"q" * 32).unseal(sealed, context="ses_a"),
        lambda: vault.unseal(sealed[:-1], context="ses_a"),
        lambda: vault.unseal(b"", context="ses_a"),
    ):
        with pytest.raises(NotUnsealed):
            wrong()


def test_each_changed_byte_is_noticed() -> None:
    vault = a_vault()
    sealed = vault.seal("secret", context="ses_a")

    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(NotUnsealed):
            vault.unseal(bytes(changed), context="ses_a")


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "deployment.key"

    made = load_or_create_key(path, RealChance())

    assert len(made) == 32
    assert load_or_create_key(path, RealChance()) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path] == list(path.parent.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    load_or_create_key(path, RealChance())
    path.chmod(mode)

    with pytest.raises(KeyFileRefused, match="open to others") as caught:
        load_or_create_key(path, RealChance())

    assert f"chmod 600 {path}" == caught.value.hint


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-3], lambda t: "", lambda t: t.swapcase(), lambda t: "ü" * 9]
)
def test_a_damaged_key_file_is_refused_and_kept(tmp_path: Path, spoil) -> None:
    path = tmp_path / "key"
    load_or_create_key(path, RealChance())
    text = path.read_text()
    path.write_text(spoil(text), encoding="utf-8")

    with pytest.raises(KeyFileRefused, match="damaged") as caught:
        load_or_create_key(path, RealChance())

    assert text.strip()[8:30] not in str(caught.value)
    assert path.read_text(encoding="utf-8") == spoil(text)


def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(KeyFileRefused, match="not a file"):
        load_or_create_key(tmp_path, RealChance())
