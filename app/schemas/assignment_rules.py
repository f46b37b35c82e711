"""Assignment rules on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer

from app.domain.assignment import About, Method, Otherwise, Why
from app.schemas.base import NUMBER, DatedQuery, Flag, Line, Name, Part, RecordOut, Shape, optional
from app.schemas.conditions import Where

_PERSON = "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"
_EXAMPLE: dict[str, JsonValue] = {
    "name": "华东线索",
    "noun": "contact",
    "condition": {"field": "source", "op": "eq", "value": "website"},
    "people": [{"user_id": _PERSON, "daily_quota": 20}],
    "in_hours": True,
}
_Quota = Annotated[int, Field(ge=1, le=100_000), NUMBER]


class RulePerson(Part):
    """Somebody who gets records by a rule."""

    # As text, in which it is kept.
    user_id: Annotated[UUID, PlainSerializer(str, return_type=str)]
    daily_quota: _Quota | None = Field(None, description="Records a day; the rule's when left out.")
    values: list[Line] = Field(
        default_factory=list,
        max_length=500,
        description="Of the rule's territory, upper and lower case alike; who has none takes what the others do not name.",
    )


class AssignmentRuleFields(Shape):
    """What can be written of an assignment rule at any time."""

    name: Name = optional()
    position: Annotated[int, Field(ge=0, le=1_000_000), NUMBER] = Field(
        0,
        description="The lower one is asked first, and the first that matches decides; of two, the older one.",
    )
    active: Flag = True
    condition: Where | None = Field(
        None, description="Of the record as it comes in; without one, it holds of all."
    )
    method: Method = Field(
        Method.ROUND_ROBIN,
        description="round_robin: who got one by this rule the longest ago; least_loaded: who has the fewest open deals,"
        " or of other nouns the fewest records that are not archived; fixed: who stands first in the list.",
    )
    people: list[RulePerson] = Field(
        default_factory=list,
        max_length=200,
        description="In their order; the list is given whole. A rule without people and team keeps others from being asked.",
    )
    team_id: UUID | None = Field(
        None,
        description="The active people of this team and those below it stand behind those who are named.",
    )
    daily_quota: _Quota | None = Field(
        None, description="Records that each gets a day by this rule, in the organisation's time zone."
    )
    territory: Line | None = Field(None, description="The field of the record whose values people have.")
    in_hours: Flag = Field(False, description="Nobody gets anything while the calendar is closed.")
    calendar_id: UUID | None = Field(None, description="The organisation's own when left out.")
    otherwise: Otherwise = Field(
        Otherwise.NEXT,
        description="When nobody of the rule can take a record: the next rule is asked, it falls to fallback_id, or it"
        " stays nobody's.",
    )
    fallback_id: UUID | None = Field(
        None, description="Who gets it then; away or not, while they are active."
    )


class AssignmentRuleAdd(AssignmentRuleFields):
    """A new rule: of records of one noun that would be nobody's."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    noun: About


class AssignmentRuleEdit(AssignmentRuleFields):
    """Changes to a rule; what was given so far stays counted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"active": False}]})


class AssignmentRuleOut(RecordOut, AssignmentRuleFields):
    """An assignment rule."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    noun: About = optional()


class AssignmentRuleQuery(DatedQuery):
    """Simple filters over assignment rules."""

    name: Name | None = None
    noun: About | None = None
    active: bool | None = None
    team_id: UUID | None = None


class AssignmentPreview(Shape):
    """Whom a record would go to now: one that is there, by its id, or one that is not, as it would be sent."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"noun": "contact", "record": {"name": "张伟", "source": "website"}}]}
    )

    noun: About
    id: UUID | None = None
    record: dict[str, JsonValue] | None = None


class AssignmentCandidate(BaseModel):
    """Somebody whom a rule has looked at."""

    user_id: UUID
    why: Why | None = Field(description="Why they cannot take it; null for who can.")
    until: datetime | None = Field(description="Until when, where that is known.")
    given: int = Field(description="By this rule today.")
    daily_quota: int | None
    load: int | None = Field(description="What they have; null for who does not see all records of the noun.")


class AssignmentLook(BaseModel):
    """What one rule found."""

    id: UUID
    name: str
    matched: bool
    failed: list[dict[str, Any]] = Field(description="The parts of its condition that do not hold.")
    problem: str | None = Field(description="Why it can be asked of no record any more.")
    candidates: list[AssignmentCandidate] = Field(description="In the rule's order, where it matched.")


class AssignmentExplained(BaseModel):
    """Who would get a record, and why."""

    rule_id: UUID | None = Field(description="The rule that decides; null when the record stays nobody's.")
    owner_id: UUID | None
    fallback: bool = Field(description="Whether it falls to them because nobody else could take it.")
    looks: list[AssignmentLook] = Field(description="The rules in their order, as far as they were asked.")
