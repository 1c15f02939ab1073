"""The document describes what is served."""

import re

import msgspec

from gpu_shopper.api.describing import describe
from gpu_shopper.api.table import ROUTES, document
from gpu_shopper.domain.lifecycle import State
from tests.api.house import a_house
from tests.tidy.source import ROOT

SPEC = msgspec.json.decode(document())


def operations():
    for path, methods in SPEC["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_kept_document_is_the_served_one() -> None:
    kept = (ROOT / "openapi.json").read_bytes()

    assert kept == document() == a_house().browser().get("/openapi.json").body


def test_the_document_is_the_same_each_time_it_is_made() -> None:
    assert describe(ROUTES) == describe(ROUTES)


def test_each_reference_leads_somewhere() -> None:
    references = set(re.findall(r'"#/components/(\w+)/([\w-]+)"', document().decode()))

    assert references
    assert [] == [pair for pair in references if pair[1] not in SPEC["components"][pair[0]]]


def test_each_operation_has_an_id_of_its_own_and_says_what_it_does() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]

    assert len(names) == len(set(names)) == len(ROUTES)
    assert all(operation["summary"].endswith(".") for _, _, operation in operations())


def test_the_path_parameters_are_those_of_the_path() -> None:
    for path, _, operation in operations():
        told = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert set(re.findall(r"\{(\w+)\}", path)) == told


def test_every_error_is_a_problem() -> None:
    for path, _, operation in operations():
        for status, reply in operation["responses"].items():
            if int(status) >= 400 and not (path in {"/health", "/ready"} and status == "503"):
                assert ["application/problem+json"] == list(reply["content"]), (path, status)


def test_bodies_refuse_what_they_do_not_know() -> None:
    for _, _, operation in operations():
        if body := operation.get("requestBody"):
            name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert False is SPEC["components"]["schemas"][name]["additionalProperties"]


def test_the_states_are_those_of_the_table() -> None:
    body = SPEC["components"]["schemas"]["SessionBody"]["properties"]

    assert [state.value for state in State] == body["status"]["enum"]
    assert "proving absence" in body["phase"]["enum"]
