"""Pipelines on the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.pipelines.definitions import MOST_DAYS, MOST_GUARDS, MOST_STAGES
from app.domain.pipelines.stages import StageKind
from app.schemas.base import NUMBER, DatedQuery, Key, Line, Name, Part, RecordOut, Shape, Share, optional
from app.schemas.conditions import Where

StageKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FieldName = Annotated[str, Field(pattern=r"^(custom\.)?[a-z][a-z0-9_]{0,62}$")]
Steps = Annotated[int, Field(ge=0, le=MOST_STAGES), NUMBER]


class Guard(Part):
    """What must hold of a deal before it enters a stage."""

    condition: Where
    reason: Line = Field(
        min_length=1, description="The sentence that refuses a deal of which it does not hold."
    )


class Stage(Part):
    """One stage of a pipeline."""

    key: StageKey
    name: Name
    kind: StageKind
    probability: Share = Field(
        description="That a deal standing here is won: 1 for a won stage, 0 for a lost one."
    )
    expected_days: Annotated[int, Field(ge=1, le=MOST_DAYS), NUMBER] | None = Field(
        None, description="Business days that a deal is expected to stand here."
    )
    on_entry: list[FieldName] = Field(
        default_factory=list,
        max_length=100,
        description="Fields that must be filled in before a deal enters.",
    )
    on_exit: list[FieldName] = Field(
        default_factory=list,
        max_length=100,
        description="Fields that must be filled in before a deal goes on.",
    )
    guards: list[Guard] = Field(default_factory=list, max_length=MOST_GUARDS)
    approvers: list[Name] = Field(
        default_factory=list,
        max_length=50,
        description="Roles of which one must bring a deal here, or approve that somebody else does.",
    )


class Moves(Part):
    """Which stages may follow which, beside those that are lost."""

    forward: Steps = Field(1, description="Steps that a deal may go on at once; 2 skips a stage.")
    back: Steps = Field(0, description="Steps that it may go back at once.")
    listed: list[Annotated[list[StageKey], Field(min_length=2, max_length=2)]] = Field(
        default_factory=list,
        max_length=1_000,
        description="Pairs from and to that are allowed whatever their distance.",
    )
    entries: list[StageKey] = Field(
        default_factory=list,
        max_length=MOST_STAGES,
        description="Where deals are opened; the first stage when empty.",
    )
    reopened: list[StageKey] = Field(
        default_factory=list,
        max_length=MOST_STAGES,
        description="Where closed deals come back to; without any, they stay closed.",
    )


_STAGES: list[JsonValue] = [
    {"key": "new", "name": "新线索", "kind": "open", "probability": "0.1", "expected_days": 5},
    {"key": "quote", "name": "报价", "kind": "open", "probability": "0.5", "on_entry": ["amount"]},
    {"key": "won", "name": "赢单", "kind": "won", "probability": "1"},
    {"key": "lost", "name": "输单", "kind": "lost", "probability": "0"},
]
_MOVES: dict[str, JsonValue] = {"forward": 2, "back": 1, "reopened": ["quote"]}


class PipelineAdd(Shape):
    """A new pipeline, written out or made from a template."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "门店", "stages": _STAGES, "moves": _MOVES}]}
    )

    name: Name | None = Field(None, description="Left out, that of the template.")
    template: Literal["b2b", "retail_project", "subscription", "partner"] | None = None
    stages: list[Stage] | None = Field(None, max_length=MOST_STAGES)
    moves: Moves | None = None


class PipelineEdit(Shape):
    """Another name; stages and moves are changed by a verb of its own, which asks where deals go."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "直营门店"}]})

    name: Name = optional()


class PipelineChange(Shape):
    """Other stages or moves of a pipeline, and where the deals go that stand in stages that are gone."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"stages": _STAGES, "moves": _MOVES, "goes": {"demo": "quote"}}]}
    )

    stages: list[Stage] = optional(max_length=MOST_STAGES)
    moves: Moves = optional()
    goes: dict[StageKey, StageKey] = Field(
        default_factory=dict,
        max_length=MOST_STAGES,
        description="Stage that is gone, or of another kind, to the stage that its deals go to.",
    )


class PipelineOut(RecordOut):
    """A pipeline."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    name: Name = optional()
    stages: list[Stage] = Field(default_factory=list)
    moves: Moves = optional()


class PipelineQuery(DatedQuery):
    """Simple filters over pipelines."""

    name: Name | None = None


class TemplatesQuery(Shape):
    """The language of the templates."""

    language: Literal["en", "zh"] = "en"


class TemplateOut(BaseModel):
    """A pipeline to begin with."""

    key: Key
    name: str
    stages: list[Stage]
    moves: Moves
