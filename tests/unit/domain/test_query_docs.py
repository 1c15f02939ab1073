"""The page of the query language says what the language does."""

import re
from pathlib import Path

import pytest

from gpu_shopper.domain.offer_fields import FIELDS, Direction, Field, Kind
from gpu_shopper.domain.query_caret import caret_lines
from gpu_shopper.domain.query_errors import QueryError
from gpu_shopper.domain.query_language import DEEPEST, LONGEST, MOST_CONDITIONS, parse
from gpu_shopper.domain.query_tail import MOST_ASKED
from gpu_shopper.domain.query_values import SHARE, UNITS, sample

PAGE = (Path(__file__).parents[3] / "docs/reference/query-language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
QUERIES = [line for kind, block in BLOCKS if kind == "query" for line in block.splitlines()]
ERRORS = [block for kind, block in BLOCKS if kind == "error"]


def row_of(field: Field) -> str:
    """Return the line of the page's table; `python -m tests.unit.domain.test_query_docs` prints all of them."""
    kind = {Kind.FLAG: "yes or no", Kind.GPU: "GPU"}.get(field.kind, str(field.kind))
    first = {Direction.LOWEST: "lowest", Direction.HIGHEST: "highest"}[field.first]
    cells = (
        f"`{field.name}`",
        ", ".join(f"`{alias}`" for alias in field.aliases),
        kind,
        field.unit,
        field.means,
        first if field.sortable else "",
        f"`{sample(field)}`",
    )
    return f"| {' | '.join(cells)} |"


def unit_row(unit: str) -> str:
    """Return the line of the table of units."""
    written = ", ".join(
        f"`{word}`" + (f" ({times:g})" if times != 1 else "") for word, times in UNITS[unit].items()
    )
    return f"| {unit} | {written} |"


def rows(heading: str) -> list[str]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| ")][1:]


def test_the_page_lists_every_field_as_the_table_has_it() -> None:
    assert [row_of(field) for field in FIELDS.values()] == rows("Fields")


def test_the_page_lists_every_unit() -> None:
    assert {SHARE} >= {field.unit for field in FIELDS.values()} - {""} - set(UNITS)
    assert [unit_row(unit) for unit in UNITS] == rows("Units")


@pytest.mark.parametrize("text", QUERIES)
def test_every_example_is_understood(text: str) -> None:
    parse(text)


@pytest.mark.parametrize("block", ERRORS)
def test_every_error_reads_as_the_page_says(block: str) -> None:
    text, *_ = block.splitlines()
    with pytest.raises(QueryError) as caught:
        parse(text)

    assert [
        *caret_lines(text, position=caught.value.position, word=caught.value.word),
        caught.value.sentence,
    ] == block.splitlines()


def test_there_are_examples_of_both_kinds() -> None:
    assert len(QUERIES) > 10
    assert len(ERRORS) > 4


def test_the_page_states_the_limits() -> None:
    for limit in (LONGEST, DEEPEST, MOST_CONDITIONS, MOST_ASKED):
        assert f"{limit:,}" in PAGE, limit


if __name__ == "__main__":
    print("\n".join([*map(row_of, FIELDS.values()), "", *map(unit_row, UNITS)]))
