"""What every table shares: tenant-led keys, versions, time zones, one text order."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# The builtin provider orders by code point and lower-cases one character at a time, the same on every
# server and after every upgrade, so cursors, conditions and indexes never change their minds.
TEXT = Text(collation="pg_c_utf8")
MONEY = Numeric(20, 4)


class Base(DeclarativeBase):
    """Constraint names are part of the code: db/constraints.py turns them into sentences."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_1_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this class attribute
        str: TEXT,
        datetime: DateTime(timezone=True),
        Decimal: MONEY,
        list[str]: ARRAY(TEXT),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
    }


class Keyed(Base):
    """Belongs to one organisation, and its key says so."""

    __abstract__ = True

    org_id: Mapped[UUID] = mapped_column(primary_key=True, info={"internal": True})
    id: Mapped[UUID] = mapped_column(primary_key=True, info={"writable": False})


class Record(Keyed):
    """A thing that people change: versioned, dated, archived rather than deleted."""

    __abstract__ = True

    version: Mapped[int] = mapped_column(info={"writable": False})
    created_at: Mapped[datetime] = mapped_column(info={"writable": False})
    updated_at: Mapped[datetime] = mapped_column(info={"writable": False})
    archived_at: Mapped[datetime | None] = mapped_column(info={"writable": False})


def field(group: str = "", *, internal: bool = False, writable: bool = True, **extra: Any) -> dict[str, Any]:
    """Column information: the group that roles open by, and what clients may do with it.

    A column without a group is closed to every role but the administrator's until someone opens it. sorted_by names the
    column by which lists are sorted in its stead.
    """
    return {"group": group, "internal": internal, "writable": writable, **extra}


def choice(kind: type[StrEnum], group: str = "", **extra: Any) -> dict[str, Any]:
    """Column information of a text column that holds one of a few words."""
    return field(group, choices=frozenset(member.value for member in kind), **extra)


def one_of(column: str, kind: type[StrEnum]) -> CheckConstraint:
    """The database refuses every other word too."""
    words = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(f"{column} in ({words})", name=column)


def points_to(column: str, table: str, **options: Any) -> ForeignKeyConstraint:
    """A reference that cannot leave the organisation."""
    return ForeignKeyConstraint(["org_id", column], [f"{table}.org_id", f"{table}.id"], **options)


def of_noun(noun: str, column: str = "member_id") -> Computed:
    """A column that points to records of one noun, computed from one that holds ids of several; see points_to."""
    return Computed(f"case when noun = '{noun}' then {column} end", persisted=True)


def last_changed(table: str) -> Index:
    """Serves those who ask again and again what has changed since."""
    return Index(f"ix_{table}_changed", "org_id", "updated_at", "id")


def newest_first(table: str) -> Index:
    """Serves the default order of every list."""
    return Index(f"ix_{table}_newest", "org_id", text("created_at desc"), text("id desc"))


def listed(table: str, column: str) -> Index:
    """Serves the look-up of what a list holds beside its first item, which has a column of its own; few lists hold more."""
    return Index(
        f"ix_{table}_{column}",
        "org_id",
        column,
        postgresql_using="gin",
        postgresql_ops={column: "jsonb_path_ops"},
        # What waits in a list to be put into the index would be read by each of thousands of look-ups.
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text(f"jsonb_array_length({column}) > 1"),
    )


def sought(table: str) -> Index:
    """Serves the look-up of words, tags and custom values."""
    columns = ("org_id", "terms", "tags", "custom")
    operators = {"custom": "jsonb_path_ops"}
    return Index(f"ix_{table}_sought", *columns, postgresql_using="gin", postgresql_ops=operators)
