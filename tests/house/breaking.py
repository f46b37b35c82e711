"""What a new OpenAPI document takes away from those who were built on the old one."""

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
Schema = Mapping[str, Any]
_METHODS = ("get", "put", "post", "patch", "delete")
_CHOICES = ("anyOf", "oneOf", "allOf")


def breaches(old: Document, new: Document) -> dict[str, list[str]]:
    """OperationId to the sentences about what breaks in it; empty when every old client can live on."""
    found: dict[str, list[str]] = {}
    now = {operation["operationId"]: (place, operation) for place, operation in _operations(new)}
    for place, operation in _operations(old):
        name = operation["operationId"]
        if name not in now or now[name][0] != place:
            found[name] = [f"{' '.join(place)} is gone."]
        elif says := list(_operation(old, operation, new, now[name][1])):
            found[name] = says
    return found


def _operations(document: Document) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for path, item in document.get("paths", {}).items():
        for method in _METHODS:
            if method in item:
                yield (method.upper(), path), item[method]


def _operation(
    old: Document, before: Mapping[str, Any], new: Document, after: Mapping[str, Any]
) -> Iterator[str]:
    if after.get("x-scope") not in {None, before.get("x-scope")}:
        yield f"It asks for the scope {after['x-scope']} instead of {before.get('x-scope')}."
    yield from _parameters(old, before, new, after)
    for media_type, media in _contents(old, before.get("requestBody", {})).items():
        taken = _contents(new, after.get("requestBody", {})).get(media_type)
        if taken is None:
            yield f"It takes no {media_type} any more."
        else:
            yield from _compare(_Side(old, new, "body", request=True), media["schema"], taken["schema"])
    body = _target(new, after.get("requestBody", {}))
    if body.get("required") and not _target(old, before.get("requestBody", {})).get("required"):
        yield "It needs a body."
    for status, response in before["responses"].items():
        if not status.startswith("2"):
            continue
        if status not in after["responses"]:
            yield f"It answers {status} no more."
            continue
        for media_type, media in _contents(old, response).items():
            given = _contents(new, after["responses"][status]).get(media_type)
            if given is None:
                yield f"Its {status} is no {media_type} any more."
            else:
                side = _Side(old, new, f"answer {status}", request=False)
                yield from _compare(side, media.get("schema", {}), given.get("schema", {}))


def _parameters(
    old: Document, before: Mapping[str, Any], new: Document, after: Mapping[str, Any]
) -> Iterator[str]:
    had, has = (
        {
            (one["in"], one["name"].lower()): one
            for one in (_target(of, p) for p in operation.get("parameters", ()))
        }
        for of, operation in ((old, before), (new, after))
    )
    for key, one in had.items():
        if key not in has:
            yield f"The {key[0]} parameter {one['name']} is gone."
        else:
            side = _Side(old, new, one["name"], request=True)
            yield from _compare(side, one.get("schema", {}), has[key].get("schema", {}))
    for key, one in has.items():
        if one.get("required") and not had.get(key, {}).get("required"):
            yield f"The {key[0]} parameter {one['name']} is required."


class _Side:
    """Where in which documents one is, and whether it is said by the client or to it."""

    def __init__(
        self, old: Document, new: Document, at: str, *, request: bool, seen: frozenset[Any] = frozenset()
    ) -> None:
        self.old, self.new, self.at, self.request, self.seen = old, new, at, request, seen

    def into(self, name: str, pair: tuple[Any, Any]) -> "_Side":
        return _Side(self.old, self.new, f"{self.at}.{name}", request=self.request, seen=self.seen | {pair})


def _compare(side: _Side, before: Schema, after: Schema) -> Iterator[str]:
    pair = (before.get("$ref"), after.get("$ref"))
    if any(pair) and pair in side.seen:
        return
    before, after = _target(side.old, before), _target(side.new, after)
    old_kinds, new_kinds = _kinds(side.old, before), _kinds(side.new, after)
    narrow, wide = (new_kinds, old_kinds) if side.request else (old_kinds, new_kinds)
    # A client may go on saying what it said, and is told nothing that it was not told before.
    if narrow and _lost(narrow, wide):
        yield f"{side.at} was {' or '.join(sorted(old_kinds)) or 'anything'} and is {' or '.join(sorted(new_kinds)) or 'anything'}."
    old_words, new_words = _words(side.old, before), _words(side.new, after)
    if side.request and new_words is not None and (old_words is None or not old_words <= new_words):
        yield f"{side.at} takes {', '.join(sorted(map(str, new_words)))} only."
    old_parts, new_parts = _properties(side.old, before), _properties(side.new, after)
    for name, part in old_parts.items():
        if name in new_parts:
            yield from _compare(side.into(name, pair), part, new_parts[name])
        elif new_parts or "object" in new_kinds:
            yield f"{side.at}.{name} is gone."
    if side.request:
        for name in sorted(_required(side.new, after) - _required(side.old, before)):
            yield f"{side.at}.{name} is required."
    old_items, new_items = _items(side.old, before), _items(side.new, after)
    if old_items is not None and new_items is not None:
        yield from _compare(side.into("[]", pair), old_items, new_items)


def _lost(narrow: set[str], wide: set[str]) -> bool:
    # Every integer is a number.
    return not wide or bool(
        {("number" if kind == "integer" and "number" in narrow else kind) for kind in wide} - narrow
    )


def _target(document: Document, node: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _contents(document: Document, node: Mapping[str, Any]) -> Mapping[str, Any]:
    contents: Mapping[str, Any] = _target(document, node).get("content", {})
    return contents


def _branches(document: Document, schema: Schema) -> Iterator[Schema]:
    """The schema itself, or each of those that it is one of."""
    schema = _target(document, schema)
    choices = [one for key in _CHOICES for one in schema.get(key, ())]
    if not choices:
        yield schema
    for one in choices:
        yield from _branches(document, one)


def _kinds(document: Document, schema: Schema) -> set[str]:
    """JSON types, with their formats; empty for anything."""
    found: set[str] = set()
    for one in _branches(document, schema):
        types = one.get("type")
        if types is None:
            return set() if "enum" not in one and "const" not in one else found | {"string"}
        found |= {
            f"{kind} ({one['format']})" if "format" in one else kind
            for kind in ([types] if isinstance(types, str) else types)
        }
    return found


def _words(document: Document, schema: Schema) -> set[Any] | None:
    """The only values allowed; None when there are more than can be named."""
    found: set[Any] = set()
    for one in _branches(document, schema):
        if "const" in one:
            found.add(one["const"])
        elif "enum" in one:
            found |= set(one["enum"])
        elif one.get("type") != "null":
            return None
    return found


def _properties(document: Document, schema: Schema) -> dict[str, Schema]:
    return {
        name: part for one in _branches(document, schema) for name, part in one.get("properties", {}).items()
    }


def _required(document: Document, schema: Schema) -> set[str]:
    # Of several shapes the client chooses one, so only what all of them want is wanted.
    wanted = [
        set(one.get("required", ())) for one in _branches(document, schema) if one.get("type") != "null"
    ]
    return set.intersection(*wanted) if wanted else set()


def _items(document: Document, schema: Schema) -> Schema | None:
    return next((one["items"] for one in _branches(document, schema) if "items" in one), None)
