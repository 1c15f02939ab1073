"""Reads bodies and query parameters strictly: what is unknown, repeated, not finite or out of range is named."""

import hashlib
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from gpu_shopper.api.problems import BadInput, Malformed
from gpu_shopper.domain.errors import Invalid
from gpu_shopper.wire.problems import FieldProblem

BODY_LIMIT_BYTES = 64 * 1024
MOST_PROBLEMS = 20
_LONGEST_KEY = 255
_LONGEST_NAME = 64

T = TypeVar("T", bound=Struct)


def parse_body(body: bytes, kind: type[T]) -> T:
    """Return the body as `kind`.

    Raises:
        Invalid: it is not JSON, or a field is wrong; all that can be told at once is named.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise BadInput(_all_problems(body, kind, error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("the body is not well-formed JSON", path="$") from error


def digest_of(route: str, body: Struct) -> str:
    """Return what stands for a parsed body: the same for the same meaning, however it was written."""
    canonical = msgspec.json.encode(body, order="deterministic")
    return hashlib.sha256(route.encode() + b"\0" + canonical).hexdigest()


def pairs_of(query: bytes) -> Sequence[tuple[str, str]]:
    """Return the parameters of a query string as forms write them: as `urllib.parse.parse_qsl` reads them, blanks kept.

    Most have nothing to decode, and are read in a third of its time.
    """
    text = query.decode("latin-1").replace("+", " ")
    pairs = [part.partition("=") for part in text.split("&") if part]
    if "%" not in text:
        return [(name, value) for name, _, value in pairs]
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def parse_query(given: Iterable[tuple[str, str]], kind: type[T]) -> T:
    """Return the query parameters as `kind`; those whose field is a list may be repeated.

    Raises:
        Invalid: a parameter is unknown, repeated or out of its range.
    """
    fields, lists = _fields_of(kind), _lists_of(kind)
    values: dict[str, str | list[str]] = {}
    problems = []
    for name, value in given:
        if name not in fields:
            problems.append(_unknown(name, fields))
        elif name in lists:
            listed = values.setdefault(name, [])
            assert isinstance(listed, list), name
            listed.append(value)
        elif name in values:
            problems.append(FieldProblem(path=name, message="was given twice"))
        else:
            values[name] = value
    parsed = None if problems else _converted(values, kind)
    if parsed is None:
        # Only what is wrong is looked at one by one, to name it all.
        problems += _value_problems(values, fields)
        raise BadInput(tuple(problems[:MOST_PROBLEMS]))
    return parsed


def parse_key(text: str | None) -> str | None:
    """Return an Idempotency-Key.

    Raises:
        Invalid: it is empty, too long or not printable.
    """
    if text is None:
        return None
    if not (1 <= len(text) <= _LONGEST_KEY and text.isascii() and text.isprintable()):
        message = f"Idempotency-Key must have 1 to {_LONGEST_KEY} printable ASCII characters"
        raise Invalid(message, path="Idempotency-Key")
    return text


def _converted(values: Mapping[str, str | list[str]], kind: type[T]) -> T | None:
    """Return the values as `kind`; None if one of them is not what it should be."""
    try:
        parsed = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError:
        return None
    for name in values:
        one = getattr(parsed, name)
        if isinstance(one, float) and not math.isfinite(one):
            return None
    return parsed


@cache
def _lists_of(kind: type[Struct]) -> frozenset[str]:
    """Return the fields that may be repeated."""
    return frozenset(name for name, field in _fields_of(kind).items() if _is_list(field))


@cache
def _fields_of(kind: type[Struct]) -> Mapping[str, Any]:
    """Return the fields and their types: reading them from the class takes longer than all else about a query."""
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _value_problems(
    values: Mapping[str, str | list[str]], fields: Mapping[str, Any]
) -> Iterable[FieldProblem]:
    for name, value in values.items():
        try:
            parsed = msgspec.convert(value, fields[name], strict=False)
        except msgspec.ValidationError as error:
            path, message = _split(str(error))
            yield FieldProblem(path=name + path.removeprefix("$"), message=message)
        else:
            if isinstance(parsed, float) and not math.isfinite(parsed):
                yield FieldProblem(path=name, message="must be a finite number")


def _unknown(name: str, known: Iterable[str]) -> FieldProblem:
    names = ", ".join(sorted(known)) or "none"
    message = f"is not a known parameter; known are: {names}"
    return FieldProblem(path=name[:_LONGEST_NAME], message=message)


def _all_problems(
    body: bytes, kind: type[Struct], error: msgspec.ValidationError
) -> tuple[FieldProblem, ...]:
    """Look at each field by itself, because the decoder stops at the first that is wrong."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raw = None
    found = list(_struct_problems(raw, kind, "$")) if isinstance(raw, dict) else []
    if not found:
        path, message = _split(str(error))
        found = [FieldProblem(path=path, message=message)]
    return tuple(found[:MOST_PROBLEMS])


def _struct_problems(
    raw: Mapping[str, object], kind: type[Struct], path: str
) -> Iterable[FieldProblem]:
    fields = msgspec.structs.fields(kind)
    known = {field.encode_name for field in fields}
    for name in raw:
        if name not in known:
            shown = f"{path}.{name[:_LONGEST_NAME]}"
            yield FieldProblem(path=shown, message="is not a known field")
    for field in fields:
        place = f"{path}.{field.encode_name}"
        if field.encode_name in raw:
            yield from _field_problems(raw[field.encode_name], field.type, place)
        elif field.required:
            yield FieldProblem(path=place, message="is required")


def _field_problems(value: object, kind: Any, path: str) -> Iterable[FieldProblem]:
    nested = _struct_in(kind)
    if nested is not None and isinstance(value, dict):
        yield from _struct_problems(value, nested, path)
        return
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        inner, message = _split(str(error))
        yield FieldProblem(path=path + inner.removeprefix("$"), message=message)


def _split(text: str) -> tuple[str, str]:
    """Take the decoder's sentence apart into the path and the message."""
    message, separator, path = text.rpartition(" - at `")
    if not separator:
        return "$", text
    return path.removesuffix("`"), message


def _struct_in(kind: Any) -> type[Struct] | None:
    return next((part for part in _parts(kind) if _is_struct(part)), None)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _is_list(kind: Any) -> bool:
    return any(get_origin(part) is list for part in _parts(kind))


def _parts(kind: Any) -> Sequence[Any]:
    """Return the members of a union, without their annotations."""
    if get_origin(kind) is Annotated:
        return _parts(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType}:
        return [part for member in get_args(kind) for part in _parts(member)]
    return [kind]
