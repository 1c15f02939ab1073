"""`gpu-shopper doctor`: is everything in place? Looks only; nothing is changed."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from gpu_shopper.cli.failures import FAILED
from gpu_shopper.cli.render import Column, output_option, show
from gpu_shopper.cli.situation import Situation
from gpu_shopper.client.errors import ApiError, ShopperError
from gpu_shopper.client.login import system_ssh

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 200 * 1024 * 1024
MOST_SKEW_S = 5.0

OK, WARNING, WRONG = "ok", "warning", "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: str
    detail: str
    advice: str = ""


Findings = Iterator[Finding]

_COLUMNS: tuple[Column[Finding], ...] = (
    Column("Check", lambda finding: finding.what),
    Column("Verdict", lambda finding: finding.verdict),
    Column("Found", lambda finding: finding.detail),
    Column("What to do", lambda finding: finding.advice),
)


@click.command()
@output_option
@click.pass_obj
def doctor(situation: Situation, /, *, output: str) -> int:
    """Check that everything is in place. Exit code 1: something is wrong.

    \b
    Examples:
      gpu-shopper doctor
      gpu-shopper doctor -o json
    """
    found = [finding for look in _LOOKS for finding in look(situation)]
    show(found, _COLUMNS, output)
    return FAILED if any(finding.verdict == WRONG for finding in found) else 0


def _python(_: Situation) -> Findings:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = sys.version_info[:2] >= OLDEST_PYTHON
    yield Finding(
        "Python", OK if fits else WRONG, version, "" if fits else "3.11 or newer is needed"
    )


def _config(situation: Situation) -> Findings:
    settings = situation.settings
    files = {Path(s) for s in settings.sources.values() if s.startswith("/")}
    if not files:
        yield Finding("Settings", OK, "no file; environment and defaults")
    for file in files:
        yield _private("Settings", file, keeps_secrets=bool(settings.token or settings.providers))


def _data_folder(situation: Situation) -> Findings:
    folder = situation.settings.data_dir
    if not folder.exists():
        yield Finding("Data folder", OK, f"{folder} (made at the first start)")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("Data folder", WRONG, f"{folder} cannot be written to", "correct its owner")
        return
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    is_full = free < LEAST_FREE_BYTES
    detail = f"{folder}, {free // 1024**2} MiB free"
    yield Finding("Data folder", WRONG if is_full else OK, detail, "make room" if is_full else "")
    for key in sorted([*folder.glob("*.key"), *(folder / "keys").glob("*.key")]):
        if not key.is_symlink():
            yield _private("Key file", key, keeps_secrets=True)


def _private(what: str, file: Path, *, keeps_secrets: bool) -> Finding:
    mode = stat.S_IMODE(file.stat().st_mode)
    if keeps_secrets and mode & 0o077:
        return Finding(what, WRONG, f"{file} can be read by others ({mode:o})", f"chmod 600 {file}")
    return Finding(what, OK, str(file))


def _database(situation: Situation) -> Findings:
    import sqlite3

    file = situation.settings.database
    if not file.exists():
        yield Finding("Database", OK, f"{file} (made at the first start)")
        return
    try:
        book = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            said = book.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            book.close()
    except sqlite3.Error as error:
        yield Finding(
            "Database", WRONG, f"{file}: {error}", "restore a backup: gpu-shopper restore"
        )
        return
    sound = said == "ok"
    advice = "" if sound else "restore a backup: gpu-shopper restore"
    yield Finding("Database", OK if sound else WRONG, f"{file}: {said}", advice)


def _server(situation: Situation) -> Findings:
    url = situation.other_url or situation.settings.url
    try:
        health = situation.shopper.health()
    except ShopperError as error:
        yield Finding("Server", WARNING, error.message, error.hint)
        return
    parts = ", ".join(f"{name} {how}" for name, how in sorted(health.services.items()))
    is_ready = health.services.get("ready") == "true"
    yield Finding("Server", OK if is_ready else WARNING, f"{url}: {health.status} ({parts})")
    skew_s = abs(health.timestamp.timestamp() - situation.now())
    advice = "" if skew_s <= MOST_SKEW_S else "set the clock of this machine or of the server"
    verdict = WARNING if advice else OK
    yield Finding("Clock", verdict, f"{skew_s:.1f} s apart from the server's", advice)
    yield from _clouds(situation)


def _clouds(situation: Situation) -> Findings:
    try:
        clouds = situation.shopper.providers()
    except ApiError as error:
        yield Finding("Token", WRONG, error.message, error.hint or "set GPU_SHOPPER_TOKEN")
        return
    except ShopperError as error:
        yield Finding("Clouds", WRONG, error.message, error.hint)
        return
    yield Finding("Token", OK, "accepted" if situation.settings.token else "none needed")
    for cloud in clouds:
        trouble = "our key is refused" if cloud.unauthorized_since else cloud.last_error
        if cloud.frozen_since is not None:
            trouble = f"frozen: {cloud.frozen_because}"
        advice = "gpu-shopper notices" if trouble else ""
        detail = trouble or f"{cloud.offers} offers, {cloud.open_obligations} obligations open"
        yield Finding(f"Cloud {cloud.name}", WRONG if trouble else OK, detail, advice)


def _accounts(situation: Situation) -> Findings:
    """Ask the clouds that are configured here, whether or not a server runs."""
    import asyncio

    from gpu_shopper.bootstrap.checking import check_accounts
    from gpu_shopper.bootstrap.clouds import with_vendors_variables
    from gpu_shopper.domain.errors import Refusal

    settings = with_vendors_variables(situation.settings, situation.environ)
    if not settings.providers:
        advice = "give it a cloud's key, such as VAST_API_KEY, for real ones"
        yield Finding("Accounts", OK, "no cloud is configured: the sandbox cloud is used", advice)
        return
    try:
        checks = asyncio.run(check_accounts(settings))
    except Refusal as error:
        yield Finding("Accounts", WRONG, error.message, error.hint)
        return
    for check in checks:
        verdict = {True: OK, False: WRONG, None: WARNING}[check.accepted]
        yield Finding(f"Account {check.name}", verdict, check.found, check.advice)


def _ssh(_: Situation) -> Findings:
    program = system_ssh()
    yield Finding("SSH", OK, program or "none on this system; the built-in one is used")


_LOOKS: tuple[Callable[[Situation], Findings], ...] = (
    _python, _config, _data_folder, _database, _server, _accounts, _ssh,
)  # fmt: skip
