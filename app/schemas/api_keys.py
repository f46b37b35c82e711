"""API keys on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from app.schemas.base import DatedQuery, Line, Name, RecordOut, ScopeName, Shape, Time, optional


class ApiKeyFields(Shape):
    """What can be written of an API key."""

    name: Name = optional()
    scopes: list[ScopeName] = Field(
        default_factory=lambda: ["*"],
        max_length=200,
        description='At most those of its user; "*" is all that its user has, now and later.',
    )
    expires_at: Time | None = None


class ApiKeyAdd(ApiKeyFields):
    """A new key, for oneself where no user is named."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "ERP", "scopes": ["orders:write"], "expires_at": "2027-01-01T00:00:00Z"}]
        }
    )

    name: Name
    user_id: UUID = optional()


class ApiKeyEdit(ApiKeyFields):
    """Changes to a key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scopes": ["orders:read"]}]})


class ApiKeyOut(RecordOut, ApiKeyFields):
    """A key, by what can be shown of it."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    user_id: UUID = optional()
    prefix: str = Field(default="", description="The first characters of the key, to tell keys apart.")
    revoked_at: datetime | None = None
    last_used_at: datetime | None = Field(None, description="To the minute; does not move the version.")


class ApiKeyMade(ApiKeyOut):
    """A new key and, this once, the secret itself; null when the answer is given again."""

    key: str | None


class ApiKeyQuery(DatedQuery):
    """Simple filters over API keys."""

    name: Line | None = None
    user_id: UUID | None = None
