"""The house rules hold for every module."""

import pytest

from tests.tidy import rules
from tests.tidy.source import Module, grounds, house

FOR_THE_HOUSE = (
    rules.too_long,
    rules.silent,
    rules.vaguely_named,
    rules.notes,
    rules.names_a_cloud,
    rules.sets_a_state,
    rules.catches_everything,
    rules.foreign_libraries,
)
FOR_THE_GROUNDS = (rules.too_long, rules.vaguely_named, rules.notes)


def named(module: Module) -> str:
    return module.place


def findings(module: Module, *which) -> list[str]:
    return [f"{module.place}:{finding}" for rule in which for finding in rule(module)]


@pytest.mark.parametrize("module", house(), ids=named)
def test_a_module_keeps_the_house_rules(module: Module) -> None:
    assert [] == findings(module, *FOR_THE_HOUSE)


@pytest.mark.parametrize("module", grounds(), ids=named)
def test_what_stands_around_the_house_is_tidy_too(module: Module) -> None:
    assert [] == findings(module, *FOR_THE_GROUNDS)


# A node loads these files, so its Python must be able to read them: the agent, its wire bodies
# and the packages that both are in.
LOADED_BY_A_NODE = [
    module
    for module in house()
    if module.room == "agent"
    or module.place in {"__init__.py", "wire/__init__.py", "wire/agent.py"}
]


@pytest.mark.parametrize("module", LOADED_BY_A_NODE, ids=named)
def test_what_a_node_loads_is_readable_for_python_3_8(module: Module) -> None:
    assert [] == findings(module, rules.too_new_for_a_node)


@pytest.mark.parametrize("module", [m for m in house() if m.room == "ports"], ids=named)
def test_every_method_of_a_port_states_its_contract(module: Module) -> None:
    assert [] == findings(module, rules.contract_unstated)
