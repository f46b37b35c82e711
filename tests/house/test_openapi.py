"""The OpenAPI document: the snapshot in git is what is served, and breaks nobody without saying so."""

import ast
import json
import re
import subprocess
from typing import Any

import httpx
import jsonschema_rs
import pytest

from app.domain import conditions
from app.domain.errors import InvalidInput
from app.domain.ops import Op
from app.main import openapi_document
from tests.house import codes, snapshot, source
from tests.house.breaking import breaches
from tests.house.source import ROOT

_DOCUMENT = openapi_document()
_OPERATIONS = {
    operation["operationId"]: operation for item in _DOCUMENT["paths"].values() for operation in item.values()
}


def test_the_snapshot_is_what_is_served():
    kept = json.loads(snapshot.DOCUMENT.read_text())
    served = json.loads(snapshot.text_of(_DOCUMENT))
    changed = sorted(
        f"{part}/{name}"
        for part in ("paths", *(f"components/{kind}" for kind in served["components"]))
        for name in _part(kept, part).keys() | _part(served, part).keys()
        if _part(kept, part).get(name) != _part(served, part).get(name)
    )
    assert changed == [], "openapi/openapi.json is not what is served: run `make openapi` and commit it"
    assert kept == served, "openapi/openapi.json is not what is served: run `make openapi` and commit it"


def _part(document: dict[str, Any], path: str) -> dict[str, Any]:
    found = document
    for name in path.split("/"):
        found = found.get(name, {})
    return found


def test_every_code_is_listed_and_nothing_else():
    assert snapshot.PROBLEMS.read_text() == codes.page(), (
        "openapi/problems.md is out of date: run `make openapi`"
    )


def test_nothing_breaks_that_is_not_announced():
    unreleased = re.search(r"(?ms)^## Unreleased\n(.*?)(?=^## |\Z)", snapshot.CHANGES.read_text())
    assert unreleased, "openapi/CHANGES.md has no heading Unreleased"
    announced = set(re.findall(r"`([a-z0-9_]+)`", unreleased[1]))
    broken: dict[str, list[str]] = {}
    for before in _kept_before():
        broken |= breaches(before, _DOCUMENT)
    missing = {name: says for name, says in broken.items() if name not in announced}
    assert missing == {}, (
        "this breaks clients: take it back, or name the operation in openapi/CHANGES.md, Unreleased"
    )


def _kept_before() -> list[dict[str, Any]]:
    """The snapshot as it was last committed, and as it was before that."""
    path = snapshot.DOCUMENT.relative_to(ROOT).as_posix()
    log = _git("log", "--format=%H", "-n", "2", "--", path)
    if log is None:
        pytest.skip("there is no git here, so no document to compare with")
    shown = (_git("show", f"{commit}:{path}") for commit in log.split())
    return [json.loads(text) for text in shown if text]


def _git(*command: str) -> str | None:
    try:
        done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def test_the_document_is_the_same_every_time():
    assert snapshot.text_of(openapi_document()) == snapshot.text_of(json.loads(json.dumps(_DOCUMENT)))


@pytest.mark.parametrize("name", sorted(_OPERATIONS))
def test_every_operation_shows_what_is_said_and_answered(name: str):
    operation = _OPERATIONS[name]
    contents = [operation["requestBody"]["content"]] if "requestBody" in operation else []
    answers = [operation["responses"][status] for status in operation["responses"] if status.startswith("2")]
    assert answers, f"{name} has no good answer"
    for answer in answers:
        assert answer["description"]
        contents.append(answer.get("content", {}))
    for content in contents:
        for media in content.values():
            assert media["schema"] != {}, f"{name} does not say what it answers: see app/api/docs.py"
            schema = {"components": _DOCUMENT["components"], **media["schema"]}
            valid = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
            faults = [
                f"{fault.instance_path}: {fault.message}" for fault in valid.iter_errors(_example(media))
            ]
            assert faults == [], f"the example of {name} does not fit; see Examples in app/api/openapi.py"


def _example(media: dict[str, Any]) -> Any:
    if "example" in media:
        return media["example"]
    [shape] = media["examples"]
    return _DOCUMENT["components"]["examples"][shape]["value"]


def test_the_examples_that_shapes_bring_fit_them():
    for name, schema in _DOCUMENT["components"]["schemas"].items():
        valid = jsonschema_rs.Draft202012Validator(
            {"components": _DOCUMENT["components"], **schema}, validate_formats=True
        )
        for example in schema.get("examples", ()):
            assert [fault.message for fault in valid.iter_errors(example)] == [], name


async def test_document_and_page_are_served_to_everybody(api: httpx.AsyncClient):
    document = await api.get("/openapi.json")
    assert document.status_code == 200
    assert document.json() == json.loads(json.dumps(_DOCUMENT))
    page = await api.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "openapi.json" in page.text


@pytest.mark.parametrize("response", sorted(_DOCUMENT["components"]["responses"]))
def test_the_example_of_a_problem_is_one_that_comes(response: str):
    [media] = _DOCUMENT["components"]["responses"][response]["content"].values()
    shown = media["example"]
    problem = {"components": _DOCUMENT["components"], "$ref": "#/components/schemas/Problem"}
    assert jsonschema_rs.Draft202012Validator(problem, validate_formats=True).is_valid(shown)
    assert f"Problem{shown['status']}" == response
    assert (shown["code"], shown["status"]) in {(one.code, one.status) for one in codes.found()}


def test_whatever_an_error_tells_a_program_is_in_the_problem():
    told = {
        word.arg
        for _, tree in source.modules("app")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in codes.CLASSES
        for word in node.keywords
    }
    assert {"conflicts", "retry_after"} <= told
    assert told <= _DOCUMENT["components"]["schemas"]["Problem"]["properties"].keys()


@pytest.mark.parametrize("shape", ["Search", "CountQuery"])
@pytest.mark.parametrize(
    "parts", [{"all": []}, {"any": [{"not": {"all": []}}]}, {}, {"every": []}, {"all": {}}]
)
def test_a_condition_fits_the_document_when_it_is_one(shape: str, parts: dict[str, Any]):
    schema = {"components": _DOCUMENT["components"], "$ref": f"#/components/schemas/{shape}"}
    try:
        conditions.parse(parts, {})
        good = True
    except InvalidInput:
        good = False
    assert jsonschema_rs.Draft202012Validator(schema).is_valid({"where": parts}) == good


@pytest.mark.parametrize("op", Op)
def test_the_document_takes_every_op(op: Op):
    schema = {"components": _DOCUMENT["components"], "$ref": "#/components/schemas/Condition"}
    valid = jsonschema_rs.Draft202012Validator(schema)
    assert valid.is_valid({"not": {"field": "custom.size", "op": op.value, "value": ["1.5", 2]}})
    assert not valid.is_valid({"field": "name", "op": f"{op}_", "value": None})
