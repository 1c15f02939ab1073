"""Each house rule finds the sin it is there for, and lets what is allowed pass."""

import pytest

from tests.tidy import rules
from tests.tidy.source import Module

SINS = [
    (rules.too_long, "domain/x.py", "x = 1\n" * 401),
    (rules.too_long, "domain/x.py", "def f():\n" + "    g()\n" * 60),
    (rules.silent, "domain/x.py", "x = 1\n"),
    (rules.vaguely_named, "domain/session_utils.py", ""),
    (rules.vaguely_named, "common/x.py", ""),
    (rules.notes, "domain/x.py", "x = 1  # TO" + "DO: later\n"),
    (rules.notes, "domain/x.py", "# See bug 46.\n"),
    (rules.notes, "domain/x.py", 'def f():\n    """Work around #12."""\n'),
    (rules.names_a_cloud, "engine/x.py", 'if provider == "vastai": pass\n'),
    (rules.names_a_cloud, "engine/x.py", 'if provider == "sandbox": pass\n'),
    (rules.sets_a_state, "engine/x.py", "session.state = State.RUNNING\n"),
    (rules.sets_a_state, "stores/x.py", "replace(session, state=State.RUNNING)\n"),
    (rules.catches_everything, "engine/x.py", "try: f()\nexcept Exception: pass\n"),
    (rules.catches_everything, "engine/x.py", "try: f()\nexcept (OSError, BaseException): g()\n"),
    (rules.catches_everything, "engine/x.py", "try: f()\nexcept: g()\n"),
    (rules.foreign_libraries, "domain/x.py", "import msgspec\n"),
    (rules.foreign_libraries, "api/x.py", "from sqlalchemy import text\n"),
    (rules.foreign_libraries, "agent/x.py", "import aiohttp\n"),
    (rules.foreign_libraries, "wire/agent.py", "import msgspec\n"),
    (rules.too_new_for_a_node, "agent/x.py", "match x:\n    case 1: pass\n"),
    (rules.too_new_for_a_node, "agent/x.py", "with (a as b, c as d): pass\n"),
    (rules.contract_unstated, "ports/x.py", "class P(Protocol):\n    def f(self): ...\n"),
]
ALLOWED = [
    (rules.too_long, "domain/x.py", "def f():\n" + "    g()\n" * 59),
    (rules.notes, "domain/x.py", 'COLOUR = "#123456"\n'),
    (rules.names_a_cloud, "providers/vastai/api.py", 'NAME = "vastai"\n'),
    (rules.names_a_cloud, "domain/x.py", "key = lambda labels: labels\n"),
    (rules.sets_a_state, "domain/session.py", "replace(self, state=after)\n"),
    (rules.sets_a_state, "engine/x.py", "assert session.state == State.RUNNING\n"),
    (
        rules.catches_everything,
        "engine/x.py",
        "try: f()\nexcept BaseException:\n    g()\n    raise\n",
    ),
    (rules.catches_everything, "engine/schedule.py", "try: f()\nexcept Exception: pass\n"),
    (rules.foreign_libraries, "wire/x.py", "import msgspec, json, gpu_shopper.wire\n"),
    (rules.too_new_for_a_node, "agent/x.py", "x: int = (y := 1)\n"),
    (
        rules.contract_unstated,
        "ports/x.py",
        'class P(Protocol):\n    def f(self):\n        """Say."""\n',
    ),
]


@pytest.mark.parametrize(("rule", "place", "text"), SINS)
def test_a_rule_finds_its_sin(rule, place: str, text: str) -> None:
    assert list(rule(Module(place, text))) != []


@pytest.mark.parametrize(("rule", "place", "text"), ALLOWED)
def test_a_rule_lets_pass_what_is_allowed(rule, place: str, text: str) -> None:
    assert [] == list(rule(Module(place, text)))
