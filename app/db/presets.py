"""Presets of the organisation's own: what the columns of a file mean that comes again and again."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, choice, field, newest_first, one_of
from app.db.engine import Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain import columns
from app.domain.errors import InvalidInput
from app.domain.imports import Mode, Target


class ImportPreset(Record):
    """How a file is read that an import names it for."""

    __tablename__ = "presets"
    __table_args__ = (
        UniqueConstraint("org_id", "key", name="uq_presets_key"),
        one_of("target", Target),
        one_of("mode", Mode),
        newest_first("presets"),
    )

    key: Mapped[str] = mapped_column(info=field("basic"))
    """What imports name it by; it comes before a shipped one of the same key."""
    note: Mapped[str | None] = mapped_column(info=field("basic"))
    """What it is for."""
    target: Mapped[str] = mapped_column(info=choice(Target, "basic"))
    mode: Mapped[str] = mapped_column(info=choice(Mode, "basic"))
    match: Mapped[list[str]] = mapped_column(info=field("basic"))
    mapping: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))
    """Column to path."""
    options: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))


def _check(row: Mapping[str, Any]) -> None:
    paths = list(row["mapping"].values())
    for path in paths:
        if not columns.is_path(row["target"], path):
            raise InvalidInput(
                "path_unknown", f"No column of a {row['target']} can go to {path!r}.", field="mapping"
            )
        if paths.count(path) > 1:
            raise InvalidInput("path_twice", f"Two columns cannot both go to {path!r}.", field="mapping")


PRESETS = Noun(
    name="preset",
    plural="presets",
    model=ImportPreset,
    keys=(("key",),),
    custom=False,
    external=False,
    check=_check,
    sources=frozenset({"target", "mapping"}),
    reading="imports:read",
)


async def by_key(uow: UnitOfWork, key: str) -> Row | None:
    """The organisation's preset of this key: target, mode, match, mapping, options."""
    rows = await uow.fetch(
        "select * from presets where org_id = $1 and key = $2 and archived_at is null", uow.org_id, key
    )
    return rows[0] if rows else None
