"""Each note about a change can be gathered into the list of a release."""

import pytest

from tests.tidy.source import ROOT

KINDS = {"security", "removed", "deprecated", "added", "changed", "fixed"}
NOTES = [path for path in sorted((ROOT / "changes").iterdir()) if path.name != "README.md"]


@pytest.mark.parametrize("note", NOTES, ids=lambda path: path.name)
def test_a_note_has_a_kind_and_says_something(note) -> None:
    name, kind, suffix = note.name.split(".")

    assert name
    assert kind in KINDS
    assert suffix == "md"
    assert len(note.read_text(encoding="utf-8").split()) >= 4
