"""The organisation and its settings on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.base import Country, Currency, Language, Line, Name, Shape, optional

_CALENDAR = (
    "The calendar by which business time is counted. With null it is counted by a standard week: Monday to Friday,"
    " 09:00 to 18:00, in the organisation's time zone, without holidays."
)


class SettingsEdit(Shape):
    """Changes to the organisation's settings; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"time_zone": "Asia/Singapore"}]})

    name: Name = optional()
    region: Country = optional()
    time_zone: Line = optional()
    currency: Currency = optional()
    language: Language = optional()
    calendar_id: UUID | None = Field(None, description=_CALENDAR)


class SettingsOut(BaseModel):
    """The organisation's settings."""

    id: UUID
    slug: str
    name: str
    region: str = Field(description="ISO 3166 code of the country whose phone numbers need no prefix.")
    time_zone: str = Field(description="IANA name; days, weeks and business hours are counted in it.")
    currency: str = Field(description="ISO 4217 code of the base currency.")
    language: str
    calendar_id: UUID | None = Field(description=_CALENDAR)
    version: int
    created_at: datetime
    updated_at: datetime
