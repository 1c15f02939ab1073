"""The OpenAPI 3.1 document of a table of routes: the same table that the router is made from."""

import re
from collections.abc import Iterable, Mapping
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import Struct

from gpu_shopper.api import problems
from gpu_shopper.api.routes import Access, Route
from gpu_shopper.domain import errors
from gpu_shopper.domain.errors import Refusal
from gpu_shopper.domain.launch import AttemptState, Proof
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import StopReason
from gpu_shopper.queries.phases import Phase
from gpu_shopper.wire.agent import PROTOCOL
from gpu_shopper.wire.problems import Problem

Json = dict[str, Any]

VERSION = "1.0.0"
_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
# What a reply says in words of the house: the words come from the house, so that they can't differ.
_WORDS: Mapping[tuple[str, str], type[State | StopReason | Phase | AttemptState | Proof]] = {
    ("SessionBody", "status"): State,
    ("SessionBody", "stop_reason"): StopReason,
    ("SessionBody", "phase"): Phase,
    ("AttemptBody", "state"): AttemptState,
    ("AttemptBody", "proof"): Proof,
}
# The agent's bodies say which protocol they are of, as they are written.
_AGENT_BODIES = {"Heartbeat", "Orders"}
_ANY_ROUTE: tuple[type[Refusal], ...] = (
    errors.Invalid,
    problems.BookClosed,
    problems.Unexpected,
)
_ABOUT = (
    "One service that shops for GPUs across clouds, rents one for you, hands you the keys, and makes sure that it is "
    "gone when you are done. Errors are application/problem+json; `code` is stable. Unknown fields and parameters are "
    "refused. Money is USD with at most six decimals, times are RFC 3339 in UTC."
)


def describe(routes: Iterable[Route]) -> Json:
    """Return the document for these routes."""
    table = tuple(routes)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cloud GPU Shopper", "version": VERSION, "description": _ABOUT},
        "paths": _paths(table),
        "components": {
            "schemas": _schemas(table),
            "headers": {"X-Request-ID": {"schema": {"type": "string"}, "description": _ID_TEXT}},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token. A server on which none was ever made serves its own machine without.",
                },
                "agent": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token that a node's agent was born with.",
                },
            },
        },
    }


_ID_TEXT = "The id of the request: yours, if it was well formed."
_KEY_PARAMETER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body give the same session again; another body is refused with 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}


_HELD_PARAMETER: Json = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of an earlier reply to the same question: while that still holds, the reply is 304.",
    "schema": {"type": "string"},
}


