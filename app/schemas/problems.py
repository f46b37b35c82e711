"""Errors on the wire: RFC 9457 problem details."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from app.domain.errors import InvalidInput
from app.domain.pointers import pointer

_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""As RFC 9110 calls them; Python does so from 3.13 on."""


def title_of(status: int) -> str:
    """The name of a status."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    at: str = Field(
        description="JSON pointer into the request: /body/name, /query/limit; of a pipeline, into it."
    )
    detail: str
    code: str | None = Field(None, description="Which fault, where there are several kinds.")


class Conflict(BaseModel):
    """A field that somebody else changed meanwhile: as you read it, as it stands, as you want it."""

    field: str
    base: JsonValue = None
    theirs: JsonValue = None
    yours: JsonValue = None


class Problem(BaseModel):
    """An RFC 9457 problem; programs look at code, people at detail. The members after request_id come where they tell something."""

    model_config = ConfigDict(json_schema_extra={"examples": []})

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None = None
    errors: list[Fault] | None = Field(None, description="What is wrong with the request, one by one.")
    at: str | None = Field(None, description="JSON pointer into the condition that is wrong.")
    field: str | None = Field(None, description="The field, parameter or header that is refused.")
    scope: str | None = Field(None, description="The scope that is missing.")
    beyond: list[str] | None = Field(None, description="What would be given and is not the giver's to give.")
    allowed: list[str] | None = Field(
        None, description="The statuses, or stages, that can follow the present one."
    )
    stage: str | None = Field(None, description="The stage that is meant.")
    stages: list[str] | None = Field(None, description="The stages that there are, or in which deals stand.")
    fields: list[str] | None = Field(None, description="The fields that must be filled in first.")
    roles: list[str] | None = Field(None, description="The roles of which one must agree.")
    run: UUID | None = Field(None, description="The run that is at it already: /v1/runs/{id}.")
    version: int | None = Field(None, description="The version that stands now.")
    conflicts: list[Conflict] | None = Field(
        None, description="Of the fields that you may read, those that differ from what you started from."
    )
    retry_after: int | None = Field(None, description="Seconds, as in the header Retry-After.")


def faults_of(found: list[Any], prefix: tuple[Any, ...] = ()) -> list[dict[str, str]]:
    """Pydantic's findings as pointers and sentences, without the input, which may be a secret."""
    return [{"at": pointer((*prefix, *one["loc"])) or "/", "detail": one["msg"]} for one in found]


def invalid(fault: ValidationError) -> InvalidInput:
    """A shape's findings as our error."""
    faults, named = _told(fault)
    return InvalidInput("request_invalid", f"This item cannot be understood. {named}", errors=faults[:20])


def incomplete_for(fault: ValidationError) -> InvalidInput:
    """What would do as an edit, but knows no record that is there, and is not enough for a new one."""
    faults, named = _told(fault)
    return InvalidInput(
        "incomplete", f"There is no such record yet, and a new one needs more. {named}", errors=faults[:20]
    )


def _told(fault: ValidationError) -> tuple[list[dict[str, str]], str]:
    faults = faults_of(list(fault.errors(include_url=False, include_input=False)))
    return faults, "; ".join(f"{one['at']}: {one['detail']}" for one in faults[:3])
