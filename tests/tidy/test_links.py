"""Every link from one page of the project to another leads somewhere."""

import re

import pytest

from tests.tidy.source import ROOT, tracked

PAGES = [(name, text) for name, text in tracked() if name.endswith(".md")]
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize(("name", "text"), PAGES, ids=[name for name, _ in PAGES])
def test_a_page_links_to_what_exists(name: str, text: str) -> None:
    folder = (ROOT / name).parent

    assert [] == [link for link in LINK.findall(text) if not (folder / link).exists()]
