"""The organisation and its settings on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.base import Country, Currency, Language, Line, Name, Shape, optional


class SettingsEdit(Shape):
    """Changes to the organisation's settings; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"time_zone": "Asia/Singapore"}]})

    name: Name = optional()
    region: Country = optional()
    time_zone: Line = optional()
    currency: Currency = optional()
    language: Language = optional()


class SettingsOut(BaseModel):
    """The organisation's settings."""

    id: UUID
    slug: str
    name: str
    region: str = Field(description="ISO 3166 code of the country whose phone numbers need no prefix.")
    time_zone: str = Field(description="IANA name; days, weeks and business hours are counted in it.")
    currency: str = Field(description="ISO 4217 code of the base currency.")
    language: str
    version: int
    created_at: datetime
    updated_at: datetime
