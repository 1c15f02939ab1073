"""The dashboard stands before the API, costs nothing until somebody looks, and is known to nobody else."""

import ast
from collections.abc import Iterator

from gpu_shopper.bootstrap.front import front_of
from tests.api.asgi import Browser
from tests.api.house import a_house
from tests.tidy.source import Module, house


def imports(nodes: list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def is_dashboards(name: str) -> bool:
    return name.startswith("gpu_shopper.dashboard")


def everywhere(module: Module) -> bool:
    return any(
        map(
            is_dashboards,
            imports([node for node in ast.walk(module.tree) if isinstance(node, ast.stmt)]),
        )
    )


def test_only_the_front_knows_the_pages_and_loads_them_when_somebody_looks() -> None:
    outside = [module for module in house() if module.room != "dashboard"]

    assert ["bootstrap/front.py"] == [module.place for module in outside if everywhere(module)]
    assert [] == [
        module.place for module in outside if any(map(is_dashboards, imports(module.tree.body)))
    ]


def test_the_api_answers_as_if_there_were_no_dashboard() -> None:
    there = a_house()
    alone, fronted = there.browser(), Browser(front_of(there.rooms))

    for path in (
        "/api/v1/inventory",
        "/health",
        "/docs",
        "/openapi.json",
        "/dashboardx",
        "/",
        "/nothing",
    ):
        one, other = (browser.get(path, X_Request_ID="r1") for browser in (alone, fronted))
        assert (one.status, one.headers, one.body) == (other.status, other.headers, other.body)
