"""Users on the wire."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import ConfigDict, Field, SecretStr

from app.schemas.base import (
    DatedQuery,
    External,
    ExternalOut,
    Flag,
    Language,
    Line,
    Name,
    RecordOut,
    Shape,
    Time,
    optional,
)

Password = Annotated[
    SecretStr,
    Field(min_length=12, max_length=200, description="12 to 200 characters; a sentence is a good one."),
]


class UserFields(Shape):
    """What can be written of a user."""

    email: Line = optional()
    name: Name = optional()
    active: Flag = True
    team_id: UUID | None = None
    role_ids: list[UUID] = Field(default_factory=list, max_length=20)
    language: Language | None = None
    time_zone: Line | None = Field(None, description="IANA name, such as Asia/Shanghai.")
    away_until: Time | None = Field(None, description="Assignment rules give them nothing before.")
    external_ids: External = Field(default_factory=dict)


class UserNew(UserFields):
    """A new user without a password."""

    email: Line
    name: Name


class UserAdd(UserNew):
    """A new user; without a password they cannot sign in until one is set."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "li.na@example.com", "name": "李娜", "language": "zh-CN"}]}
    )

    password: Password | None = None


class UserEdit(UserFields):
    """Changes to a user; the password changes by the verb set_password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"active": False}]})


class UserUpsert(UserFields):
    """A user to add, or to edit when their id, one of their external ids or their e-mail address is known.

    Without a password: to keep one safely takes long, so each is set by the verb set_password.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "li.na@example.com", "name": "李娜", "external_ids": {"hr": "E-17"}}]
        }
    )

    id: UUID | None = None


class UserPassword(Shape):
    """A new password for a user."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "seven green bicycles"}]})

    password: Password


class UserOut(RecordOut, UserFields):
    """A user."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class UserQuery(DatedQuery):
    """Simple filters over users."""

    email: Line | None = None
    name: Line | None = None
    active: bool | None = None
    team_id: UUID | None = None
    role_id: UUID | None = None

    tests: ClassVar[dict[str, tuple[str, str]]] = DatedQuery.tests | {"role_id": ("role_ids", "has")}
