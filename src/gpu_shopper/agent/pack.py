"""Build the agent's zipapp: one small file that any Python from 3.8 on runs.

The same source gives the same bytes: no timestamps, a fixed order. Comments, docstrings and the types of signatures stay
at home, but every line keeps its number, so that a traceback from a node points into the source. `python -m gpu_shopper.agent.pack OUT`.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
import zipfile
from functools import lru_cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_STAYS_AT_HOME = ("pack.py", "boot_script.py")
_START = "from gpu_shopper.agent.main import main\nmain()\n"
_EARLIEST = (1980, 1, 1, 0, 0, 0)


@lru_cache(maxsize=1)
def zipapp_bytes() -> bytes:
    """Return the zipapp's bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in sorted(_sources().items()):
            entry = zipfile.ZipInfo(name, date_time=_EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text.encode("utf-8"), compresslevel=9)
    return out.getvalue()


def stripped(source: str) -> str:
    """Return the source without comments, docstrings and the types of signatures.

    Each statement stays on the line where it was.
    """
    text = source.split("\n")
    lines = [list(line) for line in text]
    # Each costs a server's start some of its time, so it is done once for all three.
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    nodes = list(ast.walk(ast.parse(source)))
    for first_line, first, last_line, last in [
        *_comments(tokens),
        *_docstrings(nodes, text),
        *_signature_types(nodes, tokens, text),
    ]:
        for number in range(first_line, last_line + 1):
            start = first if number == first_line else 0
            end = last if number == last_line else len(lines[number - 1])
            for column in range(start, end):
                lines[number - 1][column] = " "
    return "\n".join("".join(line).rstrip() for line in lines)


def _comments(tokens: list[tokenize.TokenInfo]) -> list[tuple[int, int, int, int]]:
    return [(*token.start, *token.end) for token in tokens if token.type == tokenize.COMMENT]


def _docstrings(nodes: list[ast.AST], lines: list[str]) -> list[tuple[int, int, int, int]]:
    found = []
    for node in nodes:
        if (
            not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            or ast.get_docstring(node) is None
        ):
            continue
        prose = node.body[0]
        # A body of nothing but its docstring would be a syntax error without it.
        if len(node.body) > 1 or isinstance(node, ast.Module):
            found.append(_span(lines, prose))
    return found


def _signature_types(
    nodes: list[ast.AST], tokens: list[tokenize.TokenInfo], lines: list[str]
) -> list[tuple[int, int, int, int]]:
    found = []
    arrows = [token.start for token in tokens if token.string == "->"]
    for node in nodes:
        if isinstance(node, ast.arg) and node.annotation is not None:
            first_line, first, _, _ = _span(lines, node)
            _, _, last_line, last = _span(lines, node.annotation)
            found.append((first_line, first + len(node.arg), last_line, last))
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            first_line, first, last_line, last = _span(lines, node.returns)
            arrow = max(start for start in arrows if start < (first_line, first))
            # Blanked over several lines, the brackets that joined them would be missing.
            if arrow[0] == last_line:
                found.append((*arrow, last_line, last))
    return found


def _span(lines: list[str], node: ast.stmt | ast.expr | ast.arg) -> tuple[int, int, int, int]:
    last_line = node.end_lineno or node.lineno
    # The syntax tree counts bytes, the source counts characters.
    first = len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
    last = len(lines[last_line - 1].encode()[: node.end_col_offset].decode())
    return (node.lineno, first, last_line, last)


def _sources() -> dict[str, str]:
    found = {
        "__main__.py": _START,
        "gpu_shopper/__init__.py": "",
        "gpu_shopper/wire/__init__.py": "",
    }
    travelling = [path for path in _PACKAGE.glob("agent/*.py") if path.name not in _STAYS_AT_HOME]
    for path in [*travelling, _PACKAGE / "wire" / "agent.py"]:
        name = "gpu_shopper/" + path.relative_to(_PACKAGE).as_posix()
        found[name] = stripped(path.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Write the zipapp to the path that was named."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m gpu_shopper.agent.pack OUT\n")
        sys.exit(2)
    Path(sys.argv[1]).write_bytes(zipapp_bytes())


if __name__ == "__main__":
    main()
