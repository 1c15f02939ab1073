"""The project's own files as the tidy tests read them: once, and with their syntax trees."""

import ast
import subprocess
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "gpu_shopper"


@dataclass(frozen=True)
class Module:
    """One Python file: where it stands in the house and what it says."""

    place: str
    text: str = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        """The first step of its place: `domain`, `engine`, or the file's own name on the roof."""
        return self.place.split("/", maxsplit=1)[0].removesuffix(".py")


def read(path: Path, beneath: Path) -> Module:
    return Module(path.relative_to(beneath).as_posix(), path.read_text(encoding="utf-8"))


@cache
def house() -> tuple[Module, ...]:
    """Every module of the package, placed from the package down."""
    return tuple(read(path, PACKAGE) for path in sorted(PACKAGE.rglob("*.py")))


@cache
def grounds() -> tuple[Module, ...]:
    """Every Python file around the package: tests, measurements."""
    return tuple(
        read(path, ROOT)
        for folder in ("tests", "bench")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "tidy" not in path.parts
    )


@cache
def tracked() -> tuple[tuple[str, str], ...]:
    """Every text file that git keeps or would keep, with what it says."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False, text=True,
    )  # fmt: skip
    names = [name for name in listing.stdout.split("\0") if name]
    if not names:
        names = [
            path.relative_to(ROOT).as_posix()
            for folder in ("src", "tests", "docs", "bench", "scripts", "requirements", "changes")
            for path in (ROOT / folder).rglob("*")
            if "__pycache__" not in path.parts
        ]
    found = []
    for name in names:
        path = ROOT / name
        if not path.is_file() or path.is_symlink():
            continue
        try:
            found.append((name, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return tuple(found)
