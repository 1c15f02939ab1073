"""Tables of the pages that are written from the code."""


def table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table of Markdown, with the line break that ends it."""
    lines = [_row(columns), _row(("---",) * len(columns)), *map(_row, rows)]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")
