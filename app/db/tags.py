"""Tags: the words that people put on records, and what they mean."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, newest_first
from app.db.engine import Row
from app.db.nouns import Noun, for_good
from app.db.uow import UnitOfWork


class Tag(Record):
    """One word with its colour; records hold the name, so renaming a tag is a run over them."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("org_id", "name", name="uq_tags_name"), newest_first("tags"))

    name: Mapped[str] = mapped_column(info=field("basic"))
    colour: Mapped[str | None] = mapped_column(info=field("basic"))
    description: Mapped[str | None] = mapped_column(info=field("basic"))


_FOR_GOOD = frozenset({"name"})

TAGS = Noun(
    name="tag",
    plural="tags",
    model=Tag,
    custom=False,
    external=False,
    keys=(("name",),),
    guard=for_good("tag", _FOR_GOOD, "it changes by the verb rename"),
    guarded=_FOR_GOOD,
)


async def named(uow: UnitOfWork, name: str) -> UUID | None:
    """The tag of this name, archived or not."""
    found: UUID | None = await uow.fetchval(
        "select id from tags where org_id = $1 and name = $2", uow.org_id, name
    )
    return found


async def carriers(
    uow: UnitOfWork, noun: Noun, name: str, after: UUID | None, *, most: int, looked: int
) -> tuple[Sequence[Row], UUID | None]:
    """The next records, in the order of their ids, that carry the tag, locked; and where to look on, None at the end.

    No index finds them: row-level security keeps operators on arrays from using one. So a batch walks the primary
    key, past at most `looked` records, and stops at `most` that carry the tag.
    """
    ahead = await uow.fetch(
        f"""select w.id, w.carries, w.n from (
          select t.id, $3 = any(t.tags) as carries, row_number() over (order by t.id) as n from {noun.plural} t
          where t.org_id = $1 and ($2::uuid is null or t.id > $2) order by t.id limit $4
        ) w where w.carries or w.n = $4 order by w.id limit $5""",
        uow.org_id,
        after,
        name,
        looked,
        most,
    )
    wanted = [row["id"] for row in ahead if row["carries"]]
    ended = not ahead or (len(ahead) < most and ahead[-1]["n"] < looked)
    part = ", at" if "at" in noun.table.primary_key.columns else ""
    # Once more under the lock: what somebody has changed since then may not carry it any longer.
    rows = await uow.fetch(
        f"select id, tags{part} from {noun.plural} where org_id = $1 and id = any($2::uuid[]) and $3 = any(tags)"
        " order by id for update",
        uow.org_id,
        wanted,
        name,
    )
    return rows, None if ended else ahead[-1]["id"]
