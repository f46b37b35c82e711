"""What the OpenAPI document says of the routes whose answers PostgreSQL builds."""

from collections.abc import Iterable
from typing import Any

from fastapi import Response
from pydantic import BaseModel

from app.api.bodies import MOST_ITEMS
from app.schemas.base import BulkResult, Count, Page
from app.schemas.runs import RunOut

BULK: list[type[BaseModel]] = []
"""The shapes of bulk items, and of what comes in several forms, which no route's signature names."""
TAG = ("ETag",)
PLACE = ("ETag", "Location")


def answer(
    shape: Any,
    status: int = 200,
    description: str = "Done.",
    headers: Iterable[str] = (),
    problems: Iterable[int] = (),
) -> dict[str, Any]:
    """Route arguments: this shape comes back, with these headers; or a problem that most routes do not have."""
    return {
        "status_code": status,
        "response_model": None,
        "responses": {
            status: _response(description, headers) | {"model": shape},
            **{one: problem(one) for one in problems},
        },
    }


def nothing(*problems: int) -> dict[str, Any]:
    """Route arguments: no body comes back; or a problem that most routes do not have."""
    return {"status_code": 204, "response_model": None, "responses": {one: problem(one) for one in problems}}


def problem(status: int) -> dict[str, str]:
    """A problem by its place in the document."""
    return {"$ref": f"#/components/responses/Problem{status}"}


def problem_or_page(status: int) -> dict[str, Any]:
    """A problem, or a page for people that says the same."""
    content = {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
        "text/html": {"schema": {"type": "string"}},
    }
    return _response(f"As Problem{status}; a page is answered with a page.", ("X-Request-ID",)) | {
        "content": content
    }


def _response(description: str, headers: Iterable[str]) -> dict[str, Any]:
    named = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return {"description": description, "headers": named}


def page(shape: type[BaseModel], problems: Iterable[int] = ()) -> dict[str, Any]:
    """Route arguments: a page of this shape comes back; or a problem that most routes do not have."""
    return answer(Page[shape], description="One page.", problems=problems)  # type: ignore[valid-type]


def one(shape: Any) -> dict[str, Any]:
    """Route arguments: one record, or 304 when the reader has it."""
    made = answer(shape, description="The record, with its version as ETag.", headers=TAG)
    made["responses"][304] = _response("You have this version already.", TAG)
    made["openapi_extra"] = {"parameters": [{"$ref": "#/components/parameters/IfNoneMatch"}]}
    return made


def made(shape: Any) -> dict[str, Any]:
    """Route arguments: a new record."""
    return answer(shape, 201, "The new record, with its address and ETag.", PLACE)


def uploaded(shape: Any) -> dict[str, Any]:
    """Route arguments: a file comes as the body, and a new record is made of it."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    body = {"required": True, "description": "The file.", "content": {"application/octet-stream": binary}}
    return made(shape) | {"openapi_extra": {"requestBody": body}}


def file(media_type: str) -> dict[str, Any]:
    """Route arguments: a file comes back."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    told = _response("The file.", ()) | {"content": {media_type: binary}}
    return {"status_code": 200, "response_model": None, "response_class": Response, "responses": {200: told}}


def changed(shape: Any) -> dict[str, Any]:
    """Route arguments: a changed record."""
    done = answer(shape, description="The record as it now stands, with its ETag.", headers=TAG)
    done["responses"][204] = {"description": "Changed, and not, or no longer, for you to see."}
    return done


def upserted(shape: Any) -> dict[str, Any]:
    """Route arguments: a record that was changed, or made."""
    done = changed(shape)
    new = _response("The new record, with its address and ETag.", PLACE)
    done["responses"][201] = new | {"model": shape}
    return done


def accepted() -> dict[str, Any]:
    """Route arguments: a run that will do it."""
    return answer(RunOut, 202, "The run that does it, with its address; watch it there.", PLACE)


def count() -> dict[str, Any]:
    """Route arguments: how many."""
    return answer(Count, description="How many.")


def sent(
    shape: type[BaseModel], told: type[BaseModel], page: dict[str, Any], problems: Iterable[int]
) -> dict[str, Any]:
    """Route arguments: a shape comes as JSON, or as the fields of a page; and goes back likewise."""
    BULK.append(shape)
    made = answer(told, description="Done; a page is answered with a page.", problems=problems)
    made["responses"][200]["content"] = page
    made["responses"][303] = {"description": "A page is sent on."}
    content = {
        "application/json": {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}},
        "application/x-www-form-urlencoded": {
            "schema": {"type": "object", "additionalProperties": {"type": "string"}}
        },
    }
    return made | {"openapi_extra": {"requestBody": {"required": True, "content": content}}}


def bulk(item: type[BaseModel]) -> dict[str, Any]:
    """Route arguments: up to 10,000 items, each with its own outcome."""
    BULK.append(item)
    body = {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["items"],
                    "additionalProperties": False,
                    "properties": {
                        "items": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST_ITEMS,
                            "items": {"$ref": f"#/components/schemas/{item.__name__}"},
                        }
                    },
                }
            }
        },
    }
    return answer(BulkResult, description="What came of every item.") | {
        "openapi_extra": {"requestBody": body}
    }
