"""No file says where it was written, where packages are fetched from, or what stands outside."""

import re

import pytest

from tests.tidy.source import tracked

# One letter of each stands in brackets, so that this file does not find itself.
REGISTRIES = re.compile(r"pyp[i]\.org|python[h]osted\.org|registry\.npm[j]s|deb\.debi[a]n\.org")
MACHINES = re.compile(
    r"(^|[^\w.])/(w[o]rk|fa[r]m)/[a-z.]|/ro[o]t/|/Use[r]s/\w|[A-Z]:\\Use[r]s", re.MULTILINE
)
OUTSIDE = re.compile(r"\.\./sh[a]red\b|\bsh[a]red/(design|reference)\b")


def lines_with(pattern: re.Pattern[str], *, outside: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group().strip()}"
        for name, text in tracked()
        if not name.startswith(outside)
        for match in pattern.finditer(text)
    ]


def test_no_file_names_a_registry() -> None:
    assert [] == lines_with(REGISTRIES)


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert [] == lines_with(MACHINES)


def test_only_tests_know_what_lies_beside_the_project() -> None:
    assert [] == lines_with(OUTSIDE, outside=("tests/",))


@pytest.mark.parametrize(
    ("pattern", "sin"),
    [
        (REGISTRIES, "--index-url https://pyp" + "i.org/simple"),
        (MACHINES, "cd /wo" + "rk/main"),
        (MACHINES, "home is @root@x".replace("@", "/")),
        (OUTSIDE, "see ../sha" + "red/design"),
    ],
)
def test_each_pattern_finds_its_sin(pattern: re.Pattern[str], sin: str) -> None:
    assert pattern.search(sin)
