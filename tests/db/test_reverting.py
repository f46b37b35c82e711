"""What the log keeps as JSON comes back as values of the columns that it was taken from."""

from datetime import UTC, date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Date, DateTime, Numeric, Uuid

from app.db import reverting
from app.db.nouns import Noun
from app.db.registry import NOUNS
from app.domain.undo import KEYED, Undo
from app.kit import json

DRAWN: dict[type, st.SearchStrategy[Any]] = {
    Date: st.dates(min_value=date(1000, 1, 1)),
    DateTime: st.datetimes(timezones=st.just(UTC)),
    Numeric: st.decimals(allow_nan=False, allow_infinity=False, places=4),
    Uuid: st.uuids(),
}


@pytest.mark.parametrize("noun", NOUNS.values(), ids=lambda noun: noun.name)
@given(data=st.data())
def test_values_come_back_by_the_types_of_their_columns(noun: Noun, data: st.DataObject):
    row: Any = {name: {} if name in KEYED else None for name in noun.fields}
    before = {
        column.name: data.draw(st.none() | drawn)
        for column in noun.table.columns
        for type_, drawn in DRAWN.items()
        if column.name in noun.fields and isinstance(column.type, type_)
    }
    undo = Undo(json.loads(json.text(before)), frozenset(), frozenset())
    assert reverting.values(noun, row, undo) == before
