"""Teams on the wire."""

from uuid import UUID

from pydantic import ConfigDict, Field

from app.schemas.base import DatedQuery, External, ExternalOut, Line, Name, RecordOut, Shape, optional


class TeamFields(Shape):
    """What can be written of a team."""

    name: Name = optional()
    parent_id: UUID | None = Field(None, description="The team above; null at the top.")
    external_ids: External = Field(default_factory=dict)


class TeamAdd(TeamFields):
    """A new team."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "华东销售"}]})

    name: Name


class TeamEdit(TeamFields):
    """Changes to a team."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"parent_id": None}]})


class TeamUpsert(TeamFields):
    """A team to add, or to edit when its id, one of its external ids or its name is known."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "华东销售", "external_ids": {"hr": "D-3"}}]}
    )

    id: UUID | None = None


class TeamOut(RecordOut, TeamFields):
    """A team."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class TeamQuery(DatedQuery):
    """Simple filters over teams."""

    name: Line | None = None
    parent_id: UUID | None = None