def _paths(table: Iterable[Route]) -> Json:
    paths: Json = {}
    for route in table:
        plain = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(plain, {})[route.method.lower()] = _operation(route)
    return paths


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": route.name,
        "summary": (route.answer.__doc__ or "").partition("\n")[0],
        "tags": [route.tag],
        "security": _security(route.access),
        "responses": _responses(route),
    }
    parameters = [*_path_parameters(route), *_query_parameters(route.query)]
    if route.method == "POST" and route.access is not Access.AGENT:
        parameters.append(_KEY_PARAMETER)
    if route.has_editions:
        parameters.append(_HELD_PARAMETER)
    if parameters:
        operation["parameters"] = parameters
    body = route.body or route.raw_body
    if body is not None:
        content = {"application/json": {"schema": _reference(body)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _security(access: Access) -> list[Json]:
    match access:
        case Access.OPEN:
            return []
        case Access.AGENT:
            return [{"agent": []}]
        case Access.READER | Access.SCRAPER:
            # Where it is open depends on the deployment, or on where one asks from.
            return [{}, {"token": []}]
        case _:
            return [{"token": []}]


def _path_parameters(route: Route) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]


def _query_parameters(query: type[Struct]) -> list[Json]:
    (_,), found = msgspec.json.schema_components([query], ref_template=_REF)
    schema = found[query.__name__]
    required = schema.get("required", [])
    parameters = []
    for name, wanted in schema["properties"].items():
        inlined = _inlined(wanted, found)
        parameter = {"name": name, "in": "query", "required": name in required, "schema": inlined}
        if "description" in inlined:
            parameter["description"] = inlined["description"]
        parameters.append(parameter)
    return parameters


def _inlined(schema: Any, found: Mapping[str, Any]) -> Any:
    """Return a parameter's schema with the enums in it written out, and without its null, which no query can say."""
    if isinstance(schema, list):
        return [_inlined(part, found) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = dict(found[schema["$ref"].rpartition("/")[2]])
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return {"enum": target["enum"], "type": "string", **rest}
    kinds = [part for part in schema.get("anyOf", []) if part != {"type": "null"}]
    if len(kinds) == 1:
        rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
        return {**_inlined(kinds[0], found), **rest}
    return {key: _inlined(value, found) for key, value in schema.items()}


def _responses(route: Route) -> Json:
    responses: Json = {str(route.status): _success(route)}
    if route.unready:
        responses["503"] = {
            **_success(route),
            "description": "Not now; the body says what is amiss.",
        }
    if route.has_editions:
        etag: Json = {"schema": {"type": "string"}, "description": "Names this state of the reply."}
        responses["200"]["headers"]["ETag"] = etag
        headers = responses["200"]["headers"]
        responses["304"] = {"description": "As it was when you asked before.", "headers": headers}
    refusals: dict[str, list[type[Refusal]]] = {}
    for refusal in dict.fromkeys(_refusals(route)):
        status, _ = problems.status_of(refusal)
        refusals.setdefault(str(int(status)), []).append(refusal)
    for number, classes in sorted(refusals.items()):
        responses.setdefault(number, _problem(classes))
    return responses


def _success(route: Route) -> Json:
    shown: Json = {"description": "As asked."}
    shown["headers"] = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
    replies = [reply for reply in (route.reply, route.other_reply) if reply is not None]
    schema: Json = {"type": "string"} if route.media_type != "application/json" else {}
    if replies:
        references = [_reference(reply) for reply in replies]
        schema = references[0] if len(references) == 1 else {"anyOf": references}
    shown["content"] = {route.media_type: {"schema": schema}}
    return shown


def _refusals(route: Route) -> Iterable[type[Refusal]]:
    if route.access is not Access.OPEN:
        yield errors.Unauthenticated
        if route.access is not Access.AGENT:
            yield errors.Forbidden
    if route.body is not None or route.raw_body is not None:
        yield problems.Malformed
        yield problems.WrongMediaType
    if route.changes:
        yield problems.TooLarge
    yield from _ANY_ROUTE
    yield from route.refuses


def _problem(classes: Iterable[type[Refusal]]) -> Json:
    codes = sorted({refusal.code for refusal in classes})
    return {
        "description": "Refused: " + ", ".join(f"`{code}`" for code in codes) + ".",
        "content": {problems.MEDIA_TYPE: {"schema": _reference(Problem)}},
    }


def _schemas(table: Iterable[Route]) -> Json:
    kinds: dict[type, None] = {Problem: None}
    for route in table:
        told = (route.body, route.raw_body, route.reply, route.other_reply)
        kinds.update((kind, None) for kind in told if kind is not None)
    _, found = msgspec.json.schema_components(list(kinds), ref_template=_REF)
    for (body, name), words in _WORDS.items():
        if body in found:
            _say(found[body]["properties"][name], [word.value for word in words])
    for body in _AGENT_BODIES & set(found):
        found[body]["properties"]["protocol"] = {"const": PROTOCOL}
        found[body]["required"].append("protocol")
        found[body]["additionalProperties"] = False
    return {name: _plainly_told(schema) for name, schema in sorted(found.items())}


def _plainly_told(schema: Json) -> Json:
    # A docstring keeps its indentation on some versions of the interpreter, and loses it on others.
    return {**schema, "description": cleandoc(schema.get("description", ""))}


def _say(field: Json, words: list[str]) -> None:
    text = next(
        (part for part in field.get("anyOf", [field]) if part.get("type") == "string"), field
    )
    text["enum"] = words


def _reference(kind: type) -> Json:
    return {"$ref": _REF.format(name=kind.__name__)}
