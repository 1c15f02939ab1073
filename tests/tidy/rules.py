"""House rules that no linter knows, each a pure function from a module to what breaks the rule.

A finding is one sentence that starts with the line. No finding means that the rule holds.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator

from tests.tidy.source import Module

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
VAGUE_NAMES = {"base", "common", "helpers", "manager", "misc", "utils"}

# What another library is allowed to do in which room; a room that is not here uses none.
LIBRARIES = {
    "__main__": {"click"},
    "api": {"httptools", "litestar", "msgspec", "prometheus_client", "structlog", "uvicorn"},
    "bootstrap": {"aiohttp", "msgspec", "prometheus_client", "structlog", "uvicorn", "uvloop"},
    "cli": {
        "aiohttp", "asyncssh", "click", "cryptography", "msgspec", "rich", "structlog", "uvicorn",
        "uvloop",
    },
    "client": {"aiohttp", "asyncssh", "msgspec"},
    "commands": {"msgspec"},
    "dashboard": {"msgspec"},
    "engine": {"structlog"},
    "market": {"msgspec", "numpy"},
    "providers": {"aiohttp", "msgspec"},
    "queries": {"msgspec"},
    "runtime": {
        "aiohttp", "asyncssh", "cryptography", "msgspec", "prometheus_client", "structlog", "uvloop",
    },
    "sandbox": {"aiohttp", "asyncssh", "click", "cryptography", "msgspec"},
    "settings": {"msgspec"},
    "stores": {"msgspec", "sqlalchemy"},
    "testing": {
        "aiohttp", "asyncssh", "click", "cryptography", "hypothesis", "litestar", "msgspec", "pytest",
        "sqlalchemy", "structlog",
    },
    "transport": {"aiohttp", "msgspec", "structlog"},
    "wire": {"msgspec"},
}  # fmt: skip

# Clouds that the house may talk to one day. `lambda` alone is a word of the language.
CLOUD_NAMES = re.compile(
    r"vast[._ ]?ai|runpod|lambda[ _]?(labs|cloud)|tensordock|datacrunch|paperspace|hyperstack"
    r"|nebius|coreweave|fluidstack|massed ?compute|shadeform|\bverda\b|\bcudo\b",
    re.IGNORECASE,
)
PLACES_WITH_CLOUD_NAMES = ("providers/", "testing/")
ROOMS_WITHOUT_A_FAVOURITE = {
    "commands", "domain", "engine", "market", "ports", "queries", "stores", "transport", "wire",
}  # fmt: skip

# One letter of each stands in brackets, so that this line does not break its own rule.
NOTE = re.compile(r"\bTO[D]O\b|\bFI[X]ME\b|\bX[X]X\b|\bHA[C]K\b")
TICKET = re.compile(
    r"\b(bug|issue|ticket|pull request)\s*#?\d+|(?<![\w&/])#\d{1,6}\b", re.IGNORECASE
)

WRITERS_OF_STATE = {"domain/session.py", "domain/launch.py"}
ROOMS_THAT_HOLD_STATE = {"commands", "domain", "engine", "queries", "stores"}

# Outermost frames: there is no one further out who could know better.
CATCHES_ALL = {
    "api/app.py": "one request may fail, the server goes on",
    "dashboard/app.py": "one page may fail, the server goes on",
    "cli/main.py": "the user sees a sentence, not a traceback",
    "engine/schedule.py": "one task's pass may fail, the others go on",
    "testing/house.py": "what a question raises belongs to whoever asked it from outside the house",
    "testing/soak.py": "a world that breaks the simulator is a finding; the others go on",
    "testing/sealed_loop.py": "what a thread's work raises belongs to whoever awaits it",
}
PROGRAMS_OF_THEIR_OWN = ("agent/", "sandbox/")


def too_long(module: Module) -> Iterator[str]:
    lines = module.text.count("\n")
    if lines > LONGEST_MODULE:
        yield f"1: {lines} lines, the limit is {LONGEST_MODULE}: split it along a noun"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"{node.lineno}: {node.name} has {length} lines, the limit is {LONGEST_FUNCTION}"


def silent(module: Module) -> Iterator[str]:
    if not ast.get_docstring(module.tree):
        yield "1: no docstring says what the module is for"


def vaguely_named(module: Module) -> Iterator[str]:
    for step in module.place.removesuffix(".py").split("/"):
        if VAGUE_NAMES & set(step.split("_")):
            yield f"1: {step!r} names no thing: say what is in it"


def notes(module: Module) -> Iterator[str]:
    """Notes to oneself, and numbers that only a tracker can explain."""
    for line, prose in _prose(module):
        for rule in (NOTE, TICKET):
            if match := rule.search(prose):
                yield f"{line}: {match.group()!r} belongs in an issue or in git"


def _prose(module: Module) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""


def names_a_cloud(module: Module) -> Iterator[str]:
    if not module.place.startswith(PLACES_WITH_CLOUD_NAMES):
        for number, line in enumerate(module.text.splitlines(), 1):
            if match := CLOUD_NAMES.search(line):
                yield f"{number}: {match.group()!r} is known to its own folder only: state a quirk"
    if module.room in ROOMS_WITHOUT_A_FAVOURITE:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and node.value == "sandbox":
                yield f"{node.lineno}: the sandbox is a cloud like any other here"


def sets_a_state(module: Module) -> Iterator[str]:
    """A state that changes anywhere but in `Session.advance` and the attempt's own module."""
    if module.room not in ROOMS_THAT_HOLD_STATE or module.place in WRITERS_OF_STATE:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Attribute) and t.attr == "state" for t in targets):
                yield f"{node.lineno}: assigns a state: call Session.advance"
        if isinstance(node, ast.Call) and _name(node.func) in {"replace", "_replace"}:
            given = {keyword.arg for keyword in node.keywords}
            if "state" in given:
                yield f"{node.lineno}: replaces a state: call Session.advance"


