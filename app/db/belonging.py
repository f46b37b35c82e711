"""Whose a record is, and what it hangs on: what decides who sees it."""

from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.types import Uuid

from app.db import sight
from app.db.engine import Prepared, Row, compiled, prepared
from app.db.nouns import Noun
from app.db.reads import Question, Reads, absent, stamped
from app.domain.access import Actor


async def belonging(door: Reads, noun: Noun, record: UUID) -> Row:
    """The owner_id of a record and its columns of noun.through. Raises NotFound when the reader does not see it."""

    def build(actor: Actor) -> Question:
        names = ("id", "owner_id", *(one.column for one in noun.through))

        def text() -> Prepared:
            table = noun.table
            inner = select(*(table.c[name] for name in names)).where(
                sight.tenant(noun), sight.visible(actor, noun), table.c.id == bindparam("id", type_=Uuid)
            )
            listed = ", ".join(f"t.{name}" for name in names)
            return stamped(compiled(inner), f"{listed} from organisations o left join ({{inner}}) t on true")

        key = ("belonging", noun.name, sight.sight_key(actor, noun))
        return Question(prepared(key, text), sight.binds(actor, noun) | {"id": record})

    row = await door.row(build)
    if row["id"] is None:
        raise absent(noun)
    return row
