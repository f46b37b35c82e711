"""Custom field definitions."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, choice, field, newest_first
from app.db.nouns import Noun, for_good
from app.domain.errors import InvalidInput
from app.domain.fields import Kind


class CustomField(Record):
    """A typed field that an organisation added to a noun."""

    __tablename__ = "custom_fields"
    __table_args__ = (
        UniqueConstraint("org_id", "noun", "key", name="uq_custom_fields_key"),
        newest_first("custom_fields"),
    )

    noun: Mapped[str] = mapped_column(info=field("basic"))
    key: Mapped[str] = mapped_column(info=field("basic"))
    kind: Mapped[str] = mapped_column(info=choice(Kind, "basic"))
    label: Mapped[str] = mapped_column(info=field("basic"))
    label_zh: Mapped[str | None] = mapped_column(info=field("basic"))
    choices: Mapped[list[str]] = mapped_column(info=field("basic"))
    required: Mapped[bool] = mapped_column(info=field("basic"))


_CHOOSING = frozenset({Kind.TEXT, Kind.LABELS})


def _check(row: Mapping[str, Any]) -> None:
    if row["choices"] and row["kind"] not in _CHOOSING:
        raise InvalidInput(
            "choices_not_here",
            f"Only text and labels have choices; a field of {row['kind']} has none.",
            field="choices",
        )


_FOR_GOOD = frozenset({"noun", "key", "kind"})

CUSTOM_FIELDS = Noun(
    name="custom_field",
    plural="custom_fields",
    model=CustomField,
    custom=False,
    external=False,
    keys=(("noun", "key"),),
    check=_check,
    sources=frozenset({"choices", "kind"}),
    guard=for_good("custom field", _FOR_GOOD, "archive it and add another one"),
    guarded=_FOR_GOOD,
)
