"""The place of a fault, marked under the query, for a screen; whoever shows it needs nothing else of the language."""

_BEFORE = 50
_AFTER = 25


def caret_lines(text: str, *, position: int, word: str) -> tuple[str, str]:
    """Return the part of the query around `word`, which stands at that column, and a line with `^` under it."""
    at = position - 1
    start = max(0, at - _BEFORE)
    left, right = "…" if start else "", "…" if at + _AFTER < len(text) else ""
    part = "".join(char if char.isprintable() else " " for char in text[start : at + _AFTER])
    width = max(1, min(len(word), _AFTER))
    return f"{left}{part}{right}", " " * (len(left) + at - start) + "^" * width
