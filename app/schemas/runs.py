"""Runs on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.domain.runs import RunStatus
from app.schemas.base import DatedQuery, Line, RecordOut, optional


class RunOut(RecordOut):
    """One piece of background work, with where it stands; its ETag moves with its progress."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    kind: str = optional()
    status: RunStatus = optional()
    params: dict[str, JsonValue] = optional()
    done: int = Field(0, description="Records done so far.")
    total: int | None = Field(None, description="Of how many, where that is known.")
    result: dict[str, JsonValue] | None = None
    error: str | None = Field(
        None, description="Why it failed, why the last attempt did, or what it waits for."
    )
    requested_by: UUID | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    due_at: datetime = optional()
    attempts: int = Field(0, description="Failed attempts at the present batch.")
    waiting_since: datetime | None = Field(
        None, description="Since when somebody else has been in the way of the present batch."
    )


class RunQuery(DatedQuery):
    """Simple filters over runs."""

    kind: Line | None = None
    status: RunStatus | None = None
    requested_by: UUID | None = None
