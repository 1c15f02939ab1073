"""What the project leans on is reasoned for, and locked to the byte."""

import re
import tomllib

import pytest

from tests.tidy.source import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("runtime", "dev")


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named_by(requirements: list[str]) -> set[str]:
    return {
        plain(re.split(r"[ ;<>=!~\[]", requirement, maxsplit=1)[0]) for requirement in requirements
    }


def direct() -> dict[str, set[str]]:
    project = PROJECT["project"]
    running = named_by(project["dependencies"])
    working = named_by(project["optional-dependencies"]["dev"])
    return {
        "runtime": running | named_by(PROJECT["build-system"]["requires"]),
        "dev": running | working,
    }


def locked(kind: str) -> dict[str, str]:
    """Each locked package with everything that its entry says."""
    text = (ROOT / "requirements" / f"{kind}.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    return {plain(entry.split("==")[0]): entry for entry in entries}


def test_every_direct_dependency_has_its_reason_and_no_other_is_listed() -> None:
    page = (ROOT / "docs" / "internals" / "dependencies.md").read_text(encoding="utf-8")
    reasoned = {
        plain(name) for name in re.findall(r"^\| `([\w.-]+)` \| .{10,} \|$", page, re.MULTILINE)
    }

    assert direct()["runtime"] | direct()["dev"] == reasoned


@pytest.mark.parametrize("kind", LOCKS)
def test_every_direct_dependency_is_locked(kind: str) -> None:
    assert set() == direct()[kind] - locked(kind).keys()


@pytest.mark.parametrize("kind", LOCKS)
def test_every_locked_package_has_hashes_and_no_address(kind: str) -> None:
    entries = locked(kind)

    assert [] == [name for name, entry in entries.items() if "--hash=sha256:" not in entry]
    assert [] == [name for name, entry in entries.items() if "://" in entry or " @ " in entry]


def test_what_is_tested_is_what_runs() -> None:
    running, working = locked("runtime"), locked("dev")

    def version(entry: str) -> str:
        return entry.split(maxsplit=1)[0]

    assert {n: version(e) for n, e in running.items()} == {n: version(working[n]) for n in running}
