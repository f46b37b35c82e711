"""Calendars and the time that is counted by them, on the wire."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, model_validator
from pydantic.config import JsonDict
from pydantic.json_schema import WithJsonSchema

from app.domain.calendars import TRACED
from app.domain.opening_hours import Why, read_special_day, read_week
from app.schemas.base import (
    DatedQuery,
    Day,
    External,
    ExternalOut,
    Line,
    Name,
    Part,
    RecordOut,
    Shape,
    Time,
    optional,
)

_HOUR = r"([01][0-9]|2[0-4]):[0-5][0-9]"
_SPAN = Annotated[
    str,
    StringConstraints(max_length=64),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_HOUR}-{_HOUR}$",
            "description": "From the first time until before the second, within one day; 24:00 is its last midnight.",
        }
    ),
]
_Hours = Annotated[list[_SPAN], Field(max_length=12)]
_WEEK: JsonDict = {
    "monday": ["09:00-12:00", "13:30-18:00"],
    "tuesday": ["09:00-12:00", "13:30-18:00"],
    "wednesday": ["09:00-12:00", "13:30-18:00"],
    "thursday": ["09:00-12:00", "13:30-18:00"],
    "friday": ["09:00-12:00", "13:30-17:00"],
}
_SPECIAL: list[JsonDict] = [
    {"on": "2026-10-01", "name": "国庆节", "hours": []},
    {"on": "2026-10-10", "name": "Make-up workday", "hours": ["09:00-18:00"]},
]
_EXAMPLE: JsonDict = {
    "name": "上海办公室",
    "time_zone": "Asia/Shanghai",
    "week": _WEEK,
    "special_days": [*_SPECIAL],
}
_NAME = "Unique in the organisation, archived calendars included, so that each of them can be restored."
_ZONE = "IANA name, by whose clock the hours are told."


# What cannot be read as hours is refused by its name here already, before anything is looked up: its pattern is said.
class Week(Part):
    """Hours by weekday; a weekday that is left out is closed. Hours over midnight are two: until 24:00, and from 00:00."""

    monday: _Hours = Field(default_factory=list)
    tuesday: _Hours = Field(default_factory=list)
    wednesday: _Hours = Field(default_factory=list)
    thursday: _Hours = Field(default_factory=list)
    friday: _Hours = Field(default_factory=list)
    saturday: _Hours = Field(default_factory=list)
    sunday: _Hours = Field(default_factory=list)

    @model_validator(mode="after")
    def _readable(self) -> Self:
        read_week(self.model_dump())
        return self


class SpecialDay(Part):
    """A date whose hours are not those of its weekday: a holiday without hours, a half day, a make-up workday."""

    # As text, in which it is kept.
    on: Annotated[Day, PlainSerializer(date.isoformat, return_type=str)]
    name: Name
    hours: _Hours = Field(default_factory=list)

    @model_validator(mode="after")
    def _readable(self) -> Self:
        read_special_day(self.model_dump())
        return self


class CalendarFields(Shape):
    """What can be written of a calendar."""

    name: Name = optional(description=_NAME)
    time_zone: Line = optional(description=_ZONE)
    week: Week = optional()
    special_days: list[SpecialDay] = Field(
        default_factory=list, max_length=2000, description="Each date once; the list is given whole."
    )
    external_ids: External = Field(default_factory=dict)


class CalendarAdd(CalendarFields):
    """When a business is open."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name = Field(description=_NAME)
    time_zone: Line = Field(description=_ZONE)
    week: Week


class CalendarEdit(CalendarFields):
    """Changes: what is left out stays, the week and the special days are given whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"special_days": [*_SPECIAL]}]})


class CalendarUpsert(CalendarFields):
    """A calendar to add, or to edit when its external id or its name is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class CalendarOut(RecordOut, CalendarFields):
    """A calendar: all weekdays, special days by date."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class CalendarQuery(DatedQuery):
    """Simple filters over calendars."""

    name: Line | None = None
    time_zone: Line | None = None


class TimeQuery(Shape):
    """Between which moments business time is counted."""

    begin: Time
    end: Time = Field(description=f"Not before begin, and at most {TRACED.days} days after it.")


class DueQuery(Shape):
    """From when on how much business time is to pass."""

    begin: Time
    seconds: int = Field(
        ge=0,
        le=TRACED.days * 86_400,
        description=f"Business time. It may take at most {TRACED.days} days to pass.",
    )


class IntervalOut(BaseModel):
    """A stretch of time that is counted, or skipped for one reason."""

    begin: datetime
    end: datetime
    counted: bool
    why: Why = Field(
        description="open is counted. closed: before the first hours of a day or after the last; break: between two of"
        " them; day_off: a weekday without hours; holiday: a special day without hours."
    )
    name: str | None = Field(description="The name of the special day, where it is one.")


class BusinessTime(BaseModel):
    """How much business time lies between two moments, and why."""

    begin: datetime
    end: datetime
    seconds: float = Field(description="Exact to the microsecond; what the counted intervals sum up to.")
    trace: list[IntervalOut] = Field(description="From begin until end, without a gap.")


class Due(BaseModel):
    """When so much business time has passed, and how."""

    begin: datetime
    seconds: int
    due: datetime = Field(
        description="The earliest such moment: time that ends with a shift is over when the shift is."
    )
    trace: list[IntervalOut] = Field(description="From begin until due, without a gap.")
