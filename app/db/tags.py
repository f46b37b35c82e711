"""Tags: the words that people put on records, and what they mean."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, newest_first
from app.db.nouns import Noun


class Tag(Record):
    """One word with its colour; records hold the name, so renaming a tag is a run over them."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("org_id", "name", name="uq_tags_name"), newest_first("tags"))

    name: Mapped[str] = mapped_column(info=field("basic"))
    colour: Mapped[str | None] = mapped_column(info=field("basic"))
    description: Mapped[str | None] = mapped_column(info=field("basic"))


TAGS = Noun(name="tag", plural="tags", model=Tag, custom=False, external=False, keys=("name",))