def catches_everything(module: Module) -> Iterator[str]:
    if module.place in CATCHES_ALL or module.place.startswith(PROGRAMS_OF_THEIR_OWN):
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        blanket = any(c is None or _name(c) in {"Exception", "BaseException"} for c in caught)
        passed_on = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
        if blanket and not passed_on:
            yield f"{node.lineno}: catches everything: name what is expected, or pass it on"


def foreign_libraries(module: Module) -> Iterator[str]:
    allowed = LIBRARIES.get(module.room, set())
    if module.place == "wire/agent.py":
        allowed = set()
    for line, name in imported(module):
        top = name.split(".")[0]
        if top not in sys.stdlib_module_names and top not in allowed | {"gpu_shopper"}:
            yield f"{line}: {module.room} has no use for {top} (tests/tidy/rules.py, LIBRARIES)"


def imported(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def too_new_for_a_node(module: Module) -> Iterator[str]:
    """Syntax that a rented machine's Python 3.8 would not read."""
    try:
        ast.parse(module.text, feature_version=(3, 8))
    except SyntaxError as error:
        yield f"{error.lineno}: {error.msg}"
    # Parsing with an older version's eyes still accepts these.
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Match):
            yield f"{node.lineno}: `match` is younger than 3.8"
        if isinstance(node, ast.TryStar):
            yield f"{node.lineno}: `except*` is younger than 3.8"


def contract_unstated(module: Module) -> Iterator[str]:
    """A port's method without its contract."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ClassDef) or "Protocol" not in {_name(b) for b in node.bases}:
            continue
        for member in node.body:
            is_method = isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef)
            if is_method and not ast.get_docstring(member):
                yield f"{member.lineno}: {node.name}.{member.name} states no contract"


def _name(node: ast.expr | None) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return _name(value)
        case _:
            return ""
