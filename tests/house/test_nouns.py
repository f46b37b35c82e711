"""Lists of nouns that the floors keep apart from each other say the same."""

from decimal import Decimal
from typing import get_args

import pytest
from sqlalchemy import Numeric

from app.db.nouns import Noun
from app.db.registry import NOUNS
from app.db.search import PLACES
from app.domain.fields import parse, to_raw
from app.domain.roles import BUILTIN, RECORDS
from app.schemas.custom_fields import NounName
from app.schemas.search import Searched


def test_the_nouns_that_people_record_their_work_in_are_the_same_everywhere():
    recorded = [name for name, noun in NOUNS.items() if noun.custom]
    assert list(RECORDS) == recorded
    assert list(get_args(NounName)) == recorded
    assert {name for name, noun in NOUNS.items() if "tags" in noun.fields} == {*recorded, "observation"}


def test_the_nouns_that_words_are_looked_up_in_are_the_same_everywhere():
    assert list(get_args(Searched)) == [noun.name for noun in PLACES]


@pytest.mark.parametrize("name", sorted(BUILTIN.keys() - {"admin"}))
def test_every_built_in_role_reads_them(name: str):
    role = BUILTIN[name]
    assert {NOUNS[record].reading for record in RECORDS} <= set(role.scopes)
    assert role.read.keys() >= set(RECORDS)
    assert role.read.keys() | role.write.keys() <= NOUNS.keys()


@pytest.mark.parametrize("noun", NOUNS.values(), ids=lambda noun: noun.plural)
def test_a_condition_can_name_every_number_that_a_column_holds(noun: Noun):
    for column in noun.table.columns:
        if isinstance(column.type, Numeric):
            precision, scale = column.type.precision, column.type.scale
            assert precision is not None
            assert scale is not None
            most = (Decimal(10) ** precision - 1).scaleb(-scale)
            for edge in (most, -most):
                assert parse(noun.fields[column.name], to_raw(edge)) == edge
