"""Signing in, on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.domain.access import Sight
from app.schemas.base import Line, Shape
from app.schemas.organisations import SettingsOut
from app.schemas.users import Password

_Typed = Annotated[SecretStr, Field(min_length=1, max_length=200)]


class SignIn(Shape):
    """OAuth 2.0 password grant (RFC 6749, 4.3.2), as a form."""

    grant_type: Literal["password"] = "password"
    username: Annotated[str, Field(min_length=1, max_length=300, description="The e-mail address.")]
    password: _Typed
    organisation: Line | None = Field(
        None, description="Short name of the organisation; needed where the address belongs to several."
    )
    scope: Line = Field("", description="Taken for the protocol's sake; what a user may do comes from roles.")


class Refresh(Shape):
    """The refresh token that is good now; it is good once."""

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=4000)]


class Tokens(BaseModel):
    """What a program signs its requests with (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the protocol's word
    expires_in: int = Field(description="Seconds until the access token is over.")
    refresh_token: str


class PasswordChange(Shape):
    """A new password, and the one that it replaces."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"old_password": "the one before", "new_password": "seven green bicycles"}]
        }
    )

    old_password: _Typed
    new_password: Password


class LoginOut(BaseModel):
    """One sign-in."""

    id: UUID
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_why: str | None
    current: bool = Field(description="Whether this request came by it.")


class RoleName(BaseModel):
    """A role that one has."""

    id: UUID
    name: str


class Me(BaseModel):
    """Who is calling and what they may do, see and change."""

    kind: Literal["user", "api_key"]
    id: UUID
    user_id: UUID
    name: str
    email: str
    team_id: UUID | None
    language: str | None
    time_zone: str | None
    roles: list[RoleName]
    scopes: list[str]
    sight: dict[str, Sight] = Field(description="Of every noun whose records belong to somebody.")
    readable: dict[str, list[str]] = Field(description="Noun to the fields that may be read.")
    writable: dict[str, list[str]] = Field(description="Noun to the fields that may be changed.")
    organisation: SettingsOut
